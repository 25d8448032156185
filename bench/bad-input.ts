/**
 * What bad calendars do to the other rooms: in one house, the time from a changed file to a healthy room's plan, before and
 * while each bad input is fed to the room next door, and the longest that the event loop (SIP, the web) was held up.
 * Usage: `npm run bench -- bad-input`.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { badFeeds, badFolders, calendar, event, startBadFeeds } from '../fixtures/calendars/bad.ts';
import { systemClock } from '../src/clock.ts';
import { parseConfig } from '../src/config/load.ts';
import { openHouse, type RunningHouse } from '../src/house/house.ts';
import { roomStatus } from '../src/house/status.ts';
import { createLog } from '../src/telemetry/log.ts';

const changes = 30;
const now = Date.now();

interface Figures {
  p50: number;
  p99: number;
  /** The longest time that the event loop did nothing else, milliseconds. */
  held: number;
}

let change = 0;

/** Changes the healthy room again and again; `between` is called before each change. */
async function measure(house: RunningHouse, folder: string, between: () => Promise<unknown>): Promise<Figures> {
  const good = house.rooms.get('good');
  if (good === null) throw new Error('no room');
  const times: number[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  for (let index = 0; index < changes; index++) {
    await between();
    const title = `change-${change++}`;
    const changed = new Promise<void>((resolve) => {
      const stop = good.onChange(() => {
        if (!good.view().entries.some((entry) => entry.title === title)) return;
        stop();
        resolve();
      });
    });
    const from = performance.now();
    await writeFile(join(folder, 'good', 'calendar.ics'), calendar(event(title, now)));
    await changed;
    times.push(performance.now() - from);
  }
  delay.disable();
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), held: delay.max / 1e6 };
}

const data = await mkdtemp(join(tmpdir(), 'usher-bench-'));
const feeds = await startBadFeeds(now);
const folders = badFolders(now);
const rooms = [
  ...['good', ...folders.map((_, index) => `bad-${index}`)].map((id) => ({
    id,
    name: id,
    calendar: { type: 'folder', path: id },
  })),
  ...badFeeds.map(({ path }, index) => ({
    id: `feed-${index}`,
    name: path,
    calendar: { type: 'feed', url: feeds.url + path, allowPrivateAddresses: true },
  })),
];
for (const { id } of rooms) await mkdir(join(data, id));
await writeFile(join(data, 'good', 'calendar.ics'), calendar(event('before', now)));
const config = await parseConfig(JSON.stringify({ web: { port: 0 }, rooms }), join(data, 'usher.yaml'), {});
const log = createLog({ level: 'silent' });
const house = await openHouse({ config, base: data, clock: systemClock, log, mode: 'serve', version: 'bench' });

function said(roomId: string): string {
  const room = house.rooms.get(roomId);
  if (room === null) return '';
  const { problems } = roomStatus(room, { now: Date.now(), reconciler: house.reconciler, callState: 'idle' });
  return problems[0] ?? `shown: ${room.view().entries.length} entries`;
}

const ms = (value: number): string => `${value.toFixed(0)} ms`.padStart(8);
const line = (what: string, { p50, p99, held }: Figures, message: string): void => {
  process.stdout.write(`${what.padEnd(46)}${ms(p50)}${ms(p99)}${ms(held)}  ${message}\n`);
};
process.stdout.write(`${'fed to the room next door'.padEnd(46)}     p50     p99    held  what is said of it\n`);
await measure(house, data, async () => {});
line('nothing', await measure(house, data, async () => {}), '');
for (const [index, { what, make }] of folders.entries()) {
  const folder = join(data, `bad-${index}`);
  let fed = 0;
  const figures = await measure(house, data, async () => {
    if (fed++ % 4 === 0) await make(folder);
  });
  house.rooms.refresh(`bad-${index}`);
  await house.rooms.settled();
  line(what, figures, said(`bad-${index}`));
  await rm(folder, { recursive: true, force: true });
}
for (const [index, { what }] of badFeeds.entries()) {
  const figures = await measure(house, data, async () => house.rooms.refresh(`feed-${index}`));
  line(what, figures, said(`feed-${index}`));
}
await house.close();
await feeds.close();
await rm(data, { recursive: true });
process.exit(0);
