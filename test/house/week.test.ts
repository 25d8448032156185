import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SimulatedClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openHouse, type RunningHouse } from '../../src/house/house.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { lists, off } from './memory-device.ts';

const long = process.env['USHER_LONG'] === '1';
const hour = 60 * 60_000;
const zones = { oslo: 'Europe/Oslo', boston: 'America/New_York', kyoto: 'Asia/Tokyo' };

/** A stand-up every day at nine by the room's own clock, and a Zoom call on one day. */
function calendar(zone: string, firstDay: string): string {
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Test//EN',
    'BEGIN:VEVENT',
    `UID:standup-${zone}@example.org`,
    'DTSTAMP:20260101T000000Z',
    `DTSTART;TZID=${zone}:${firstDay}T090000`,
    `DTEND;TZID=${zone}:${firstDay}T093000`,
    'RRULE:FREQ=DAILY',
    'SUMMARY:Stand-up',
    'DESCRIPTION:https://teams.microsoft.com/meet/2112223334445?p=abcDEF123',
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ].join('\r\n');
}

describe('a simulated week @firm', function () {
  this.timeout(120_000);
  let data: string;
  let house: RunningHouse;
  let clock: SimulatedClock;

  async function open(start: number, firstDay: string): Promise<void> {
    data = await mkdtemp(join(tmpdir(), 'usher-week-'));
    clock = new SimulatedClock(start);
    const module = fileURLToPath(new URL('./memory-device.ts', import.meta.url));
    for (const [id, zone] of Object.entries(zones)) {
      await mkdir(join(data, id));
      await writeFile(join(data, id, 'calendar.ics'), calendar(zone, firstDay));
    }
    const rooms = Object.entries(zones).map(([id, timeZone]) => ({
      id,
      name: id,
      timeZone,
      calendar: { type: 'folder', path: id },
      devices: [{ type: 'module', module }],
    }));
    const config = await parseConfig(JSON.stringify({ web: { port: 0 }, rooms }), join(data, 'usher.yaml'), {});
    const log = createLog({ level: 'silent' });
    house = await openHouse({ config, base: data, clock, log, mode: 'serve', version: 'test' });
    await settled();
  }

  afterEach(async () => {
    await house.close();
    lists.clear();
    off.clear();
    await rm(data, { recursive: true, force: true });
  });

  async function settled(): Promise<void> {
    await house.rooms.settled();
    await house.reconciler.settled();
  }

  /** Whatever o'clock it is: stand-ups at nine by the room's clock, one a day, and each device as the plan says. */
  function check(): void {
    for (const room of house.rooms.all()) {
      const { timeZone, id } = room.settings;
      const format = new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'short', timeStyle: 'short' });
      const entries = room.view().entries;
      const days = entries.map(({ start }) => format.format(start).split(', '));
      assert.ok(
        days.every(([, time]) => time === '09:00'),
        `${id}: ${days.join(' ')}`,
      );
      assert.equal(new Set(days.map(([day]) => day)).size, entries.length, `${id} has a day twice`);
      assert.ok(entries.length >= 7 && entries.length <= 9, `${id} has ${entries.length} entries`);
      const shown = (lists.get(`${id}/0`) ?? []).filter(({ end }) => end > clock.now());
      const wanted = entries.filter(({ end }) => end > clock.now());
      const tomorrow = clock.now() + 24 * hour;
      assert.deepEqual(
        shown.filter(({ start }) => start < tomorrow).map((entry) => [entry.id, entry.start]),
        wanted.filter(({ start }) => start < tomorrow).map((entry) => [entry.id, entry.start]),
      );
    }
  }

  async function pass(days: number): Promise<void> {
    for (let passed = 0; passed < days * 24; passed++) {
      await clock.advance(hour);
      await settled();
      check();
    }
  }

  it('goes through the end of summer time in Europe', async () => {
    await open(Date.UTC(2026, 9, 24, 3), '20261001');
    await pass(long ? 9 : 2);
  });

  it('goes through the end of summer time in America', async () => {
    await open(Date.UTC(2026, 9, 31, 14), '20261001');
    await pass(long ? 9 : 2);
  });

  it('goes through the end of the year, and a clock that is set back by an hour', async () => {
    await open(Date.UTC(2026, 11, 29, 22), '20261201');
    await pass(long ? 4 : 2);
    clock.set(clock.now() - hour);
    await pass(long ? 4 : 2);
  });

  it('has a device right within one pass of its return after a day', async () => {
    await open(Date.UTC(2026, 5, 1, 6), '20260501');
    off.add('kyoto/0');
    for (let passed = 0; passed < 24; passed++) {
      await clock.advance(hour);
      await settled();
    }
    off.clear();
    await clock.advance(10 * 60_000);
    await settled();
    check();
  });
});
