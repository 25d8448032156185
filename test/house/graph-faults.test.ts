import assert from 'node:assert/strict';
import { fetch } from 'undici';
import { appCertificate } from '../../fixtures/graph/certificates.ts';
import { type Fault, GraphSimulator } from '../../fixtures/graph/simulator.ts';
import type { Known } from '../../fixtures/graph/subscriptions.ts';
import type { Clock } from '../../src/clock.ts';
import { type GraphHouse, openGraphHouse, planned, titlesOf } from './graph-house.ts';
import { quickClock } from './quick-clock.ts';

const minute = 60_000;
/** Waits of the product that last seconds take tenths of them. */
const speed = 10;
const link = (meeting: number): string =>
  `Join: https://teams.microsoft.com/meet/${211_222_333_000 + meeting}?p=abcDEF123`;

interface Case {
  name: string;
  /** Items beside the one that is always there. */
  items?: number;
  faults?: Omit<Fault, 'match'>[];
  /** Which requests of this mailbox fail. Default: its calendar view. */
  match?: string;
  /** How the change comes about. Default: it is put, and told. */
  change?: (at: Place) => void | Promise<void>;
}

interface Place {
  simulator: GraphSimulator;
  mailbox: string;
  /** Puts the item that the plan has to show in the end. */
  put(title?: string): void;
  subscription: Known;
}

const second = String.raw`.*\$skip=100`;
const cases: Case[] = [
  { name: 'a storm of 429', faults: [{ times: 5, status: 429, retryAfter: 3 }] },
  { name: 'a storm of 503', faults: [{ times: 5, status: 503, retryAfter: 3 }] },
  { name: 'a storm of 503 without a word when to come back', faults: [{ times: 3, status: 503 }] },
  {
    name: 'a token refused in the middle of the pages',
    items: 120,
    match: second,
    faults: [{ times: 1, status: 401 }],
  },
  { name: 'tokens refused again and again', faults: [{ times: 4, status: 401, code: 'InvalidAuthenticationToken' }] },
  { name: 'pages that have moved on', items: 120, match: second, faults: [{ times: 3, status: 410 }] },
  { name: 'a mailbox that is away for a while', faults: [{ times: 2, status: 404, code: 'ErrorItemNotFound' }] },
  { name: 'bodies that are cut off', faults: [{ times: 4, mode: 'truncate' }] },
  { name: 'answers that are no JSON', faults: [{ times: 4, mode: 'garbage' }] },
  { name: 'connections that die', faults: [{ times: 4, mode: 'reset' }] },
  { name: 'a socket that hangs', faults: [{ times: 1, mode: 'hang' }] },
  {
    name: 'a notification that is lost',
    change({ simulator, put }) {
      simulator.subscriptions.drop = 1;
      put();
    },
  },
  {
    name: 'notifications that come four times each',
    change({ simulator, put }) {
      simulator.subscriptions.copies = 4;
      put();
      simulator.subscriptions.copies = 1;
    },
  },
  {
    name: 'notifications that come late and in the wrong order',
    async change({ simulator, put, subscription }) {
      simulator.subscriptions.drop = 2;
      put('Before');
      put();
      const of = (type: 'updated' | 'created') => simulator.subscriptions.notification(subscription, 'change', type);
      await send(subscription, [of('updated'), of('created')]);
    },
  },
  {
    name: 'notifications of another tenant and with a wrong secret before the true one',
    async change({ simulator, put, subscription }) {
      const good = simulator.subscriptions.notification(subscription, 'change', 'updated');
      await send(subscription, [{ ...good, tenantId: '33333333-3333-4333-8333-333333333333' }]);
      await send(subscription, [{ ...good, clientState: 'x'.repeat(43) }]);
      put();
    },
  },
  {
    name: 'a subscription that has expired without a word',
    change({ simulator, put, subscription }) {
      subscription.expires = simulator.now() - 1;
      put();
    },
  },
  {
    name: 'a subscription that was removed, and cannot be made again at once',
    change({ simulator, put, subscription }) {
      simulator.fail({ times: 2, match: '^POST /v1.0/subscriptions', status: 503 });
      simulator.subscriptions.lifecycle(subscription.id, 'subscriptionRemoved');
      put();
    },
  },
  {
    name: 'a notification that comes before readings show the change',
    change({ simulator, put }) {
      simulator.replicationMs = 400;
      put();
      simulator.replicationMs = 0;
    },
  },
];

async function send({ subscription }: Known, value: unknown[]): Promise<void> {
  const answer = await fetch(subscription.notificationUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ value }),
  });
  assert.equal(answer.status, 202);
  await answer.text();
}

/** A simulated tenant on the same clock as the house, so that both mean the same seconds. */
function tenantOn(clock: Clock, skewMs = 0): Promise<GraphSimulator> {
  return GraphSimulator.start({ clock: () => clock.now(), skewMs });
}

function factsOf({ origin, ca, options }: GraphSimulator) {
  return { origin, ca, tenant: options.tenant, clientId: options.clientId, secret: options.secret };
}

/** Resolves when `condition` holds; one that never does is the test's time-out. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

function unbroken(simulator: GraphSimulator): void {
  const broken = Object.entries(simulator.limits.violations).filter(([, count]) => count > 0);
  assert.deepEqual(broken, [], 'limits of Graph');
}

describe('the plans of rooms while Microsoft Graph fails @calendars', function () {
  this.timeout(120_000);
  let simulator: GraphSimulator;
  let open: GraphHouse;
  const healed = new Map<string, Promise<void>>();
  const lost: string[] = [];

  const idOf = (index: number): string => `room${index}`;
  const at = (clock: Clock, minutes: number): string => new Date(clock.now() + minutes * minute).toISOString();

  before(async () => {
    const clock = quickClock(speed);
    simulator = await tenantOn(clock);
    const times = (meeting: number) => ({
      start: at(clock, 60 + 30 * meeting),
      end: at(clock, 90 + 30 * meeting),
      html: link(meeting),
    });
    for (const [index, { items = 0 }] of cases.entries()) {
      const mailbox = `${idOf(index)}@example.com`;
      simulator.put(mailbox, { id: 'standing', subject: 'Standing', ...times(0) });
      for (let item = 0; item < items; item++)
        simulator.put(mailbox, { id: `item${item}`, subject: `Item ${item}`, ...times(2 + item) });
    }
    open = await openGraphHouse(factsOf(simulator), {
      clock,
      rooms: cases.map((_, index) => ({ id: idOf(index) })),
      pollMinutes: 0.25,
    });
    await Promise.all(
      cases.map(({ items = 0 }, index) => planned(open.room(idOf(index)), (titles) => titles.length === 1 + items)),
    );
    await until(() => simulator.subscriptions.all().length === cases.length);
    for (const [index, one] of cases.entries()) {
      const room = open.room(idOf(index));
      const mailbox = `${room.id}@example.com`;
      const whole = 1 + (one.items ?? 0);
      assert.equal(titlesOf(room).length, whole);
      room.onChange(() => {
        if (titlesOf(room).filter((title) => /^Standing|^Item/.test(title)).length < whole) lost.push(one.name);
      });
      healed.set(
        one.name,
        planned(room, (titles) => titles.includes('After') && titles.length === whole + 1),
      );
      for (const fault of one.faults ?? [])
        simulator.fail({ ...fault, match: `users/${mailbox}/calendarView${one.match ?? ''}` });
      const subscription = simulator.subscriptions.all().find((known) => known.mailbox === mailbox);
      assert.ok(subscription);
      const put = (title = 'After'): void => simulator.put(mailbox, { id: 'change', subject: title, ...times(1) });
      await (one.change ?? (() => put()))({ simulator, mailbox, put, subscription });
    }
  });
  after(async () => {
    await open?.close();
    await simulator?.close();
  });

  for (const { name } of cases) {
    it(`heal by themselves and lose no entry: ${name}`, async () => {
      await healed.get(name);
    });
  }

  it('never lost an entry meanwhile, met every fault, and kept within the limits', async () => {
    await until(() => simulator.faults.length === 0);
    assert.deepEqual(lost, []);
    unbroken(simulator);
  });
});

describe('the plans of rooms whose clocks disagree @calendars', function () {
  this.timeout(120_000);

  for (const skewMs of [10 * minute, -10 * minute]) {
    it(`follow changes that are told when this machine is ten minutes ${skewMs > 0 ? 'late' : 'early'}, signed in by certificate`, async () => {
      const clock = quickClock(speed);
      const { key: privateKey, certificate } = await appCertificate();
      const simulator = await GraphSimulator.start({ clock: () => clock.now(), skewMs, certificate });
      const item = (subject: string) => ({
        ...{ id: 'a', subject, html: link(0) },
        start: new Date(clock.now() + 60 * minute).toISOString(),
        end: new Date(clock.now() + 90 * minute).toISOString(),
      });
      simulator.put('oslo@example.com', item('Before'));
      simulator.subscriptions.lifeMs = 20_000;
      const open = await openGraphHouse(factsOf(simulator), {
        clock,
        rooms: [{ id: 'oslo' }],
        pollMinutes: 1_440,
        online: { secret: undefined, certificate: { certificate, privateKey } },
      });
      try {
        const room = open.room('oslo');
        await planned(room, (titles) => titles.includes('Before'));
        await until(() => simulator.subscriptions.all().length === 1);
        const expires = simulator.subscriptions.all()[0]?.expires ?? 0;
        await until(() => (simulator.subscriptions.all()[0]?.expires ?? 0) > expires);
        simulator.put('oslo@example.com', item('After'));
        await planned(room, (titles) => titles.includes('After'));
        unbroken(simulator);
      } finally {
        await open.close();
        await simulator.close();
      }
    });
  }

  it('keep the wall time of series, and whole days, over the night in which the clocks of the room change', async () => {
    const clock = quickClock(speed, Date.parse('2026-03-27T12:00Z'));
    const simulator = await tenantOn(clock);
    const mailbox = 'oslo@example.com';
    simulator.put(mailbox, {
      ...{ id: 'daily', subject: 'Daily', html: link(0), timeZone: 'Europe/Oslo', daily: 5 },
      ...{ start: '2026-03-27T09:00', end: '2026-03-27T10:00' },
    });
    const open = await openGraphHouse(factsOf(simulator), {
      clock,
      rooms: [{ id: 'oslo', timeZone: 'Europe/Oslo' }],
      pollMinutes: 1_440,
    });
    try {
      const room = open.room('oslo');
      await until(() => simulator.subscriptions.all().length === 1);
      simulator.put(mailbox, {
        ...{ id: 'day', subject: 'Whole day', allDay: true, html: link(1) },
        ...{ start: '2026-03-29', end: '2026-03-30' },
      });
      await planned(room, (titles) => titles.includes('Whole day') && titles.length === 6);
      assert.deepEqual(
        room.plan.planned.map(({ entry }) => [
          entry.title,
          new Date(entry.start).toISOString().slice(5, 16),
          (entry.end - entry.start) / (60 * minute),
        ]),
        [
          ['Daily', '03-27T08:00', 1],
          ['Daily', '03-28T08:00', 1],
          ['Whole day', '03-28T23:00', 23],
          ['Daily', '03-29T07:00', 1],
          ['Daily', '03-30T07:00', 1],
          ['Daily', '03-31T07:00', 1],
        ],
      );
      unbroken(simulator);
    } finally {
      await open.close();
      await simulator.close();
    }
  });
});
