import assert from 'node:assert/strict';
import { SimulatedClock } from '../../src/clock.ts';
import { createLog, maskSecrets } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { type RoomPage, roomPath } from '../../src/web/paths.ts';
import { createWeb } from '../../src/web/web.ts';
import { hour, entry as joinEntry, TestHouse } from '../web/house.ts';

const now = Date.UTC(2026, 2, 5, 10, 0);

describe('the log @firm', () => {
  it('names rooms, entries and outcomes, and no secret, token, title or organiser, whatever happens', async () => {
    const lines: string[] = [];
    const secret = 'mqz4kq5pv3l6wc7rt2yx5hn3ba';
    const admin = 'administrators-own-secret';
    const token = 'abcdefghijklmnopqrstuvwxyz';
    const one = joinEntry({
      start: now,
      title: 'Takeover of Northwind',
      organizer: { name: 'Board office', email: 'board@example.com' },
      dial: { address: `sip:${token}@usher.example.net`, protocol: 'sip' },
    });
    const house = new TestHouse().add({ roomId: 'atrium', entries: [one] }, { secret });
    house.admin = admin;
    const web = await createWeb({
      house,
      listen: { address: '127.0.0.1', port: 0 },
      clock: new SimulatedClock(now),
      log: createLog({ level: 'trace', destination: { write: (line) => void lines.push(line) } }),
      metrics: createMetrics(),
      limits: { drainMs: 50, pressesPerRoomPerMinute: 3 },
    });
    const url = (page: RoomPage, key = secret): string => web.url + roomPath('atrium', key, page);
    const get = async (address: string, headers = {}): Promise<void> =>
      void (await (await fetch(address, { headers })).text());
    const press = async (body: string): Promise<void> => {
      const headers = { origin: web.url, 'content-type': 'application/json', accept: 'application/json' };
      await (await fetch(url('join'), { method: 'POST', headers, body })).text();
    };
    for (const page of ['panel', 'view', 'feed.ics'] as const) await get(url(page));
    const stop = new AbortController();
    await fetch(url('events'), { signal: stop.signal });
    house.set('atrium', [one, joinEntry({ start: now + hour, title: 'Takeover of Northwind, part two' })]);
    await get(url('panel', `${secret}x`));
    await get(`${web.url}/r/atrium/${secret}/pannel?secret=${secret}`);
    await get(`${web.url}/${secret}`);
    await get(`${web.url}/r/atrium/%E0%A4%A/${secret}`);
    for (const path of ['/', '/status', '/status.json', '/metrics']) {
      await get(web.url + path, { authorization: `Bearer ${admin}`, 'x-forwarded-for': '192.0.2.1' });
      await get(web.url + path, { authorization: `Bearer ${admin}x`, 'x-forwarded-for': '192.0.2.1' });
    }
    await press(JSON.stringify({ entry: one.id }));
    await press(`{"entry": "${secret}`);
    for (let i = 0; i < 3; i++) await press(JSON.stringify({ entry: one.id }));
    // A route that fails with a message that quotes what it should not.
    house.view = () => {
      throw new Error(`cannot show ${url('panel')} with sip:${token}@usher.example.net`);
    };
    await get(url('panel'));
    stop.abort();
    await web.close();

    const text = lines.join('');
    assert.ok(lines.length >= 15, text);
    for (const hidden of [secret, admin, token, 'Northwind', 'Board office', 'board@example.com']) {
      assert.ok(!text.includes(hidden), `${hidden} stands in ${lines.find((line) => line.includes(hidden))}`);
    }
    const parsed = lines.map((line) => JSON.parse(line));
    assert.ok(parsed.some((line) => line.room === 'atrium' && line.entry === one.id && line.outcome === 'calling'));
    assert.ok(parsed.some((line) => line.level === 'error' && line.err.message.startsWith('cannot show')));
    assert.ok(parsed.some((line) => line.status === 404 && line.room === 'atrium'));
  });

  it('redacts by field name and by shape, and leaves ids alone', () => {
    const lines: string[] = [];
    const log = createLog({ destination: { write: (line) => void lines.push(line) } });
    log.info(
      { title: 'Hidden', meeting: { subject: 'Hidden', passcode: 'Hidden' }, id: 'usher-abcdefghijklmnopqrstuvwxyz' },
      'x',
    );
    assert.ok(!lines.join('').includes('Hidden'));
    assert.ok(lines.join('').includes('usher-abcdefghijklmnopqrstuvwxyz'));
    assert.equal(
      maskSecrets('http://user:pass@h/r/a/key/panel Authorization: Bearer abcdefg sip:abcdefghijklmnopqrstuvwxyz@x'),
      'http://user:***@h/r/a/***/panel Authorization: Bearer *** sip:***@x',
    );
  });

  it('names rooms, devices, entries and calls alike, and writes an error with its stack', () => {
    const lines: string[] = [];
    const log = createLog({ destination: { write: (line) => void lines.push(line) } });
    log.warn({ roomId: 'oslo', deviceId: 'oslo/1', callId: 'c', entryId: 'e', error: new Error('no answer') }, 'x');
    const { room, device, call, entry, err } = JSON.parse(lines[0] ?? '');
    assert.deepEqual([room, device, call, entry, err.message], ['oslo', 'oslo/1', 'c', 'e', 'no answer']);
    assert.match(err.stack, /log\.test\.ts/);
  });

  it('masks passcodes in meeting links', () => {
    assert.equal(
      maskSecrets('"https://teams.microsoft.com/meet/2112223334445?p=abcDEF" https://example.org/x?a=1&pwd=xyz&b=2'),
      '"https://teams.microsoft.com/meet/2112223334445?p=***" https://example.org/x?a=1&pwd=***&b=2',
    );
  });

  it('masks a hostile megabyte in linear time', () => {
    const began = performance.now();
    for (const part of ['/r/', '://', 'a', 'Bearer ', '/r/x/', '@', ':', '?p=', '&key', 'usher-'])
      maskSecrets(part.repeat(1_000_000 / part.length));
    assert.ok(performance.now() - began < 2_000);
  });
});
