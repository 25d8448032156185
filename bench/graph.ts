/**
 * Exchange Online by Microsoft Graph, against the simulated tenant in a process of its own, over HTTPS: from a change to
 * the panel through a whole house, by notification and by polling; 5,000 rooms for an hour on a clock that runs
 * thirty times as fast; recovery after ten minutes without Graph. Usage: `npm run bench -- graph`, or this
 * file with the names of its parts: notified, polled, outage, hour.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GraphTenant, openGraph } from '../connectors/calendars/graph/tenant.ts';
import { Codec } from '../fixtures/codec/codec.ts';
import { TenantProcess, type TenantStatus } from '../fixtures/graph/process.ts';
import type { Invite } from '../parsers/invite.ts';
import { understand } from '../parsers/understand.ts';
import { type Clock, systemClock } from '../src/clock.ts';
import { planCollection } from '../src/rooms/plan-store.ts';
import { KeyedQueue } from '../src/rooms/queue.ts';
import { Room } from '../src/rooms/room.ts';
import { loadSecret } from '../src/rooms/secret.ts';
import { openSqliteStore } from '../src/store/sqlite/store.ts';
import { type GraphHouse, openGraphHouse } from '../test/house/graph-house.ts';
import { quickClock } from '../test/house/quick-clock.ts';
import { findChromium, launchChromium } from '../test/web/chromium.ts';

const minute = 60_000;
interface Site {
  rooms: readonly Room[];
  tenant: GraphTenant;
  read: number;
  close(): Promise<void>;
}

/** Rooms as the product keeps them: calendar, plan, queue and polls; `notified` or polled alone. */
async function openSite(
  simulator: TenantProcess,
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

/** Resolves after real milliseconds. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function percentiles(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number): string =>
    `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0)} ms`;
  return `p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}, longest ${at(1)}`;
}

const violationsOf = ({ violations }: TenantStatus): number =>
  Object.values(violations).reduce((sum, count) => sum + count, 0);

interface PanelOptions {
  rooms: number;
  count: number;
  together: number;
  /** `null`: by notification. */
  poll: { minutes: number; speed: number } | null;
}

/** Change → panel through a whole house: the event stream of each room's panel; of one also a page in Chromium and a video system. */
async function changes({ rooms: size, count, together, poll }: PanelOptions): Promise<void> {
  const simulator = await TenantProcess.start(size);
  const codec = await Codec.start();
  const { port, ca } = codec;
  const device = { type: 'cisco', address: '127.0.0.1', port, username: 'usher', password: 'simulated', tls: { ca } };
  const ids = Array.from({ length: size }, (_, index) => `room${index + 1}`);
  const [first = ''] = ids;
  const speed = poll?.speed ?? 1;
  const open = await openGraphHouse(
    { ...simulator.ready, ca: simulator.ca },
    {
      clock: poll === null ? systemClock : quickClock(speed),
      rooms: ids.map((id) => ({ id, devices: [{ type: 'panel' }, ...(id === first ? [device] : [])] })),
      pollMinutes: poll?.minutes ?? 15,
      notified: poll === null,
    },
  );
  await open.house.rooms.settled();
  while (poll === null && (await simulator.status()).subscriptions.length < size) await pause(50);
  const streams = new Map(await Promise.all(ids.map(async (id) => [id, await PanelStream.open(open, id)] as const)));
  const chromium = findChromium();
  const browser = chromium === null ? null : await launchChromium(chromium);
  const page = await browser?.newPage();
  await page?.goto(open.house.panelUrl(first));
  const panel: number[] = [];
  const pixels: number[] = [];
  const pushed: number[] = [];
  const timed = async (from: number, times: number[], shown: Promise<unknown> | undefined): Promise<void> => {
    if (shown === undefined) return;
    await shown;
    times.push((performance.now() - from) * speed);
  };
  const change = async (index: number): Promise<void> => {
    // Every fifth in the room with the page and the video system.
    const id = index % 5 === 0 ? first : (ids[index % ids.length] ?? first);
    const title = `Change ${index}`;
    const sample = id === first;
    // By polling the moment of the change decides: any of the poll's time.
    if (poll !== null) await pause((Math.random() * poll.minutes * minute) / speed);
    const inStream = streams.get(id)?.title(title);
    const inPage = sample
      ? page
          ?.getByText(title, { exact: true })
          .first()
          .waitFor({ timeout: 20 * minute })
      : undefined;
    const onDevice = sample ? codec.until((held) => held.some((booking) => booking.title === title)) : undefined;
    const from = performance.now();
    await simulator.control('event', {
      mailbox: `${id}@example.com`,
      event: eventOf(`e${index % 100}`, title, 1 + (index % 100)),
    });
    await Promise.all([timed(from, panel, inStream), timed(from, pixels, inPage), timed(from, pushed, onDevice)]);
  };
  // The first ones find connections and pages cold; nobody measures them.
  await Promise.all([0, 1, 2, 3, 4].map((index) => change(index)));
  for (const times of [panel, pixels, pushed]) times.length = 0;
  for (let index = 5; index < count + 5; index += together) {
    const some = Array.from({ length: Math.min(together, count + 5 - index) }, (_, offset) => change(index + offset));
    await Promise.all(some);
  }
  const how = poll === null ? 'by notification' : `by polling every ${poll.minutes} min (${speed}-fold clock)`;
  const violations = violationsOf(await simulator.status());
  process.stdout.write(
    [
      `change to panel ${how}, a house of ${size} rooms, ${together} changes at a time; violations ${violations}`,
      `  event stream of the panel, ${panel.length} changes: ${percentiles(panel)}`,
      `  page in Chromium, ${pixels.length} changes: ${percentiles(pixels)}`,
      `  booking on the video system, ${pushed.length} changes: ${percentiles(pushed)}`,
      '',
    ].join('\n'),
  );
  await browser?.close();
  for (const stream of streams.values()) await stream.close();
  await open.close();
  await codec.close();
  await simulator.end();
}

/** What an open panel is told. */
class PanelStream {
  readonly #stop = new AbortController();
  readonly #waiting = new Map<string, () => void>();
  #reading: Promise<void> = Promise.resolve();

  static async open({ house }: GraphHouse, room: string): Promise<PanelStream> {
    const stream = new PanelStream();
    const address = house.panelUrl(room).replace(/panel$/, 'events');
    const answer = await fetch(address, { signal: stream.#stop.signal });
    if (answer.body === null || answer.status !== 200) throw new Error(`${address}: HTTP ${answer.status}`);
    stream.#reading = stream.#read(answer.body.pipeThrough(new TextDecoderStream())).catch(() => {});
    return stream;
  }

  /** Resolves when a state with that title has come. */
  title(title: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(`"title":"${title}"`, resolve));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#reading;
  }

  async #read(text: AsyncIterable<string>): Promise<void> {
    let unread = '';
    for await (const piece of text) {
      const lines = (unread + piece).split('\n');
      unread = lines.pop() ?? '';
      for (const line of lines) {
        for (const [sought, resolve] of this.#waiting) {
          if (!line.includes(sought)) continue;
          this.#waiting.delete(sought);
          resolve();
        }
      }
    }
  }
}

async function hour(rooms: number, speed: number): Promise<void> {
  const simulator = await TenantProcess.start(rooms);
  for (let index = 0; index < rooms; index++) {
    for (const hours of [2, 30])
      await simulator.control('event', {
        mailbox: `room${index + 1}@example.com`,
        event: eventOf(`e${hours}`, `Meeting ${hours}`, hours),
      });
  }
  const clock = quickClock(speed);
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
  const simulator = await TenantProcess.start(rooms);
  const clock = quickClock(speed);
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
  notified: () => changes({ rooms: 50, count: quick ? 50 : 500, together: 5, poll: null }),
  polled: () => changes({ rooms: 50, count: quick ? 50 : 500, together: 50, poll: { minutes: 5, speed: 30 } }),
  outage: () => outage(quick ? 50 : 500, 20),
  hour: () => hour(quick ? 200 : 5_000, 30),
};
const asked = process.argv.slice(2).filter((name) => name in parts);
for (const [name, run] of Object.entries(parts)) if (asked.length === 0 || asked.includes(name)) await run();
