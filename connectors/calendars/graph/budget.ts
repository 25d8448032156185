/**
 * A budget of requests a day. Exchange Online throttles an app that asks too much, and other apps of the same customer
 * with it; the budget is the administrator's own, lower limit. The meter is for status pages and metrics.
 */
import { CalendarUnavailable, type ConnectorClock } from '../calendar.ts';

const dayMs = 86_400_000;

export interface BudgetMeter {
  /** Requests since midnight UTC; each one inside a batch counts. */
  used: number;
  limit: number;
  /** Milliseconds since 1970: when counting begins anew. */
  resetsAt: number;
  /** How many times longer than planned polls wait, so that the budget lasts; 1 where there is enough. */
  stretch: number;
}

export class RequestBudget {
  readonly #clock: ConnectorClock;
  readonly #limit: number;
  #day: number;
  #used = 0;

  /** @param limit requests a day */
  constructor(clock: ConnectorClock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#day = this.#today();
  }

  /** @throws CalendarUnavailable until midnight UTC when nothing is left */
  take(requests: number): void {
    this.#turn();
    if (this.#used + requests > this.#limit) {
      const { resetsAt } = this.meter;
      throw new CalendarUnavailable(
        `the budget of ${this.#limit} requests a day to Microsoft Graph is used up until ${new Date(resetsAt).toISOString()}; raise requestsPerDay, or poll less often`,
        { retryAfterMs: resetsAt - this.#clock.now() },
      );
    }
    this.#used += requests;
  }

  get meter(): BudgetMeter {
    this.#turn();
    const resetsAt = (this.#day + 1) * dayMs;
    return { used: this.#used, limit: this.#limit, resetsAt, stretch: this.#stretch(resetsAt) };
  }

  /**
   * How much longer than planned to wait between polls, 1 or more: what is left of the day must do for what is left of
   * the budget. Notifications go on at full speed as long as there is any.
   */
  #stretch(resetsAt: number): number {
    const dayLeft = (resetsAt - this.#clock.now()) / dayMs;
    const budgetLeft = (this.#limit - this.#used) / this.#limit;
    if (budgetLeft <= 0) return 60;
    // A tenth is kept for changes that are told.
    return Math.min(60, Math.max(1, dayLeft / Math.max(0.01, budgetLeft - 0.1)));
  }

  #turn(): void {
    const today = this.#today();
    if (today === this.#day) return;
    this.#day = today;
    this.#used = 0;
  }

  #today(): number {
    return Math.floor(this.#clock.now() / dayMs);
  }
}
