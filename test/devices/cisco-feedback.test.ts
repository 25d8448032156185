/** HttpFeedback: the device tells, and Usher looks. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CiscoDevice } from '../../connectors/devices/cisco/device.ts';
import { FeedbackListener } from '../../connectors/devices/cisco/feedback-listener.ts';
import { Codec, type CodecOptions } from '../../fixtures/codec/codec.ts';
import { foreignBooking } from '../../fixtures/codec/foreign.ts';
import { SimulatedClock, systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openHouse, type RunningHouse } from '../../src/house/house.ts';
import { createLog } from '../../src/telemetry/log.ts';

const never = new AbortController().signal;
const anywhere = { publicUrl: 'http://127.0.0.1:0/', address: '127.0.0.1', port: 0 };
const minute = 60_000;

describe('feedback of a Cisco device @devices', function () {
  this.timeout(10_000);
  let codec: Codec;
  let listener: FeedbackListener;
  let device: CiscoDevice;
  let stop: () => Promise<void>;
  let told = 0;
  let tell: () => void = () => {};
  const start = async (options: CodecOptions = {}): Promise<void> => {
    codec = await Codec.start(options);
    listener = new FeedbackListener({ ...anywhere, clock: systemClock });
    await listener.listen();
    device = new CiscoDevice({
      id: 'oslo/0',
      address: '127.0.0.1',
      port: codec.port,
      username: 'usher',
      password: 'simulated',
      tls: { kind: 'authority', ca: codec.ca },
      clock: systemClock,
      feedback: { listener, key: 'key-of-oslo', lookEveryMs: 50 },
    });
    told = 0;
    stop = device.watch(() => {
      told++;
      tell();
    });
  };
  const nextTold = () => new Promise<void>((resolve) => (tell = resolve));
  /** The device is listed, takes a slot, and is looked at again since nothing was told until then. */
  const begin = async (): Promise<void> => {
    const registered = nextTold();
    await device.list(never);
    await registered;
  };

  afterEach(async () => {
    await stop();
    await device.close();
    await listener.close();
    await codec.close();
  });

  it('takes the first free slot, and gives it back at the end', async () => {
    await start();
    const theirs = { url: 'http://others.example.net/', expressions: ['/Status/Call'] };
    codec.feedback.slots.set(1, theirs);
    await begin();
    assert.deepEqual([...codec.feedback.slots.keys()], [1, 2]);
    assert.match(codec.feedback.slots.get(2)?.url ?? '', /^http:\/\/127\.0\.0\.1:[1-9]\d*\/cisco\/key-of-oslo$/);
    assert.deepEqual(device.notices(), []);
    await stop();
    assert.deepEqual([...codec.feedback.slots], [[1, theirs]]);
  });

  it('is told of bookings that others change, and of SyncRequired', async () => {
    await start();
    await begin();
    for (const change of [() => codec.put([]), () => codec.syncRequired()]) {
      const heard = nextTold();
      change();
      await heard;
    }
  });

  it('is told of a reboot by a device that keeps its slots', async () => {
    await start({ keepsFeedback: true });
    await begin();
    const heard = nextTold();
    codec.reboot();
    await heard;
  });

  it('notices a reboot by the slot that is gone, and takes it again', async () => {
    await start();
    await begin();
    const heard = nextTold();
    codec.reboot();
    await heard;
    assert.deepEqual([...codec.feedback.slots.keys()], [1]);
  });

  it('leaves slots to others, the third to TMS, and says that it only compares', async () => {
    await start();
    const theirs = { url: 'http://tms.example.net/feedback', expressions: ['/Status/Call'] };
    for (const slot of [1, 2, 4]) codec.feedback.slots.set(slot, theirs);
    await device.list(never);
    while (device.notices().length === 0) await codec.nextRequest('/getxml');
    assert.match(device.notices().join(), /no free HttpFeedback slot.*compared/);
    assert.deepEqual([told, [...codec.feedback.slots.keys()]], [0, [1, 2, 4]]);
    assert.ok([...codec.feedback.slots.values()].every((slot) => slot === theirs));
    codec.feedback.slots.delete(4);
    await nextTold();
    assert.match(codec.feedback.slots.get(4)?.url ?? '', /key-of-oslo$/);
  });

  it('hears nobody at another address, nor who sends too much; what is sent does not matter', async () => {
    await start();
    await begin();
    const url = codec.feedback.slots.get(1)?.url ?? '';
    const post = async (to: string, body: string): Promise<number> =>
      (await fetch(to, { method: 'POST', body, headers: { 'content-type': 'text/xml' } })).status;
    assert.equal(await post(url.replace('key-of-oslo', 'key-of-bergen'), '<Event/>'), 404);
    assert.equal(await post(new URL('/', url).href, '<Event/>'), 404);
    assert.equal((await fetch(url)).status, 404);
    assert.equal(await post(url, 'x'.repeat(300_000)), 413);
    assert.equal(told, 1);
    assert.equal(await post(url, '\0 no XML <'), 204);
    assert.equal(told, 2);
  });
});

describe('where a device is to tell @devices', () => {
  it('is no address of this machine alone, which is said before anything is asked', async () => {
    const trouble = async (publicUrl: string, address: string): Promise<string> => {
      const listener = new FeedbackListener({ ...anywhere, publicUrl, clock: systemClock });
      const account = { username: 'usher', password: 'simulated', tls: { kind: 'none' }, clock: systemClock } as const;
      const device = new CiscoDevice({ id: 'oslo/0', address, ...account, feedback: { listener, key: 'key' } });
      const stop = device.watch(() => {});
      const notices = device.notices().filter((notice) => /publicUrl/.test(notice));
      await stop();
      await device.close();
      await listener.close();
      return notices.join();
    };
    for (const host of ['localhost', '127.0.0.1', '[::1]', '0.0.0.0']) {
      assert.match(
        await trouble(`http://${host}:8082`, 'codec.example.org'),
        /cannot reach .*set cisco\.feedback\.publicUrl/,
      );
    }
    assert.equal(await trouble('http://usher.example.org:8082', 'codec.example.org'), '');
    assert.equal(await trouble('http://127.0.0.1:8082', '127.0.0.1'), '');
  });
});

describe('the listener for feedback @devices', () => {
  it('passes on the first post at once, and 29 more as one a second later', async () => {
    const clock = new SimulatedClock(Date.UTC(2026, 0, 5));
    const listener = new FeedbackListener({ ...anywhere, clock });
    await listener.listen();
    let told = 0;
    const { url } = listener.open('key', () => told++);
    const posts = [...Array(30).keys()].map(() => fetch(url, { method: 'POST', body: '<Event/>' }));
    await Promise.all(posts);
    assert.equal(told, 1);
    await clock.advance(1_000);
    assert.equal(told, 2);
    await listener.close();
  });
});

describe('a list that others change, with feedback @devices', function () {
  this.timeout(30_000);
  let data: string;
  let codec: Codec;
  let house: RunningHouse;
  const from = Math.ceil(Date.now() / minute) * minute + 60 * minute;
  const stamp = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
  const ours = () => codec.until((bookings) => bookings.some(({ id }) => id.startsWith('usher-')));

  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'usher-feedback-'));
    await mkdir(join(data, 'oslo'));
    codec = await Codec.start({ keepsFeedback: true });
    const lines = [
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      'PRODID:-//Test//EN',
      'BEGIN:VEVENT',
      'UID:1@example.org',
      'DTSTAMP:20260101T000000Z',
      `DTSTART:${stamp(from)}`,
      `DTEND:${stamp(from + 30 * minute)}`,
      'SUMMARY:Budget',
      'ORGANIZER;CN=Host:mailto:host@example.org',
      'DESCRIPTION:Join by video: sip:standup@bridge.example.org',
      'END:VEVENT',
      'END:VCALENDAR',
      '',
    ];
    await writeFile(join(data, 'oslo', 'calendar.ics'), lines.join('\r\n'));
    const { port, ca } = codec;
    const device = { type: 'cisco', address: '127.0.0.1', port, username: 'usher', password: 'simulated', tls: { ca } };
    const calendar = { type: 'folder', path: 'oslo' };
    const rooms = [{ id: 'oslo', name: 'Oslo', calendar, devices: [device] }];
    const text = JSON.stringify({ web: { port: 0 }, cisco: { feedback: anywhere }, rooms });
    const config = await parseConfig(text, join(data, 'usher.yaml'), {});
    const log = createLog({ level: 'silent' });
    house = await openHouse({ config, base: data, clock: systemClock, log, mode: 'serve', version: 'test' });
    await ours();
    while (codec.feedback.slots.size === 0) await codec.nextRequest('/putxml');
  });

  after(async () => {
    await house?.close();
    assert.equal(codec.feedback.slots.size, 0);
    await codec?.close();
    await rm(data, { recursive: true, force: true });
  });

  it('is put right in seconds, and keeps what the others put there', async () => {
    await house.reconciler.settled();
    codec.put([foreignBooking({ id: 'desk-1', start: from + 60 * minute, end: from + 90 * minute })]);
    await ours();
    assert.ok(codec.bookings.some(({ id }) => id === 'desk-1'));
  });

  it('is put right after a reboot', async () => {
    await house.reconciler.settled();
    codec.reboot();
    await ours();
  });
});
