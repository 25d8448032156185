import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import { systemClock } from '../../src/clock.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { roomPath } from '../../src/web/paths.ts';
import { createWeb, type Web } from '../../src/web/web.ts';
import { findChromium, launchChromium, withoutChromium } from './chromium.ts';
import { entry, hour, minute, TestHouse } from './house.ts';

describe('the panel in a real browser @first-run', () => {
  let browser: Browser | undefined;
  let house: TestHouse;
  let web: Web;
  let page: Page;
  let errors: string[];

  const listen = async (port: number): Promise<Web> =>
    createWeb({
      house,
      listen: { address: '127.0.0.1', port },
      clock: systemClock,
      log: createLog({ level: 'silent' }),
      metrics: createMetrics(),
      limits: { drainMs: 100, beatMs: 500 },
    });

  const path = (roomId: string): string => roomPath(roomId, house.secrets(roomId)[0] ?? '', 'panel');

  const current = () => entry({ start: Date.now() - 5 * minute, title: 'Budget round' });

  before(async function () {
    const executable = findChromium();
    if (executable === null) {
      console.log(`      skipped: ${withoutChromium}`);
      return this.skip();
    }
    browser = await launchChromium(executable);
  });

  beforeEach(async () => {
    house = new TestHouse().add({ roomId: 'atrium' });
    web = await listen(0);
    if (browser === undefined) throw new Error(withoutChromium);
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    errors = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => {
      // That requests fail is what some tests are about; anything else (script, content security policy) is a fault.
      const text = message.text();
      if (message.type() === 'error' && !text.startsWith('Failed to load resource')) errors.push(text);
    });
  });

  afterEach(async () => {
    await page?.close();
    await web?.close();
    assert.deepEqual(errors, []);
  });

  after(() => browser?.close());

  it('shows a changed view in the open page', async () => {
    await page.goto(web.url + path('atrium'));
    await page.getByText('Available').waitFor();
    house.set('atrium', [current()]);
    await page.getByRole('heading', { name: 'Budget round' }).waitFor();
    house.set('atrium', [{ ...current(), title: '<b>Renamed</b>' }]);
    await page.getByRole('heading', { name: '<b>Renamed</b>' }).waitFor();
  });

  it('shows the button when its time comes and takes it away when that is over', async () => {
    const from = Date.now() + 1_500;
    house.set('atrium', [entry({ start: from + minute, buttonFrom: from, buttonUntil: from + 2_000 })]);
    await page.goto(web.url + path('atrium'));
    const button = page.getByRole('button', { name: 'Join' });
    assert.equal(await button.count(), 0);
    await button.waitFor();
    assert.ok(Date.now() >= from);
    await button.waitFor({ state: 'detached' });
    assert.ok(Date.now() >= from + 2_000);
  });

  it('goes by the server’s clock where the panel’s own is wrong', async () => {
    await page.clock.install({ time: Date.now() - 5 * hour });
    house.set('atrium', [current()]);
    await page.goto(web.url + path('atrium'));
    await page.getByRole('button', { name: 'Join' }).waitFor();
    assert.match((await page.locator('.left').textContent()) ?? '', /2[45] min left/);
  });

  it('asks the room’s device to dial on a press, says how it goes, and offers to hang up', async () => {
    const one = current();
    house.set('atrium', [one]);
    await page.goto(web.url + path('atrium'));
    await page.getByRole('button', { name: 'Join' }).click();
    await page.locator('.call-words', { hasText: 'Calling the meeting' }).waitFor();
    assert.deepEqual(house.joined, [{ roomId: 'atrium', entryId: one.id }]);
    house.setCall('atrium', { state: 'lobby', entryId: one.id });
    await page.locator('.call-words', { hasText: 'In the lobby' }).waitFor();
    // Screen readers are told by the one live region.
    await page.getByRole('status').getByText('In the lobby').waitFor({ state: 'attached' });
    house.setCall('atrium', { state: 'connected', entryId: one.id });
    await page.locator('.call-words', { hasText: 'In the meeting' }).waitFor();
    await page.getByRole('button', { name: 'Hang up' }).click();
    await page.getByRole('button', { name: 'Join' }).waitFor();
  });

  it('says why a press came to nothing', async () => {
    house.answer = { outcome: 'unreachable', words: 'The video system does not answer.' };
    house.set('atrium', [current()]);
    await page.goto(web.url + path('atrium'));
    const answered = page.waitForResponse((response) => response.url().endsWith('/join'));
    await page.getByRole('button', { name: 'Join' }).click();
    assert.equal((await answered).status(), 409);
    await page.getByRole('status').getByText('The video system does not answer.').waitFor();
  });

  it('says that the connection broke, and is right again by itself when the server is back', async () => {
    house.set('atrium', [current()]);
    await page.goto(web.url + path('atrium'));
    await page.getByRole('heading', { name: 'Budget round' }).waitFor();
    const port = Number(new URL(web.url).port);
    await web.close();
    await page.getByRole('status').getByText('No connection').waitFor();
    house.set('atrium', [{ ...current(), title: 'Changed meanwhile' }]);
    web = await listen(port);
    await page.getByRole('heading', { name: 'Changed meanwhile' }).waitFor();
    await page.getByRole('status').getByText('No connection').waitFor({ state: 'detached' });
  });

  it('says so when its address is no longer valid', async () => {
    await page.goto(web.url + path('atrium'));
    house.setSecrets('atrium', ['another-secret']);
    await page.getByRole('status').getByText('no longer valid').waitFor();
  });

  it('goes on by polling where event streams do not get through', async () => {
    await page.route('**/events', (route) => route.abort());
    await page.goto(web.url + path('atrium'));
    await page.waitForResponse((response) => response.url().endsWith('/view'));
    house.set('atrium', [current()]);
    await page.getByRole('heading', { name: 'Budget round' }).waitFor();
    assert.equal(await page.getByRole('status').textContent(), '');
  });

  it('goes on by polling where something on the way holds event streams back', async () => {
    await page.clock.install();
    await page.route('**/events', () => {});
    await page.goto(web.url + path('atrium'));
    await page.getByText('Available').waitFor();
    house.set('atrium', [current()]);
    await page.clock.fastForward(9_000);
    await page.getByRole('heading', { name: 'Budget round' }).waitFor();
    // And while the stream is tried again and again.
    for (const title of ['Second title', 'Third title']) {
      house.set('atrium', [{ ...current(), title }]);
      await page.clock.fastForward(6_000);
      await page.getByRole('heading', { name: title }).waitFor({ timeout: 3_000 });
    }
    assert.equal(await page.getByRole('status').textContent(), '');
  });

  it('works without script: titles, the button, and a press', async () => {
    const one = current();
    house.set('atrium', [one]);
    await page.close();
    if (browser === undefined) throw new Error(withoutChromium);
    page = await browser.newPage({ javaScriptEnabled: false });
    await page.goto(web.url + path('atrium'));
    await page.getByRole('button', { name: 'Join' }).click();
    await page.locator('.call-words', { hasText: 'Calling the meeting' }).waitFor();
    assert.deepEqual(house.joined, [{ roomId: 'atrium', entryId: one.id }]);
  });

  it('can be read and used by keyboard and screen reader, and keeps focus over updates', async () => {
    const one = current();
    house.set('atrium', [one, entry({ start: Date.now() + hour, title: 'Site visit', privacy: 'private' })]);
    await page.goto(web.url + path('atrium'));
    for (const role of ['banner', 'main', 'contentinfo'] as const) assert.equal(await page.getByRole(role).count(), 1);
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Atrium');
    assert.equal(await page.getByRole('region').count(), 2);
    assert.equal(await page.getByRole('img', { name: 'Private' }).count(), 1);
    assert.equal(await page.locator('html').getAttribute('lang'), 'en-GB');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.id), `join-${one.id}`);
    house.set('atrium', [{ ...one, title: 'Renamed while focused' }]);
    await page.getByRole('heading', { name: 'Renamed while focused' }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), `join-${one.id}`);
    await page.keyboard.press('Enter');
    await page.locator('.call-words', { hasText: 'Calling the meeting' }).waitFor();
  });

  it('keeps everything on the screen of a small panel, whatever the title', async () => {
    const long = {
      title: 'Quarterly business review of all field operations '.repeat(5),
      note: 'Type the id 1147563002.',
    };
    house.set('atrium', [{ ...current(), ...long }]);
    for (const [width, height] of [
      [1280, 800],
      [1024, 600],
      [800, 480],
      [800, 1280],
    ] as const) {
      await page.setViewportSize({ width, height });
      await page.goto(web.url + path('atrium'));
      const box = await page.getByRole('button', { name: 'Join' }).boundingBox();
      assert.ok(box !== null && box.y + box.height <= height && box.x + box.width <= width, `${width}x${height}`);
      assert.ok(box.height >= 48 && box.width >= 200);
      const overflow = await page.evaluate(() => {
        const hero = document.querySelector('.hero');
        return hero === null ? 0 : hero.scrollHeight - hero.clientHeight;
      });
      assert.ok(overflow <= 1, `the card overflows by ${overflow} at ${width}x${height}`);
    }
  });
});
