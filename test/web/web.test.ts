import assert from 'node:assert/strict';
import { parse } from 'acorn';
import { SimulatedClock } from '../../src/clock.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import type { WebLimits } from '../../src/web/context.ts';
import { type RoomPage, roomPath } from '../../src/web/paths.ts';
import { createWeb, type Web, type WebOptions } from '../../src/web/web.ts';
import { entry, hour, minute, TestHouse } from './house.ts';

const now = Date.UTC(2026, 2, 5, 10, 0);

describe('the web @first-run @firm', () => {
  let house: TestHouse;
  let web: Web;
  let clock: SimulatedClock;
  const log: string[] = [];

  async function open(limits: Partial<WebLimits> = {}, options: Partial<WebOptions> = {}): Promise<void> {
    await web?.close();
    clock = new SimulatedClock(now);
    const destination = { write: (line: string) => void log.push(line) };
    web = await createWeb({
      house,
      listen: { address: '127.0.0.1', port: 0 },
      clock,
      log: createLog({ level: 'debug', destination }),
      metrics: createMetrics(),
      limits: { drainMs: 50, ...limits },
      ...options,
    });
  }

  function url(page: RoomPage, roomId = 'atrium', secret = house.secrets('atrium')[0] ?? ''): string {
    return web.url + roomPath(roomId, secret, page);
  }

  function press(
    action: 'join' | 'hang-up',
    headers: Record<string, string> = { origin: web.url },
    body: unknown = {},
  ) {
    return fetch(url(action), {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  const current = entry({ start: now - 5 * minute, title: 'Budget round' });
  const later = entry({ start: now + 2 * hour, title: 'Site visit' });

  beforeEach(async () => {
    house = new TestHouse().add({ roomId: 'atrium', entries: [current, later] }).add({ roomId: 'fjord' });
    await open();
  });

  after(() => web.close());

  it('has the titles and entries in the panel’s first answer', async () => {
    const answer = await fetch(url('panel'));
    const body = await answer.text();
    assert.equal(answer.status, 200);
    for (const text of ['Budget round', 'Site visit', `id="join-${current.id}"`, '9:55', '12:00']) {
      assert.ok(body.includes(text), text);
    }
    assert.equal(house.panel('atrium')?.lastRead()?.revision, 1);
  });

  it('serves script that an ES2015 browser can parse', async () => {
    const page = await (await fetch(url('panel'))).text();
    const src = /<script src="([^"]+)"/.exec(page)?.[1] ?? '';
    const script = await fetch(web.url + src);
    assert.match(script.headers.get('cache-control') ?? '', /immutable/);
    const text = await script.text();
    assert.ok(text.length > 2_000);
    parse(text, { ecmaVersion: 2015, sourceType: 'script' });
    assert.throws(() => parse('a?.b', { ecmaVersion: 2015 }));
    // What a bundler cannot lower: library functions that came later.
    const later =
      /\.(toSorted|toReversed|flatMap|flat|at|padStart|padEnd|replaceAll|matchAll|trimStart|trimEnd|finally|replaceChildren|append|formatToParts)\(|Object\.(entries|values|fromEntries|hasOwn)|structuredClone|globalThis|\bfetch\(/;
    assert.equal(later.exec(text)?.[0], undefined);
  });

  it('sets headers that keep the secret in and foreign script out, and has no inline script or style', async () => {
    const answer = await fetch(url('panel'));
    const policy = answer.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.ok(!policy.includes('unsafe'));
    assert.equal(answer.headers.get('referrer-policy'), 'no-referrer');
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    const body = await answer.text();
    assert.ok(!/ style=|<style| on[a-z]+=/.test(body));
  });

  it('gives a wrong secret, an unknown room and an unknown page the same 404', async () => {
    const secret = house.secrets('atrium')[0] ?? '';
    const tries = [
      url('panel', 'atrium', 'x'),
      url('panel', 'nowhere'),
      url('panel', 'fjord'),
      url('panel', 'atrium', `${secret}x`),
      `${web.url}/r/atrium/${secret}/x`,
      `${web.url}/no`,
    ];
    const answers = await Promise.all(
      tries.map(async (at) => {
        const answer = await fetch(at);
        return `${answer.status} ${answer.headers.get('content-type')} ${await answer.text()}`;
      }),
    );
    assert.equal(new Set(answers).size, 1);
    assert.match(answers[0] ?? '', /^404 /);
  });

  it('opens with both secrets during a rotation and with the new one alone after it', async () => {
    const [old = ''] = house.secrets('atrium');
    house.setSecrets('atrium', ['the-new-secret', old]);
    assert.equal((await fetch(url('feed.ics', 'atrium', old))).status, 200);
    assert.equal((await fetch(url('feed.ics', 'atrium', 'the-new-secret'))).status, 200);
    house.setSecrets('atrium', ['the-new-secret']);
    assert.equal((await fetch(url('feed.ics', 'atrium', old))).status, 404);
    house.setSecrets('atrium', []);
    assert.equal((await fetch(url('feed.ics', 'atrium', ''))).status, 404);
  });

  it('asks the room’s device to dial on a press from its own page', async () => {
    const answer = await press('join', { origin: web.url }, { entry: current.id });
    assert.equal(answer.status, 202);
    assert.deepEqual(await answer.json(), { outcome: 'calling' });
    assert.deepEqual(house.joined, [{ roomId: 'atrium', entryId: current.id }]);
    assert.equal((await press('hang-up')).status, 202);
    house.answer = { outcome: 'unreachable', words: 'The video system does not answer.' };
    const failed = await press('join', { origin: web.url }, { entry: current.id });
    assert.deepEqual([failed.status, await failed.json()], [409, { outcome: 'unreachable' }]);
  });

  it('works as a plain form, for a page without script', async () => {
    house.answer = { outcome: 'busy', words: 'In a call.' };
    const form = {
      method: 'POST',
      body: new URLSearchParams({ entry: current.id }),
      headers: { 'sec-fetch-site': 'same-origin' },
    };
    const answer = await fetch(url('join'), { ...form, redirect: 'manual' });
    assert.equal(answer.status, 303);
    const page = await (await fetch(web.url + (answer.headers.get('location') ?? ''))).text();
    assert.ok(page.includes('The video system is already in a call.'));
  });

  it('refuses a press that another site made a browser send, or that no browser sent', async () => {
    const foreign: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site', origin: web.url },
      { 'sec-fetch-site': 'same-site' },
      {},
    ];
    for (const headers of foreign) assert.equal((await press('join', headers, { entry: current.id })).status, 403);
    assert.deepEqual(house.joined, []);
  });

  it('refuses a press without an entry, of another type, or larger than any press is', async () => {
    const headers = { origin: web.url };
    for (const body of [{}, { entry: 7 }, { entry: '' }, { entry: 'x'.repeat(101) }, [], null, 'x']) {
      assert.equal((await press('join', headers, body)).status, 400, JSON.stringify(body));
    }
    assert.equal((await press('join', headers, { entry: 'x'.repeat(5_000) })).status, 413);
    const xml = await fetch(url('join'), {
      method: 'POST',
      headers: { ...headers, 'content-type': 'text/xml' },
      body: '<x/>',
    });
    assert.equal(xml.status, 415);
    assert.deepEqual(house.joined, []);
  });

  it('limits presses and readings by room, and guesses by address', async () => {
    await open({ pressesPerRoomPerMinute: 2, readsPerRoomPerMinute: 3, wrongSecretsPerAddressPerMinute: 4 });
    const statuses = async (times: number, ask: () => Promise<Response>): Promise<number[]> => {
      const seen: number[] = [];
      for (let i = 0; i < times; i++) seen.push((await ask()).status);
      return seen;
    };
    assert.deepEqual(await statuses(3, () => press('hang-up')), [202, 202, 429]);
    assert.deepEqual(await statuses(4, () => fetch(url('view'))), [200, 200, 200, 429]);
    assert.deepEqual(await statuses(1, () => fetch(url('view', 'fjord', house.secrets('fjord')[0]))), [200]);
    assert.deepEqual(await statuses(5, () => fetch(url('view', 'atrium', 'guess'))), [404, 404, 404, 404, 429]);
    await open({ requestsPerAddressPerMinute: 2 });
    assert.deepEqual(await statuses(3, () => fetch(`${web.url}/healthz`)), [200, 200, 429]);
  });

  it('serves the feed with an ETag and answers 304 to who has it', async () => {
    const first = await fetch(url('feed.ics'));
    const etag = first.headers.get('etag') ?? '';
    assert.match(first.headers.get('content-type') ?? '', /^text\/calendar/);
    const second = await fetch(url('feed.ics'), { headers: { 'if-none-match': etag } });
    assert.deepEqual([second.status, await second.text()], [304, '']);
    house.set('atrium', []);
    assert.equal((await fetch(url('feed.ics'), { headers: { 'if-none-match': etag } })).status, 200);
  });

  it('is ready, healthy and measured', async () => {
    assert.equal((await fetch(`${web.url}/healthz`)).status, 200);
    assert.equal((await fetch(`${web.url}/readyz`)).status, 200);
    house.notReady = () => 'the store is away';
    const away = await fetch(`${web.url}/readyz`);
    assert.deepEqual([away.status, await away.text()], [503, 'the store is away\n']);
    const metrics = await (await fetch(`${web.url}/metrics`)).text();
    assert.match(metrics, /usher_web_requests_total\{route="\/healthz",method="GET",status="200"\} 1/);
    assert.match(metrics, /^usher_rooms 2$/m);
    assert.match(metrics, /^usher_rooms_never_read 2$/m);
    assert.match(metrics, /^usher_devices\{kind="pulled",state="up-to-date"\} 2$/m);
    house.setCall('atrium', { state: 'lobby' });
    assert.match(await (await fetch(`${web.url}/metrics`)).text(), /^usher_rooms_in_call\{state="lobby"\} 1$/m);
  });

  it('shows start and status on this machine, elsewhere only to the administrator', async () => {
    const { request } = await import('node:http');
    const ask = (path: string, headers: Record<string, string>): Promise<number> =>
      new Promise((resolve, reject) => {
        request(web.url + path, { headers }, (answer) => resolve(answer.resume().statusCode ?? 0))
          .on('error', reject)
          .end();
      });
    const start = await (await fetch(`${web.url}/`)).text();
    assert.ok(start.includes(roomPath('atrium', house.secrets('atrium')[0] ?? '', 'panel')));
    const status = await (await fetch(`${web.url}/status`)).text();
    assert.ok(status.includes('Budget round') && !status.includes(house.secrets('atrium')[0] ?? '-'));
    assert.equal((await fetch(`${web.url}/calls.json?limit=many`)).status, 200);
    for (const path of ['/', '/status', '/metrics']) {
      assert.equal(await ask(path, { host: 'rebound.example' }), 403, path);
      assert.equal(await ask(path, { 'x-forwarded-for': '192.0.2.1' }), 403, path);
    }
    house.admin = 'hush-hush';
    assert.equal(await ask('/status', { host: 'rebound.example' }), 401);
    assert.equal(await ask('/status', { host: 'rebound.example', authorization: 'Bearer wrong' }), 401);
    assert.equal(await ask('/status', { host: 'rebound.example', authorization: 'Bearer hush-hush' }), 200);
    const basic = `Basic ${Buffer.from('admin:hush-hush').toString('base64')}`;
    assert.equal(await ask('/status', { host: 'rebound.example', authorization: basic }), 200);
  });

  it('trusts no loopback address once a proxy is configured, and takes presses from the public address', async () => {
    await open({}, { publicUrl: 'https://usher.example.com' });
    assert.equal((await fetch(`${web.url}/status`)).status, 403);
    house.admin = 'hush-hush';
    assert.equal((await fetch(`${web.url}/status`)).status, 401);
    assert.equal((await fetch(`${web.url}/status`, { headers: { authorization: 'Bearer hush-hush' } })).status, 200);
    assert.equal((await press('hang-up', { origin: 'https://usher.example.com' })).status, 202);
    assert.equal((await press('hang-up', { origin: 'https://usher.example.net' })).status, 403);
  });

  it('streams the whole view on each change, beats in between, and lets go when the reader goes', async () => {
    const stop = new AbortController();
    const answer = await fetch(url('events'), { signal: stop.signal });
    const events = readEvents(answer);
    const first = await events.next();
    assert.equal(first.type, 'view');
    assert.equal(JSON.parse(first.data).state.entries.length, 2);
    house.set('atrium', [later]);
    house.set('atrium', [{ ...later, title: 'Moved' }]);
    const second = await events.next();
    assert.deepEqual(
      [JSON.parse(second.data).state.entries.length, JSON.parse(second.data).state.entries[0].title],
      [1, 'Moved'],
    );
    await clock.advance(15_000);
    assert.deepEqual(await events.next(), { type: 'beat', id: second.id, data: String(now + 15_000) });
    assert.equal(house.listeners('atrium'), 1);

    const again = await fetch(url('events'), { headers: { 'last-event-id': second.id }, signal: stop.signal });
    assert.equal((await readEvents(again).next()).type, 'beat');
    const gone = house.unsubscribed('atrium');
    stop.abort();
    await gone;
    assert.equal(house.listeners('atrium'), 0);
  });

  it('limits the streams of a room and ends those of a secret that was dropped', async () => {
    await open({ streamsPerRoom: 1 });
    const events = readEvents(await fetch(url('events')));
    await events.next();
    const refused = await fetch(url('events'));
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '30']);
    house.setSecrets('atrium', ['the-new-secret']);
    await clock.advance(15_000);
    await assert.rejects(events.next(), /ended/);
  });

  it('ends its streams when it closes', async () => {
    const events = readEvents(await fetch(url('events')));
    await events.next();
    await web.close();
    await assert.rejects(events.next(), /ended/);
    await open();
  });
});

interface StreamEvent {
  type: string;
  id: string;
  data: string;
}

/** Reads events one by one; rejects with `ended` at the end of the stream. */
function readEvents(answer: Response): { next(): Promise<StreamEvent> } {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  let id = '';
  return {
    async next() {
      for (;;) {
        const end = text.indexOf('\n\n');
        if (end >= 0) {
          const fields = new Map(
            text
              .slice(0, end)
              .split('\n')
              .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
          );
          text = text.slice(end + 2);
          id = fields.get('id') ?? id;
          const type = fields.get('event');
          if (type !== undefined) return { type, id, data: fields.get('data') ?? '' };
          continue;
        }
        const chunk = await reader?.read();
        if (chunk === undefined || chunk.done) throw new Error('ended');
        text += chunk.value;
      }
    },
  };
}
