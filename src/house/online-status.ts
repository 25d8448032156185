/** How the Microsoft 365 tenant is, in words for the status page and `usher rooms`, and in numbers for metrics. */
import { Counter, Gauge } from 'prom-client';
import type { GraphTenant } from '../../connectors/calendars/graph/tenant.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ServiceStatus } from '../web/house.ts';

type Facts = Pick<GraphTenant, 'budget' | 'notifications'>;

const mostReasons = 5;
const number = (value: number): string => value.toLocaleString('en');

export function onlineStatus({ budget, notifications }: Facts): ServiceStatus {
  const { used, limit, resetsAt, stretch } = budget;
  const facts = [
    `${number(used)} of ${number(limit)} requests of today are used; the count begins anew at ${new Date(resetsAt).toISOString()}.`,
  ];
  const problems: string[] = [];
  if (used >= limit) {
    problems.push(
      `The budget of ${number(limit)} requests a day is used up: no calendar is read before ${new Date(resetsAt).toISOString()}. Raise requestsPerDay, or pollMinutes.`,
    );
  } else if (stretch >= 1.5) {
    problems.push(
      `The budget of ${number(limit)} requests a day runs low: mailboxes are polled ${stretch.toFixed(1)} times less often than configured. Raise requestsPerDay, or pollMinutes.`,
    );
  }
  if (notifications === null) {
    facts.push('No change notifications are configured: each mailbox is read every pollMinutes.');
    return { name: 'Microsoft 365', facts, problems };
  }
  const { mailboxes, counters } = notifications;
  const active = mailboxes.filter(({ state }) => state === 'active').length;
  facts.push(
    `${number(active)} of ${number(mailboxes.length)} mailboxes tell of changes; the others are polled.`,
    `${number(counters.received)} notifications since the start, ${number(counters.refused)} refused.`,
  );
  problems.push(...silent(mailboxes));
  return { name: 'Microsoft 365', facts, problems };
}

/** One sentence for each reason, not for each of thousands of mailboxes. */
function silent(mailboxes: NonNullable<Facts['notifications']>['mailboxes']): string[] {
  const waiting = mailboxes.filter(({ state, problem }) => state === 'waiting' && problem !== null);
  // The same refusal of many mailboxes may name each of them.
  const reasons = Map.groupBy(waiting, ({ mailbox, problem }) => (problem ?? '').replaceAll(mailbox, 'the mailbox'));
  const sentences = [...reasons]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(
      ([reason, those]) =>
        `${number(those.length)} ${those.length === 1 ? 'mailbox does' : 'mailboxes do'} not tell of changes (${those[0]?.mailbox ?? ''}${those.length === 1 ? '' : ', …'}): ${reason}`,
    );
  const rest = sentences.length - mostReasons;
  return rest > 0
    ? [...sentences.slice(0, mostReasons), `And ${rest} other reasons; each room says its own.`]
    : sentences;
}

/** Registers `usher_graph_…`. */
export function addOnlineGauges({ registry }: Metrics, online: Facts): void {
  const registers = [registry];
  new Gauge({
    name: 'usher_graph_requests_today',
    help: 'Requests to Microsoft Graph since midnight UTC.',
    registers,
    collect() {
      this.set(online.budget.used);
    },
  });
  new Gauge({
    name: 'usher_graph_requests_per_day',
    help: 'The budget of requests to Microsoft Graph a day.',
    registers,
    collect() {
      this.set(online.budget.limit);
    },
  });
  new Gauge({
    name: 'usher_graph_poll_stretch',
    help: 'How many times longer than configured polls wait so that the budget lasts; 1 where there is enough.',
    registers,
    collect() {
      this.set(online.budget.stretch);
    },
  });
  new Gauge({
    name: 'usher_graph_mailboxes',
    help: 'Mailboxes by whether they tell of changes: told, or silent and polled. None where no notifications are configured.',
    labelNames: ['state'],
    registers,
    collect() {
      const mailboxes = online.notifications?.mailboxes ?? [];
      const told = mailboxes.filter(({ state }) => state === 'active').length;
      this.set({ state: 'told' }, told);
      this.set({ state: 'silent' }, mailboxes.length - told);
    },
  });
  new Counter({
    name: 'usher_graph_notifications_total',
    help: 'Notifications of Microsoft Graph: changes, news of subscriptions, refused ones.',
    labelNames: ['kind'],
    registers,
    collect() {
      const counters = online.notifications?.counters;
      this.reset();
      this.inc({ kind: 'change' }, counters?.received ?? 0);
      this.inc({ kind: 'lifecycle' }, counters?.lifecycle ?? 0);
      this.inc({ kind: 'refused' }, counters?.refused ?? 0);
    },
  });
}
