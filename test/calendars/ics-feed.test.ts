import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { CalendarUnavailable } from '../../connectors/calendars/calendar.ts';
import { isPrivateAddress } from '../../connectors/calendars/ics/address.ts';
import { type IcsFeedOptions, openIcsFeed } from '../../connectors/calendars/ics/feed.ts';
import { systemClock } from '../../src/clock.ts';
import { calendarContract } from './contract.ts';
import { calendar, fromContract, vevent } from './ics-source.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

class FeedServer {
  answer: Answer = (_request, response) => response.end();
  readonly requests: IncomingMessage[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      this.requests.push(request);
      this.answer(request, response);
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/private-1f2e3d/basic.ics`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const march = { from: Date.parse('2026-03-01T00:00Z'), to: Date.parse('2026-04-01T00:00Z') };
const one = calendar(vevent('one', 'DTSTART:20260302T090000Z', 'DURATION:PT1H'));

calendarContract('an iCalendar feed', '@first-run', { tells: false }, async () => {
  const server = await new FeedServer().listen();
  let body = fromContract([]);
  let broken = false;
  server.answer = (_request, response) => {
    response.statusCode = broken ? 500 : 200;
    response.end(broken ? 'private-1f2e3d' : body);
  };
  return {
    calendar: openIcsFeed({
      url: server.url,
      timeZone: 'UTC',
      clock: systemClock,
      allowPrivateAddresses: true,
      auth: { user: 'room', password: 'pass-word' },
    }),
    put: async (events) => {
      body = fromContract(events);
    },
    fail: async (value) => {
      broken = value;
    },
    secrets: ['private-1f2e3d', 'pass-word'],
    close: () => server.close(),
  };
});

describe('an iCalendar feed @first-run', () => {
  let server: FeedServer;
  beforeEach(async () => {
    server = await new FeedServer().listen();
  });
  afterEach(() => server.close());

  const feed = (options: Partial<IcsFeedOptions> = {}) =>
    openIcsFeed({ url: server.url, timeZone: 'UTC', clock: systemClock, allowPrivateAddresses: true, ...options });
  const read = async (options: Partial<IcsFeedOptions> = {}): Promise<(string | null)[]> =>
    (await feed(options).read(march, new AbortController().signal)).invites.map((invite) => invite.uid);
  const refused = (options: Partial<IcsFeedOptions>, pattern: RegExp): Promise<void> =>
    assert.rejects(read(options), (error: unknown) => {
      assert.ok(error instanceof CalendarUnavailable, String(error));
      assert.match(error.message, pattern);
      return true;
    });

  it('asks with the ETag it has, or the date where there is none, and costs no body when nothing changed', async () => {
    for (const [name, value, asked] of [
      ['etag', '"v1"', 'if-none-match'],
      ['last-modified', 'Mon, 02 Mar 2026 09:00:00 GMT', 'if-modified-since'],
    ] as const) {
      server.requests.length = 0;
      server.answer = (request, response) => {
        if (request.headers[asked] === value) response.writeHead(304).end();
        else response.writeHead(200, { [name]: value }).end(one);
      };
      const room = feed();
      for (let reading = 0; reading < 2; reading++) {
        const { invites } = await room.read(march, new AbortController().signal);
        assert.deepEqual(
          invites.map((invite) => invite.uid),
          ['one'],
        );
      }
      assert.equal(server.requests[1]?.headers[asked], value);
    }
  });

  it('sends user and password, from the options or the url, and to no other origin', async () => {
    const other = await new FeedServer().listen();
    other.answer = (_request, response) => response.end(one);
    server.answer = (_request, response) =>
      response.writeHead(302, { location: `http://127.0.0.1:${other.port}/x.ics` }).end();
    assert.deepEqual(await read({ auth: { user: 'room', password: 'pä' } }), ['one']);
    assert.deepEqual(await read({ url: server.url.replace('//', '//room:p%C3%A4@') }), ['one']);
    const expected = `Basic ${Buffer.from('room:pä').toString('base64')}`;
    assert.deepEqual(
      server.requests.map((request) => request.headers.authorization),
      [expected, expected],
    );
    assert.deepEqual(
      other.requests.map((request) => request.headers.authorization),
      [undefined, undefined],
    );
    await other.close();
  });

  it('reads webcal addresses and packed bodies', async () => {
    server.answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(one));
    assert.deepEqual(await read({ url: server.url.replace('http:', 'webcal:') }), ['one']);
  });

  it('refuses private, loopback and link-local addresses, by number and by name', async () => {
    server.answer = (_request, response) => response.end(one);
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '2130706433', '0.0.0.0']) {
      await refused(
        { url: `http://${host}:${server.port}/`, allowPrivateAddresses: false },
        /private, loopback or link-local address; allow/,
      );
    }
    assert.equal(server.requests.length, 0);
    for (const address of [
      '10.1.2.3',
      '172.31.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1',
      'fe80::1%eth0',
      'fd00::1',
      '::ffff:10.0.0.1',
      '::ffff:a00:1',
      '64:ff9b::a00:1',
      '2002:a00:1::',
    ]) {
      assert.equal(isPrivateAddress(address), true, address);
    }
    for (const address of ['203.0.113.7', '93.184.216.34', '2a00:1450:400f::1'])
      assert.equal(isPrivateAddress(address), false, address);
  });

  it('ends redirects without end, and those that leave http', async () => {
    server.answer = (_request, response) => response.writeHead(302, { location: '/again' }).end();
    await refused({}, /redirects more than 5 times/);
    assert.equal(server.requests.length, 6);
    server.answer = (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    await refused({}, /redirects to something that is no http\(s\) address/);
  });

  it('ends a body that comes a byte at a time, headers that never come, and a body that stops', async () => {
    server.answer = (_request, response) => {
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    };
    await refused({ limits: { totalMs: 300 } }, /did not answer whole within 0\.3 s/);
    server.answer = () => {};
    await refused({ limits: { totalMs: 300 } }, /did not answer whole within 0\.3 s/);
    server.answer = (_request, response) => {
      response.write(one.slice(0, 50));
    };
    await refused({ limits: { bodyMs: 300 } }, /could not be read/);
  });

  it('ends a body that is too large, also one that says so late or grows when unpacked', async () => {
    const limits = { bytes: 100_000 };
    server.answer = (_request, response) =>
      response.writeHead(200, { 'content-length': '900000' }).end(Buffer.alloc(900_000));
    await refused({ limits }, /is larger than/);
    server.answer = (_request, response) => {
      const flood = setInterval(() => response.write(Buffer.alloc(30_000)), 1);
      response.on('close', () => clearInterval(flood));
    };
    await refused({ limits }, /is larger than/);
    server.answer = (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(10_000_000)));
    await refused({ limits }, /is larger than/);
  });

  it('says what came instead of a calendar, and keeps nothing of half a one', async () => {
    server.answer = (_request, response) => response.end('<html><title>Sign in</title></html>');
    await refused({}, /is a web page, not a calendar/);
    server.answer = (_request, response) => response.end(one.slice(0, -20));
    await refused({}, /ended in the middle/);
    server.answer = (_request, response) =>
      response.writeHead(200, { 'content-length': '5000' }).end(one, () => response.destroy());
    await refused({}, /could not be read/);
    server.answer = (_request, response) => response.writeHead(401).end();
    await refused({}, /HTTP 401; check the user and password/);
  });

  it('passes on how long the server asks to wait', async () => {
    server.answer = (_request, response) => response.writeHead(429, { 'retry-after': '120' }).end();
    await assert.rejects(
      read(),
      (error: unknown) => error instanceof CalendarUnavailable && error.retryAfterMs === 120_000,
    );
  });

  it('refuses what is no feed address when it is opened', () => {
    for (const url of ['ftp://example.com/a.ics', '/srv/a.ics', 'https://'])
      assert.throws(() => feed({ url }), RangeError);
    assert.throws(() => feed({ timeZone: 'Nowhere' }), RangeError);
  });

  it('ends when it is told to', async () => {
    server.answer = () => {};
    const stop = new AbortController();
    const reading = feed().read(march, stop.signal);
    stop.abort(new Error('enough'));
    await assert.rejects(reading, /enough/);
  });
});
