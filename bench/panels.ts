/** Many open panels on one Usher: memory for each, how long a change of every room takes to reach all, what a beat costs the others. */

import { get, type IncomingMessage } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../src/clock.ts';
import { createLog } from '../src/telemetry/log.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { roomPath } from '../src/web/paths.ts';
import { createWeb } from '../src/web/web.ts';
import { entry, hour, TestHouse } from '../test/web/house.ts';

const panels = 3_000;
const start = Date.now();
const house = new TestHouse();
const entries = Array.from({ length: 10 }, (_, i) => entry({ start: start + i * hour }));
for (let i = 0; i < panels; i++) house.add({ roomId: `room-${i}`, entries });
const web = await createWeb({
  house,
  listen: { address: '127.0.0.1', port: 0 },
  clock: systemClock,
  log: createLog({ level: 'warn' }),
  metrics: createMetrics(),
  limits: { drainMs: 500, beatMs: 2_000 },
});

/** Counts what arrives over all streams, by kind of event, without keeping it. */
const seen = { view: 0, beat: 0 };
let waiting: { kind: 'view' | 'beat'; upTo: number; done: () => void } | null = null;
function arrived(kind: 'view' | 'beat', times: number): void {
  seen[kind] += times;
  if (waiting?.kind === kind && seen[kind] >= waiting.upTo) waiting.done();
}
function until(kind: 'view' | 'beat', upTo: number): Promise<void> {
  if (seen[kind] >= upTo) return Promise.resolve();
  return new Promise((resolve) => {
    waiting = { kind, upTo, done: resolve };
  });
}
function open(roomId: string): Promise<IncomingMessage> {
  const url = web.url + roomPath(roomId, house.secrets(roomId)[0] ?? '', 'events');
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      response.setEncoding('latin1');
      response.on('data', (text: string) => {
        arrived('view', text.split('event: view').length - 1);
        arrived('beat', text.split('event: beat').length - 1);
      });
      response.on('error', () => {});
      resolve(response);
    }).on('error', reject);
  });
}

const before = process.memoryUsage().rss;
const from = performance.now();
const streams: IncomingMessage[] = [];
for (let i = 0; i < panels; i += 100) {
  streams.push(...(await Promise.all(Array.from({ length: 100 }, (_, k) => open(`room-${i + k}`)))));
}
await until('view', panels);
const opened = performance.now() - from;
const memory = (process.memoryUsage().rss - before) / panels / 1024;

const changed = performance.now();
const delay = monitorEventLoopDelay({ resolution: 5 });
for (let i = 0; i < panels; i++) house.set(`room-${i}`, entries.slice(1));
await until('view', 2 * panels);
const told = performance.now() - changed;

const beats = seen.beat;
await until('beat', Math.ceil((beats + 1) / panels) * panels);
delay.enable();
await until('beat', seen.beat + 2 * panels);
delay.disable();

process.stdout.write(
  `${panels} panels open (readers in the same process): opened in ${Math.round(opened)} ms, ${Math.round(memory)} KB for each with its reader; ` +
    `every room changed → every panel told in ${Math.round(told)} ms; during beats the event loop was held ${Math.round(delay.percentile(99) / 1e6)} ms at p99, ${Math.round(delay.max / 1e6)} ms at most\n`,
);
for (const stream of streams) stream.destroy();
await web.close();
