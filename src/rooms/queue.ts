/**
 * A work queue keyed by name: one key's work never runs twice at once, a key asked for while it runs runs once more
 * afterwards, failures wait longer and longer, and only so many keys run at a time.
 */
import type { Cancel, Clock } from '../clock.ts';

export interface QueueOptions {
  clock: Clock;
  /** How many keys may run at once. Keys that failed the last time have as many places of their own. */
  concurrency: number;
  /**
   * After so many milliseconds, work that still runs gives its place to another key, so that what hangs holds up nothing
   * (at most eight times `concurrency` run on so). Without it, a key keeps its place until its work is done.
   */
  placeForMs?: number;
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
  /** Where it holds its place while it runs. */
  lane: Lane | null;
  /** Asked for while it ran. */
  again: boolean;
  cancelRetry: Cancel | null;
}

/** Keys that are due, in the order in which they became so, and the places that they wait for. */
interface Lane {
  readonly due: Set<string>;
  places: number;
}

export class KeyedQueue {
  readonly #options: QueueOptions;
  readonly #items = new Map<string, Item>();
  readonly #sound: Lane = { due: new Set(), places: 0 };
  /** Keys that failed the last time: they wait among themselves. */
  readonly #failing: Lane = { due: new Set(), places: 0 };
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
    this.#laneOf(item).due.add(key);
    this.#pump();
  }

  /** How many keys are running or due; keys that wait for a retry are not counted. */
  get busy(): number {
    return this.#running + this.#sound.due.size + this.#failing.due.size;
  }

  /** Resolves when nothing runs and nothing is due. */
  idle(): Promise<void> {
    return this.busy === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Takes nothing on any more, aborts what runs and waits for it. */
  async close(): Promise<void> {
    this.#stop.abort();
    for (const lane of [this.#sound, this.#failing]) lane.due.clear();
    for (const item of this.#items.values()) item.cancelRetry?.();
    await this.idle();
  }

  #item(key: string): Item {
    let item = this.#items.get(key);
    if (item === undefined) {
      item = { failures: 0, running: false, again: false, cancelRetry: null, lane: null };
      this.#items.set(key, item);
    }
    return item;
  }

  #pump(): void {
    for (const lane of [this.#sound, this.#failing]) {
      for (const key of lane.due) {
        if (lane.places >= this.#options.concurrency) break;
        lane.due.delete(key);
        void this.#run(key, this.#item(key), lane);
      }
    }
    if (this.busy === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #laneOf(item: Item): Lane {
    return item.failures > 0 ? this.#failing : this.#sound;
  }

  /** Gives the place of work that takes long to another key. */
  #leaveLater(item: Item): Cancel {
    const { clock, concurrency, placeForMs } = this.#options;
    if (placeForMs === undefined) return () => {};
    return clock.after(placeForMs, () => {
      const placeless = this.#running - this.#sound.places - this.#failing.places;
      if (item.lane === null || placeless >= 8 * concurrency) return;
      item.lane.places--;
      item.lane = null;
      this.#pump();
    });
  }

  async #run(key: string, item: Item, lane: Lane): Promise<void> {
    this.#running++;
    lane.places++;
    item.lane = lane;
    item.running = true;
    item.again = false;
    const cancelLeaving = this.#leaveLater(item);
    try {
      await this.#options.work(key, this.#stop.signal);
      item.failures = 0;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#retryLater(key, item, error);
    } finally {
      cancelLeaving();
      item.running = false;
      this.#running--;
      if (item.lane !== null) item.lane.places--;
      item.lane = null;
      if (item.again && !this.#stop.signal.aborted) {
        item.cancelRetry?.();
        item.cancelRetry = null;
        this.#laneOf(item).due.add(key);
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
      this.#laneOf(item).due.add(key);
      this.#pump();
    });
    onFailure(key, error instanceof RetryAfter ? error.cause : error, wait);
  }
}
