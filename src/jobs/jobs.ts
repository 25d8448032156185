/**
 * Times: what must happen every so often (safety polls, renewals, refills, clean-up) or once at a set time, and survive
 * a restart. Jobs run at least once: a run that a crash cut off is run again, so running one twice must change nothing.
 * Nothing here is in the path from a change to a button; agenda looks for due jobs every second.
 *
 * agenda reads the system's clock and sets its own timers, and has no way to be given others; so these jobs follow real
 * time whatever `Clock` the rest runs on. Where time is simulated, `clockJobs` (`clock-jobs.ts`) keeps the same promises on the
 * `Clock` port, without a store.
 */
import { Agenda, type AgendaBackend, exponential, type Job, type JobWithId } from 'agenda';
import type { BaseLogger } from 'pino';
import { type Clock, sleep } from '../clock.ts';

/** `signal` is aborted when jobs are to stop: a long run then ends early and is run again after the restart. */
export type Run = (signal: AbortSignal) => Promise<void>;
/** @param data what `once` was given, after a trip through JSON */
export type RunOnce = (data: unknown, signal: AbortSignal) => Promise<void>;

export interface Jobs {
  /**
   * Runs `run` now and then every `intervalMs` after the beginning of the last run; never twice at the same time. The
   * schedule outlives a restart: declared again, a job that ran a minute ago does not run at once.
   */
  every(name: string, intervalMs: number, run: Run): Promise<void>;
  /**
   * Says what jobs of this kind do. Jobs of a kind that were left by an earlier process run once the kind is defined, so
   * define every kind at start.
   */
  define(kind: string, run: RunOnce): void;
  /**
   * Runs the kind's `run` with `data` at `at` (milliseconds since 1970), or at once where that has passed. One job for
   * each kind and data: scheduled again, its time is moved. A run that fails is tried again, later each time.
   */
  once(kind: string, at: number, data: unknown, run?: RunOnce): Promise<void>;
  /** Removes a scheduled `once`; true where there was one. */
  cancel(kind: string, data: unknown): Promise<boolean>;
  /** Starts no further run, aborts the signal of those under way and waits for them, at most `patienceMs`. */
  stop(patienceMs?: number): Promise<void>;
}

export interface JobsOptions {
  backend: AgendaBackend;
  clock: Clock;
  log: Pick<BaseLogger, 'info' | 'warn' | 'error'>;
  /** How often agenda looks for due jobs, in milliseconds. Default 1,000. */
  scanEvery?: number;
  /** After how many milliseconds without a sign of life a run counts as dead. Default 20,000; live runs renew it. */
  lockLifetime?: number;
}

/** A backend that can tell at start that no other process runs its jobs, such as the SQLite one under the store's lock. */
interface ReleasesLocks {
  releaseLocks(): Promise<number>;
}

/** How long `stop` waits for runs under way, in milliseconds. */
const defaultPatience = 10_000;
/** agenda keeps a timer of half this for every run, and with it the process, also after the run: so not long. */
const defaultLockLifetime = 20_000;
/** Waits before a failed `once` is tried again: from a second, doubling, to five minutes, for ever. */
const retries = { delay: 1_000, factor: 2, maxDelay: 300_000, maxRetries: Number.MAX_SAFE_INTEGER, jitter: 0.2 };

/** @throws StoreUnavailable (or the backend's own error) where the backend cannot be opened */
export async function startJobs(options: JobsOptions): Promise<Jobs> {
  const { backend, log } = options;
  // Not left to agenda: it leaves the error of a backend that cannot be opened to nobody.
  await backend.connect();
  if (releasesLocks(backend.repository)) {
    const released = await backend.repository.releaseLocks();
    if (released > 0) log.info({ jobs: released }, 'jobs that were cut off run again');
  }
  const agenda = new Agenda({
    backend: connected(backend),
    processEvery: options.scanEvery ?? 1_000,
    defaultLockLifetime: options.lockLifetime ?? defaultLockLifetime,
    defaultConcurrency: 20,
    maxConcurrency: 100,
  });
  await agenda.ready;
  await agenda.start();
  return new AgendaJobs(agenda, options);
}

/** A backend for agenda that is open and that `stop` closes: some open a second connection when they are asked again. */
function connected(backend: AgendaBackend): AgendaBackend {
  const { name, repository, notificationChannel, logger } = backend;
  const nothing = async (): Promise<void> => {};
  return {
    name,
    repository,
    notificationChannel,
    logger,
    ownsConnection: false,
    connect: nothing,
    disconnect: nothing,
  };
}

function releasesLocks(repository: object): repository is ReleasesLocks {
  return 'releaseLocks' in repository && typeof repository.releaseLocks === 'function';
}

class AgendaJobs implements Jobs {
  readonly #agenda: Agenda;
  readonly #options: JobsOptions;
  readonly #stopping = new AbortController();
  /** Runs under way, by job id, until agenda has written how they ended. */
  readonly #running = new Map<string, PromiseWithResolvers<void>>();
  readonly #succeeded = new WeakSet<object>();
  /** Times that were set for a `once` while it ran: the end of that run would overwrite them. */
  readonly #setMeanwhile = new Map<string, number>();

  constructor(agenda: Agenda, options: JobsOptions) {
    this.#agenda = agenda;
    this.#options = options;
    agenda.on('error', (error: Error) => options.log.error({ err: error }, 'jobs: agenda reports an error'));
    agenda.on('success', (job: JobWithId) => this.#succeeded.add(job));
    agenda.on('complete', (job: JobWithId) => void this.#ended(job));
  }

  async every(name: string, intervalMs: number, run: Run): Promise<void> {
    if (!(intervalMs >= 1)) throw new TypeError(`Job "${name}": an interval is at least 1 ms; found ${intervalMs}.`);
    this.#agenda.define(name, (job: Job) => this.#attend(job, () => run(this.#stopping.signal)), { concurrency: 1 });
    const job = await this.#agenda.every(intervalMs, name);
    // The schedule of an earlier, longer interval does not hold up a shorter one.
    const latest = new Date(this.#options.clock.now() + intervalMs);
    if (job.attrs.nextRunAt === null || job.attrs.nextRunAt > latest) await job.schedule(latest).save();
  }

  define(kind: string, run: RunOnce): void {
    const attended = (job: Job<OnceData>): Promise<void> =>
      this.#attend(job, () => run(job.attrs.data.data, this.#stopping.signal));
    this.#agenda.define(kind, attended, { backoff: exponential(retries) });
  }

  async once(kind: string, at: number, data: unknown, run?: RunOnce): Promise<void> {
    if (run !== undefined) this.define(kind, run);
    if (this.#agenda.definitions[kind] === undefined) {
      throw new TypeError(`Jobs of kind "${kind}" are not defined: say what they do first.`);
    }
    const key = keyOf(data);
    const job = this.#agenda.create(kind, { key, data: data ?? null });
    await job.unique({ 'data.key': key }).schedule(new Date(at)).save();
    const id = String(job.attrs._id);
    if (this.#running.has(id)) this.#setMeanwhile.set(id, at);
  }

  async cancel(kind: string, data: unknown): Promise<boolean> {
    return (await this.#agenda.cancel({ name: kind, data: { key: keyOf(data) } })) > 0;
  }

  async stop(patienceMs = defaultPatience): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    const { backend, clock, log } = this.#options;
    await this.#agenda.stop(false);
    const patience = new AbortController();
    void Promise.all([...this.#running.values()].map((run) => run.promise)).then(() => patience.abort());
    await sleep(clock, patienceMs, patience.signal);
    if (this.#running.size > 0) {
      log.warn({ jobs: this.#running.size }, 'jobs still run at the end; they run again after the restart');
    }
    if (backend.ownsConnection ?? true) await backend.disconnect();
  }

  /** Runs a job under a lock that is renewed for as long as it lives. */
  async #attend(job: Job<OnceData> | Job, run: () => Promise<void>): Promise<void> {
    const { name, _id: id } = job.attrs;
    const { clock, log, lockLifetime = defaultLockLifetime } = this.#options;
    this.#running.set(String(id), Promise.withResolvers());
    if (this.#stopping.signal.aborted) throw new Error(`Usher is stopping: job "${name}" runs after the restart.`);
    let cancelBeat = (): void => {};
    const beat = (): void => {
      cancelBeat = clock.after(lockLifetime / 3, () => {
        job.touch().then(beat, (error: unknown) => log.warn({ job: name, err: error }, 'job could not renew its lock'));
      });
    };
    beat();
    const started = clock.monotonic();
    try {
      await run();
    } catch (error) {
      const ms = Math.round(clock.monotonic() - started);
      log.warn({ job: name, ms, failures: (job.attrs.failCount ?? 0) + 1, err: error }, 'job failed');
      throw error;
    } finally {
      cancelBeat();
    }
  }

  /** After agenda wrote how a run ended: a `once` that is done goes, one that was set to a new time meanwhile gets it. */
  async #ended(job: JobWithId): Promise<void> {
    const id = String(job.attrs._id);
    const at = this.#setMeanwhile.get(id);
    this.#setMeanwhile.delete(id);
    try {
      if (at !== undefined) await job.schedule(new Date(at)).save();
      else if (this.#succeeded.has(job) && job.attrs.nextRunAt === null) await job.remove();
    } catch (error) {
      this.#options.log.error({ job: job.attrs.name, err: error }, 'the end of a job could not be written');
    } finally {
      this.#running.get(id)?.resolve();
      this.#running.delete(id);
    }
  }
}

interface OnceData {
  key: string;
  data: unknown;
}

/** The same for the same JSON value, whatever order its properties were written in. */
export function keyOf(data: unknown): string {
  return JSON.stringify(data ?? null, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
