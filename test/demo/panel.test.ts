import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findChromium, launchChromium, withoutChromium } from '../web/chromium.ts';
import { DemoProcess } from './process.ts';

describe('a panel of the demo in a real browser @first-run', function () {
  this.timeout(60_000);
  let data: string;
  const executable = findChromium();
  before(async function () {
    data = await mkdtemp(join(tmpdir(), 'usher-panel-'));
    if (executable !== null) return;
    console.log(`      skipped: ${withoutChromium}`);
    this.skip();
  });
  after(() => rm(data, { recursive: true, force: true }));

  it('follows the calendar file, and shows it still after a restart', async () => {
    const browser = await launchChromium(executable ?? '');
    const demo = await DemoProcess.start(data);
    try {
      const { calendar, panel } = demo.room('kyoto');
      const page = await browser.newPage();
      await page.goto(panel);
      await page.getByText('Supplier call').first().waitFor();
      const text = await readFile(calendar, 'utf8');
      await writeFile(calendar, text.replace('SUMMARY:Supplier call', 'SUMMARY:Supplier visit'));
      await page.getByText('Supplier visit').first().waitFor({ timeout: 10_000 });
      await demo.stop();
      const again = await DemoProcess.start(data);
      const path = new URL(panel).pathname;
      await page.goto(`${again.ready.web}${path}`);
      assert.equal(await page.getByText('Supplier visit').count(), 1);
      await again.stop();
    } finally {
      await browser.close();
      await demo.stop();
    }
  });
});
