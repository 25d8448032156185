/** Bad devices through a whole house: each room says what is wrong with its own, the others have their lists, and all heal. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Codec, type CodecOptions } from '../../fixtures/codec/codec.ts';
import { foreignBooking } from '../../fixtures/codec/foreign.ts';
import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openHouse, type RunningHouse } from '../../src/house/house.ts';
import { roomStatus } from '../../src/house/status.ts';
import { createLog } from '../../src/telemetry/log.ts';

const minute = 60_000;
const start = Math.ceil(Date.now() / minute) * minute + 60 * minute;
const stamp = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
const calendar = (title: string): string =>
  [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Test//EN',
    'BEGIN:VEVENT',
    'UID:1@example.org',
    'DTSTAMP:20260101T000000Z',
    `DTSTART:${stamp(start)}`,
    `DTEND:${stamp(start + 30 * minute)}`,
    `SUMMARY:${title}`,
    'ORGANIZER;CN=Host:mailto:host@example.org',
    'DESCRIPTION:Join by video: sip:standup@bridge.example.org',
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ].join('\r\n');

interface Bad {
  codec?: CodecOptions;
  /** Of the device in the configuration. */
  device?: object;
  spoil?: (codec: Codec) => unknown;
  /** What the room's status says. */
  told: RegExp;
  /** Whether its list is right all the same. */
  written?: true;
  /** Makes it good, where that needs no new configuration. */
  repair?: (codec: Codec) => unknown;
}

const faulty = (fault: Codec['fault'], told: RegExp): Bad => ({
  spoil: (codec) => {
    codec.fault = fault;
  },
  repair: (codec) => {
    codec.fault = null;
    codec.dropConnections();
  },
  told,
});

/** Each of these waits until Usher gives a request up, which takes ten seconds. */
const patient: Readonly<Record<string, Bad>> = {
  hangs: faulty('hang', /did not answer .* within 10 s/),
  'half-answers-and-hangs': faulty('half-hang', /did not answer .* within 10 s|did not finish/),
};

const table: Readonly<Record<string, Bad>> = {
  ...(process.env['USHER_LONG'] === '1' ? patient : {}),
  'wrong-password': {
    device: { password: 'wrong' },
    told: /refuses the password of usher.*not tried again for 60 min/,
  },
  'wrong-certificate': { device: { tls: {} }, told: /certificate that is not trusted.*tls\.ca.*tls\.fingerprint/ },
  'other-certificate': {
    device: { tls: { fingerprint: '00'.repeat(32) } },
    told: /another certificate than the pinned/,
  },
  'certificate-unchecked': { device: { tls: { verify: false } }, told: /NOT checked/, written: true },
  'half-answers': faulty('half', /cannot be reached/),
  'error-500': faulty('error-500', /HTTP 500/),
  garbage: faulty('garbage', /not the XML/),
  'half-a-list': faulty('half-list', /has 1 bookings and lists 0/),
  'refuses-connections': {
    spoil: (codec) => codec.setDoor('closed'),
    told: /cannot be reached.*ECONNREFUSED/,
  },
  'clock-wrong': {
    spoil: (codec) => {
      codec.skewMs = -10 * minute;
    },
    told: /clock is 10 min slow.*NTP/,
    written: true,
  },
  'list-full': { codec: { capacity: 1 }, told: /takes no more bookings/ },
  teams: { codec: { teams: true }, told: /runs Microsoft Teams/ },
  'no-admin': { codec: { role: 'User' }, told: /role Admin/ },
  good: { told: /^$/, written: true },
};

describe('bad devices in a house @devices', function () {
  this.timeout(180_000);
  let data: string;
  let house: RunningHouse;
  const codecs = new Map<string, Codec>();
  /** Emits the room of each line of the log. */
  const lines = new EventEmitter();
  const codecOf = (id: string): Codec => {
    const codec = codecs.get(id);
    assert.ok(codec);
    return codec;
  };
  const problems = (id: string): readonly string[] => {
    const room = house.rooms.get(id);
    assert.ok(room);
    return roomStatus(room, { now: Date.now(), reconciler: house.reconciler, callState: 'idle' }).problems;
  };
  const told = async (id: string, words: RegExp): Promise<void> => {
    while (!problems(id).some((problem) => words.test(problem))) await once(lines, id);
  };
  const shows = (id: string, title: string): Promise<void> =>
    codecOf(id).until((bookings) => bookings.some((one) => one.id.startsWith('usher-') && one.title === title));
  const write = (id: string, title: string) => writeFile(join(data, id, 'calendar.ics'), calendar(title));
  const foreign = foreignBooking({ id: 'desk-1', start: start + 120 * minute, end: start + 150 * minute });

  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'usher-bad-'));
    const rooms = [];
    for (const [id, bad] of Object.entries(table)) {
      const codec = await Codec.start(bad.codec);
      codecs.set(id, codec);
      codec.put([foreign]);
      await bad.spoil?.(codec);
      await mkdir(join(data, id));
      await write(id, 'First');
      const { port, ca } = codec;
      const account = { username: 'usher', password: 'simulated', tls: { ca } };
      const device = { type: 'cisco', address: '127.0.0.1', port, ...account, ...bad.device };
      rooms.push({ id, name: id, calendar: { type: 'folder', path: id }, devices: [device] });
    }
    const text = JSON.stringify({ web: { port: 0 }, privacy: { subject: 'never' }, rooms });
    const config = await parseConfig(text, join(data, 'usher.yaml'), {});
    const destination = {
      write: (line: string) => {
        const room: unknown = JSON.parse(line).room;
        // After the line's own cause: what it tells of is in the status then.
        if (typeof room === 'string') setImmediate(() => lines.emit(room));
      },
    };
    const log = createLog({ level: 'info', destination });
    house = await openHouse({ config, base: data, clock: systemClock, log, mode: 'serve', version: 'test' });
  });

  after(async () => {
    await house?.close();
    for (const codec of codecs.values()) await codec.close();
    await rm(data, { recursive: true, force: true });
  });

  for (const [id, bad] of Object.entries(table)) {
    it(`${id}: ${bad.written ? 'the list is right' : 'says so'}, and what others booked stays`, async () => {
      if (bad.written) {
        await shows(id, 'First');
        await house.reconciler.settled();
      }
      if (id === 'good') assert.deepEqual(problems(id), []);
      else await told(id, bad.told);
      const ids = codecOf(id).bookings.map((booking) => booking.id);
      assert.ok(ids.includes('desk-1'));
      if (!bad.written) assert.deepEqual(ids, ['desk-1']);
    });
  }

  it('sends a wrong password once, however often the calendar changes', async () => {
    for (const title of ['Second', 'Third', 'Fourth']) {
      const changed = once(lines, 'wrong-password');
      await write('wrong-password', title);
      await changed;
    }
    await house.reconciler.settled();
    assert.equal(codecOf('wrong-password').passwordFailures, 1);
  });

  it('sends no password to a device whose certificate is not the right one', () => {
    for (const id of ['wrong-certificate', 'other-certificate']) assert.equal(codecOf(id).requests, 0);
  });

  it('brings the change that was made meanwhile to each that heals', async () => {
    const healed = Object.entries(table).flatMap(([id, { repair }]) => (repair === undefined ? [] : [{ id, repair }]));
    assert.ok(healed.length >= 4);
    for (const { id, repair } of healed) {
      await repair(codecOf(id));
      await write(id, 'Healed');
    }
    for (const { id } of healed) {
      await shows(id, 'Healed');
      assert.ok(codecOf(id).bookings.some((booking) => booking.id === 'desk-1'));
    }
    await house.reconciler.settled();
    for (const { id } of healed) assert.deepEqual(problems(id), [], id);
  });
});
