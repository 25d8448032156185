/**
 * One attempt to join, as every adapter that drives a page needs it: the states of the guest port in their order, the
 * patience for the lobby, what becomes of a page that crashes, and a page that is always given back.
 *
 * | from | to | when |
 * | --- | --- | --- |
 * | joining | lobby, admitted, ended | the meeting says so; or the page fails, or says nothing for `joinTimeoutMs` |
 * | lobby | admitted, ended | the host decides; or `lobbyTimeoutMs` is over |
 * | admitted | ended | removed, ended, lost, left |
 * | ended | – | nothing follows; whatever comes later is not heard |
 */
import type { Page } from 'playwright-core';
import type { MediaClock } from '../call.ts';
import type { GuestLeg, GuestState, Outcome } from './guest.ts';
import type { PooledPage } from './pages.ts';

/** What an adapter tells its leg. Calls that do not fit the state are ignored, so a page cannot go back or rise again. */
export interface LegControl {
  lobby(): void;
  admitted(): void;
  /** `detail` is for the administrator's eyes. */
  end(outcome: Outcome, detail?: string | null): void;
  readonly state: GuestState;
  /** Aborted when the leg has ended. */
  readonly signal: AbortSignal;
}

export interface LegOptions {
  clock: MediaClock;
  lobbyTimeoutMs: number;
  /** How long the way to the lobby may take. Default 45 s. */
  joinTimeoutMs?: number;
  /** The page that it all happens in; given back when the leg has ended. */
  page: () => Promise<PooledPage>;
  /** Makes the page join; what happens from then on is told to `control`. A rejection ends the leg as `failed`. */
  join(page: Page, control: LegControl): Promise<void>;
  /** Says goodbye in the meeting, as a person would by pressing Leave. May fail: the page is closed all the same. */
  goodbye?(page: Page): Promise<void>;
  /** Run once, after the leg has ended and before its page is closed. */
  ended?(page: Page | null, state: GuestState): Promise<void> | void;
}

/** How long a goodbye may take, milliseconds. */
const goodbyePatience = 1500;

export function startLeg(options: LegOptions): GuestLeg {
  return new Leg(options);
}

class Leg implements GuestLeg {
  state: GuestState = { state: 'joining' };
  readonly #options: LegOptions;
  readonly #listeners: ((state: GuestState) => void)[] = [];
  readonly #stop = new AbortController();
  #page: Page | null = null;
  #cancelTimer: () => void;
  /** Settles when the page was given back. */
  readonly #done: Promise<void>;
  #leaving: Promise<void> | null = null;
  /** Why this leaves, while it says goodbye: the page will only know that it left. */
  #parting: { outcome: Outcome; detail: string | null } | null = null;

  constructor(options: LegOptions) {
    this.#options = options;
    const joinTimeoutMs = options.joinTimeoutMs ?? 45_000;
    this.#cancelTimer = options.clock.after(joinTimeoutMs, () =>
      this.#end('failed', `the meeting gave no answer within ${Math.round(joinTimeoutMs / 1000)} s`),
    );
    this.#done = this.#run();
  }

  onState(listener: (state: GuestState) => void): void {
    this.#listeners.push(listener);
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave('left', null);
    return this.#leaving;
  }

  async #leave(outcome: Outcome, detail: string | null): Promise<void> {
    this.#parting = { outcome, detail };
    if (this.state.state !== 'ended' && this.#page !== null) await this.#goodbye(this.#page);
    this.#end(outcome, detail);
    await this.#done;
  }

  async #goodbye(page: Page): Promise<void> {
    const { clock, goodbye } = this.#options;
    if (goodbye === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(goodbyePatience, resolve);
    goodbye(page).then(resolve, resolve);
    await promise;
    cancel();
  }

  async #run(): Promise<void> {
    let pooled: PooledPage;
    try {
      pooled = await this.#options.page();
    } catch (error) {
      this.#end('failed', reason(error));
      await this.#options.ended?.(null, this.state);
      return;
    }
    this.#page = pooled.page;
    pooled.page.once('crash', () => this.#end('connection-lost', 'the page crashed'));
    pooled.page.once('close', () => this.#end('connection-lost', 'the page was closed, or Chromium ended'));
    if (this.state.state !== 'ended') {
      const control = this.#control();
      this.#options.join(pooled.page, control).catch((error: unknown) => {
        if (pooled.page.isClosed()) this.#end('connection-lost', 'the page was closed, or Chromium ended');
        else this.#end('failed', reason(error));
      });
      await aborted(this.#stop.signal);
    }
    try {
      await this.#options.ended?.(pooled.page, this.state);
    } finally {
      await pooled.release();
    }
  }

  #control(): LegControl {
    const leg = this;
    return {
      get state() {
        return leg.state;
      },
      signal: this.#stop.signal,
      lobby: () => this.#lobby(),
      admitted: () => this.#admitted(),
      end: (outcome, detail) => {
        if (outcome === 'left' && this.#parting !== null) this.#end(this.#parting.outcome, this.#parting.detail);
        else this.#end(outcome, detail ?? null);
      },
    };
  }

  #lobby(): void {
    if (this.state.state !== 'joining') return;
    const { clock, lobbyTimeoutMs } = this.#options;
    this.#cancelTimer();
    this.#cancelTimer = clock.after(lobbyTimeoutMs, () => {
      const waited = `nobody let the room in within ${Math.round(lobbyTimeoutMs / 1000)} s`;
      this.#leaving ??= this.#leave('lobby-timeout', waited);
    });
    this.#set({ state: 'lobby' });
  }

  #admitted(): void {
    if (this.state.state !== 'joining' && this.state.state !== 'lobby') return;
    // Nobody comes in who is on the way out.
    if (this.#parting !== null) return;
    this.#cancelTimer();
    this.#set({ state: 'admitted' });
  }

  #end(outcome: Outcome, detail: string | null): void {
    if (this.state.state === 'ended') return;
    this.#cancelTimer();
    this.#set({ state: 'ended', outcome, detail });
    this.#stop.abort();
  }

  #set(state: GuestState): void {
    this.state = state;
    for (const listener of this.#listeners) listener(state);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
