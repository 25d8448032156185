import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { systemClock } from '../../src/clock.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { roomPath } from '../../src/web/paths.ts';
import { createWeb, type Web } from '../../src/web/web.ts';
import { entry, TestHouse } from './house.ts';

const long = (size: number): string => 'x'.repeat(size);

/** Resolves when the socket is closed, by whatever way. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

describe('bad input to the web @firm', () => {
  const log: string[] = [];
  let house: TestHouse;
  let web: Web;
  let port: number;
  let panel: string;
  let join: string;

  before(async () => {
    house = new TestHouse().add({ roomId: 'atrium', entries: [entry({ start: Date.now() })] });
    web = await createWeb({
      house,
      listen: { address: '127.0.0.1', port: 0 },
      clock: systemClock,
      log: createLog({ level: 'debug', destination: { write: (line) => void log.push(line) } }),
      metrics: createMetrics(),
      limits: { requestMs: 600, drainMs: 100, wrongSecretsPerAddressPerMinute: 1_000, pressesPerRoomPerMinute: 1_000 },
    });
    port = Number(new URL(web.url).port);
    panel = roomPath('atrium', house.secrets('atrium')[0] ?? '', 'panel');
    join = roomPath('atrium', house.secrets('atrium')[0] ?? '', 'join');
  });

  after(() => web.close());

  /** Sends bytes as they are; resolves with all that came back when the server has closed, or after the first answer. */
  async function send(bytes: string | Buffer): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      answer += chunk;
      if (/^HTTP\/1\.1 \d{3}[\s\S]*\r\n\r\n/.test(answer)) socket.end();
    });
    socket.write(bytes);
    await closed(socket);
    return answer;
  }

  const head = (line: string, ...headers: string[]): string =>
    [`${line} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...headers, '', ''].join('\r\n');

  const post = (body: string, ...headers: string[]): string =>
    `${head(`POST ${join}`, 'Origin: http://127.0.0.1:9', ...headers, `Content-Length: ${Buffer.byteLength(body)}`)}${body}`;

  const json = 'Content-Type: application/json';
  const form = 'Content-Type: application/x-www-form-urlencoded';

  it('answers each with a refusal, and everybody else as before', async () => {
    const table: [what: string, bytes: string | Buffer, status: RegExp][] = [
      ['a header of 100 KB', head('GET /healthz', `X-Long: ${long(100_000)}`), /431/],
      ['20,000 headers', head('GET /healthz', ...Array.from({ length: 20_000 }, (_, i) => `X-${i}: 1`)), /431/],
      ['an address of 60 KB', head(`GET /${long(60_000)}`), /431|414/],
      ['an address of 12 KB', head(`GET /r/${long(6_000)}/${long(6_000)}/panel`), /40[04]/],
      ['a room of 100 KB in a form', post(`entry=${long(100_000)}`, form), /413/],
      ['a body that says it has 1 GB', head(`POST ${join}`, json, 'Content-Length: 1000000000'), /413/],
      [
        'chunks without an end',
        `${head(`POST ${join}`, json, 'Transfer-Encoding: chunked')}${`1000\r\n${long(4096)}\r\n`.repeat(3)}`,
        /413/,
      ],
      ['broken percent escapes', head('GET /r/%E0%A4%A/%ZZ/panel'), /400|404/],
      ['percent escapes that are no UTF-8', head('GET /r/%FF%FE/x/panel'), /400|404/],
      ['a NUL in the address', head('GET /r/atrium%00/x/panel'), /404/],
      ['a way up from the assets', head('GET /assets/../../package.json'), /404/],
      ['a way up, escaped', head('GET /assets/..%2f..%2fpackage.json'), /404/],
      ['a way up, escaped twice', head('GET /assets/%252e%252e%252fpackage.json'), /404/],
      ['a file by its path', head('GET //etc/passwd'), /404/],
      ['an object’s own word as a file', head('GET /assets/__proto__'), /404/],
      ['an object’s own word as a room', head('GET /r/__proto__/constructor/panel'), /404/],
      ['DELETE', head(`DELETE ${panel}`), /404/],
      ['PUT', head(`PUT ${panel}`, 'Content-Length: 0'), /404/],
      ['TRACE', head(`TRACE ${panel}`), /40[045]/],
      ['CONNECT', head('CONNECT example.com:443'), /^$|40\d/],
      ['GET of an action', head(`GET ${join}`), /404/],
      ['POST of a page', head(`POST ${panel}`, 'Content-Length: 0'), /404/],
      ['a method that is none', head(`BREW ${panel}`), /400/],
      ['bytes that are no HTTP', Buffer.from(Array.from({ length: 512 }, (_, i) => (i * 37) % 256)), /400/],
      ['the start of a TLS handshake', Buffer.from('160301020001', 'hex'), /400/],
      ['HTTP/0.9', 'GET /\r\n\r\n', /40[03]/],
      ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n', /400/],
      ['two lengths', head(`POST ${join}`, json, 'Content-Length: 2', 'Transfer-Encoding: chunked'), /400/],
      ['a bare line feed in a header', `GET /healthz HTTP/1.1\nHost: x\nA: b\rc\n\n`, /400/],
      ['JSON that is broken', post('{"entry": ', json), /400/],
      ['JSON that would change every object', post('{"__proto__": {"entry": "x"}}', json), /400/],
      ['JSON 2,000 levels deep', post(`${'['.repeat(2_000)}${']'.repeat(2_000)}`, json), /40[03]/],
      [
        'a body that is not UTF-8',
        Buffer.from(`${head(`POST ${join}`, json, 'Content-Length: 15')}{"entry": "\u00ff\u00fe"}`, 'latin1'),
        /40[03]/,
      ],
      ['a type that nobody knows', post('x', 'Content-Type: text/../xml'), /415/],
      ['a type in another charset', post('entry=x', `${form}; charset=utf-7`), /403/],
      ['an entry twice', post('entry=a&entry=b', form), /403/],
      ['an Origin that is no address', head(`POST ${join}`, 'Origin: http://[::1', form, 'Content-Length: 0'), /403/],
    ];
    for (const [what, bytes, status] of table) {
      const answer = await send(bytes);
      assert.match(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? '', status, `${what}: ${answer.slice(0, 200)}`);
      assert.ok(!/devDependencies|root:|at .*\.ts:\d|node_modules/.test(answer), `${what} was told too much`);
      assert.equal((await fetch(`${web.url}/healthz`)).status, 200, `after ${what}`);
    }
    assert.deepEqual(house.joined, []);
    assert.deepEqual(
      log.filter((line) => /"level":"(error|fatal)"/.test(line)),
      [],
    );
  });

  it('takes no notice of what a reader of events or of the feed says of itself', async () => {
    const feed = roomPath('atrium', house.secrets('atrium')[0] ?? '', 'feed.ics');
    const events = roomPath('atrium', house.secrets('atrium')[0] ?? '', 'events');
    const odd = `${'"'.repeat(3_000)},W/,*x`;
    assert.match(await send(head(`GET ${feed}`, `If-None-Match: ${odd}`)), /^HTTP\/1\.1 200/);
    assert.match(await send(head(`GET ${events}`, `Last-Event-ID: ${odd}`)), /^HTTP\/1\.1 200/);
    assert.match(await send(head(`GET ${panel}?theme=%22%3E%3Cscript%3E&outcome[]=x&theme=y`)), /^HTTP\/1\.1 200/);
  });

  it('lets nobody hold a connection by sending slowly, or nothing', async function () {
    this.slow(8_000);
    const began = performance.now();
    const slow = [
      ...Array.from({ length: 50 }, () => drip(head(`GET ${panel}`))),
      ...Array.from({ length: 50 }, () => drip(post(`{"entry":"${long(2_000)}"}`, json), 250)),
      ...Array.from({ length: 50 }, () => drip('')),
    ];
    // The others are served meanwhile.
    const from = performance.now();
    assert.equal((await fetch(web.url + panel)).status, 200);
    assert.ok(performance.now() - from < 1_000);
    await Promise.all(slow);
    assert.ok(performance.now() - began < 5_000, 'the slow ones were let go');
  });

  /** Writes the first `quick` bytes at once, then one every 50 ms, until the server closes. */
  async function drip(text: string, quick = 5): Promise<void> {
    const socket: Socket = connect(port, '127.0.0.1');
    let at = quick;
    if (text !== '') socket.write(text.slice(0, quick));
    const timer = setInterval(() => {
      if (at < text.length && socket.writable) socket.write(text[at++] ?? '');
    }, 50);
    socket.on('error', () => socket.destroy());
    socket.resume();
    await closed(socket);
    clearInterval(timer);
  }
});
