/** A token bucket for each source address: how many messages one peer may send. */
import type { MediaClock } from '../call.ts';

interface Bucket {
  tokens: number;
  at: number;
}

/** Sources remembered at once; a flood of forged addresses makes the oldest be forgotten, never memory grow. */
const maximumSources = 10_000;

export class RateLimit {
  readonly #clock: MediaClock;
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: MediaClock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** True if one more message from `source` may be looked at. */
  take(source: string): boolean {
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(source) ?? { tokens: this.#burst, at: now };
    bucket.tokens = Math.min(this.#burst, bucket.tokens + ((now - bucket.at) / 1_000) * this.#perSecond);
    bucket.at = now;
    const allowed = bucket.tokens >= 1;
    if (allowed) bucket.tokens -= 1;
    // Re-inserted, so that the map's order is the order of use.
    this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    if (this.#buckets.size > maximumSources) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    return allowed;
  }
}
