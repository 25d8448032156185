/** The whole way: a file in a calendar folder changes, and the list on the video system follows, field by field. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HeldBooking } from '../../fixtures/codec/bookings.ts';
import { Codec } from '../../fixtures/codec/codec.ts';
import { foreignBooking } from '../../fixtures/codec/foreign.ts';
import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openHouse, type RunningHouse } from '../../src/house/house.ts';
import { roomStatus } from '../../src/house/status.ts';
import { createLog } from '../../src/telemetry/log.ts';

const minute = 60_000;
const start = Math.ceil(Date.now() / minute) * minute + 5 * minute;
const stamp = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;

interface Meeting {
  title: string;
  start: number;
  minutes: number;
  lines?: readonly string[];
}

function calendar(...meetings: readonly Meeting[]): string {
  const events = meetings.flatMap(({ title, start: from, minutes, lines = [] }, index) => [
    'BEGIN:VEVENT',
    `UID:${index}@example.org`,
    'DTSTAMP:20260101T000000Z',
    `DTSTART:${stamp(from)}`,
    `DTEND:${stamp(from + minutes * minute)}`,
    `SUMMARY:${title}`,
    'ORGANIZER;CN=Host:mailto:host@example.org',
    'DESCRIPTION:Join by video: sip:standup@bridge.example.org',
    ...lines,
    'END:VEVENT',
  ]);
  return ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Test//EN', ...events, 'END:VCALENDAR', ''].join('\r\n');
}

const ours = (bookings: readonly HeldBooking[]) => bookings.filter(({ id }) => id.startsWith('usher-'));
const budget: Meeting = { title: 'Budget & plans', start, minutes: 45 };

describe('from the calendar to the video system @devices', function () {
  this.timeout(60_000);
  let data: string;
  let codec: Codec;
  let house: RunningHouse;
  const write = (...meetings: readonly Meeting[]) =>
    writeFile(join(data, 'oslo', 'calendar.ics'), calendar(...meetings));
  const one = async (test: (booking: HeldBooking) => boolean): Promise<HeldBooking> => {
    await codec.until((bookings) => ours(bookings).length === 1 && ours(bookings).every(test));
    const [booking] = ours(codec.bookings);
    assert.ok(booking);
    return booking;
  };
  const status = () => {
    const room = house.rooms.get('oslo');
    assert.ok(room);
    return roomStatus(room, { now: Date.now(), reconciler: house.reconciler, callState: 'idle' });
  };
  const foreign = foreignBooking({ id: 'desk-1', start: start + 120 * minute, end: start + 150 * minute });

  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'usher-cisco-'));
    await mkdir(join(data, 'oslo'));
    codec = await Codec.start();
    codec.put([foreign]);
    const { port, ca } = codec;
    const device = { type: 'cisco', address: '127.0.0.1', port, username: 'usher', password: 'simulated', tls: { ca } };
    const room = {
      id: 'oslo',
      name: 'Oslo',
      calendar: { type: 'folder', path: 'oslo' },
      devices: [{ ...device, dials: true }],
    };
    await write(budget);
    // The organiser of private meetings is hidden, their subject is not: what changes then no device tells back.
    const settings = {
      web: { port: 0 },
      privacy: { subject: 'never', organizer: 'private' },
      join: { leadMinutes: 10, tailMinutes: 2 },
    };
    const config = await parseConfig(JSON.stringify({ ...settings, rooms: [room] }), join(data, 'usher.yaml'), {});
    const log = createLog({ level: 'silent' });
    house = await openHouse({ config, base: data, clock: systemClock, log, mode: 'serve', version: 'test' });
  });

  after(async () => {
    await house?.close();
    await codec?.close();
    await rm(data, { recursive: true, force: true });
  });

  afterEach(() => assert.deepEqual(codec.bookings.find(({ id }) => id === 'desk-1')?.start, foreign.start));

  it('puts the meeting there with every field', async () => {
    const { id, ...rest } = await one(() => true);
    assert.match(id, /^usher-[a-z2-7]{26}$/);
    assert.deepEqual(rest, {
      title: 'Budget & plans',
      agenda: '',
      privacy: 'Public',
      organizer: { name: 'Host', email: 'host@example.org' },
      start,
      end: start + 45 * minute,
      startBuffer: 600,
      endBuffer: 120,
      number: 'standup@bridge.example.org',
      protocol: 'SIP',
      platform: '',
      callType: 'Video',
      encryption: 'BestEffort',
      hostKey: '',
    });
    await house.reconciler.settled();
    assert.deepEqual(status().problems, []);
    const [device] = status().devices;
    assert.deepEqual([device?.upToDate, device?.confirmed, device?.problem, device?.differs], [true, 1, null, []]);
    assert.ok((device?.lastContact ?? 0) >= (device?.lastSeen ?? Number.POSITIVE_INFINITY));
    assert.match(status().devices[0]?.label ?? '', /Cisco Codec Pro at 127\.0\.0\.1/);
  });

  it('moves it, under the same id', async () => {
    const { id } = await one(() => true);
    await write({ ...budget, start: start + 30 * minute, minutes: 30 });
    const moved = await one((booking) => booking.start === start + 30 * minute);
    assert.deepEqual([moved.id, moved.end], [id, start + 60 * minute]);
  });

  it('hides the organiser as soon as the meeting is private', async () => {
    await write(budget);
    await one((booking) => booking.start === start);
    await house.reconciler.settled();
    await write({ ...budget, lines: ['CLASS:PRIVATE'] });
    const hidden = await one(({ privacy }) => privacy === 'Private');
    assert.deepEqual([hidden.title, hidden.organizer.email], ['Budget & plans', '']);
    assert.doesNotMatch(JSON.stringify(ours(codec.bookings)), /host@example\.org|"Host"/);
  });

  it('takes it away when it is cancelled', async () => {
    await write({ ...budget, lines: ['STATUS:CANCELLED'] });
    await codec.until((bookings) => ours(bookings).length === 0);
    await write(budget);
    await one(({ privacy }) => privacy === 'Public');
  });

  it('says that the device is off, and is right within one pass of its return', async () => {
    await house.reconciler.settled();
    codec.fault = 'reset';
    codec.bookings = [foreign];
    await write({ ...budget, title: 'While it was off' });
    while (!status().problems.some((problem) => /cannot be reached/.test(problem))) {
      await codec.nextTry();
      await house.reconciler.settled();
    }
    const [device] = status().devices;
    assert.deepEqual([device?.upToDate, device?.confirmed], [false, 1]);
    assert.match(device?.problem ?? '', /cannot be reached/);
    assert.match(device?.differs.join() ?? '', /^the meeting at [-\dT:]+Z shows another title$/);
    codec.fault = null;
    await one(({ title }) => title === 'While it was off');
    await house.reconciler.settled();
    assert.deepEqual(status().problems, []);
  });

  it('dials, tells the state of the call, and hangs up', async () => {
    const room = house.rooms.get('oslo');
    const [device] = room?.devices ?? [];
    assert.ok(device?.dialer);
    const call = await device.dialer.dial({ address: 'sip:standup@bridge.example.org', protocol: 'sip' });
    const connected = new Promise<void>((resolve) => call.onState((state) => state === 'connected' && resolve()));
    assert.deepEqual(
      codec.calls.map(({ number }) => number),
      ['standup@bridge.example.org'],
    );
    await connected;
    await call.hangUp();
    assert.deepEqual([call.state, codec.calls.length], ['disconnected', 0]);
    const again = await device.dialer.dial({ address: 'sip:standup@bridge.example.org', protocol: 'sip' });
    const ended = new Promise<void>((resolve) => again.onState((state) => state === 'disconnected' && resolve()));
    await codec.calls[0]?.hangUp();
    await ended;
  });
});
