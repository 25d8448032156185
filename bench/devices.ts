/**
 * Many devices: 2,000 simulated video systems, each an HTTPS server of its own, all in a process beside this one, whose lists
 * all change at once: time until every one has confirmed, requests, CPU and memory. Then the same 1,600 by turns alone, with
 * the other 400 alive, and beside the 400 that have just died, each in one of four ways, and that come back afterwards: how
 * many times as long the 1,600 take, round by round. Usage: `npm run bench -- devices`; the number of devices in
 * USHER_BENCH_DEVICES, of rounds in USHER_BENCH_ROUNDS.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Calendar } from '../connectors/calendars/calendar.ts';
import { CiscoDevice } from '../connectors/devices/cisco/device.ts';
import { systemClock as clock } from '../src/clock.ts';
import { deviceCollection } from '../src/rooms/device-store.ts';
import { planCollection } from '../src/rooms/plan-store.ts';
import { Reconciler } from '../src/rooms/reconciler.ts';
import { Room } from '../src/rooms/room.ts';
import { Secret } from '../src/rooms/secret.ts';
import { openSqliteStore } from '../src/store/sqlite/store.ts';
import { createLog } from '../src/telemetry/log.ts';
import { guestJoin, invite, settings } from '../test/rooms/invites.ts';
import { type Death, deathSchema, isDoomed, titleOf, type Who } from './devices/asked.ts';
import { Fleet } from './devices/fleet.ts';

const count = Number(process.env['USHER_BENCH_DEVICES'] ?? 2_000);
const rounds = Number(process.env['USHER_BENCH_ROUNDS'] ?? 5);
/** Apart from the address that clients call from, so that a refused port is free when its device comes back. */
const host = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1';
const meetings = 10;
const hour = 60 * 60_000;
const base = Math.ceil(Date.now() / 60_000) * 60_000 + hour;
let change = 0;

const calendar: Calendar = {
  description: 'bench',
  read: async () => ({
    invites: Array.from({ length: meetings }, (_, index) => {
      const start = base + index * 2 * hour;
      return invite({
        uid: `${index}@bench.example`,
        subject: titleOf(index, change),
        start,
        end: start + hour,
      });
    }),
    problems: [],
  }),
  watch: () => async () => {},
};

const fleet = new Fleet();

function those(who: Who): Room[] {
  return rooms.filter((_, index) => who === 'all' || isDoomed(index) === (who === 'doomed'));
}

interface Figures {
  seconds: number;
  requests: number;
  cpuSeconds: number;
  codecCpuSeconds: number;
}

/** Changes the lists of `asked`, and resolves when those in `living` have them. */
async function changeAll(asked: Who, living: Who): Promise<Figures> {
  change++;
  const changed = those(asked);
  for (const room of changed) await room.refresh(new AbortController().signal);
  const before = await fleet.ask({ ask: 'figures', who: living });
  const cpu = process.cpuUsage();
  const from = performance.now();
  const held = fleet.ask({ ask: 'hold', who: living, change, meetings });
  for (const room of changed) reconciler.planChanged(room);
  await held;
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  const after = await fleet.ask({ ask: 'figures', who: living });
  return {
    seconds,
    requests: after.requests - before.requests,
    cpuSeconds: (used.user + used.system) / 1e6,
    codecCpuSeconds: after.cpuSeconds - before.cpuSeconds,
  };
}

async function whole(what: string): Promise<void> {
  const { seconds, requests, cpuSeconds, codecCpuSeconds } = await changeAll('all', 'all');
  await reconciler.settled();
  const memory = (process.memoryUsage().rss / 2 ** 20).toFixed(0);
  process.stdout.write(
    `${what}: ${rooms.length} devices have it after ${seconds.toFixed(1)} s, ${(requests / rooms.length).toFixed(1)} ` +
      `requests each; Usher ${cpuSeconds.toFixed(1)} s of CPU, ${memory} MiB (the devices ${codecCpuSeconds.toFixed(1)} s)\n`,
  );
}

/** Smallest, median and greatest. */
function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b).map((value) => value.toFixed(2));
  return `${sorted[sorted.length >> 1]} (${sorted[0]} to ${sorted.at(-1)})`;
}

async function besideTheDead(death: Death): Promise<void> {
  const alone: Figures[] = [];
  const alive: Figures[] = [];
  const beside: Figures[] = [];
  for (let round = 0; round < rounds; round++) {
    // Each time all have connections that are warm.
    await changeAll('all', 'all');
    await reconciler.settled();
    alone.push(await changeAll('others', 'others'));
    await reconciler.settled();
    alive.push(await changeAll('all', 'others'));
    await reconciler.settled();
    await fleet.ask({ ask: 'die', death });
    beside.push(await changeAll('all', 'others'));
    await fleet.ask({ ask: 'live' });
    for (const room of those('doomed')) reconciler.planChanged(room);
    await fleet.ask({ ask: 'hold', who: 'all', change, meetings });
    await reconciler.settled();
  }
  const ratio = (to: readonly Figures[], of: 'seconds' | 'cpuSeconds'): string =>
    spread(beside.map((figures, round) => figures[of] / (to[round]?.[of] ?? Number.NaN)));
  process.stdout.write(
    `${those('doomed').length} ${death}: the other ${those('others').length} take ${ratio(alive, 'seconds')} times as long as ` +
      `while all live, ${ratio(alone, 'seconds')} times as long as without them; CPU ${ratio(alive, 'cpuSeconds')} and ` +
      `${ratio(alone, 'cpuSeconds')} times; alone ${spread(alone.map(({ seconds }) => seconds))} s, ` +
      `medians of ${rounds}\n`,
  );
}

const folder = await mkdtemp(join(tmpdir(), 'usher-bench-'));
const store = await openSqliteStore({ path: join(folder, 'usher.db'), clock });
const plans = await store.collection(planCollection);
const reconciler = new Reconciler({
  clock,
  log: createLog({ level: 'silent' }),
  devices: await store.collection(deviceCollection),
});
const around = {
  clock,
  secret: new Secret(Buffer.alloc(32, 7)),
  plans,
  understand: async (invites: readonly unknown[]) => invites.map(() => guestJoin),
  window: { backMs: 24 * hour, aheadMs: 168 * hour },
};
const { ports } = await fleet.ask({ ask: 'start', count, host });
const rooms = ports.map((port, index) => {
  const tls = { kind: 'none' } as const;
  const account = { username: 'usher', password: 'simulated', tls, clock };
  const device = new CiscoDevice({ id: `r${index}/0`, address: host, port, ...account });
  return new Room(
    { settings: { ...settings, id: `r${index}` }, calendar, devices: [device], pollMs: () => hour },
    around,
  );
});
await reconciler.start(rooms);
await whole('first list, connections cold');
await whole('all change');
for (const death of deathSchema.options) await besideTheDead(death);
await reconciler.close();
await fleet.end();
await store.close();
await rm(folder, { recursive: true });
