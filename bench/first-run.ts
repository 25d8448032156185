/**
 * From a calendar file to a panel: how long an open panel in a real Chromium takes to show a changed `.ics` file, and how
 * long the demo takes from its start to its ready line. Usage: `npm run bench -- first-run`.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DemoProcess } from '../test/demo/process.ts';
import { findChromium, launchChromium, withoutChromium } from '../test/web/chromium.ts';

const changes = 50;

function quantile(values: readonly number[], q: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN).toFixed(0);
}

const executable = findChromium();
if (executable === null) throw new Error(withoutChromium);
const data = await mkdtemp(join(tmpdir(), 'usher-bench-'));
const started = performance.now();
const demo = await DemoProcess.start(data);
process.stdout.write(`demo, start to ready: ${((performance.now() - started) / 1000).toFixed(2)} s\n`);
const browser = await launchChromium(executable);
try {
  const { calendar, panel } = demo.room('kyoto');
  const page = await browser.newPage();
  await page.goto(panel);
  const original = await readFile(calendar, 'utf8');
  const times: number[] = [];
  for (let change = 0; change < changes; change++) {
    const title = `Change ${change}`;
    const shown = page.getByText(title, { exact: true }).first().waitFor({ timeout: 10_000 });
    const from = performance.now();
    await writeFile(calendar, original.replace('SUMMARY:Supplier call', `SUMMARY:${title}`));
    await shown;
    times.push(performance.now() - from);
  }
  process.stdout.write(
    `changed .ics to open panel, ${changes} changes: p50 ${quantile(times, 0.5)} ms, p95 ${quantile(times, 0.95)} ms, longest ${quantile(times, 1)} ms (goal 2000)\n`,
  );
} finally {
  await browser.close();
  await demo.stop();
  await rm(data, { recursive: true, force: true });
}
