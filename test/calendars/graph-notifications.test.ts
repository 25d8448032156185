import assert from 'node:assert/strict';
import { fetch } from 'undici';
import type { GraphOptions, GraphTenant } from '../../connectors/calendars/graph/tenant.ts';
import { GraphSimulator } from '../../fixtures/graph/simulator.ts';
import { calendarContract } from './contract.ts';
import { tenantOf, until } from './graph-tenant.ts';

const room = 'fjord@example.com';
const meeting = (id: string) => ({ id, start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
const notifications = { listen: { port: 0 }, publicUrl: 'http://127.0.0.1:0', secret: 'a secret that stays the same' };

calendarContract('a mailbox with change notifications', '@calendars', { tells: true }, async () => {
  const simulator = await GraphSimulator.start();
  simulator.mailbox(room);
  const tenant = tenantOf(simulator, { notifications });
  await tenant.start();
  return {
    calendar: tenant.calendar(room, 'UTC'),
    put: async (events) => {
      for (const id of simulator.mailbox(room).ids()) simulator.remove(room, id);
      for (const { uid, ...event } of events) simulator.put(room, { id: uid, ...event });
    },
    fail: async (broken) => {
      simulator.allowed = broken ? new Set() : null;
    },
    secrets: [simulator.options.secret, notifications.secret],
    close: async () => {
      await tenant.close();
      await simulator.close();
    },
  };
});

describe('change notifications of Microsoft Graph @calendars', () => {
  let simulator: GraphSimulator;
  let tenant: GraphTenant;
  let told: number;
  let stop: () => Promise<void>;

  beforeEach(async () => {
    simulator = await GraphSimulator.start();
    simulator.mailbox(room);
    told = 0;
  });
  afterEach(async () => {
    await stop();
    await tenant.close();
    await simulator.close();
    assert.deepEqual(
      Object.values(simulator.limits.violations).filter((count) => count > 0),
      [],
    );
  });

  /** Watches the room and waits for its subscription and for the reading that a new one asks for. */
  async function watching(options: Partial<GraphOptions> = {}): Promise<void> {
    tenant = tenantOf(simulator, { notifications, ...options });
    await tenant.start();
    stop = tenant.calendar(room, 'UTC').watch(() => told++);
    await until(() => told > 0 && active() !== null);
    told = 0;
  }
  const active = () =>
    tenant.notifications?.mailboxes[0]?.state === 'active' ? (simulator.subscriptions.all()[0] ?? null) : null;
  const counters = () => tenant.notifications?.counters;
  /** Sends what Graph, or somebody else, might send; resolves to the status. */
  async function send(body: unknown, path?: string): Promise<number> {
    const url =
      path === undefined
        ? (active()?.subscription.notificationUrl ?? '')
        : new URL(path, active()?.subscription.notificationUrl).href;
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await answer.text();
    return answer.status;
  }

  it('tells a change within a second, once for all its copies', async () => {
    await watching();
    simulator.subscriptions.copies = 4;
    const before = performance.now();
    for (const id of ['a', 'b', 'c']) simulator.put(room, meeting(id));
    await until(() => told > 0);
    assert.ok(performance.now() - before < 5_000);
    await simulator.subscriptions.settle();
    assert.deepEqual([counters()?.received, simulator.subscriptions.slow], [12, 0]);
    assert.ok((counters()?.folded ?? 12) <= 6, `${counters()?.folded} readings`);
  });

  it('has one subscription for a mailbox that two rooms share, and tells both until both have stopped', async () => {
    await watching();
    let other = 0;
    const stopOther = tenant.calendar(room, 'Asia/Tokyo').watch(() => other++);
    simulator.put(room, meeting('a'));
    await until(() => told > 0 && other > 0);
    assert.equal(simulator.subscriptions.all().length, 1);
    await stopOther();
    assert.equal(simulator.subscriptions.all().length, 1);
    simulator.put(room, meeting('b'));
    await until(() => told > 1);
  });

  it('subscribes with a lifecycle address and removes the subscription at the end', async () => {
    await watching();
    const known = active()?.subscription;
    assert.match(known?.lifecycleNotificationUrl ?? '', /\/graph\/lifecycle\?key=/);
    assert.ok((known?.clientState?.length ?? 0) > 30);
    await stop();
    assert.deepEqual(simulator.subscriptions.all(), []);
  });

  it('renews ahead of the expiry that Graph returned, not of the one it asked for', async () => {
    simulator.subscriptions.lifeMs = 900;
    await watching();
    const first = active();
    const { id, expires } = { id: first?.id, expires: first?.expires ?? 0 };
    await until(() => (active()?.expires ?? 0) > expires);
    assert.equal(active()?.id, id);
    await until(() => (active()?.expires ?? 0) > expires + 1_500);
    assert.equal(active()?.id, id);
  });

  it('asks for a shorter life when Graph does not give the longest', async () => {
    simulator.fail({
      times: 1,
      match: '^POST /v1.0/subscriptions',
      status: 400,
      code: 'ExtensionError: Subscription expiration can only be 4230 minutes in the future',
    });
    await watching();
    assert.ok((active()?.expires ?? 0) - simulator.now() < 4_230 * 60_000);
  });

  it('is whole again after missed changes and after its subscription was removed', async () => {
    await watching();
    const first = active()?.id ?? '';
    simulator.subscriptions.lifecycle(first, 'missed');
    await until(() => told === 1);
    simulator.subscriptions.lifecycle(first, 'reauthorizationRequired');
    await until(() => counters()?.lifecycle === 2);
    simulator.subscriptions.lifecycle(first, 'subscriptionRemoved');
    await until(() => told === 2 && (active()?.id ?? first) !== first);
    simulator.put(room, meeting('a'));
    await until(() => told === 3);
  });

  it('makes a new subscription when the old one is found gone at renewal, and has the calendar read', async () => {
    simulator.subscriptions.lifeMs = 900;
    await watching();
    const first = active()?.id ?? '';
    simulator.subscriptions.forget(first);
    await until(() => told > 0 && (active()?.id ?? first) !== first);
  });

  it('finds out that its subscription is gone when a reading shows what nobody told', async () => {
    await watching();
    const first = active()?.id ?? '';
    const calendar = tenant.calendar(room, 'UTC');
    const window = { from: Date.parse('2026-03-02T00:00Z'), to: Date.parse('2026-03-03T00:00Z') };
    const read = () => calendar.read(window, new AbortController().signal);
    await read();
    await read();
    simulator.subscriptions.forget(first);
    simulator.put(room, meeting('a'));
    await read();
    await until(() => active() !== null && told > 0);
    assert.notEqual(active()?.id, first);
    told = 0;
    simulator.put(room, meeting('b'));
    await until(() => told > 0);
  });

  it('is told the truth by readings, whatever notifications were lost, doubled or came in the wrong order', async () => {
    await watching();
    const calendar = tenant.calendar(room, 'UTC');
    const titles = async (): Promise<string[]> => {
      const window = { from: Date.parse('2026-03-02T00:00Z'), to: Date.parse('2026-03-03T00:00Z') };
      return (await calendar.read(window, new AbortController().signal)).invites.map((invite) => invite.subject);
    };
    const known = active();
    assert.ok(known !== null);
    simulator.subscriptions.drop = 2;
    simulator.put(room, { ...meeting('a'), subject: 'first' });
    simulator.put(room, { ...meeting('a'), subject: 'second' });
    const late = [
      simulator.subscriptions.notification(known, 'a', 'updated'),
      simulator.subscriptions.notification(known, 'a', 'created'),
    ];
    assert.deepEqual([told, await titles()], [0, ['second']]);
    await send({ value: late });
    await send({ value: late.toReversed() });
    await until(() => told > 0);
    assert.deepEqual(await titles(), ['second']);
  });

  it('refuses what has no secret, a wrong one, another tenant or an unknown key, and tells nobody', async () => {
    await watching();
    const known = active();
    assert.ok(known !== null);
    const good = simulator.subscriptions.notification(known, 'a', 'updated');
    assert.equal(await send({ value: [{ ...good, clientState: null }] }), 202);
    assert.equal(await send({ value: [{ ...good, clientState: 'x'.repeat(43) }] }), 202);
    assert.equal(await send({ value: [{ ...good, tenantId: '33333333-3333-4333-8333-333333333333' }] }), 202);
    assert.equal(await send({ value: [good] }, '/graph/notifications?key=unknown'), 202);
    assert.equal(await send({ value: [good] }, '/graph/notifications'), 400);
    assert.equal(await send({ value: 'x' }), 400);
    assert.equal(await send([]), 400);
    assert.equal(await send({ value: [good] }, '/elsewhere'), 404);
    await until(() => counters()?.refused === 4);
    assert.equal(await send({ value: [good] }), 202);
    await until(() => told === 1);
  });

  it('knows its tenant by GUID where it is configured by its domain', async () => {
    await watching({ tenant: simulator.options.domain });
    const known = active();
    assert.ok(known !== null);
    const good = simulator.subscriptions.notification(known, 'a', 'updated');
    assert.equal(good.tenantId, simulator.options.tenant);
    await send({ value: [{ ...good, tenantId: '33333333-3333-4333-8333-333333333333' }] });
    await until(() => counters()?.refused === 1);
    assert.equal(counters()?.received, 0);
    await send({ value: [good] });
    await until(() => told > 0);
  });

  it('takes what has the secret while the sign-in cannot be asked which tenant this is, and asks again', async () => {
    await watching({ tenant: simulator.options.domain });
    const known = active();
    assert.ok(known !== null);
    const good = simulator.subscriptions.notification(known, 'a', 'updated');
    simulator.fail({ times: Number.POSITIVE_INFINITY, match: 'well-known', status: 500 });
    await send({ value: [good] });
    await until(() => counters()?.received === 1);
    simulator.faults.length = 0;
    await send({ value: [{ ...good, tenantId: '33333333-3333-4333-8333-333333333333' }] });
    await until(() => counters()?.refused === 1);
  });

  it('looks again after a notification that came before readings show what it tells', async () => {
    await watching();
    const calendar = tenant.calendar(room, 'UTC');
    const window = { from: Date.parse('2026-03-02T00:00Z'), to: Date.parse('2026-03-03T00:00Z') };
    const shown: number[] = [];
    await stop();
    simulator.replicationMs = 1_500;
    let reading = Promise.resolve();
    stop = calendar.watch(() => {
      reading = reading.then(async () => {
        shown.push((await calendar.read(window, new AbortController().signal)).invites.length);
      });
    });
    await until(() => active() !== null && shown.length > 0);
    simulator.put(room, meeting('late'));
    await until(() => shown.includes(1));
    await reading;
  });

  it('answers the handshake with the token as plain text', async () => {
    await watching();
    const url = new URL(active()?.subscription.notificationUrl ?? '');
    url.searchParams.set('validationToken', '<script>alert(1)</script> & more');
    const answer = await fetch(url, { method: 'POST' });
    assert.equal(await answer.text(), '<script>alert(1)</script> & more');
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
  });

  it('says why there is no subscription, goes on trying, and polls more often meanwhile', async () => {
    simulator.fail({ times: 1, match: '^POST /v1.0/subscriptions', status: 403, code: 'ErrorAccessDenied' });
    tenant = tenantOf(simulator, { notifications });
    await tenant.start();
    stop = tenant.calendar(room, 'UTC').watch(() => told++);
    await until(() => tenant.notifications?.mailboxes[0]?.problem != null);
    assert.match(tenant.notifications?.mailboxes[0]?.problem ?? '', /403 ErrorAccessDenied/);
    assert.ok(tenant.pollMs(room, 900_000) <= 60_000 * 1.5);
    await until(() => active() !== null);
    assert.ok(tenant.pollMs(room, 900_000) >= 900_000);
  });

  it('takes up the subscription that a killed process left behind, and removes what nobody watches', async () => {
    await watching();
    const first = active()?.id;
    const port = Number(new URL(active()?.subscription.notificationUrl ?? '').port);
    // As after kill -9: the listener is gone, the subscriptions are not.
    const { subscriptions } = simulator;
    const left = tenant;
    simulator.fail({ times: 1, match: '^DELETE ', status: 404 });
    await stop();
    await left.close();
    assert.equal(subscriptions.all().length, 1);
    simulator.mailbox('other@example.com');
    tenant = tenantOf(simulator, {
      notifications: { ...notifications, listen: { port }, publicUrl: `http://127.0.0.1:${port}` },
    });
    await tenant.start();
    stop = tenant.calendar(room, 'UTC').watch(() => told++);
    await until(() => active() !== null);
    assert.deepEqual(
      subscriptions.all().map(({ id }) => id),
      [first],
    );
    simulator.put(room, meeting('a'));
    await until(() => told > 0);
  });

  it('renews in time when the clock of this machine is ten minutes wrong', async () => {
    await simulator.close();
    for (const skewMs of [600_000, -600_000]) {
      simulator = await GraphSimulator.start({ skewMs });
      simulator.mailbox(room);
      simulator.subscriptions.lifeMs = 3_000;
      told = 0;
      await watching();
      const expires = active()?.expires ?? 0;
      await until(() => (active()?.expires ?? 0) > expires);
      await stop();
      await tenant.close();
      if (skewMs > 0) await simulator.close();
    }
  });
});
