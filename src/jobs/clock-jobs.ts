/**
 * Jobs on the `Clock` port alone, kept in memory: for simulated time, where agenda's own timers cannot follow. They keep the
 * promises of `Jobs` within one life of the process; a restart begins with none.
 */
import type { BaseLogger } from 'pino';
import { type Cancel, type Clock, sleep } from '../clock.ts';
import { type Jobs, keyOf, type Run, type RunOnce } from './jobs.ts';

/** Waits before a failed `once` is tried again, in milliseconds. */
const firstRetry = 1_000;
const longestRetry = 300_000;

export function clockJobs(clock: Clock, log: Pick<BaseLogger, 'warn'>): Jobs {
  return new ClockJobs(clock, log);
}

class ClockJobs implements Jobs {
  readonly #clock: Clock;
  readonly #log: Pick<BaseLogger, 'warn'>;
  readonly #kinds = new Map<string, RunOnce>();
  readonly #repeating = new Map<string, Cancel>();
  readonly #scheduled = new Map<string, Cancel>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(clock: Clock, log: Pick<BaseLogger, 'warn'>) {
    this.#clock = clock;
    this.#log = log;
  }

  async every(name: string, intervalMs: number, run: Run): Promise<void> {
    if (!(intervalMs >= 1)) throw new TypeError(`Job "${name}": an interval is at least 1 ms; found ${intervalMs}.`);
    const declaredBefore = this.#repeating.get(name);
    declaredBefore?.();
    const begin = (): void => {
      const began = this.#clock.monotonic();
      this.#track(name, run(this.#stopping.signal), () => again(intervalMs - (this.#clock.monotonic() - began)));
    };
    const again = (ms: number): void => {
      if (!this.#stopping.signal.aborted) this.#repeating.set(name, this.#clock.after(ms, begin));
    };
    again(declaredBefore === undefined ? 0 : intervalMs);
  }

  define(kind: string, run: RunOnce): void {
    this.#kinds.set(kind, run);
  }

  async once(kind: string, at: number, data: unknown, run?: RunOnce): Promise<void> {
    if (run !== undefined) this.define(kind, run);
    if (!this.#kinds.has(kind)) throw new TypeError(`Jobs of kind "${kind}" are not defined: say what they do first.`);
    this.#schedule(kind, at - this.#clock.now(), JSON.parse(keyOf(data)), firstRetry);
  }

  async cancel(kind: string, data: unknown): Promise<boolean> {
    const id = JSON.stringify([kind, keyOf(data)]);
    this.#scheduled.get(id)?.();
    return this.#scheduled.delete(id);
  }

  async stop(patienceMs = 10_000): Promise<void> {
    this.#stopping.abort();
    for (const cancel of [...this.#repeating.values(), ...this.#scheduled.values()]) cancel();
    const patience = new AbortController();
    void Promise.all(this.#running).then(() => patience.abort());
    await sleep(this.#clock, patienceMs, patience.signal);
  }

  #schedule(kind: string, ms: number, data: unknown, retry: number): void {
    const id = JSON.stringify([kind, keyOf(data)]);
    this.#scheduled.get(id)?.();
    const begin = (): void => {
      this.#scheduled.delete(id);
      const run = this.#kinds.get(kind);
      if (run === undefined) return;
      this.#track(kind, run(data, this.#stopping.signal), (failed) => {
        // Set to a new time meanwhile: that one stands.
        if (failed && !this.#scheduled.has(id)) this.#schedule(kind, retry, data, Math.min(retry * 2, longestRetry));
      });
    };
    if (!this.#stopping.signal.aborted) this.#scheduled.set(id, this.#clock.after(ms, begin));
  }

  #track(name: string, run: Promise<void>, after: (failed: boolean) => void): void {
    const tracked = run
      .then(
        () => after(false),
        (error: unknown) => {
          this.#log.warn({ job: name, err: error }, 'job failed');
          after(true);
        },
      )
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }
}
