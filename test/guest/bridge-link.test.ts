import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { chromiumArguments, openGuestPage } from '../../media/guest/page-host.ts';
import { findMediaParts } from '../../media/setup/find.ts';
import type {} from '../media/pages/hasty.ts';
import { deadBridge } from './dead-bridge.ts';

describe('what a guest page sends the room @sgj @guests', function () {
  this.timeout(120_000);
  let browser: Browser;

  before(async function () {
    const executablePath = findMediaParts().chromium;
    if (executablePath === null) {
      console.log('      skipped: there is no Chromium (npm run setup)');
      return this.skip();
    }
    browser = await chromium.launch({ executablePath, args: [...chromiumArguments] });
  });
  after(() => browser?.close());

  it('is the last that it was told to, though the one before was still on its way, and one stream', async () => {
    for (const [last, pictures] of [
      ['nothing', 0],
      ['another', 1],
    ] as const) {
      const port = deadBridge();
      const entry = fileURLToPath(new URL('../media/pages/hasty.ts', import.meta.url));
      const host = await openGuestPage({ browser, entry, port });
      try {
        assert.equal(await host.page.evaluate((word) => window.haste(word), last), pictures, last);
        assert.equal(port.asked.filter((method) => method === 'produce').length, 1, last);
      } finally {
        await host.close();
      }
    }
  });
});
