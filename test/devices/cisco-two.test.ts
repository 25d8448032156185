/** Two video systems in a room: both show its meetings, and the one that is set to dial is the one that does. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Codec } from '../../fixtures/codec/codec.ts';
import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openHouse, type RunningHouse } from '../../src/house/house.ts';
import { createLog } from '../../src/telemetry/log.ts';

const minute = 60_000;
const start = Math.ceil(Date.now() / minute) * minute + 2 * minute;
const stamp = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;

describe('two Cisco devices in a room @devices', function () {
  this.timeout(60_000);
  let data: string;
  let house: RunningHouse;
  const codecs: Codec[] = [];
  after(async () => {
    await house?.close();
    for (const codec of codecs) await codec.close();
    await rm(data, { recursive: true, force: true });
  });

  it('both show the meeting, Join makes the one dial, and one that is off holds up neither', async () => {
    data = await mkdtemp(join(tmpdir(), 'usher-two-'));
    await mkdir(join(data, 'oslo'));
    const lines = [
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
    ];
    await writeFile(join(data, 'oslo', 'calendar.ics'), lines.join('\r\n'));
    codecs.push(
      await Codec.start(),
      await Codec.start({ generation: 'ce9.15', registeredWithWebex: false }),
      await Codec.start(),
    );
    const [shows, dials, off] = codecs;
    assert.ok(shows && dials && off);
    off.fault = 'hang';
    const devices = codecs.map((codec) => ({
      type: 'cisco',
      address: '127.0.0.1',
      port: codec.port,
      username: 'usher',
      password: 'simulated',
      tls: { ca: codec.ca },
      dials: codec === dials,
    }));
    const calendar = { type: 'folder', path: 'oslo' };
    const rooms = [{ id: 'oslo', name: 'Oslo', calendar, devices: [...devices, { type: 'panel' }] }];
    const text = JSON.stringify({ web: { port: 0 }, join: { leadMinutes: 10 }, rooms });
    const config = await parseConfig(text, join(data, 'usher.yaml'), {});
    const log = createLog({ level: 'silent' });
    house = await openHouse({ config, base: data, clock: systemClock, log, mode: 'serve', version: 'test' });
    for (const codec of [shows, dials]) await codec.until((bookings) => bookings.length === 1);
    assert.deepEqual(shows.bookings[0]?.number, dials.bookings[0]?.number);

    const panel = new URL(house.panelUrl('oslo'));
    const press = async (what: string, body: object): Promise<number> => {
      const headers = { 'content-type': 'application/json', accept: 'application/json', origin: panel.origin };
      return (await fetch(new URL(what, panel), { method: 'POST', body: JSON.stringify(body), headers })).status;
    };
    await (await fetch(panel)).text();
    assert.equal(await press('join', { entry: dials.bookings[0]?.id }), 202);
    assert.deepEqual(
      [shows, dials, off].map(({ calls }) => calls.map(({ number }) => number)),
      [[], ['standup@bridge.example.org'], []],
    );
    assert.equal(await press('hang-up', {}), 202);
    assert.deepEqual(dials.calls, []);
  });
});
