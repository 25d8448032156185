/**
 * From the finger to the lobby: Join is pressed on a room's panel page in Chromium, the room's video system (baresip,
 * switched on already) dials, and the panel shows that the room waits in the lobby. A whole Usher of a configuration,
 * with cold and with warm pages, the meeting simulated. Usage: `npm run bench -- press`.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { startMeetingServer } from '../fixtures/meeting/server.ts';
import { systemClock } from '../src/clock.ts';
import { parseConfig } from '../src/config/load.ts';
import { openHouse } from '../src/house/house.ts';
import { createLog } from '../src/telemetry/log.ts';
import { startBrowser } from '../test/media/bridge-harness.ts';
import { machineCpu } from './measured/processes.ts';
import { switchOff, switchOn } from './measured/standing-vtc.ts';

const calls = Number(process.env['CALLS'] ?? 12);
/** For the pools to have their pages ready again; a room's panel may press 12 times a minute, milliseconds. */
const between = 9_000;
const lobby = 'In the lobby';

const fixture = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

function quantile(values: readonly number[], q: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN).toFixed(0);
}

function calendar(now: number): string {
  const stamp = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
  const context = encodeURIComponent(
    JSON.stringify({ Tid: '22222222-2222-4222-8222-222222222222', Oid: '33333333-3333-4333-8333-333333333333' }),
  );
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Bench//EN',
    'BEGIN:VEVENT',
    'UID:press@example.com',
    `DTSTAMP:${stamp(now)}`,
    `DTSTART:${stamp(now - 60_000)}`,
    `DTEND:${stamp(now + 3_600_000)}`,
    'SUMMARY:Design review',
    `DESCRIPTION:https://teams.microsoft.com/l/meetup-join/19%3ameeting_cHJlc3M%40thread.v2/0?context=${context}`,
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ].join('\r\n');
}

/** Milliseconds from the press to the lobby, by the page's own clock. */
async function press(page: Page): Promise<number> {
  const button = page.getByRole('button', { name: 'Join' }).first();
  await button.waitFor();
  const took = page.evaluate(
    (words) =>
      new Promise<number>((resolve) => {
        let from = Number.NaN;
        document.addEventListener('pointerdown', (event) => (from = event.timeStamp), { capture: true, once: true });
        const observer = new MutationObserver(() => {
          if (document.body.innerText.includes(words)) {
            observer.disconnect();
            resolve(performance.now() - from);
          }
        });
        observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
      }),
    lobby,
  );
  await button.click();
  return took;
}

async function measure(warmPages: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'usher-press-'));
  await mkdir(join(folder, 'oslo'));
  await writeFile(join(folder, 'oslo', 'press.ics'), calendar(Date.now()));
  const meetings = await startMeetingServer();
  const port = { address: '127.0.0.1', port: 0 };
  const config = {
    dataFolder: '.',
    web: port,
    sip: { listen: [{ transport: 'udp', ...port }], rtp: { minPort: 44_000, maxPort: 45_998 } },
    guests: {
      warmPages,
      adapters: [
        { module: fixture('fixtures/meeting/guest-adapter.ts'), options: { server: meetings.url, warm: warmPages } },
      ],
    },
    rooms: [
      {
        id: 'oslo',
        name: 'Oslo',
        calendar: { type: 'folder', path: 'oslo' },
        devices: [
          { type: 'panel' },
          { type: 'module', module: fixture('bench/measured/standing-vtc.ts'), dials: true },
        ],
      },
    ],
  };
  const log = createLog({ level: 'error', destination: process.stderr });
  const house = await openHouse({
    config: await parseConfig(JSON.stringify(config), join(folder, 'usher.yaml'), {}),
    base: folder,
    clock: systemClock,
    log,
    mode: 'serve',
    version: 'bench',
  });
  await switchOn(600);
  const panels = await startBrowser();
  try {
    if (!(await house.bridgeReady)) throw new Error(house.bridgeProgress() ?? 'no bridge');
    const page = await panels.newPage();
    await page.goto(house.panelUrl('oslo'));
    const taken: number[] = [];
    const busy: number[] = [];
    for (let number = 0; number <= calls; number++) {
      await new Promise((resolve) => setTimeout(resolve, between));
      const before = machineCpu();
      const ms = await press(page);
      const after = machineCpu();
      // The first one starts what is started once.
      if (number > 0) {
        taken.push(ms);
        busy.push((100 * (after.busy - before.busy)) / (after.all - before.all));
      }
      await page.getByRole('button', { name: 'Hang up' }).click();
      await page.getByRole('button', { name: 'Join' }).first().waitFor();
    }
    const line = `p50 ${quantile(taken, 0.5)} ms, p95 ${quantile(taken, 0.95)} ms`;
    const kind = warmPages === 0 ? 'cold' : 'warm';
    process.stdout.write(
      `${kind} pages, ${calls} presses: press to lobby ${line}; the machine was ${quantile(busy, 0.5)} % busy\n`,
    );
  } finally {
    await panels.close();
    await house.close();
    await switchOff();
    await meetings.close();
    await rm(folder, { recursive: true, force: true });
  }
}

for (const warmPages of [0, 2]) await measure(warmPages);
