/**
 * A work queue keyed by name: one key's work never runs twice at once, a key asked for while it runs runs once more
 * afterwards, failures wait longer and longer, and only so many keys run at a time.
 */
import type { Cancel, Clock } from '../clock.ts';

export interface QueueOptions {
  clock: Clock;
  /** How many keys may run at once. */
  concurrency: number;
  /** Wait after the first failure of a key, milliseconds; doubles with each further one. */
  firstRetryMs: number;
  longestRetryMs: number;
  /** Does the work of a key. A rejection is a failure; `RetryAfter` says when to try again. */
  work: (key: string, signal: AbortSignal) => Promise<void>;
  onFailure: (key: string, error: unknown, retryInMs: number) => void;
}

/** Thrown by work that knows when it may be tried again. */
export class RetryAfter extends Error {
  override name = 'RetryAfter';
  readonly ms: number;

  constructor(ms: number, options: { cause: unknown }) {
    super(`try again in ${ms} ms`, options);
    this.ms = ms;
  }
}

interface Item {
  failures: number;
  running: boolean;
  /** Asked for while it ran. */
  again: boolean;
  cancelRetry: Cancel | null;
}

export class KeyedQueue {
  readonly #options: QueueOptions;
  readonly #items = new Map<string, Item>();
  /** Keys that are due, in the order in which they became so. */
  readonly #due = new Set<string>();
  readonly #stop = new AbortController();
  readonly #idle: (() => void)[] = [];
  #running = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Asks for the work of `key` to be done soon; it may wait for a place, and a pending retry is brought forward. */
  add(key: string): void {
    if (this.#stop.signal.aborted) return;
    const item = this.#item(key);
    if (item.running) {
      item.again = true;
      return;
    }
    item.cancelRetry?.();
    item.cancelRetry = null;
    this.#due.add(key);
    this.#pump();
  }

  /** How many keys are running or due; keys that wait for a retry are not counted. */
  get busy(): number {
    return this.#running + this.#due.size;
  }

  /** Resolves when nothing runs and nothing is due. */
  idle(): Promise<void> {
    return this.busy === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Takes nothing on any more, aborts what runs and waits for it. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#due.clear();
    for (const item of this.#items.values()) item.cancelRetry?.();
    await this.idle();
  }

  #item(key: string): Item {
    let item = this.#items.get(key);
    if (item === undefined) {
      item = { failures: 0, running: false, again: false, cancelRetry: null };
      this.#items.set(key, item);
    }
    return item;
  }

  #pump(): void {
    for (const key of this.#due) {
      if (this.#running >= this.#options.concurrency) return;
      this.#due.delete(key);
      void this.#run(key, this.#item(key));
    }
    if (this.busy === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #run(key: string, item: Item): Promise<void> {
    this.#running++;
    item.running = true;
    item.again = false;
    try {
      await this.#options.work(key, this.#stop.signal);
      item.failures = 0;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#retryLater(key, item, error);
    } finally {
      item.running = false;
      this.#running--;
      if (item.again && !this.#stop.signal.aborted) {
        item.cancelRetry?.();
        item.cancelRetry = null;
        this.#due.add(key);
      } else if (item.failures === 0) {
        this.#items.delete(key);
      }
      this.#pump();
    }
  }

  #retryLater(key: string, item: Item, error: unknown): void {
    const { clock, firstRetryMs, longestRetryMs, onFailure } = this.#options;
    const backOff = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(item.failures, 30));
    const wait = error instanceof RetryAfter ? error.ms : backOff;
    item.failures++;
    item.cancelRetry = clock.after(wait, () => {
      item.cancelRetry = null;
      this.#due.add(key);
      this.#pump();
    });
    onFailure(key, error instanceof RetryAfter ? error.cause : error, wait);
  }
}
