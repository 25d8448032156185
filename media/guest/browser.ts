/**
 * The one Chromium that all guest pages of this process share: Debian's own build (it has an H.264 encoder, which the
 * Chromium that Playwright downloads has not), started when first needed, started again when it has died, closed once.
 */
import { type Browser, chromium } from 'playwright-core';
import { findMediaParts } from '../setup/find.ts';
import { chromiumArguments } from './page-host.ts';

export interface SharedBrowserOptions {
  /** Default: `USHER_CHROMIUM`, else the Chromium or Chrome on the PATH. */
  executablePath?: string | null;
  /**
   * Chromium's own sandbox. Default: on, except for root, for whom Chromium refuses to start with it (run Usher as a
   * user of its own to have it).
   */
  sandbox?: boolean;
  /** Default true; false shows the window, for someone who debugs an adapter. */
  headless?: boolean;
  /** Further Chromium switches. */
  args?: readonly string[];
  log?(level: 'info' | 'warn', message: string, fields?: Record<string, unknown>): void;
}

export interface SharedBrowser {
  /**
   * The running browser, started when there is none or when the last one died.
   * @throws Error that names the remedy if Chromium is missing or does not start
   */
  get(): Promise<Browser>;
  /** How often Chromium was started. */
  readonly launches: number;
  /** Ends Chromium and every page in it. Idempotent; `get()` rejects afterwards. */
  close(): Promise<void>;
}

const switches = [
  // Whether to have the sandbox is decided below, not by the list.
  ...chromiumArguments.filter((one) => one !== '--no-sandbox'),
  // A page that was asked to may capture its own tab without anybody to click; no other tab, window or screen.
  '--auto-accept-this-tab-capture',
  // A tab can be captured with its sound only while it is not muted: it plays into nothing instead.
  '--disable-audio-output',
  // A server has no camera and no microphone, and some meeting pages do not go on without seeing one in the list.
  '--use-fake-device-for-media-stream',
];

export function sharedBrowser(options: SharedBrowserOptions = {}): SharedBrowser {
  let running: Promise<Browser> | null = null;
  let launches = 0;
  let closed = false;

  async function launch(): Promise<Browser> {
    const executablePath = options.executablePath ?? findMediaParts().chromium;
    if (executablePath === null) {
      throw new Error('Chromium was not found: run `npm run setup`, or name it in USHER_CHROMIUM');
    }
    launches += 1;
    const browser = await chromium.launch({
      executablePath,
      headless: options.headless ?? true,
      chromiumSandbox: options.sandbox ?? process.getuid?.() !== 0,
      args: [...switches, ...(options.args ?? [])],
      ignoreDefaultArgs: ['--mute-audio'],
      // Who ends this process closes the browser itself, in order.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
    options.log?.('info', 'Chromium started', { version: browser.version(), executablePath });
    return browser;
  }

  return {
    get launches() {
      return launches;
    },
    async get() {
      if (closed) throw new Error('the shared browser is closed: Usher is shutting down');
      if (running !== null) return running;
      const starting = launch();
      running = starting;
      const forget = (): void => {
        if (running === starting) running = null;
      };
      try {
        const browser = await starting;
        browser.once('disconnected', () => {
          if (!closed) options.log?.('warn', 'Chromium ended; it is started again when next needed');
          forget();
        });
        if (!browser.isConnected()) forget();
        return browser;
      } catch (error) {
        forget();
        throw error;
      }
    },
    async close() {
      closed = true;
      const last = running;
      running = null;
      const browser = await last?.catch(() => null);
      await browser?.close().catch(() => undefined);
    },
  };
}
