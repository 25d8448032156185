/**
 * Opens web pages of our own in Chromium: bundles them, serves them once from a loopback origin, and joins them to a
 * PagePort of the bridge. One browser context a page, so that nothing is shared between calls.
 */
import { createServer } from 'node:http';
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Json, PagePort } from '../call.ts';
import { announce, bridgeFunction, expose, exposeBridge, pageJson } from './exposed.ts';
import type { PooledPage } from './pages.ts';

/** A function of ours that the page can call by its name on `window`. Arguments and results are JSON. */
export type PageBinding = (data: Json) => Promise<Json> | Json;

export interface GuestPageOptions {
  browser: Browser;
  /** Path of the page's entry module (TypeScript); bundled with everything that it imports. */
  entry: string;
  /** The bridge's side: what `connectBridge()` in the page talks to. */
  port: PagePort;
  /** Further functions for the page, by name. */
  bindings?: Readonly<Record<string, PageBinding>>;
  /** Hears what the page writes to its console, and its uncaught errors. */
  log?(level: 'debug' | 'warn', message: string): void;
}

export interface GuestPage {
  readonly page: Page;
  /** Called once when the page is gone and `close()` was not what did it: crashed, closed, browser gone. */
  onGone(listener: (detail: string) => void): void;
  /** Closes page, context and port. Idempotent. */
  close(): Promise<void>;
}

/** Arguments that Chromium must be launched with for pages of the bridge. */
export const chromiumArguments: readonly string[] = [
  // Everything runs as one user in one container or unit; the pages are our own or a meeting's, not the open web's.
  '--no-sandbox',
  '--disable-gpu',
  '--autoplay-policy=no-user-gesture-required',
  // The bridge listens for pages on loopback only, and page and bridge must see each other's real address.
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  // No page is ever in front, yet none may be slowed down.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];

/** Opens the page and resolves once it has loaded and its module has run. @throws Error; nothing is left behind */
export async function openGuestPage(options: GuestPageOptions): Promise<GuestPage> {
  const { entry, port } = options;
  const context = await options.browser.newContext(pageContext);
  try {
    const page = await context.newPage();
    const host = new HostedPage(context, page, port, () => context.close());
    listen(page, options.log);
    await exposeBridge(page, port);
    for (const [name, binding] of Object.entries(options.bindings ?? {})) {
      await expose(page, name, (data) => binding(pageJson(data)));
    }
    await load(page, await bundlePage(entry));
    return host;
  } catch (error) {
    port.close();
    await context.close().catch(() => {});
    throw error;
  }
}

/** What a page of ours needs of its context. */
export const pageContext = { viewport: { width: 1280, height: 720 } };

/** Loads a page of ours ahead of need: it waits for its bridge until `takeGuestPage`. For a pool's `prepare`. */
export async function prepareGuestPage(page: Page, entry: string): Promise<void> {
  await announce(page, [bridgeFunction]);
  await load(page, await bundlePage(entry));
}

/** Gives a prepared page its bridge. */
export async function takeGuestPage(
  pooled: PooledPage,
  { port, log }: Pick<GuestPageOptions, 'port' | 'log'>,
): Promise<GuestPage> {
  const host = new HostedPage(pooled.context, pooled.page, port, () => pooled.release());
  listen(pooled.page, log);
  await exposeBridge(pooled.page, port);
  return host;
}

function listen(page: Page, log: GuestPageOptions['log']): void {
  page.on('console', (message) => log?.('debug', message.text()));
  page.on('pageerror', (error) => log?.('warn', error.message));
}

class HostedPage implements GuestPage {
  readonly page: Page;
  readonly #shut: () => Promise<void>;
  readonly #port: PagePort;
  #gone: string | null = null;
  #closing: Promise<void> | null = null;
  readonly #listeners: ((detail: string) => void)[] = [];

  constructor(context: BrowserContext, page: Page, port: PagePort, shut: () => Promise<void>) {
    this.#shut = shut;
    this.#port = port;
    this.page = page;
    page.on('crash', () => this.#lose('the page crashed'));
    page.on('close', () => this.#lose('the page was closed'));
    context.on('close', () => this.#lose('its browser context was closed'));
  }

  onGone(listener: (detail: string) => void): void {
    if (this.#gone === null) this.#listeners.push(listener);
    else listener(this.#gone);
  }

  close(): Promise<void> {
    this.#port.close();
    this.#closing ??= this.#shut().catch(() => {
      // The browser is gone, and the context with it.
    });
    return this.#closing;
  }

  #lose(detail: string): void {
    if (this.#gone !== null || this.#closing !== null) return;
    this.#gone = detail;
    for (const listener of this.#listeners) listener(detail);
    // Media of a page that is gone must not linger in the bridge.
    void this.close();
  }
}

/**
 * A real loopback origin rather than an intercepted one: Chromium lets only pages from loopback reach loopback. The
 * server lives until the page has loaded.
 */
async function load(page: Page, script: string): Promise<void> {
  const server = createServer((request, response) => {
    if (request.url === '/page.js') {
      response.setHeader('content-type', 'text/javascript; charset=utf-8');
      response.end(script);
      return;
    }
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(document);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  try {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the page server has no port');
    await page.goto(`http://127.0.0.1:${address.port}/`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** The icon keeps the browser from asking for one. */
const document =
  '<!doctype html><meta charset="utf-8"><title>Usher</title><link rel="icon" href="data:,"><body><script src="/page.js"></script>';

const bundles = new Map<string, Promise<string>>();

/** Bundles a page's entry module for the browser; once for each entry in the life of the process. */
export function bundlePage(entry: string): Promise<string> {
  let bundle = bundles.get(entry);
  if (bundle === undefined) {
    bundle = writeBundle(entry);
    bundles.set(entry, bundle);
    bundle.catch(() => bundles.delete(entry));
  }
  return bundle;
}

async function writeBundle(entry: string): Promise<string> {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2024',
    logLevel: 'silent',
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error(`esbuild wrote no bundle for ${entry}`);
  return file.text;
}
