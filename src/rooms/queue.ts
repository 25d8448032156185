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
   * Work that waits for somebody else gives its place to another key, so that what hangs or is slow holds up nothing: when
   * it was overtaken (a quarter of `concurrency` keys that began later have succeeded), or when it has run for so many
   * milliseconds while this process had time to spare. Where the process is busy, that wait begins again, at most twenty
   * times: the work may only be waiting for us. At most 64 times `concurrency` keys run without a place. Without this
   * option a key keeps its place until its work is done.
   */
  placeForMs?: number;
  /** Wait after the first failure of a key, milliseconds; doubles with each further one. */
  firstRetryMs: number;
  longestRetryMs: number;
  /** Does the work of a key. A rejection is a failure; `RetryAfter` says when to try again. */
  work: (key: string, signal: AbortSignal) => Promise<void>;
  onFailure: (key: string, error: unknown, retryInMs: number) => void;
}

/** Thrown by work that knows when it may be tried again. It makes no later wait longer: whoever says it is no less well for that. */
export class RetryAfter extends Error {
  override name = 'RetryAfter';
  readonly ms: number;

  constructor(ms: number, options: { cause: unknown }) {
    super(`try again in ${ms} ms`, options);
    this.ms = ms;
  }
}

interface Item {
  /** Whether it failed the last time. */
  failed: boolean;
  /** Failures in a row that did not say when to try again: how much longer the next wait is. */
  failures: number;
  running: boolean;
  /** So many keys that began later have succeeded while it runs. */
  overtaken: number;
  /** Where it holds its place while it runs. */
  lane: Lane | null;
  /** Asked for while it ran. */
  again: boolean;
  cancelRetry: Cancel | null;
}

/** So often is work given the benefit of the doubt while the process is busy. */
const mostWaits = 20;
/** So many keys may run without a place, for each place that there is: each may hold a connection. */
const placelessPerPlace = 64;

/** Keys that are due, in the order in which they became so, and the places that they wait for. */
interface Lane {
  readonly due: Set<string>;
  /** Those that hold a place, in the order in which they began. */
  readonly holders: Set<Item>;
}

export class KeyedQueue {
  readonly #options: QueueOptions;
  readonly #items = new Map<string, Item>();
  readonly #sound: Lane = { due: new Set(), holders: new Set() };
  /** Keys that failed the last time: they wait among themselves. */
  readonly #failing: Lane = { due: new Set(), holders: new Set() };
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
      item = { failed: false, failures: 0, running: false, overtaken: 0, again: false, cancelRetry: null, lane: null };
      this.#items.set(key, item);
    }
    return item;
  }

  #pump(): void {
    for (const lane of [this.#sound, this.#failing]) {
      for (const key of lane.due) {
        if (lane.holders.size >= this.#options.concurrency) break;
        lane.due.delete(key);
        void this.#run(key, this.#item(key), lane);
      }
    }
    if (this.busy === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #laneOf(item: Item): Lane {
    return item.failed ? this.#failing : this.#sound;
  }

  /** Gives the place of work that waits for somebody else to another key. */
  #leaveLater(item: Item): Cancel {
    const { clock, placeForMs } = this.#options;
    if (placeForMs === undefined) return () => {};
    let waits = 0;
    let cancel: Cancel = () => {};
    const wait = (): void => {
      const due = clock.monotonic() + placeForMs;
      cancel = clock.after(placeForMs, () => {
        const busy = clock.monotonic() - due > placeForMs / 2;
        if (busy && ++waits < mostWaits) wait();
        else if (!this.#leave(item)) wait();
      });
    };
    wait();
    return () => cancel();
  }

  /** Whether it has no place any more. */
  #leave(item: Item): boolean {
    const placeless = this.#running - this.#sound.holders.size - this.#failing.holders.size;
    if (placeless >= placelessPerPlace * this.#options.concurrency) return false;
    item.lane?.holders.delete(item);
    item.lane = null;
    this.#pump();
    return true;
  }

  /** Those that began before work that has succeeded wait for somebody else, if this happens to them again and again. */
  #overtake(by: Item): void {
    const { concurrency, placeForMs } = this.#options;
    if (placeForMs === undefined || by.lane === null) return;
    for (const item of [...by.lane.holders]) {
      if (item === by) break;
      if (++item.overtaken >= Math.max(1, concurrency / 4)) this.#leave(item);
    }
  }

  async #run(key: string, item: Item, lane: Lane): Promise<void> {
    this.#running++;
    lane.holders.add(item);
    item.lane = lane;
    item.running = true;
    item.overtaken = 0;
    item.again = false;
    const cancelLeaving = this.#leaveLater(item);
    try {
      await this.#options.work(key, this.#stop.signal);
      item.failed = false;
      item.failures = 0;
      this.#overtake(item);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#retryLater(key, item, error);
    } finally {
      cancelLeaving();
      item.running = false;
      this.#running--;
      item.lane?.holders.delete(item);
      item.lane = null;
      if (item.again && !this.#stop.signal.aborted) {
        item.cancelRetry?.();
        item.cancelRetry = null;
        this.#laneOf(item).due.add(key);
      } else if (!item.failed) {
        this.#items.delete(key);
      }
      this.#pump();
    }
  }

  #retryLater(key: string, item: Item, error: unknown): void {
    const { clock, firstRetryMs, longestRetryMs, onFailure } = this.#options;
    const backOff = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(item.failures, 30));
    const told = error instanceof RetryAfter;
    const wait = told ? error.ms : backOff;
    item.failed = true;
    if (!told) item.failures++;
    item.cancelRetry = clock.after(wait, () => {
      item.cancelRetry = null;
      this.#laneOf(item).due.add(key);
      this.#pump();
    });
    onFailure(key, told ? error.cause : error, wait);
  }
}
