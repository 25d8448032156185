/**
 * `kill -9` at random moments while calendars change and pushes are on the way. The codecs outlive Usher, as devices do; one
 * of them is slow, so that death comes in the middle of a push.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { HeldBooking } from '../../fixtures/codec/bookings.ts';
import { Codec } from '../../fixtures/codec/codec.ts';
import { foreignBooking } from '../../fixtures/codec/foreign.ts';
import { loadSecret } from '../../src/rooms/secret.ts';
import { addressesAnswerSchema } from '../../src/web/status-answer.ts';
import { ChangingRoom, numbersFrom } from './changing-rooms.ts';
import { type LogLine, ServeProcess } from './serve-process.ts';

/** So many rounds of sudden death; the long suite runs them all. */
const rounds = process.env['USHER_LONG'] === '1' ? 100 : 10;
const seed = Number(process.env['USHER_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** For each wait: some twenty times what it takes on a quiet machine. */
const deadlineMs = 60_000;
const minute = 60_000;
/** How long the slow codec takes for each answer, milliseconds. */
const slowMs = 60;
const jobIntervals = { 'clean-up': 24 * 60 * minute, 'safety-polls': 15_000 };

describe('sudden death @firm', function () {
  this.timeout(rounds * 60_000);
  const random = numbersFrom(seed);
  const begin = Math.ceil(Date.now() / minute) * minute + 30 * minute;
  let folder: string;
  let config: string;
  let usher: ServeProcess | null = null;
  let deathsInPush = 0;
  const codecs = new Map<string, Codec>();
  const foreign = new Map<string, HeldBooking>();
  const rooms: ChangingRoom[] = [];
  /** Booking id and dial token of each meeting, as first seen. */
  const known = new Map<string, { id: string; number: string }>();
  /** What no device may ever have held. */
  const violations: string[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'usher-death-'));
    config = join(folder, 'usher.yaml');
    const makes = [
      { id: 'oslo', files: 'one', hides: 'private' },
      { id: 'lisbon', files: 'each', hides: 'all' },
      { id: 'kyoto', files: 'one', hides: 'private' },
    ] as const;
    for (const make of makes) {
      const room = new ChangingRoom({ ...make, folder: join(folder, make.id), random, begin });
      await room.make();
      rooms.push(room);
      const codec = await Codec.start();
      codecs.set(room.id, codec);
      if (room.id === 'lisbon') continue;
      const booking = foreignBooking({ id: `desk-${room.id}`, start: begin, end: begin + 30 * minute });
      foreign.set(room.id, booking);
      codec.put([booking]);
    }
    codec('kyoto').delayMs = slowMs;
    for (const { id } of rooms) void codec(id).until((bookings) => watch(id, bookings));
    await writeFile(config, JSON.stringify(configuration(makes), null, 2));
  });

  after(async () => {
    await usher?.kill();
    for (const one of codecs.values()) await one.close();
    await rm(folder, { recursive: true, force: true });
  });

  function configuration(makes: readonly { id: string; hides: string }[]): object {
    const adapter = fileURLToPath(new URL('../../fixtures/meeting/guest-adapter.ts', import.meta.url));
    return {
      log: { level: 'debug' },
      web: { address: '127.0.0.1', port: 0 },
      sip: {
        domain: 'usher.example.org',
        listen: [{ transport: 'udp', address: '127.0.0.1', port: 0 }],
      },
      guests: { adapters: [{ module: adapter, options: { server: 'http://127.0.0.1:1' } }] },
      rooms: makes.map(({ id, hides }) => {
        const { port, ca } = codec(id);
        const account = { username: 'usher', password: 'simulated', tls: { ca } };
        return {
          id,
          name: id,
          calendar: { type: 'folder', path: id },
          privacy: { subject: hides },
          devices: [{ type: 'panel' }, { type: 'cisco', address: '127.0.0.1', port, ...account }],
        };
      }),
    };
  }

  function codec(roomId: string): Codec {
    const found = codecs.get(roomId);
    assert.ok(found);
    return found;
  }

  /** Looks at every list that a device ever holds. Never satisfied, so that it goes on. */
  function watch(roomId: string, bookings: readonly HeldBooking[]): false {
    const ids = bookings.map(({ id }) => id);
    if (new Set(ids).size !== ids.length) violations.push(`${roomId} had a booking twice: ${ids}`);
    const expected = foreign.get(roomId);
    const found = bookings.find(({ id }) => id === expected?.id);
    if (!isDeepStrictEqual(found, expected)) {
      violations.push(`${roomId} had the booking of others as ${JSON.stringify(found)}`);
    }
    return false;
  }

  /** What the codec holds of us, and what it should, in the same words: equal when all is well. */
  function compared(room: ChangingRoom): { found: unknown[]; wanted: unknown[] } {
    const ours = codec(room.id)
      .bookings.filter(({ id }) => id.startsWith('usher-'))
      .sort((a, b) => a.start - b.start);
    const wanted = room.expected().map(({ uid, number, ...rest }, index) => {
      const before = known.get(uid);
      const { id, number: token } = before ?? { id: ours[index]?.id, number: ours[index]?.number };
      return { id, number: number ?? token, ...rest };
    });
    const found = ours.map((booking) => {
      const { id, number, title, start, end, privacy, organizer, startBuffer, endBuffer, protocol } = booking;
      return { id, number, title, start, end, privacy, organizer, startBuffer, endBuffer, protocol };
    });
    return { found, wanted };
  }

  const same = (room: ChangingRoom): boolean => {
    const { found, wanted } = compared(room);
    return isDeepStrictEqual(found, wanted);
  };

  /** Usher has read the calendar since it started, and says that the device has what it read last. */
  const says = (lines: readonly LogLine[], roomId: string): boolean => {
    const read = lines.findLast(({ msg, room }) => msg === 'calendar read' && room === roomId);
    const told = lines.findLast(({ msg, room }) => msg === 'device has the plan' && room === roomId);
    return read !== undefined && told?.revision === read.revision;
  };

  /** All devices hold the plan, by what they say and by what Usher says; ids and tokens are what they always were. */
  async function settled(process: ServeProcess): Promise<void> {
    for (const room of rooms) {
      await within(
        `the codec of ${room.id} holds the plan`,
        codec(room.id).until(() => same(room)),
      ).catch((error) => {
        const { found, wanted } = compared(room);
        assert.deepEqual(found, wanted, `${error}\n${process.story}`);
        throw error;
      });
      await process.logged(`${room.id} is settled`, deadlineMs, (lines) => says(lines, room.id) && same(room));
    }
    for (const room of rooms) {
      const { found, wanted } = compared(room);
      assert.deepEqual(found, wanted);
      const ours = codec(room.id).bookings.filter(({ id }) => id.startsWith('usher-'));
      for (const { uid, start, number } of room.expected()) {
        const booking = ours.find((one) => one.start === start);
        assert.ok(booking);
        assert.match(booking.id, /^usher-[a-z2-7]{26}$/);
        if (number === null) assert.match(booking.number, /^[a-z2-7]{26}@usher\.example\.org$/);
        known.set(uid, { id: booking.id, number: booking.number });
      }
    }
    assert.deepEqual(violations, []);
  }

  async function within<T>(what: string, event: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`not within ${deadlineMs} ms: ${what}`)), deadlineMs);
    try {
      return await Promise.race([event, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Changes in all rooms, most in that of the slow device, until `stop` is aborted. */
  async function changes(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const room = rooms[Math.min(rooms.length - 1, Math.floor(random() * (rooms.length + 2)))];
      await room?.change();
      // Not waited for: how fast organisers are.
      await new Promise((resolve) => setTimeout(resolve, 10 + random() * 100));
    }
  }

  const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  /** Kills Usher some time from now: at a moment by the clock, or as a request reaches the slow device. */
  async function die(process: ServeProcess, how: 'moment' | 'push'): Promise<void> {
    const stop = new AbortController();
    const changing = changes(stop.signal);
    try {
      if (how === 'moment') await later(random() * 600);
      const request = Math.floor(random() * 4);
      for (let n = 0; how === 'push' && n <= request; n++) {
        await within('the slow device is asked', codec('kyoto').nextBegun());
      }
      if (codec('kyoto').busy > 0) deathsInPush++;
      await process.kill();
    } finally {
      stop.abort();
      await changing;
    }
  }

  function withStore<T>(use: (db: DatabaseSync) => T, readOnly = false): T {
    const db = new DatabaseSync(join(folder, 'usher-data', 'usher.db'), { readOnly, timeout: 5_000 });
    try {
      return use(db);
    } finally {
      db.close();
    }
  }

  const jobRows = () =>
    withStore(
      (db) => db.prepare('SELECT name, lastRunAt, lastFinishedAt, nextRunAt FROM jobs ORDER BY name').all(),
      true,
    );

  /** As if Usher had been away for a week: every job's time has come meanwhile. */
  function jobsComeDue(): void {
    withStore((db) => {
      assert.equal(db.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok');
      db.prepare('UPDATE jobs SET nextRunAt = ?, lastRunAt = ?, lastFinishedAt = ?').run(
        Date.now() - minute,
        Date.now() - 2 * minute,
        Date.now() - 2 * minute,
      );
    });
  }

  /** Each job is there once, has run since `startedAt`, and is set to run again. */
  async function jobsRun(startedAt: number): Promise<void> {
    const end = startedAt + deadlineMs;
    const ran = (rows: ReturnType<typeof jobRows>): boolean =>
      rows.every(
        ({ lastRunAt, lastFinishedAt }) => Number(lastRunAt) >= startedAt && Number(lastFinishedAt) >= startedAt,
      );
    // The store tells of nothing to another process; it is asked until it says so.
    while (!ran(jobRows()) && Date.now() < end) await later(50);
    const rows = jobRows();
    assert.ok(ran(rows), `${JSON.stringify(rows)} since ${startedAt}\n${usher?.story}`);
    assert.deepEqual(
      rows.map(({ name }) => name),
      Object.keys(jobIntervals),
    );
    for (const { nextRunAt, lastRunAt, name } of rows) {
      const interval = Object.entries(jobIntervals).find(([job]) => job === name)?.[1];
      assert.ok(interval !== undefined);
      // agenda counts from when it took the job, a moment before it runs.
      assert.ok(Math.abs(Number(nextRunAt) - Number(lastRunAt) - interval) < 5_000, JSON.stringify(rows));
    }
  }

  async function panels(process: ServeProcess): Promise<string[]> {
    await process.logged('the web listens', deadlineMs, (lines) => lines.some(({ msg }) => msg === 'web listens'));
    const { url } = process.lines.find(({ msg }) => msg === 'web listens') ?? {};
    const authorization = `Bearer ${(await loadSecret(join(folder, 'usher-data'))).adminSecret()}`;
    const answer: unknown = await (await fetch(`${url}/addresses.json`, { headers: { authorization } })).json();
    return addressesAnswerSchema.parse(answer).rooms.map(({ panel }) => new URL(panel ?? 'none:').pathname);
  }

  it(`loses, doubles and renames nothing over ${rounds} kills under changing calendars`, async () => {
    try {
      // The first dies in its very first start, before or after there are a secret and a store.
      const first = new ServeProcess(config);
      await later(random() * 1_500);
      await first.kill();
      usher = new ServeProcess(config);
      await settled(usher);
      const before = await panels(usher);
      for (let round = 0; round < rounds; round++) {
        await die(usher, round % 2 === 0 ? 'moment' : 'push');
        jobsComeDue();
        if (random() < 0.5) await rooms[Math.floor(random() * rooms.length)]?.change();
        if (round % 10 === 4) {
          usher = new ServeProcess(config);
          await later(random() * 1_500);
          await usher.kill();
        }
        const startedAt = Date.now();
        usher = new ServeProcess(config);
        await settled(usher);
        await jobsRun(startedAt);
        assert.deepEqual(await panels(usher), before);
      }
      assert.ok(deathsInPush >= Math.floor(rounds / 2), `only ${deathsInPush} deaths came in a push`);
    } catch (error) {
      throw new Error(`with USHER_SEED=${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  });
});
