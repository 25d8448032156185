/**
 * A few warm pages, each in a browser context of its own, so that a press on Join does not wait for Chromium. A page
 * serves one call and is then closed with its context: nothing of one meeting can reach the next.
 */
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import type { MediaClock } from '../call.ts';

/** What a page is expected to take before it does anything; measured as the growth of Chromium's resident memory. */
const memoryPerPage = 150 * 1024 * 1024;

/** After a page was taken, milliseconds. */
const quietMs = 5_000;

export interface PagePoolOptions {
  browser(): Promise<Browser>;
  /** How many warm pages to keep. Default 2; 0 opens each page when it is asked for. */
  size?: number;
  contextOptions?: BrowserContextOptions;
  /** Run on every new page before it is handed out, e.g. to load what all meetings share. */
  prepare?(page: Page): Promise<void>;
  /**
   * With it a page that was taken is replaced only some seconds later: making one costs as much as a join, and would slow
   * down the very call that took it. Default: at once.
   */
  clock?: MediaClock;
  /** Bytes still free to this process. Default: Node's `process.availableMemory()`. Warm pages leave half of it alone. */
  freeMemory?(): number;
  log?(level: 'debug' | 'warn', message: string, fields?: Record<string, unknown>): void;
}

/** A page of one's own, until `release()`. */
export interface PooledPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** True where the page had been made ready ahead of need. */
  readonly warm: boolean;
  /** Closes the page and its context. Idempotent; never rejects. */
  release(): Promise<void>;
}

export interface PageCounts {
  /** Ready and waiting. */
  warm: number;
  /** Handed out and not yet released. */
  taken: number;
  /** Since the start; `opened - closed` is what exists now. */
  opened: number;
  closed: number;
}

export interface PagePool {
  /** A warm page if there is one, else a new one. @throws Error if no browser can be started */
  take(): Promise<PooledPage>;
  /** Makes ready up to `pages` warm pages (as many as memory allows) and keeps that many from now on. Never rejects. */
  warm(pages: number): Promise<void>;
  readonly counts: PageCounts;
  /** Closes every page, handed out or not. */
  close(): Promise<void>;
}

export function pagePool(options: PagePoolOptions): PagePool {
  const freeMemory = options.freeMemory ?? (() => process.availableMemory());
  const ready: { page: Page; context: BrowserContext }[] = [];
  const taken = new Set<PooledPage>();
  let size = options.size ?? 2;
  let opened = 0;
  let closedPages = 0;
  let closed = false;
  let refilling: Promise<void> | null = null;

  async function open(): Promise<{ page: Page; context: BrowserContext }> {
    const browser = await options.browser();
    const context = await browser.newContext(options.contextOptions ?? {});
    opened += 1;
    try {
      const page = await context.newPage();
      await options.prepare?.(page);
      return { page, context };
    } catch (error) {
      await shut(context);
      throw error;
    }
  }

  /** Contexts that are being closed. */
  const closing = new Set<Promise<void>>();

  async function shut(context: BrowserContext): Promise<void> {
    // A context whose browser is gone is closed already; there is nothing left to do for it.
    const done = context.close().catch(() => undefined);
    closing.add(done);
    await done;
    closing.delete(done);
    closedPages += 1;
  }

  async function refillNow(): Promise<void> {
    while (!closed && ready.length < size) {
      if (freeMemory() < 2 * memoryPerPage) {
        options.log?.('warn', 'too little memory for a warm page', { warm: ready.length, wanted: size });
        return;
      }
      const fresh = await open();
      if (closed || ready.length >= size) return shut(fresh.context);
      ready.push(fresh);
      const drop = (): void => {
        const at = ready.indexOf(fresh);
        if (at < 0) return;
        ready.splice(at, 1);
        void shut(fresh.context);
      };
      fresh.page.once('crash', drop);
      fresh.page.once('close', drop);
    }
  }

  /** One refill at a time; errors are a matter for the next `take()`, which meets them itself. */
  function refill(): Promise<void> {
    refilling ??= refillNow()
      .catch((error: unknown) => options.log?.('warn', 'no warm page could be made', { error: String(error) }))
      .finally(() => {
        refilling = null;
      });
    return refilling;
  }

  let cancelRefill: (() => void) | null = null;

  function refillLater(): void {
    if (options.clock === undefined) void refill();
    else if (ready.length < size) {
      cancelRefill ??= options.clock.after(quietMs, () => {
        cancelRefill = null;
        void refill();
      });
    }
  }

  function handOut(of: { page: Page; context: BrowserContext }, warm: boolean): PooledPage {
    let released: Promise<void> | null = null;
    const pooled: PooledPage = {
      ...of,
      warm,
      release() {
        released ??= shut(of.context).then(() => {
          taken.delete(pooled);
        });
        return released;
      },
    };
    taken.add(pooled);
    return pooled;
  }

  return {
    get counts() {
      return { warm: ready.length, taken: taken.size, opened, closed: closedPages };
    },
    async take() {
      if (closed) throw new Error('the page pool is closed: Usher is shutting down');
      const warm = ready.shift();
      const pooled = handOut(warm ?? (await open()), warm !== undefined);
      if (closed) {
        await pooled.release();
        throw new Error('the page pool is closed: Usher is shutting down');
      }
      refillLater();
      return pooled;
    },
    async warm(pages) {
      size = Math.max(0, Math.floor(pages));
      while (ready.length > size) {
        const spare = ready.pop();
        if (spare !== undefined) await shut(spare.context);
      }
      await refill();
      await Promise.all(closing);
    },
    async close() {
      closed = true;
      cancelRefill?.();
      await refilling;
      await Promise.all([...taken].map((page) => page.release()));
      await Promise.all(ready.splice(0).map((spare) => shut(spare.context)));
      await Promise.all(closing);
    },
  };
}
