/** A list is emptied on a device only where a calendar was read and has no meetings, never where nobody knows. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
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
const start = Math.ceil(Date.now() / minute) * minute + 60 * minute;
const stamp = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
const calendar = [
  'BEGIN:VCALENDAR',
  'VERSION:2.0',
  'PRODID:-//Test//EN',
  'BEGIN:VEVENT',
  'UID:1@example.org',
  'DTSTAMP:20260101T000000Z',
  `DTSTART:${stamp(start)}`,
  `DTEND:${stamp(start + 30 * minute)}`,
  'SUMMARY:Budget',
  'DESCRIPTION:Join by video: sip:standup@bridge.example.org',
  'END:VEVENT',
  'END:VCALENDAR',
  '',
].join('\r\n');
const signIn = '<!doctype html><html><p>Sign in';

describe('a list is never emptied by mistake @devices', function () {
  this.timeout(60_000);
  let data: string;
  let codec: Codec;
  let house: RunningHouse | null = null;
  let held: readonly HeldBooking[];
  const lines = new EventEmitter();
  const foreign = foreignBooking({ id: 'desk-1', start: start + 120 * minute, end: start + 150 * minute });
  // In one go: a file that is written in place is empty for a moment, and what is read then is another test's matter.
  const write = async (text: string): Promise<void> => {
    await writeFile(join(data, 'calendar.new'), text);
    await rename(join(data, 'calendar.new'), join(data, 'oslo', 'calendar.ics'));
  };

  const open = async (...ids: readonly string[]): Promise<RunningHouse> => {
    const { port, ca } = codec;
    const cisco = { type: 'cisco', address: '127.0.0.1', port, username: 'usher', password: 'simulated', tls: { ca } };
    const rooms = ids.map((id) => ({
      id,
      name: id,
      calendar: { type: 'folder', path: id },
      devices: id === 'oslo' ? [cisco] : [],
    }));
    const text = JSON.stringify({ web: { port: 0 }, dataFolder: '.', privacy: { subject: 'never' }, rooms });
    const config = await parseConfig(text, join(data, 'usher.yaml'), {});
    const destination = { write: (line: string) => void setImmediate(() => lines.emit(JSON.parse(line).msg)) };
    const log = createLog({ level: 'debug', destination });
    return openHouse({ config, base: data, clock: systemClock, log, mode: 'serve', version: 'test' });
  };
  const problems = (): string => {
    const room = house?.rooms.get('oslo');
    assert.ok(house && room);
    return roomStatus(room, { now: Date.now(), reconciler: house.reconciler, callState: 'idle' }).problems.join('\n');
  };
  /** Until a reading of the calendar has failed for this reason, and the device was left as it is. */
  const unread = async (why: RegExp): Promise<void> => {
    while (!why.test(problems())) await once(lines, 'calendar not read; the plan stays as it is');
    await house?.reconciler.settled();
    assert.deepEqual(codec.bookings, held);
  };
  const close = async (): Promise<void> => {
    await house?.close();
    house = null;
  };

  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'usher-empty-'));
    for (const id of ['oslo', 'bergen']) await mkdir(join(data, id));
    codec = await Codec.start();
    codec.put([foreign]);
    await write(calendar);
    house = await open('oslo');
    await codec.until((bookings) => bookings.length === 2);
    held = structuredClone(codec.bookings);
  });

  after(async () => {
    await close();
    await codec.close();
    await rm(data, { recursive: true, force: true });
  });

  it('by a sign-in page in place of the calendar', async () => {
    await write(signIn);
    while (!/web page/.test(problems())) await once(lines, 'calendar read');
    await house?.reconciler.settled();
    assert.deepEqual(codec.bookings, held);
  });

  it('by a start while the calendar cannot be read', async () => {
    await close();
    house = await open('oslo');
    await unread(/web page/);
  });

  it('by a start with an empty store while the calendar cannot be read: nothing is written at all', async () => {
    await close();
    const store = (await readdir(data)).filter((name) => name.startsWith('usher.db'));
    assert.ok(store.length > 0);
    for (const name of store) await rm(join(data, name));
    const writes = codec.writers.writes.length;
    house = await open('oslo');
    await unread(/web page/);
    assert.equal(codec.writers.writes.length, writes);
  });

  it('and once the calendar can be read, the list is right under the same ids', async () => {
    const { promise: written, resolve } = Promise.withResolvers<void>();
    codec.onWrite = resolve;
    await write(calendar);
    await written;
    await house?.reconciler.settled();
    assert.deepEqual(codec.bookings, held);
  });

  it('by taking the room out of the configuration: the device is not even asked', async () => {
    await close();
    const { requests } = codec;
    house = await open('bergen');
    await close();
    assert.deepEqual([codec.requests, codec.bookings], [requests, held]);
  });

  it('but by a calendar that has no meetings', async () => {
    await write(calendar.replace(/BEGIN:VEVENT.*END:VEVENT\r\n/s, ''));
    house = await open('oslo');
    await codec.until((bookings) => bookings.length === 1);
    assert.deepEqual(codec.bookings, [foreign]);
  });
});
