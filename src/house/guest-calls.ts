/**
 * Guest calls of a running Usher. The SIP edge listens at once, since dial strings need its port; the bridge is set up
 * behind it, which may take minutes on the first run, and until it is there callers are asked to try again.
 */
import { createBridge } from '../../media/bridge/bridge.ts';
import { type SharedBrowser, sharedBrowser } from '../../media/guest/browser.ts';
import type { GuestAdapter } from '../../media/guest/guest.ts';
import { loadGuestAdapter } from '../../media/guest/load.ts';
import { ensureMediaParts } from '../../media/setup/ensure.ts';
import type { MediaParts, Part } from '../../media/setup/find.ts';
import type { TokenDirectory } from '../calls/admission.ts';
import { browserSlates } from '../calls/browser-slates.ts';
import type { RefusalMemory } from '../calls/call.ts';
import type { CallLog } from '../calls/call-log.ts';
import { type CallChange, type Calls, createCalls } from '../calls/dispatch.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { OpenedSip } from './sip.ts';

export interface GuestCallsOptions {
  config: Config;
  sip: OpenedSip;
  directory: TokenDirectory;
  store: Store;
  refusals: RefusalMemory;
  /** Folder that adapters' relative paths start from. */
  base: string;
  clock: Clock;
  log: Log;
  /** What besides Chromium and the worker is to be set up, e.g. the demo's video system. */
  extraParts: readonly Part[];
  onCall: (change: CallChange) => void;
  onRefused: (why: 'unknown' | 'busy') => void;
}

/** A room that has sent neither RTP nor RTCP for this long has gone. */
const silenceMs = 30_000;
/** Callers are asked to come back after this while the bridge is being set up. */
const setupRetrySeconds = 30;

export class GuestCalls {
  /** How far the bridge is, in words: `ready`, or what is being done, or what went wrong. */
  progress = 'The bridge is being prepared';
  /** Resolves with whether the bridge is ready; never rejects. */
  readonly ready: Promise<boolean>;
  readonly #options: GuestCallsOptions;
  readonly #opened: (() => Promise<void>)[] = [];
  #calls: Calls | null = null;
  #closing = false;

  constructor(options: GuestCallsOptions) {
    this.#options = options;
    options.sip.edge.onCall((leg) => void leg.reject(503, { retryAfterSeconds: setupRetrySeconds }));
    this.ready = this.#start();
  }

  get calls(): Calls | null {
    return this.#calls;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#calls?.close();
    await this.ready;
    for (const close of this.#opened.splice(0).reverse()) await close();
  }

  async #start(): Promise<boolean> {
    const { log, extraParts } = this.#options;
    try {
      const parts = await ensureMediaParts({
        parts: ['chromium', 'worker', ...extraParts],
        say: ({ message }) => {
          this.progress = message;
        },
      });
      if (this.#closing) return false;
      await this.#open(parts);
      this.progress = 'ready';
      log.info('guest calls are ready');
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.progress = `Guest calls are not possible: ${why}`;
      log.error({ problem: why }, 'guest calls are not possible; rooms that dial are refused');
      return false;
    }
  }

  async #open(parts: MediaParts): Promise<void> {
    const { config, sip, directory, store, refusals, clock, onCall, onRefused } = this.#options;
    const rtp = config.sip?.rtp;
    if (rtp === undefined) throw new Error('sip is not configured');
    const listenAddress = rtp.address ?? config.sip?.listen[0]?.address ?? '0.0.0.0';
    const announced = rtp.announcedAddress ?? config.sip?.advertisedAddress;
    const bridge = await createBridge({
      workerBin: parts.workerBin,
      rtp: {
        listenAddress,
        ...(announced === undefined ? {} : { announcedAddress: announced }),
        portRange: { min: rtp.minPort, max: rtp.maxPort },
      },
      clock,
      silenceMs,
      log: this.#log,
    });
    this.#opened.push(() => bridge.close());
    const browser = sharedBrowser({ executablePath: parts.chromium, log: this.#log });
    this.#opened.push(() => browser.close());
    const { warmPages } = config.guests;
    const slates = browserSlates({ browser: () => browser.get(), clock, warmPages, log: this.#log });
    this.#opened.push(() => slates.close());
    const guests = await this.#loadGuests(browser);
    this.#calls = await createCalls({
      edge: sip.edge,
      bridge,
      slates,
      guests,
      refusals,
      directory,
      store,
      clock,
      log: this.#log,
      limits: {
        maxCalls: config.sip?.maxCalls ?? 1,
        maxCallsPerRoom: config.sip?.maxCallsPerRoom ?? 1,
        warmPages,
      },
      onChange: onCall,
      onRefused,
    });
  }

  async #loadGuests(browser: SharedBrowser): Promise<GuestAdapter[]> {
    const { config, base, clock } = this.#options;
    if (config.guests.adapters.length === 0) {
      throw new Error('no way into meetings is configured: name one in guests.adapters of usher.yaml');
    }
    const guests: GuestAdapter[] = [];
    for (const { module, options } of config.guests.adapters) {
      const lobbyTimeoutMs = config.guests.lobbyTimeoutMinutes * 60_000;
      const environment = { browser: () => browser.get(), clock, lobbyTimeoutMs, log: this.#log };
      const adapter = await loadGuestAdapter({ module, options, base }, environment);
      this.#opened.push(() => adapter.close());
      guests.push(adapter);
    }
    return guests;
  }

  readonly #log: CallLog = (level, message, fields) => this.#options.log[level](fields ?? {}, message);
}
