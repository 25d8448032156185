/**
 * The subscription to one mailbox, kept alive: made, renewed before the expiry that Graph gave, made again when it is
 * gone, removed at the end. Every doubt ends in a reading of the calendar: what was told meanwhile is lost.
 */
import { z } from 'zod';
import { CalendarUnavailable, type ConnectorClock } from '../calendar.ts';
import { type GraphApi, GraphRefusal } from './api.ts';

export interface SubscriptionOptions {
  api: GraphApi;
  clock: ConnectorClock;
  /** What the server's clock shows: expiries are its words. */
  serverNow(): number;
  mailbox: string;
  notificationUrl: string;
  lifecycleNotificationUrl: string;
  clientState: string;
  /** Something may have changed. */
  changed(): void;
}

/** Subscriptions of thousands of rooms wait for each other, as requests for one mailbox do. */
export const lane = 'subscriptions';

/** Longest first; the next shorter one is asked for when Graph does not give so long. */
const lives = [6 * 24 * 60, 4_200, 60].map((minutes) => minutes * 60_000);
const firstRetryMs = 2_000;
const longestRetryMs = 10 * 60_000;
/** Graph is asked no more often than this whether a subscription is still there. */
const doubtMs = 10 * 60_000;
/** How long the end of the program waits for Graph. */
const stopMs = 5_000;
/** Renewed when a third of its life is left, but a day ahead is early enough. */
const longestLeadMs = 24 * 3_600_000;

const answerSchema = z.object({ id: z.string(), expirationDateTime: z.string() });

export interface SubscriptionStatus {
  mailbox: string;
  state: 'active' | 'waiting';
  /** Milliseconds since 1970 by Graph's clock; `null` without one. */
  expires: number | null;
  /** Why there is none, for the administrator. */
  problem: string | null;
}

export class MailboxSubscription {
  readonly #options: SubscriptionOptions;
  #id: string | null = null;
  #expires: number | null = null;
  #problem: string | null = null;
  #life = 0;
  #failures = 0;
  /** On the monotonic clock. */
  #certainUntil = Number.NEGATIVE_INFINITY;
  #cancel: () => void = () => {};
  #work: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  get id(): string | null {
    return this.#id;
  }

  get status(): SubscriptionStatus {
    const active = this.#id !== null && (this.#expires ?? 0) > this.#options.serverNow();
    return {
      mailbox: this.#options.mailbox,
      state: active ? 'active' : 'waiting',
      expires: this.#expires,
      problem: this.#problem,
    };
  }

  /** Takes up a subscription that an earlier run left, or makes one. */
  start(left: { id: string; expires: number } | null): void {
    if (left !== null) this.#hold(left.id, left.expires);
    else this.#now(() => this.#create());
  }

  /** What Graph says about the subscription itself. */
  lifecycle(event: string): void {
    if (this.#stopped) return;
    if (event === 'subscriptionRemoved') this.#now(() => this.#again());
    // A renewal reauthorises as well, and lengthens its life besides.
    else if (event === 'reauthorizationRequired') this.#now(() => this.#renew());
    else this.#options.changed();
  }

  /** Asks Graph whether it is still there, by renewing it: a change came that was not told. */
  doubt(): void {
    const { clock } = this.#options;
    if (this.#stopped || this.#id === null || clock.monotonic() < this.#certainUntil) return;
    this.#certainUntil = clock.monotonic() + doubtMs;
    this.#now(() => this.#renew());
  }

  /** Removes it; what cannot be removed soon ends by itself at its expiry, or is taken up by the next run. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    let cancel = (): void => {};
    const deadline = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(stopMs, resolve);
    });
    await Promise.race([this.#remove(), deadline]);
    cancel();
  }

  async #remove(): Promise<void> {
    await this.#work;
    const id = this.#id;
    this.#id = null;
    if (id === null) return;
    await this.#options.api.delete(`/subscriptions/${encodeURIComponent(id)}`, { mailbox: lane }).catch(() => {});
  }

  /** One thing after the other, failures tried again later. */
  #now(run: () => Promise<void>): void {
    this.#cancel();
    this.#work = this.#work.then(async () => {
      if (this.#stopped) return;
      try {
        await run();
        this.#failures = 0;
        this.#problem = null;
      } catch (error) {
        this.#later(error, run);
      }
    });
  }

  #later(error: unknown, run: () => Promise<void>): void {
    this.#failures++;
    this.#problem = error instanceof Error ? error.message : String(error);
    const asked = error instanceof CalendarUnavailable ? error.retryAfterMs : null;
    const wait = asked ?? Math.min(longestRetryMs, firstRetryMs * 2 ** (this.#failures - 1));
    this.#cancel = this.#options.clock.after(wait, () => this.#now(run));
  }

  async #create(): Promise<void> {
    const { api, mailbox, notificationUrl, lifecycleNotificationUrl, clientState } = this.#options;
    const answer = await this.#asLong((expirationDateTime) =>
      api.post(
        '/subscriptions',
        {
          changeType: 'created,updated,deleted',
          notificationUrl,
          // Cannot be added later.
          lifecycleNotificationUrl,
          resource: `/users/${mailbox}/events`,
          expirationDateTime,
          clientState,
        },
        { mailbox: lane },
      ),
    );
    this.#hold(answer.id, answer.expires);
    // Between the last reading and now nobody would have told.
    this.#options.changed();
  }

  async #again(): Promise<void> {
    this.#id = null;
    this.#expires = null;
    await this.#create();
  }

  async #renew(): Promise<void> {
    const id = this.#id;
    if (id === null) return this.#create();
    try {
      const answer = await this.#asLong((expirationDateTime) =>
        this.#options.api.patch(`/subscriptions/${encodeURIComponent(id)}`, { expirationDateTime }, { mailbox: lane }),
      );
      this.#hold(answer.id, answer.expires);
    } catch (error) {
      if (!(error instanceof GraphRefusal) || error.status !== 404) throw error;
      await this.#again();
    }
  }

  /** Asks for the longest life that Graph gives, and remembers which one that is. */
  async #asLong(ask: (expirationDateTime: string) => Promise<unknown>): Promise<{ id: string; expires: number }> {
    for (;;) {
      const life = lives[this.#life] ?? 3_600_000;
      try {
        const answer = answerSchema.parse(await ask(new Date(this.#options.serverNow() + life).toISOString()));
        return { id: answer.id, expires: Date.parse(answer.expirationDateTime) };
      } catch (error) {
        const tooLong = error instanceof GraphRefusal && error.status === 400 && /expiration/i.test(error.message);
        if (!tooLong || this.#life >= lives.length - 1) throw error;
        this.#life++;
      }
    }
  }

  /** Renews by what Graph answered, never by what was asked for. */
  #hold(id: string, expires: number): void {
    this.#id = id;
    this.#expires = expires;
    this.#problem = null;
    const left = expires - this.#options.serverNow();
    const lead = Math.min(longestLeadMs, left / 3);
    this.#cancel();
    if (this.#stopped) return;
    this.#cancel = this.#options.clock.after(Math.max(100, left - lead), () => this.#now(() => this.#renew()));
  }
}
