import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { GraphSimulator } from '../../fixtures/graph/simulator.ts';

const room = 'fjord@example.com';

interface Answer {
  status: number;
  code: string;
  body: unknown;
}

describe('the simulated tenant refuses what Graph refuses @calendars', () => {
  let simulator: GraphSimulator;
  let agent: Agent;
  let token: string;

  beforeEach(async () => {
    simulator = await GraphSimulator.start();
    simulator.mailbox(room);
    agent = new Agent({ connect: { ca: simulator.ca } });
    token = await signIn(simulator.origin);
  });
  afterEach(async () => {
    await agent.destroy();
    await simulator.close();
  });

  async function signIn(audience: string): Promise<string> {
    const { tenant, clientId, secret } = simulator.options;
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: secret,
      scope: `${audience}/.default`,
    });
    const answer = await request(`${simulator.origin}/${tenant}/oauth2/v2.0/token`, {
      method: 'POST',
      dispatcher: agent,
      body: form.toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    return z.object({ access_token: z.string() }).parse(await answer.body.json()).access_token;
  }

  async function ask(
    path: string,
    body?: unknown,
    method: 'GET' | 'POST' = body === undefined ? 'GET' : 'POST',
  ): Promise<Answer> {
    const answer = await request(`${simulator.origin}${path}`, {
      method,
      dispatcher: agent,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    const parsed: unknown = text === '' ? null : JSON.parse(text);
    const error = z.object({ error: z.object({ code: z.string() }) }).safeParse(parsed);
    return { status: answer.statusCode, code: error.success ? error.data.error.code : '', body: parsed };
  }

  const view = `/v1.0/users/${room}/calendarView?startDateTime=2026-03-02T00:00:00Z&endDateTime=2026-03-03T00:00:00Z`;
  const subscription = {
    changeType: 'updated',
    notificationUrl: 'http://127.0.0.1:9/none',
    resource: `/users/${room}/events`,
    expirationDateTime: new Date(Date.now() + 3_600_000).toISOString(),
  };

  it('tokens that are missing, forged, run out or for another audience', async () => {
    assert.equal((await ask(view)).status, 200);
    const good = token;
    token = await signIn('https://graph.microsoft.com');
    assert.equal((await ask(view)).status, 401);
    token = `${good.slice(0, -2)}xx`;
    assert.equal((await ask(view)).status, 401);
    token = good;
    simulator.signIn.expireTokens();
    assert.deepEqual((await ask(view)).code, 'InvalidAuthenticationToken');
  });

  it('unknown names in $select, $expand and options, and a view without a window', async () => {
    assert.equal((await ask(`${view}&$select=subject,uid`)).status, 400);
    assert.equal((await ask(`${view}&$expand=instances`)).status, 400);
    assert.equal((await ask(`${view}&$search=x`)).status, 400);
    assert.equal((await ask(`${view}&$top=5000`)).status, 400);
    assert.equal((await ask(`/v1.0/users/${room}/calendarView`)).status, 400);
    assert.equal(simulator.limits.violations.query, 4);
  });

  it('more than twenty requests in a batch', async () => {
    const requests = Array.from({ length: 21 }, (_, index) => ({
      id: String(index),
      method: 'GET',
      url: view.slice('/v1.0'.length),
    }));
    assert.equal((await ask('/v1.0/$batch', { requests })).status, 400);
    assert.equal(simulator.limits.violations.batch, 1);
    assert.equal((await ask('/v1.0/$batch', { requests: requests.slice(1) })).status, 200);
  });

  it('subscriptions that nobody answers for, that live too long, or that are for somebody else', async () => {
    assert.equal((await ask('/v1.0/subscriptions', subscription)).code, 'ValidationError');
    assert.equal(
      (await ask('/v1.0/subscriptions', { ...subscription, expirationDateTime: '2099-01-01T00:00:00Z' })).code,
      'ExtensionError',
    );
    assert.equal(simulator.limits.violations.expiry, 1);
    assert.equal(
      (await ask('/v1.0/subscriptions', { ...subscription, resource: '/users/nobody@example.com/events' })).status,
      404,
    );
    assert.equal((await ask('/v1.0/subscriptions', { ...subscription, resource: '/me/messages' })).status, 400);
  });

  it('a fifth request at a time for one mailbox, and one before Retry-After is over', async () => {
    simulator.put(room, { id: 'a', start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
    simulator.fail({ times: 1, match: 'calendarView', status: 429, retryAfter: 5 });
    assert.equal((await ask(view)).status, 429);
    assert.equal((await ask(view)).status, 429);
    assert.equal(simulator.limits.violations.retryAfter, 1);
    simulator.delayMs = 700;
    simulator.mailbox('other@example.com');
    const other = view.replace(room, 'other@example.com');
    const statuses = (await Promise.all(Array.from({ length: 5 }, () => ask(other)))).map(({ status }) => status);
    assert.deepEqual(statuses.sort(), [200, 200, 200, 200, 429]);
    assert.equal(simulator.limits.violations.concurrency, 1);
  });

  it('and obeys its control API', async () => {
    const event = { id: 'a', subject: 'Review', start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' };
    assert.equal((await ask('/control/event', { mailbox: room, event })).status, 204);
    assert.equal((await ask('/control/fail', { match: 'calendarView', status: 503 })).status, 204);
    assert.equal((await ask(view)).status, 503);
    const page = z.object({ value: z.array(z.object({ subject: z.string() })) }).parse((await ask(view)).body);
    assert.deepEqual(page.value, [{ subject: 'Review' }]);
    assert.equal((await ask('/control/event', { mailbox: room })).status, 400);
    const status = z
      .object({ requests: z.number(), mailboxes: z.array(z.unknown()) })
      .parse((await ask('/control/status')).body);
    assert.deepEqual([status.requests, status.mailboxes], [2, [{ address: room, events: 1 }]]);
  });

  it('starts as a program that says how to reach it, and ends when told', async () => {
    const program = spawn(process.execPath, [fileURLToPath(new URL('../../fixtures/graph/main.ts', import.meta.url))], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => program.once('exit', resolve));
    for await (const line of createInterface({ input: program.stdout })) {
      const { origin, ca, mailboxes } = z
        .object({ origin: z.string(), ca: z.string(), mailboxes: z.array(z.string()) })
        .parse(JSON.parse(line));
      assert.equal(mailboxes.length, 3);
      const other = new Agent({ connect: { ca: readFileSync(ca, 'utf8') } });
      assert.equal((await request(`${origin}/control/status`, { dispatcher: other })).statusCode, 200);
      await other.destroy();
      break;
    }
    program.kill('SIGTERM');
    assert.equal(await ended, 0);
  });
});
