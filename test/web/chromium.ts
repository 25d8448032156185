/** The machine's own Chromium, for tests that need a real browser. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const places = [
  process.env['USHER_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** Where Chromium is, `null` if nowhere that we look. */
export function findChromium(): string | null {
  for (const place of places) if (place !== undefined && existsSync(place)) return place;
  return null;
}

export const withoutChromium =
  'no Chromium here: install it (apt-get install chromium) or set USHER_CHROMIUM to its path';

export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
