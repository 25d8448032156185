/** The whole way through the Webex cloud: a file in a calendar folder changes, the list follows, and the panel's Join dials. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreignBooking } from '../../fixtures/codec/foreign.ts';
import { type CloudDevice, WebexCloud } from '../../fixtures/webex/webex.ts';
import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openHouse, type RunningHouse } from '../../src/house/house.ts';
import { createLog } from '../../src/telemetry/log.ts';

const minute = 60_000;
const start = Math.ceil(Date.now() / minute) * minute + 2 * minute;
const stamp = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;

function calendar(title: string, from: number, ...lines: readonly string[]): string {
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Test//EN',
    'BEGIN:VEVENT',
    'UID:1@example.org',
    'DTSTAMP:20260101T000000Z',
    `DTSTART:${stamp(from)}`,
    `DTEND:${stamp(from + 45 * minute)}`,
    `SUMMARY:${title}`,
    'ORGANIZER;CN=Host:mailto:host@example.org',
    'DESCRIPTION:Join by video: sip:standup@bridge.example.org',
    ...lines,
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ].join('\r\n');
}

describe('from the calendar to a device in the Webex cloud @devices', function () {
  this.timeout(120_000);
  let data: string;
  let cloud: WebexCloud;
  let device: CloudDevice;
  let house: RunningHouse;
  const write = (text: string) => writeFile(join(data, 'bergen', 'calendar.ics'), text);
  const ours = () => device.bookings.filter(({ id }) => id.startsWith('usher-'));
  const foreign = foreignBooking({ id: 'desk-1', start: start + 120 * minute, end: start + 150 * minute });

  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'usher-webex-'));
    await mkdir(join(data, 'bergen'));
    cloud = await WebexCloud.start();
    device = cloud.add('device-1');
    device.bookings = [foreign];
    await write(calendar('Budget & plans', start));
    const webex = { auth: 'token', token: cloud.issueToken(), baseUrl: cloud.baseUrl };
    const room = {
      id: 'bergen',
      name: 'Bergen',
      calendar: { type: 'folder', path: 'bergen' },
      devices: [{ type: 'webex', deviceId: 'device-1', dials: true }, { type: 'panel' }],
    };
    const text = JSON.stringify({ web: { port: 0 }, join: { leadMinutes: 10, tailMinutes: 2 }, webex, rooms: [room] });
    const config = await parseConfig(text, join(data, 'usher.yaml'), {});
    const log = createLog({ level: 'silent' });
    house = await openHouse({ config, base: data, clock: systemClock, log, mode: 'serve', version: 'test' });
  });

  after(async () => {
    await house?.close();
    await cloud?.close();
    await rm(data, { recursive: true, force: true });
  });

  afterEach(() => assert.deepEqual(device.bookings.find(({ id }) => id === 'desk-1')?.start, foreign.start));

  it('puts the meeting there with every field', async () => {
    await cloud.until(() => ours().length === 1);
    const [booking] = ours();
    assert.ok(booking);
    const { id, ...rest } = booking;
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
  });

  it('moves it, hides what is private, and takes it away when it is cancelled', async () => {
    const [before] = ours();
    await write(calendar('Budget & plans', start + 30 * minute));
    await cloud.until(() => ours()[0]?.start === start + 30 * minute);
    assert.equal(ours()[0]?.id, before?.id);
    await write(calendar('Budget & plans', start, 'CLASS:PRIVATE'));
    await cloud.until(() => ours()[0]?.privacy === 'Private');
    assert.doesNotMatch(JSON.stringify(ours()), /Budget/);
    await write(calendar('Budget & plans', start, 'STATUS:CANCELLED'));
    await cloud.until(() => ours().length === 0);
  });

  it('is right again after the device was away', async () => {
    device.online = false;
    await write(calendar('While it was away', start));
    const away = () => /not online/.test(house.reconciler.record('bergen/0')?.problem ?? '');
    for (let asked = cloud.requests; !away(); asked = cloud.requests) {
      await cloud.until(() => cloud.requests > asked);
      await house.reconciler.settled();
    }
    device.online = true;
    await cloud.until(() => ours()[0]?.title === 'While it was away');
  });

  it("dials when Join is pressed on the room's panel, and hangs up", async () => {
    const panel = new URL(house.panelUrl('bergen'));
    const [booking] = ours();
    const page = await (await fetch(panel)).text();
    assert.match(page, /While it was away/);
    const press = (what: string, body: object) =>
      fetch(new URL(what, panel), {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', accept: 'application/json', origin: panel.origin },
      });
    const joined = await press('join', { entry: booking?.id });
    assert.equal(joined.status, 202, await joined.text());
    assert.deepEqual(
      device.calls.map(({ number, protocol }) => [number, protocol]),
      [['standup@bridge.example.org', 'Sip']],
    );
    const ended = await press('hang-up', {});
    assert.equal(ended.status, 202, await ended.text());
    assert.deepEqual(device.calls, []);
  });
});
