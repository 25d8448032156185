/** A bridge with a browser for tests, and the page that a guest or a slate would have. */

import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { type BridgeOptions, createBridge, type MediasoupBridge } from '../../media/bridge/bridge.ts';
import type { MediaClock, PagePort } from '../../media/call.ts';
import { chromiumArguments, type GuestPage, openGuestPage } from '../../media/guest/page-host.ts';
import { findMediaParts } from '../../media/setup/find.ts';
import { systemClock } from '../../src/clock.ts';
import type { Heard, SenderOptions } from './pages/sender.ts';
import { rtpPorts } from './rtp-ports.ts';

const parts = findMediaParts();
/** Why tests with real media cannot run here; null when they can. */
export const missing =
  parts.chromium === null || parts.workerBin === null || parts.ffmpeg === null ? 'npm run setup' : null;

/** A clock that tells how many timers are waiting. */
export class CountingClock implements MediaClock {
  waiting = 0;

  now(): number {
    return systemClock.now();
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  after(ms: number, run: () => void): () => void {
    this.waiting++;
    let open = true;
    const settle = (): void => {
      if (open) this.waiting--;
      open = false;
    };
    const cancel = systemClock.after(ms, () => {
      settle();
      run();
    });
    return () => {
      settle();
      cancel();
    };
  }
}

export function startBridge(options: Partial<BridgeOptions> = {}): Promise<MediasoupBridge> {
  return createBridge({
    workerBin: parts.workerBin ?? '',
    workers: 1,
    rtp: { listenAddress: '127.0.0.1', portRange: rtpPorts() },
    clock: systemClock,
    silenceMs: 60_000,
    log: () => {},
    ...options,
  });
}

export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: parts.chromium ?? '', args: [...chromiumArguments] });
}

export interface SenderPage extends GuestPage {
  heard(): Promise<Heard>;
}

/** A page that sends a tone and a colour, and with `receive` measures what the room sends. */
export async function openSender(
  browser: Browser,
  port: PagePort,
  options: Partial<SenderOptions>,
): Promise<SenderPage> {
  const entry = fileURLToPath(new URL('pages/sender.ts', import.meta.url));
  const host = await openGuestPage({ browser, entry, port });
  const all = {
    hz: 700,
    colour: '#00ff00',
    width: 640,
    height: 360,
    framesPerSecond: 15,
    moving: false,
    receive: true,
    ...options,
  };
  await host.page.evaluate((given) => window.start(given), all);
  return {
    page: host.page,
    onGone: (listener) => host.onGone(listener),
    close: () => host.close(),
    heard: () => host.page.evaluate(() => window.heard()),
  };
}
