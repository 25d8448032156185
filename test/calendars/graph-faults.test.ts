import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type Calendar, CalendarUnavailable, type Window } from '../../connectors/calendars/calendar.ts';
import type { GraphTenant } from '../../connectors/calendars/graph/tenant.ts';
import { type Fault, GraphSimulator } from '../../fixtures/graph/simulator.ts';
import { systemClock } from '../../src/clock.ts';
import { tenantOf } from './graph-tenant.ts';

const room = 'fjord@example.com';
const week: Window = { from: Date.parse('2026-03-02T00:00Z'), to: Date.parse('2026-03-09T00:00Z') };

/**
 * What the product does with a failed reading: waits as long as it is asked to, else a moment, and reads again. Resolves
 * to what was read and to how long the waits were that it was asked for.
 */
async function healed(calendar: Calendar): Promise<{ uids: (string | null)[]; waits: number[]; failures: string[] }> {
  const waits: number[] = [];
  const failures: string[] = [];
  for (;;) {
    try {
      const { invites } = await calendar.read(week, new AbortController().signal);
      return { uids: invites.map((invite) => invite.uid), waits, failures };
    } catch (error) {
      assert.ok(error instanceof CalendarUnavailable, String(error));
      failures.push(error.message);
      if (error.retryAfterMs !== null) waits.push(error.retryAfterMs);
      await new Promise((resolve) => setTimeout(resolve, Math.min(5_000, error.retryAfterMs ?? 20)));
    }
  }
}

describe('faults between Usher and Microsoft Graph @calendars', () => {
  let simulator: GraphSimulator;
  let tenant: GraphTenant;
  let calendar: Calendar;

  beforeEach(async () => {
    simulator = await GraphSimulator.start();
    for (let index = 0; index < 150; index++) {
      simulator.put(room, { id: `m${index}`, start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
    }
    tenant = tenantOf(simulator, { timeoutMs: 600 });
    calendar = tenant.calendar(room, 'UTC');
  });
  afterEach(async () => {
    await tenant.close();
    await simulator.close();
    assert.deepEqual(
      Object.entries(simulator.limits.violations).filter(([, count]) => count > 0),
      [],
    );
  });

  const second = String.raw`\$skip=100`;
  const table: [name: string, faults: Fault[], seen: RegExp | null][] = [
    ['one 503 without a word when to come back', [{ times: 1, status: 500 }], null],
    ['a 429 with a second to wait', [{ times: 1, status: 429, retryAfter: 1 }], null],
    ['a storm of 429, three seconds each', [{ times: 2, status: 429, retryAfter: 3 }], /throttles requests for fjord/],
    ['a 503 that asks for three seconds', [{ times: 1, status: 503, retryAfter: 3 }], /HTTP 503/],
    ['a storm of 500', [{ times: 7, status: 500 }], /HTTP 500/],
    [
      'a token refused in the middle of the pages',
      [{ times: 1, match: second, status: 401, code: 'InvalidAuthenticationToken' }],
      null,
    ],
    [
      'a token refused again and again',
      [{ times: 3, status: 401, code: 'InvalidAuthenticationToken' }],
      /admin consent/,
    ],
    ['pages that have moved on', [{ times: 1, match: second, status: 410, code: 'SyncStateNotFound' }], null],
    [
      'a mailbox that is away for a while',
      [{ times: 2, status: 404, code: 'ErrorItemNotFound' }],
      /correct its address/,
    ],
    ['a body that is cut off, once', [{ times: 1, mode: 'truncate' }], null],
    ['bodies that are cut off', [{ times: 3, mode: 'truncate' }], /could not be read/],
    ['a page that is no JSON', [{ times: 3, mode: 'garbage' }], /could not be read|cut off or no JSON/],
    ['a connection that dies', [{ times: 1, mode: 'reset' }], null],
    ['sockets that hang', [{ times: 3, mode: 'hang' }], /no whole answer within 0\.6 s|Timeout/],
  ];
  for (const [name, faults, seen] of table) {
    it(`heals by itself, and loses no item: ${name}`, async () => {
      for (const fault of faults) simulator.fail(fault);
      const { uids, failures } = await healed(calendar);
      assert.equal(new Set(uids).size, 150);
      if (seen === null) assert.deepEqual(failures, [], 'the reading itself should have tried again');
      else assert.match(failures[0] ?? '', seen);
      assert.equal(simulator.faults.length, 0);
    });
  }

  it('asks for a new token when those it has have run out, once for all rooms', async () => {
    await healed(calendar);
    const issued = simulator.signIn.issued;
    simulator.signIn.expireTokens();
    const others = Array.from({ length: 5 }, (_, index) => `room${index}@example.com`);
    for (const address of others) simulator.mailbox(address);
    await Promise.all([calendar, ...others.map((address) => tenant.calendar(address, 'UTC'))].map(healed));
    assert.equal(simulator.signIn.issued, issued + 1);
  });

  it('passes on how long Graph asks to wait, and asks nothing before that', async () => {
    simulator.fail({ times: 1, status: 429, retryAfter: 30 });
    const read = () => calendar.read(week, new AbortController().signal);
    const waits = async (): Promise<number> => {
      try {
        await read();
      } catch (error) {
        if (error instanceof CalendarUnavailable) return error.retryAfterMs ?? 0;
      }
      return 0;
    };
    assert.equal(await waits(), 30_000);
    const { requests } = simulator;
    const left = await waits();
    assert.ok(left > 20_000 && left <= 30_000, String(left));
    assert.equal(simulator.requests, requests);
  });

  it('keeps the other rooms going while one mailbox of a batch is throttled', async () => {
    const others = Array.from({ length: 9 }, (_, index) => `room${index}@example.com`);
    for (const address of others)
      simulator.put(address, { id: address, start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
    simulator.fail({ times: 1, match: 'room4', status: 429, retryAfter: 60 });
    const readings = await Promise.allSettled(
      others.map((address) => tenant.calendar(address, 'UTC').read(week, new AbortController().signal)),
    );
    assert.deepEqual(
      readings.map(({ status }) => status === 'fulfilled'),
      others.map((_, index) => index !== 4),
    );
    // Told to wait, it is in no further batch, and the others still are.
    const again = await Promise.allSettled(
      others.map((address) => tenant.calendar(address, 'UTC').read(week, new AbortController().signal)),
    );
    assert.deepEqual(
      again.map(({ status }) => status === 'fulfilled'),
      others.map((_, index) => index !== 4),
    );
  });

  it('ends a reading that is no longer wanted at once', async () => {
    for (const match of ['calendarView', second]) {
      simulator.fail({ times: 1, match, mode: 'hang' });
      const slow = tenantOf(simulator, { timeoutMs: 20_000 });
      const stop = new AbortController();
      const reading = slow.calendar(room, 'UTC').read(week, stop.signal);
      systemClock.after(200, () => stop.abort(new Error('enough')));
      await assert.rejects(reading, /enough/);
      await slow.close();
    }
  });

  it('reaches Microsoft through a proxy', async () => {
    const { createServer: createProxy } = await import('node:http');
    const { connect } = await import('node:net');
    const tunnels: string[] = [];
    const proxy = createProxy();
    proxy.on('connect', (request, socket, head) => {
      tunnels.push(request.url ?? '');
      const [host = '', port] = (request.url ?? '').split(':');
      const upstream = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const address = proxy.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const behind = tenantOf(simulator, { proxy: `http://127.0.0.1:${port}` });
    assert.equal((await healed(behind.calendar(room, 'UTC'))).uids.length, 150);
    assert.ok(tunnels.length > 0 && tunnels.every((tunnel) => simulator.origin.endsWith(tunnel)));
    await behind.close();
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });

  it('has all rooms read again as soon as one of them can be', async () => {
    const others = Array.from({ length: 10 }, (_, index) => `room${index}@example.com`);
    for (const address of others) simulator.mailbox(address);
    const calendars = others.map((address) => tenant.calendar(address, 'UTC'));
    const told = new Set<string>();
    const stops = calendars.map((room, index) => room.watch(() => told.add(others[index] ?? '')));
    simulator.fail({ times: 1_000, mode: 'reset' });
    const read = (room: Calendar) => room.read(week, new AbortController().signal);
    await Promise.allSettled(calendars.map(read));
    assert.equal(told.size, 0);
    simulator.faults.length = 0;
    const [first] = calendars;
    assert.ok(first !== undefined);
    await read(first);
    assert.deepEqual([...told].sort(), others.slice(1));
    for (const stop of stops) await stop();
  });

  it('says so when nobody listens where Graph should be', async () => {
    const nobody = createServer();
    await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
    const address = nobody.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await new Promise((resolve) => nobody.close(resolve));
    const origin = `https://127.0.0.1:${port}`;
    const lost = tenantOf(simulator, { endpoints: { login: origin, graph: origin } });
    await assert.rejects(
      lost.calendar(room, 'UTC').read(week, new AbortController().signal),
      (error: unknown) => error instanceof CalendarUnavailable && /ECONNREFUSED|network|endpoints/i.test(error.message),
    );
    await lost.close();
  });
});
