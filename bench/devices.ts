/**
 * Many devices: 2,000 simulated video systems, each over an HTTPS server of its own, whose lists all change at once; then
 * the same with a fifth of them dead (they take the connection and never answer), once as a surprise and once known to be
 * so. Time until every living device has confirmed, requests, CPU and memory; the simulators are in this process and in
 * the figures. Usage: `npm run bench -- devices`; the number of devices in USHER_BENCH_DEVICES.
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

/** Changes every list, and resolves when those that live have it. Returns seconds. */
async function changeAll(what: string, pairs: readonly Pair[], reconciler: Reconciler): Promise<number> {
  change++;
  for (const { room } of pairs) await room.refresh(new AbortController().signal);
  const living = pairs.filter(({ codec }) => codec.fault === null);
  const requests = () => living.reduce((sum, { codec }) => sum + codec.requests, 0);
  const asked = requests();
  const cpu = process.cpuUsage();
  const from = performance.now();
  const done = confirmed(living);
  for (const { room } of pairs) reconciler.planChanged(room);
  await done;
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  const memory = (process.memoryUsage().rss / 2 ** 20).toFixed(0);
  process.stdout.write(
    `${what}: ${living.length} of ${pairs.length} devices have it after ${seconds.toFixed(1)} s, ` +
      `${((requests() - asked) / living.length).toFixed(1)} requests each, ` +
      `${((used.user + used.system) / 1e6).toFixed(1)} s of CPU, ${memory} MiB\n`,
  );
  return seconds;
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
  const codec = await Codec.start();
  const tls = { kind: 'authority', ca: codec.ca } as const;
  const account = { username: 'usher', password: 'simulated', tls, clock };
  const device = new CiscoDevice({ id: `r${index}/0`, address: '127.0.0.1', port: codec.port, ...account });
  const room = new Room(
    { settings: { ...settings, id: `r${index}` }, calendar, devices: [device], pollMs: () => hour },
    around,
  );
  pairs.push({ codec, room });
}
await reconciler.start(pairs.map(({ room }) => room));
await changeAll('first list, connections cold', pairs, reconciler);
await reconciler.settled();
const whole = await changeAll('all change', pairs, reconciler);
await reconciler.settled();
for (const [index, { codec }] of pairs.entries()) if (index % 5 === 0) codec.fault = 'hang';
const surprise = await changeAll('a fifth has just died', pairs, reconciler);
await reconciler.settled();
const known = await changeAll('a fifth is known to be dead', pairs, reconciler);
process.stdout.write(
  `with the dead, the others take ${(surprise / whole).toFixed(2)} times (surprise), ${(known / whole).toFixed(2)} times (known) as long\n`,
);
await reconciler.close();
await Promise.all(pairs.map(({ codec }) => codec.close()));
await store.close();
await rm(folder, { recursive: true });
