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
 *
 * While a leg is leaving, for whatever reason, it can only end, and as what made it leave: the page may not have heard yet,
 * and what it saw before may arrive after.
 */
import type { MediaClock } from '../call.ts';
import type { GuestLeg, GuestState, Outcome } from './guest.ts';

/** What an adapter tells its leg. Calls that do not fit the state are ignored, so a page cannot go back or rise again. */
export interface LegControl {
  lobby(): void;
  admitted(): void;
  /** `detail` is for the administrator's eyes. */
  end(outcome: Outcome, detail?: string | null): void;
  readonly state: GuestState;
  /** Nothing more is to be begun: the leg is on its way out, or has ended. */
  readonly leaving: boolean;
  /** Aborted when the leg has ended. */
  readonly signal: AbortSignal;
}

/** What a leg needs of the page it happens in: Playwright's `Page` has it. */
export interface LegPage {
  once(event: 'crash' | 'close', listener: () => void): unknown;
  isClosed(): boolean;
}

export interface LegOptions<Page extends LegPage> {
  clock: MediaClock;
  lobbyTimeoutMs: number;
  /** How long the way to the lobby may take. Default 45 s. */
  joinTimeoutMs?: number;
  /** The page that it all happens in; given back when the leg has ended. */
  page: () => Promise<{ readonly page: Page; release(): Promise<void> }>;
  /** Makes the page join; what happens from then on is told to `control`. A rejection ends the leg as `failed`. */
  join(page: Page, control: LegControl): Promise<void>;
  /** Says goodbye in the meeting, as a person would by pressing Leave. May fail: the page is closed all the same. */
  goodbye?(page: Page): Promise<void>;
  /** Run once, after the leg has ended and before its page is closed. May fail: the page is closed all the same. */
  ended?(page: Page | null, state: GuestState): Promise<void> | void;
}

/** How long a goodbye may take, milliseconds. */
const goodbyePatience = 1500;

export function startLeg<Page extends LegPage>(options: LegOptions<Page>): GuestLeg {
  return new Leg(options);
}

class Leg<Page extends LegPage> implements GuestLeg {
  state: GuestState = { state: 'joining' };
  readonly #options: LegOptions<Page>;
  readonly #listeners: ((state: GuestState) => void)[] = [];
  readonly #stop = new AbortController();
  #page: Page | null = null;
  #cancelTimer: () => void;
  /** Settles when the page was given back. */
  readonly #done: Promise<void>;
  #leaving: Promise<void> | null = null;
  /** Why this leaves, from when that was decided: what the page says from then on, the end itself included, is too late. */
  #parting: { outcome: Outcome; detail: string | null } | null = null;

  constructor(options: LegOptions<Page>) {
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
    // Without its page there is nobody to say it.
    this.#stop.signal.addEventListener('abort', () => resolve(), { once: true });
    goodbye(page).then(resolve, resolve);
    await promise;
    cancel();
  }

  async #run(): Promise<void> {
    const pooled = await this.#options.page().catch((error: unknown) => {
      this.#end('failed', reason(error));
      return null;
    });
    if (pooled !== null && this.state.state !== 'ended') await this.#live(pooled.page);
    try {
      await this.#options.ended?.(pooled?.page ?? null, this.state);
    } catch {
      // What an adapter could not clear away goes with its page.
    }
    await pooled?.release();
  }

  /** Joins in this page; resolves when the leg has ended. */
  async #live(page: Page): Promise<void> {
    this.#page = page;
    page.once('crash', () => this.#end('connection-lost', 'the page crashed'));
    page.once('close', () => this.#end('connection-lost', 'the page was closed, or Chromium ended'));
    this.#options.join(page, this.#control()).catch((error: unknown) => {
      if (page.isClosed()) this.#end('connection-lost', 'the page was closed, or Chromium ended');
      else this.#end('failed', reason(error));
    });
    await aborted(this.#stop.signal);
  }

  #control(): LegControl {
    const leg = this;
    return {
      get state() {
        return leg.state;
      },
      get leaving() {
        return leg.#parting !== null || leg.state.state === 'ended';
      },
      signal: this.#stop.signal,
      lobby: () => this.#lobby(),
      admitted: () => this.#admitted(),
      end: (outcome, detail) => this.#end(outcome, detail ?? null),
    };
  }

  #lobby(): void {
    if (this.state.state !== 'joining' || this.#parting !== null) return;
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
    this.#set({ state: 'ended', ...(this.#parting ?? { outcome, detail }) });
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
