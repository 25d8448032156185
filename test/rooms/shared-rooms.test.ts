import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Calendar } from '../../connectors/calendars/calendar.ts';
import type { DeviceEntry, JoinEntry, PushedDevice } from '../../connectors/devices/device.ts';
import { SimulatedClock } from '../../src/clock.ts';
import { clockJobs } from '../../src/jobs/clock-jobs.ts';
import { deviceCollection } from '../../src/rooms/device-store.ts';
import { startLeases } from '../../src/rooms/lease.ts';
import { planCollection } from '../../src/rooms/plan-store.ts';
import { Reconciler } from '../../src/rooms/reconciler.ts';
import { Room } from '../../src/rooms/room.ts';
import { Rooms } from '../../src/rooms/rooms.ts';
import { Secret } from '../../src/rooms/secret.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import type { Store } from '../../src/store/store.ts';
import { guestJoin, hour, invite, noon, settings } from './invites.ts';

const roomIds = ['r1', 'r2', 'r3', 'r4'];
const step = 500;

/** A room's codec, that every process reaches: it sees who lists and who writes. */
class Codec {
  readonly id: string;
  entries: readonly DeviceEntry[] = [];
  /** What it was sent last, also what it does not tell back. */
  sent: readonly JoinEntry[] = [];
  readonly writers: string[] = [];
  /** A process that stands still once it has seen what it wrote, until this is resolved. */
  standsStill: { process: string; until: PromiseWithResolvers<void> } | null = null;
  /** Processes that are in the middle of something with it; two at once is what must not be. */
  readonly users = new Set<string>();
  /** While set, a list takes until it is resolved or the process lets go. */
  slow: PromiseWithResolvers<void> | null = null;

  constructor(id: string) {
    this.id = id;
  }

  seenBy(process: string): PushedDevice {
    const use = async <R>(what: () => Promise<R>): Promise<R> => {
      for (const other of this.users) assert.equal(other, process, `${this.id}: ${other} and ${process} at once`);
      this.users.add(process);
      try {
        return await what();
      } finally {
        this.users.delete(process);
      }
    };
    let wrote = false;
    const shows = ({ id, title, start, end, dial }: JoinEntry): DeviceEntry => ({
      id,
      title,
      start,
      end,
      dial: dial?.address ?? null,
    });
    return {
      kind: 'pushed',
      description: { id: `${this.id}/codec`, label: 'codec' },
      dialer: null,
      shows,
      list: async (signal) => {
        const found = await use(async () => {
          const aborted = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
          await Promise.race([this.slow?.promise, aborted]);
          return this.entries;
        });
        const afterWriting = wrote;
        wrote = false;
        if (afterWriting && this.standsStill?.process === process) await this.standsStill.until.promise;
        return found;
      },
      replace: (entries) =>
        use(async () => {
          wrote = true;
          this.writers.push(process);
          this.sent = entries;
          this.entries = entries.map(shows);
        }),
      close: async () => {},
    };
  }
}

describe('rooms that processes share @mongo', () => {
  let folder: string;
  let store: Store;
  let codecs: Map<string, Codec>;
  let subject: string;
  let host: string;
  /** Processes that stand still in the middle of a reading, until it is resolved. */
  const standing = new Map<string, PromiseWithResolvers<void>>();
  const processes: {
    name: string;
    clock: SimulatedClock;
    rooms: Rooms;
    reconciler: Reconciler;
    reads: string[];
    running: boolean;
  }[] = [];
  type Process = (typeof processes)[number];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'usher-shared-'));
    store = await openSqliteStore({ path: join(folder, 'usher.db'), clock: new SimulatedClock(0) });
    codecs = new Map(roomIds.map((id) => [id, new Codec(id)]));
    subject = 'First';
    host = 'Host';
  });
  afterEach(async () => {
    for (const { standsStill } of codecs.values()) standsStill?.until.resolve();
    for (const { rooms } of processes.splice(0)) await rooms.close();
    await store.close();
    standing.clear();
    rmSync(folder, { recursive: true, force: true });
  });

  async function enter(name: string): Promise<Process> {
    const clock = new SimulatedClock(noon - hour);
    const log = pino({ level: 'silent' });
    const reads: string[] = [];
    const around = {
      clock,
      secret: new Secret(Buffer.alloc(32, 7)),
      plans: await store.collection(planCollection),
      understand: async (invites: readonly unknown[]) => invites.map(() => guestJoin),
      window: { backMs: 24 * hour, aheadMs: 168 * hour },
    };
    const own = roomIds.map((id) => {
      const calendar: Calendar = {
        description: 'memory',
        read: async () => {
          reads.push(id);
          const invites = [invite({ subject, organizer: { name: host, email: null } })];
          await standing.get(name)?.promise;
          return { invites, problems: [] };
        },
        watch: () => async () => {},
      };
      const codec = codecs.get(id);
      assert.ok(codec);
      return new Room(
        { settings: { ...settings, id }, calendar, devices: [codec.seenBy(name)], pollMs: () => 20_000 },
        around,
      );
    });
    const reconciler = new Reconciler({ clock, log, devices: await store.collection(deviceCollection) });
    const rooms = new Rooms({
      rooms: own,
      clock,
      log,
      reconciler,
      jobs: clockJobs(clock, log),
      share: (handlers) => startLeases({ store, clock, log, name, rooms: roomIds, ...handlers }),
    });
    await rooms.start();
    const process = { name, clock, rooms, reconciler, reads, running: true };
    processes.push(process);
    return process;
  }

  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += step) {
      for (const { clock, running } of processes) if (running) await clock.advance(step);
    }
  }

  const titles = (): string[] => roomIds.map((id) => codecs.get(id)?.entries[0]?.title ?? 'nothing');
  const shown = ({ rooms }: Process): string[] => rooms.all().map((room) => room.view().entries[0]?.title ?? 'nothing');

  it('reads and pushes each room by one process, and shows all of them on both', async () => {
    const [a, b] = [await enter('a'), await enter('b')];
    await pass(40_000);
    a.reads.splice(0);
    b.reads.splice(0);
    subject = 'Second';
    await pass(60_000);
    assert.deepEqual(titles(), Array(4).fill('Second'));
    assert.deepEqual([new Set(a.reads).size, new Set(b.reads).size], [2, 2]);
    assert.deepEqual([...new Set([...a.reads, ...b.reads])].sort(), roomIds);
    for (const process of [a, b]) assert.deepEqual(shown(process), Array(4).fill('Second'), process.name);
    const tokens = (process: Process): string[] => process.rooms.all().flatMap((room) => [...room.tokens()]);
    assert.deepEqual(tokens(a), tokens(b));
    for (const token of tokens(a)) assert.ok(b.rooms.byToken(token));
  });

  it('goes on with the rooms of a process that died, without writing what the devices have', async () => {
    const [a, b] = [await enter('a'), await enter('b')];
    await pass(60_000);
    const writes = [...codecs.values()].map(({ writers }) => writers.length);
    b.running = false;
    await pass(60_000);
    assert.deepEqual(
      [...codecs.values()].map(({ writers }) => writers.length),
      writes,
    );
    subject = 'Second';
    await pass(60_000);
    assert.deepEqual(titles(), Array(4).fill('Second'));
    for (const { writers } of codecs.values()) assert.equal(writers.at(-1), a.name);
  });

  it('does what was asked for while its leases were in doubt as soon as a beat makes them good', async () => {
    const a = await enter('a');
    await pass(2_000);
    assert.deepEqual(titles(), Array(4).fill('First'));
    // A wall clock that was set forward says that the last beat is too old.
    a.clock.set(a.clock.now() + hour);
    subject = 'Second';
    for (const id of roomIds) a.rooms.refresh(id);
    await pass(1_000);
    assert.deepEqual(titles(), Array(4).fill('First'));
    await pass(6_000);
    assert.deepEqual(titles(), Array(4).fill('Second'));
  });

  for (const followed of [false, true])
    it(`keeps what the successor of a process stored that stood still in a reading${followed ? ', and looked at that before the end' : ''}`, async () => {
      const [a, b] = [await enter('a'), await enter('b')];
      await pass(40_000);
      const still = Promise.withResolvers<void>();
      standing.set('a', still);
      a.reads.splice(0);
      subject = 'Second';
      await pass(40_000);
      const [room] = a.reads;
      assert.ok(room);
      a.running = false;
      subject = 'Third';
      await pass(60_000);
      assert.deepEqual(shown(b), Array(4).fill('Third'));
      if (followed) await a.rooms.get(room)?.follow();
      still.resolve();
      await a.rooms.settled();
      const plans = await store.collection(planCollection);
      for (const id of roomIds) assert.equal((await plans.get(id))?.value.planned[0]?.entry.title, 'Third');
      assert.equal(a.rooms.get(room)?.view().entries[0]?.title, 'Third');
      assert.deepEqual(titles(), Array(4).fill('Third'));
    });

  it('keeps what the successor of a process stored of a device that stood still in a push', async () => {
    const a = await enter('a');
    await pass(20_000);
    const codec = codecs.get('r1');
    assert.ok(codec);
    const until = Promise.withResolvers<void>();
    codec.standsStill = { process: 'a', until };
    host = 'Second';
    a.rooms.refresh('r1');
    await a.rooms.settled();
    await pass(1_000);
    assert.equal(codec.sent[0]?.organizer?.name, 'Second');
    a.running = false;
    host = 'Third';
    const b = await enter('b');
    await pass(60_000);
    assert.equal(codec.sent[0]?.organizer?.name, 'Third');
    const devices = await store.collection(deviceCollection);
    const stored = await devices.get('r1/codec');
    assert.ok(stored !== null && stored.value.confirmed.length === 1);
    until.resolve();
    await a.reconciler.settled();
    assert.deepEqual(await devices.get('r1/codec'), stored);

    // Whoever comes next believes the record: the codec does not tell its organiser back.
    codec.slow = Promise.withResolvers();
    host = 'Second';
    b.rooms.refresh('r1');
    await b.rooms.settled();
    b.running = false;
    codec.slow.reject(new Error('reset'));
    await b.reconciler.settled();
    codec.slow = null;
    await enter('c');
    await pass(60_000);
    assert.equal(codec.sent[0]?.organizer?.name, 'Second');
  });

  it('lets go of a device in the middle before another process may take its room', async () => {
    await enter('a');
    const codec = codecs.get('r1');
    assert.ok(codec);
    await pass(5_000);
    codec.slow = Promise.withResolvers();
    subject = 'Second';
    await pass(36_000);
    assert.deepEqual([...codec.users], ['a']);
    await processes.shift()?.rooms.close();
    assert.deepEqual([...codec.users], []);
    codec.slow = null;
    await enter('b');
    await pass(30_000);
    assert.deepEqual(titles(), Array(4).fill('Second'));
    assert.equal(codec.writers.at(-1), 'b');
  });
});
