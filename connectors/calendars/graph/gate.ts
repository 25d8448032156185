/**
 * Who may ask now. Outlook answers at most four requests at a time for an app and mailbox
 * (learn.microsoft.com/graph/throttling-limits), and whoever is told to wait (`Retry-After`) waits.
 */
import { CalendarUnavailable, type ConnectorClock } from '../calendar.ts';

const mostAtATime = 4;
/** Where Graph says "later" without saying when. */
const firstPauseMs = 5_000;
const longestPauseMs = 5 * 60_000;

interface Lane {
  running: number;
  waiting: (() => void)[];
  /** On the monotonic clock. */
  closedUntil: number;
  failures: number;
}

export class Gate {
  readonly #clock: ConnectorClock;
  readonly #lanes = new Map<string, Lane>();

  constructor(clock: ConnectorClock) {
    this.#clock = clock;
  }

  /**
   * Waits for one of the four places of each key (a mailbox, or `''` for the tenant), and gives back how to leave.
   * @throws CalendarUnavailable when it was asked to wait
   */
  async enter(keys: readonly string[]): Promise<() => void> {
    const entered: Lane[] = [];
    const leave = (): void => {
      for (const lane of entered.splice(0)) this.#leave(lane);
    };
    try {
      // Always in the same order, so that two batches never hold what the other waits for.
      for (const key of [...new Set(keys)].sort()) {
        this.check(key);
        const lane = this.#lane(key);
        if (key !== '' && lane.running >= mostAtATime) await new Promise<void>((resolve) => lane.waiting.push(resolve));
        else lane.running++;
        entered.push(lane);
        this.check(key);
      }
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }

  /** @throws CalendarUnavailable while the lane, or the whole tenant, is closed */
  check(key: string): void {
    const closed = this.closed(key);
    if (closed !== null) throw closed;
  }

  /** What asking now would throw; `null` while the lane is open. */
  closed(key: string): CalendarUnavailable | null {
    for (const name of key === '' ? [''] : ['', key]) {
      const left = (this.#lanes.get(name)?.closedUntil ?? 0) - this.#clock.monotonic();
      if (left <= 0) continue;
      const whom = name === '' ? 'this app' : name;
      return new CalendarUnavailable(`Microsoft Graph asks ${whom} to wait ${Math.ceil(left / 1000)} s`, {
        retryAfterMs: Math.ceil(left),
      });
    }
    return null;
  }

  /** Closes a lane for as long as Graph said, or longer each time when it did not say. Returns the milliseconds. */
  close(key: string, retryAfterMs: number | null): number {
    const lane = this.#lane(key);
    lane.failures++;
    const pause = retryAfterMs ?? Math.min(longestPauseMs, firstPauseMs * 2 ** (lane.failures - 1));
    lane.closedUntil = Math.max(lane.closedUntil, this.#clock.monotonic() + pause);
    return pause;
  }

  succeeded(key: string): void {
    const lane = this.#lanes.get(key);
    if (lane !== undefined) lane.failures = 0;
  }

  #lane(key: string): Lane {
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { running: 0, waiting: [], closedUntil: 0, failures: 0 };
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  #leave(lane: Lane): void {
    const next = lane.waiting.shift();
    if (next === undefined) lane.running--;
    else next();
  }
}
