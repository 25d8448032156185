/**
 * Exchange Online by Microsoft Graph, against the simulated tenant in a process of its own, over HTTPS: from a change to
 * the plan (which is what panels are told), by notification and by polling; 5,000 rooms for an hour on a clock that runs
 * thirty times as fast; recovery after ten minutes without Graph. Usage: `npm run bench -- graph`, or this
 * file with the names of its parts: notified, polled, outage, hour.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { type GraphTenant, openGraph } from '../connectors/calendars/graph/tenant.ts';
import type { Invite } from '../parsers/invite.ts';
import { understand } from '../parsers/understand.ts';
import { type Clock, systemClock } from '../src/clock.ts';
import { planCollection } from '../src/rooms/plan-store.ts';
import { KeyedQueue } from '../src/rooms/queue.ts';
import { Room } from '../src/rooms/room.ts';
import { loadSecret } from '../src/rooms/secret.ts';
import { openSqliteStore } from '../src/store/sqlite/store.ts';

const minute = 60_000;
const readySchema = z.object({
  origin: z.string(),
  ca: z.string(),
  tenant: z.string(),
  clientId: z.string(),
  secret: z.string(),
  mailboxes: z.array(z.string()),
});
const statusSchema = z.object({
  requests: z.number(),
  batches: z.number(),
  violations: z.record(z.string(), z.number()),
  subscriptions: z.array(z.unknown()),
});

/** The simulator's process and its control API. */
class Simulator {
  readonly ready: z.infer<typeof readySchema>;
  readonly ca: string;
  readonly #agent: Agent;
  readonly #process: ChildProcess;

  static async start(rooms: number): Promise<Simulator> {
    const program = fileURLToPath(new URL('../fixtures/graph/main.ts', import.meta.url));
    const child = spawn(process.execPath, [program, '--rooms', String(rooms)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    return new Simulator(child, readySchema.parse(JSON.parse(String(line))));
  }

  private constructor(child: ChildProcess, ready: z.infer<typeof readySchema>) {
    this.#process = child;
    this.ready = ready;
    this.ca = readFileSync(ready.ca, 'utf8');
    this.#agent = new Agent({ connect: { ca: this.ca }, connections: 4 });
  }

  async control(path: string, body?: unknown): Promise<unknown> {
    const answer = await request(`${this.ready.origin}/control/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      dispatcher: this.#agent,
      headers: { 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    return text === '' ? null : JSON.parse(text);
  }

  async status(): Promise<z.infer<typeof statusSchema>> {
    return statusSchema.parse(await this.control('status'));
  }

  async end(): Promise<void> {
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
    await this.#agent.destroy();
  }
}

/** A clock that runs `speed` times as fast as the machine's. */
function fastClock(speed: number): Clock {
  const from = systemClock.now();
  const begun = systemClock.monotonic();
  const monotonic = (): number => (systemClock.monotonic() - begun) * speed;
  return { monotonic, now: () => from + monotonic(), after: (ms, run) => systemClock.after(ms / speed, run) };
}

interface Site {
  rooms: readonly Room[];
  tenant: GraphTenant;
  read: number;
  close(): Promise<void>;
}

/** Rooms as the product keeps them: calendar, plan, queue and polls; `notified` or polled alone. */
async function openSite(
  simulator: Simulator,
  clock: Clock,
  options: { pollMs: number; notified: boolean; concurrency: number },
): Promise<Site> {
  const { origin, tenant: tenantName, clientId, secret, mailboxes } = simulator.ready;
  const tenant = openGraph({
    tenant: tenantName,
    clientId,
    credential: { kind: 'secret', secret },
    clock,
    endpoints: { login: origin, graph: origin },
    ca: simulator.ca,
    requestsPerDay: 10_000_000,
    // The bench's clock runs fast, its network does not.
    timeoutMs: 20 * minute,
    ...(options.notified
      ? { notifications: { listen: { port: 0 }, publicUrl: 'http://127.0.0.1:0', secret: 'only for this bench' } }
      : {}),
  });
  await tenant.start();
  const folder = await mkdtemp(join(tmpdir(), 'usher-bench-'));
  const store = await openSqliteStore({ path: join(folder, 'usher.db'), clock });
  const around = {
    clock,
    secret: await loadSecret(folder),
    plans: await store.collection(planCollection),
    understand: async (invites: readonly Invite[]) => invites.map((invite) => understand(invite, { ownTenants: [] })),
    window: { backMs: 24 * 60 * minute, aheadMs: 7 * 24 * 60 * minute },
  };
  const rooms = mailboxes.map(
    (mailbox) =>
      new Room(
        {
          settings: settingsOf(mailbox),
          calendar: tenant.calendar(mailbox, 'UTC'),
          devices: [],
          pollMs: () => options.pollMs,
        },
        around,
      ),
  );
  const byId = new Map(rooms.map((room) => [room.id, room]));
  const site = { rooms, tenant, read: 0 };
  const polls = new Map<string, () => void>();
  const queue: KeyedQueue = new KeyedQueue({
    clock,
    concurrency: options.concurrency,
    firstRetryMs: 5_000,
    longestRetryMs: 5 * minute,
    async work(id, signal) {
      try {
        await byId.get(id)?.refresh(signal);
        site.read++;
      } finally {
        polls.get(id)?.();
        const wait = tenant.pollMs(id, options.pollMs) * (0.9 + Math.random() * 0.2);
        if (!signal.aborted)
          polls.set(
            id,
            clock.after(wait, () => queue.add(id)),
          );
      }
    },
    onFailure: () => {},
  });
  const stops = rooms.map((room) => room.calendar.watch(() => queue.add(room.id)));
  for (const room of rooms) queue.add(room.id);
  await queue.idle();
  return {
    ...site,
    get read() {
      return site.read;
    },
    async close() {
      await queue.close();
      for (const cancel of polls.values()) cancel();
      await Promise.all(stops.map((stop) => stop()));
      await tenant.close();
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

function settingsOf(mailbox: string): Room['settings'] {
  return {
    id: mailbox,
    name: mailbox,
    timeZone: 'UTC',
    language: 'en',
    privacy: { subject: 'private', organizer: 'private' },
    join: { leadMinutes: 5, tailMinutes: 0 },
    meetings: { withoutJoin: 'listed', tentative: 'listed', allDay: 'listed' },
    sipDomain: 'usher.example.org',
  };
}

function eventOf(id: string, subject: string, hours: number): object {
  const start = new Date(Date.now() + hours * 60 * minute);
  const html = `<p>Microsoft Teams meeting</p><p><a href="https://teams.microsoft.com/meet/${200_000_000_000 + hours}?p=aBcDeFgH">Join</a></p>`;
  return { id, subject, html, start: start.toISOString(), end: new Date(start.getTime() + 45 * minute).toISOString() };
}

/** Resolves when the room's plan holds a meeting of that title. */
function planned(room: Room, title: string): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!room.plan.planned.some(({ entry }) => entry.title === title)) return;
      stop();
      resolve();
    };
    const stop = room.onChange(look);
    look();
  });
}

function percentiles(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number): string =>
    `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0)} ms`;
  return `p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}, longest ${at(1)}`;
}

const violationsOf = ({ violations }: z.infer<typeof statusSchema>): number =>
  Object.values(violations).reduce((sum, count) => sum + count, 0);

async function changes(notified: boolean, count: number, together: number, pollMs: number): Promise<void> {
  const simulator = await Simulator.start(50);
  const site = await openSite(simulator, systemClock, { pollMs, notified, concurrency: 16 });
  while (notified && (await simulator.status()).subscriptions.length < 50)
    await new Promise((resolve) => setTimeout(resolve, 50));
  const times: number[] = [];
  const change = async (index: number): Promise<void> => {
    const room = site.rooms[index % site.rooms.length];
    if (room === undefined) return;
    const seen = planned(room, `Change ${index}`);
    if (!notified) await new Promise((resolve) => setTimeout(resolve, Math.random() * pollMs));
    const from = performance.now();
    await simulator.control('event', {
      mailbox: room.id,
      event: eventOf(`e${index % 200}`, `Change ${index}`, 1 + (index % 100)),
    });
    await seen;
    times.push(performance.now() - from);
  };
  for (let index = 0; index < count; index += together) {
    await Promise.all(Array.from({ length: Math.min(together, count - index) }, (_, offset) => change(index + offset)));
  }
  const how = notified ? 'by notification' : `by polling every ${pollMs / 1000} s`;
  process.stdout.write(
    `change to plan ${how}, ${count} changes in 50 rooms: ${percentiles(times)}; violations ${violationsOf(await simulator.status())}\n`,
  );
  await site.close();
  await simulator.end();
}

async function hour(rooms: number, speed: number): Promise<void> {
  const simulator = await Simulator.start(rooms);
  for (let index = 0; index < rooms; index++) {
    for (const hours of [2, 30])
      await simulator.control('event', {
        mailbox: `room${index + 1}@example.com`,
        event: eventOf(`e${hours}`, `Meeting ${hours}`, hours),
      });
  }
  const clock = fastClock(speed);
  let from = performance.now();
  const site = await openSite(simulator, clock, { pollMs: 15 * minute, notified: true, concurrency: 100 });
  process.stdout.write(`${rooms} rooms, start: all read after ${((performance.now() - from) / 1000).toFixed(1)} s\n`);
  while ((await simulator.status()).subscriptions.length < rooms)
    await new Promise((resolve) => setTimeout(resolve, 500));
  process.stdout.write(`${rooms} rooms, all subscribed after ${((performance.now() - from) / 1000).toFixed(1)} s\n`);
  const before = await simulator.status();
  const cpu = process.cpuUsage();
  from = performance.now();
  const until = clock.now() + 60 * minute;
  let changed = 0;
  // One change an hour in every tenth room.
  while (clock.now() < until) {
    await simulator.control('event', {
      mailbox: `room${1 + ((changed * 10) % rooms)}@example.com`,
      event: eventOf('e2', `Meeting ${changed}`, 3),
    });
    changed++;
    await new Promise((resolve) => setTimeout(resolve, (60 * minute) / speed / (rooms / 10)));
  }
  const used = process.cpuUsage(cpu);
  const after = await simulator.status();
  const seconds = (used.user + used.system) / 1e6;
  process.stdout.write(
    `${rooms} rooms for an hour (${((performance.now() - from) / 1000).toFixed(0)} s at ${speed}-fold speed), ${changed} changes: ` +
      `${((after.requests - before.requests) / rooms).toFixed(2)} requests a room in ${after.batches - before.batches} batches, ` +
      `${seconds.toFixed(0)} s of CPU (${((seconds / 3600) * 100).toFixed(2)} % of a core), ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB; violations ${violationsOf(after)}\n`,
  );
  await site.close();
  await simulator.end();
}

async function outage(rooms: number, speed: number): Promise<void> {
  const simulator = await Simulator.start(rooms);
  const clock = fastClock(speed);
  const site = await openSite(simulator, clock, { pollMs: 5 * minute, notified: true, concurrency: 100 });
  while ((await simulator.status()).subscriptions.length < rooms)
    await new Promise((resolve) => setTimeout(resolve, 200));
  await simulator.control('settings', { dropNotifications: 1_000_000 });
  await simulator.control('fail', { times: 1_000_000, mode: 'reset' });
  const seen = site.rooms.map((room) => planned(room, 'While Graph was away'));
  for (const room of site.rooms)
    await simulator.control('event', { mailbox: room.id, event: eventOf('x', 'While Graph was away', 2) });
  await new Promise((resolve) => setTimeout(resolve, (10 * minute) / speed));
  await simulator.control('heal', {});
  const from = clock.monotonic();
  await Promise.all(seen);
  process.stdout.write(
    `${rooms} rooms, ten minutes without Graph and its notifications: every change in its plan ${((clock.monotonic() - from) / 1000).toFixed(0)} s after it is back; violations ${violationsOf(await simulator.status())}\n`,
  );
  await site.close();
  await simulator.end();
}

const quick = process.argv.includes('--quick');
const parts: Record<string, () => Promise<void>> = {
  notified: () => changes(true, quick ? 50 : 500, 5, 15 * minute),
  polled: () => changes(false, quick ? 50 : 500, 50, 10_000),
  outage: () => outage(quick ? 50 : 500, 20),
  hour: () => hour(quick ? 200 : 5_000, 30),
};
const asked = process.argv.slice(2).filter((name) => name in parts);
for (const [name, run] of Object.entries(parts)) if (asked.length === 0 || asked.includes(name)) await run();
