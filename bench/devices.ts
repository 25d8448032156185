/**
 * Many devices: 2,000 simulated video systems, each over an HTTPS server of its own, whose lists all change at once: time
 * until every one has confirmed, requests, CPU and memory; the simulators are in this process and in the figures. Then the
 * same 1,600 by turns alone and beside 400 that have just died, each in one of four ways, and that come back afterwards:
 * how many times as long the 1,600 take, round by round. Usage: `npm run bench -- devices`; the number of devices in
 * USHER_BENCH_DEVICES, of rounds in USHER_BENCH_ROUNDS.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Calendar } from '../connectors/calendars/calendar.ts';
import { CiscoDevice } from '../connectors/devices/cisco/device.ts';
import { Codec } from '../fixtures/codec/codec.ts';
import { systemClock as clock } from '../src/clock.ts';
import { deviceCollection } from '../src/rooms/device-store.ts';
import { planCollection } from '../src/rooms/plan-store.ts';
import { Reconciler } from '../src/rooms/reconciler.ts';
import { Room } from '../src/rooms/room.ts';
import { Secret } from '../src/rooms/secret.ts';
import { openSqliteStore } from '../src/store/sqlite/store.ts';
import { createLog } from '../src/telemetry/log.ts';
import { guestJoin, invite, settings } from '../test/rooms/invites.ts';

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
        subject: `Meeting ${index} change ${change}`,
        start,
        end: start + hour,
      });
    }),
    problems: [],
  }),
  watch: () => async () => {},
};

interface Pair {
  codec: Codec;
  room: Room;
}

async function confirmed(pairs: readonly Pair[]): Promise<void> {
  await Promise.all(
    pairs.map(({ codec }) =>
      codec.until((held) => held.length === meetings && held.every(({ title }) => title.endsWith(`change ${change}`))),
    ),
  );
}

interface Figures {
  seconds: number;
  requests: number;
  cpuSeconds: number;
}

/** Changes the lists of `asked`, and resolves when those in `living` have them. */
async function changeAll(asked: readonly Pair[], living: readonly Pair[]): Promise<Figures> {
  change++;
  for (const { room } of asked) await room.refresh(new AbortController().signal);
  const requests = () => living.reduce((sum, { codec }) => sum + codec.requests, 0);
  const before = requests();
  const cpu = process.cpuUsage();
  const from = performance.now();
  const done = confirmed(living);
  for (const { room } of asked) reconciler.planChanged(room);
  await done;
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  return { seconds, requests: requests() - before, cpuSeconds: (used.user + used.system) / 1e6 };
}

async function whole(what: string): Promise<void> {
  const { seconds, requests, cpuSeconds } = await changeAll(pairs, pairs);
  await reconciler.settled();
  const memory = (process.memoryUsage().rss / 2 ** 20).toFixed(0);
  process.stdout.write(
    `${what}: ${pairs.length} devices have it after ${seconds.toFixed(1)} s, ${(requests / pairs.length).toFixed(1)} ` +
      `requests each, ${cpuSeconds.toFixed(1)} s of CPU, ${memory} MiB\n`,
  );
}

/** Ways to die, and back. */
const deaths: Readonly<Record<string, { die: (codec: Codec) => unknown; live: (codec: Codec) => unknown }>> = {
  'take the connection and never answer': {
    die: (codec) => {
      codec.fault = 'hang';
    },
    live: (codec) => {
      codec.fault = null;
      codec.dropConnections();
    },
  },
  'answer half and hang': {
    die: (codec) => {
      codec.fault = 'half-hang';
    },
    live: (codec) => {
      codec.fault = null;
      codec.dropConnections();
    },
  },
  'refuse the connection': { die: (codec) => codec.setDoor('closed'), live: (codec) => codec.setDoor('open') },
  'take ten seconds for TLS': { die: (codec) => codec.setDoor('slow'), live: (codec) => codec.setDoor('open') },
};

async function besideTheDead(what: string): Promise<void> {
  const death = deaths[what];
  if (death === undefined) return;
  const doomed = pairs.filter((_, index) => index % 5 === 0);
  const others = pairs.filter((_, index) => index % 5 !== 0);
  const ratios: number[] = [];
  const ofFleet: number[] = [];
  const ofCpu: number[] = [];
  const alone: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // Each time all have connections that are warm.
    await changeAll(pairs, pairs);
    await reconciler.settled();
    const before = await changeAll(others, others);
    await reconciler.settled();
    const fleet = await changeAll(pairs, others);
    await reconciler.settled();
    for (const { codec } of doomed) await death.die(codec);
    const beside = await changeAll(pairs, others);
    for (const { codec } of doomed) await death.live(codec);
    for (const { room } of doomed) reconciler.planChanged(room);
    await confirmed(pairs);
    await reconciler.settled();
    alone.push(before.seconds);
    ofFleet.push(beside.seconds / fleet.seconds);
    ratios.push(beside.seconds / before.seconds);
    ofCpu.push(beside.cpuSeconds / before.cpuSeconds);
  }
  const inOrder = (values: readonly number[]) => values.toSorted((a, b) => a - b).map((value) => value.toFixed(2));
  const sorted = inOrder(ratios);
  const cpu = inOrder(ofCpu);
  const living = inOrder(ofFleet);
  process.stdout.write(
    `${doomed.length} ${what}: the other ${others.length} take ${living[living.length >> 1]} times as long as while all lived ` +
      `(median of ${rounds}; ${living[0]} to ${living.at(-1)}), ${sorted[sorted.length >> 1]} times as long as without the others ` +
      `(median of ${rounds}; ${sorted[0]} to ${sorted.at(-1)}; alone ${inOrder(alone)[alone.length >> 1]} s), ` +
      `and ${cpu[cpu.length >> 1]} times the CPU\n`,
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
const pairs: Pair[] = [];
for (let index = 0; index < count; index++) {
  const codec = await Codec.start({ host });
  const tls = { kind: 'none' } as const;
  const account = { username: 'usher', password: 'simulated', tls, clock };
  const device = new CiscoDevice({ id: `r${index}/0`, address: host, port: codec.port, ...account });
  const room = new Room(
    { settings: { ...settings, id: `r${index}` }, calendar, devices: [device], pollMs: () => hour },
    around,
  );
  pairs.push({ codec, room });
}
await reconciler.start(pairs.map(({ room }) => room));
await whole('first list, connections cold');
await whole('all change');
for (const what of Object.keys(deaths)) await besideTheDead(what);
await reconciler.close();
await Promise.all(pairs.map(({ codec }) => codec.close()));
await store.close();
await rm(folder, { recursive: true });
