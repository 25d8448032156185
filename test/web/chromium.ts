/** The machine's own Chromium, for tests that need a real browser. */
import { type Browser, chromium } from 'playwright-core';
import { findMediaParts } from '../../media/setup/find.ts';

/** Where Chromium is, `null` if nowhere that Usher looks. */
export function findChromium(): string | null {
  return findMediaParts().chromium ?? null;
}

export const withoutChromium = 'no Chromium here (npm run setup installs it)';

export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
