/** From a changed room to the changed page: 100 changes of a room whose panel is open in a real Chromium, 200 more streams beside it. */
import { findMediaParts } from '../media/setup/find.ts';
import { systemClock } from '../src/clock.ts';
import { createLog } from '../src/telemetry/log.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { roomPath } from '../src/web/paths.ts';
import { createWeb } from '../src/web/web.ts';
import { launchChromium } from '../test/web/chromium.ts';
import { entry, TestHouse } from '../test/web/house.ts';

const changes = 100;
const others = 200;

const { chromium } = findMediaParts();
if (chromium === null) {
  process.stdout.write('not measured: no Chromium here (npm run setup installs it)\n');
  process.exit(0);
}
const house = new TestHouse().add({ roomId: 'atrium' });
for (let i = 0; i < others; i++) house.add({ roomId: `room-${i}` });
const web = await createWeb({
  house,
  listen: { address: '127.0.0.1', port: 0 },
  clock: systemClock,
  log: createLog({ level: 'warn' }),
  metrics: createMetrics(),
  limits: { drainMs: 500 },
});
const address = (roomId: string, page: 'panel' | 'events'): string =>
  web.url + roomPath(roomId, house.secrets(roomId)[0] ?? '', page);
const stop = new AbortController();
const streams = await Promise.all(
  Array.from({ length: others }, (_, i) => fetch(address(`room-${i}`, 'events'), { signal: stop.signal })),
);
const browser = await launchChromium(chromium);
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
let seen: (title: string, at: number) => void = () => {};
await page.exposeFunction('seen', (title: string, at: number) => seen(title, at));
await page.goto(address('atrium', 'panel'));
// The page tells when its title has changed in the document, by the same machine's clock.
await page.evaluate(`new MutationObserver(() => {
  const title = document.getElementById('hero-title');
  if (title) window.seen(title.textContent, Date.now());
}).observe(document.body, { subtree: true, childList: true, characterData: true })`);

const taken: number[] = [];
for (let i = 0; i < changes; i++) {
  const title = `Meeting ${i}`;
  const arrived = new Promise<number>((resolve) => {
    seen = (text, at) => (text === title ? resolve(at) : undefined);
  });
  const from = Date.now();
  house.set('atrium', [entry({ start: from - 60_000, title })]);
  taken.push((await arrived) - from);
}
taken.sort((a, b) => a - b);
const at = (share: number): number => taken[Math.min(taken.length - 1, Math.floor(share * taken.length))] ?? Number.NaN;
process.stdout.write(
  `room changed → page changed, ${changes} changes, ${streams.length} other streams open: median ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms\n`,
);
stop.abort();
await browser.close();
await web.close();
