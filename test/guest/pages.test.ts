import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SharedBrowser, sharedBrowser } from '../../media/guest/browser.ts';
import type { GuestEnvironment } from '../../media/guest/guest.ts';
import { GuestAdapterUnavailable, loadGuestAdapter } from '../../media/guest/load.ts';
import { pagePool } from '../../media/guest/pages.ts';
import { findMediaParts } from '../../media/setup/find.ts';
import { SimulatedClock, systemClock } from '../../src/clock.ts';

describe('the pool of warm pages @sgj', function () {
  this.timeout(30_000);
  let shared: SharedBrowser;

  before(function () {
    if (findMediaParts().chromium === null) {
      console.log('      skipped: there is no Chromium (npm run setup)');
      return this.skip();
    }
    shared = sharedBrowser();
  });
  after(() => shared?.close());

  it('hands out warm pages, refills, and leaves nothing behind', async () => {
    const pool = pagePool({ browser: () => shared.get(), size: 2 });
    await pool.warm(2);
    assert.deepEqual(pool.counts, { warm: 2, taken: 0, opened: 2, closed: 0 });
    const first = await pool.take();
    assert.equal(first.warm, true);
    await pool.warm(2);
    assert.deepEqual(pool.counts, { warm: 2, taken: 1, opened: 3, closed: 0 });
    await Promise.all([first.release(), first.release()]);
    assert.equal(pool.counts.taken, 0);
    await pool.warm(1);
    assert.deepEqual(pool.counts, { warm: 1, taken: 0, opened: 3, closed: 2 });
    await pool.close();
    assert.equal(pool.counts.opened, pool.counts.closed);
    assert.equal((await shared.get()).contexts().length, 0);
  });

  it('makes a new page only some seconds after one was taken: the call that took it has the machine until then', async () => {
    const clock = new SimulatedClock(0);
    const pool = pagePool({ browser: () => shared.get(), size: 1, clock });
    await pool.warm(1);
    const first = await pool.take();
    await clock.advance(4_000);
    assert.deepEqual(pool.counts, { warm: 0, taken: 1, opened: 1, closed: 0 });
    await clock.advance(2_000);
    // Waits for the page that is being made, and makes no other.
    await pool.warm(1);
    assert.deepEqual(pool.counts, { warm: 1, taken: 1, opened: 2, closed: 0 });
    await first.release();
    await pool.close();
  });

  it('keeps no warm page where memory is short, and still opens one when it must', async () => {
    const pool = pagePool({ browser: () => shared.get(), size: 2, freeMemory: () => 100 * 1024 * 1024 });
    await pool.warm(2);
    assert.equal(pool.counts.warm, 0);
    const page = await pool.take();
    assert.equal(page.warm, false);
    await pool.close();
    assert.equal((await shared.get()).contexts().length, 0);
  });

  it('drops a warm page that crashed, and starts Chromium again when it died', async () => {
    const pool = pagePool({ browser: () => shared.get(), size: 1 });
    await pool.warm(1);
    const browser = await shared.get();
    const [page] = browser.contexts().flatMap((context) => context.pages());
    const crashed = page?.waitForEvent('crash');
    page?.goto('chrome://crash').catch(() => undefined);
    await crashed;
    assert.equal(pool.counts.warm, 0);
    await pool.warm(1);
    const gone = new Promise((resolve) => browser.once('disconnected', resolve));
    const session = await browser.newBrowserCDPSession();
    session.send('Browser.crash').catch(() => undefined);
    await gone;
    const again = await pool.take();
    assert.equal(again.page.isClosed(), false);
    assert.equal(shared.launches, 2);
    await pool.close();
  });
});

describe('loading a guest adapter @sgj', () => {
  const environment: Omit<GuestEnvironment, 'options'> = {
    browser: () => Promise.reject(new Error('no browser in this test')),
    clock: systemClock,
    lobbyTimeoutMs: 1000,
    log: () => {},
  };
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'usher-adapter-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('names the module and the remedy when it is missing, useless, or fails to start', async () => {
    const write = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return `./${name}`;
    };
    const cases: [string, RegExp][] = [
      ['./missing.mjs', /could not be loaded from file:.*missing\.mjs.*path of a module/s],
      [write('none.mjs', 'export const name = 1;'), /no default export/],
      [write('text.mjs', 'export default "x";'), /a string/],
      [write('nothing.mjs', 'export default async () => null;'), /without name, join and close/],
      [write('throws.mjs', 'export default async () => { throw new Error("no token"); };'), /cannot start: no token/],
    ];
    for (const [module, said] of cases) {
      await assert.rejects(loadGuestAdapter({ module, base: folder }, environment), (error: Error) => {
        assert.ok(error instanceof GuestAdapterUnavailable);
        assert.match(error.message, said);
        return true;
      });
    }
  });

  it('says what is wrong with an adapter’s options', async () => {
    const module = new URL('../../fixtures/meeting/guest-adapter.ts', import.meta.url).href;
    await assert.rejects(loadGuestAdapter({ module, options: { server: 'ftp://x' } }, environment), /server/);
  });
});
