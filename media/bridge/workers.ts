/** mediasoup's worker processes: as many as asked for, a new one for each that dies. */
import { accessSync, constants } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { types } from 'mediasoup';
import { createWorker } from 'mediasoup';
import type { MediaClock } from '../call.ts';

export interface WorkerPoolOptions {
  /** Path of mediasoup-worker. */
  workerBin: string;
  /** How many; by default one for each core. */
  workers?: number | undefined;
  clock: MediaClock;
  log(level: 'info' | 'error', message: string, fields?: Record<string, unknown>): void;
}

/** Before a dead worker is replaced, milliseconds: one that dies at its start must not take a whole core to do so. */
const restartDelay = 1000;

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  /** Workers that are alive, with how many routers each has. */
  readonly #load = new Map<types.Worker, number>();
  readonly #restarts = new Set<() => void>();
  #closed = false;

  private constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** @throws Error when the worker cannot be started */
  static async start(options: WorkerPoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(options);
    try {
      await Promise.all(Array.from({ length: options.workers ?? availableParallelism() }, () => pool.#add()));
    } catch (error) {
      await pool.close();
      throw error;
    }
    return pool;
  }

  /** Process ids of the workers that are alive. */
  get pids(): number[] {
    return [...this.#load.keys()].map((worker) => worker.pid);
  }

  /** Routers on all workers. */
  get routers(): number {
    return [...this.#load.values()].reduce((sum, routers) => sum + routers, 0);
  }

  /** A router on the worker with the fewest. @throws Error when no worker is alive */
  async createRouter(mediaCodecs: types.RouterRtpCodecCapability[]): Promise<types.Router> {
    const [least] = [...this.#load].sort(([, a], [, b]) => a - b);
    if (least === undefined) throw new Error(`no worker of mediasoup is alive (${this.#options.workerBin})`);
    const [worker] = least;
    this.#count(worker, 1);
    try {
      const router = await worker.createRouter({ mediaCodecs });
      router.observer.once('close', () => this.#count(worker, -1));
      return router;
    } catch (error) {
      this.#count(worker, -1);
      throw error;
    }
  }

  /** CPU time and memory of each worker, for measurements. */
  usage(): Promise<types.WorkerResourceUsage[]> {
    return Promise.all([...this.#load.keys()].map((worker) => worker.getResourceUsage()));
  }

  /** Ends the workers; resolves when the processes are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#restarts) cancel();
    this.#restarts.clear();
    const workers = [...this.#load.keys()];
    this.#load.clear();
    await Promise.all(workers.map(end));
  }

  async #add(): Promise<void> {
    const worker = await startApart(this.#options.workerBin);
    if (this.#closed) return end(worker);
    this.#load.set(worker, 0);
    worker.on('died', (error) => {
      // It exits with 0 on SIGINT and SIGTERM alone: where it could not be kept from them, a Ctrl-C reaches it together with Usher.
      const told = error.message.includes('code:0');
      this.#options.log(
        told ? 'info' : 'error',
        told ? 'a worker of mediasoup was told to end; its calls end' : 'a worker of mediasoup died; its calls end',
        { pid: worker.pid, detail: error.message },
      );
      this.#load.delete(worker);
      this.#restartLater();
    });
  }

  #restartLater(): void {
    if (this.#closed) return;
    const cancel = this.#options.clock.after(restartDelay, () => {
      this.#restarts.delete(cancel);
      this.#add().then(
        () => this.#options.log('info', 'a worker of mediasoup was started in place of the dead one'),
        (error: unknown) => {
          this.#options.log('error', 'a worker of mediasoup could not be started', { detail: String(error) });
          this.#restartLater();
        },
      );
    });
    this.#restarts.add(cancel);
  }

  #count(worker: types.Worker, change: number): void {
    const before = this.#load.get(worker);
    if (before !== undefined) this.#load.set(worker, before + change);
  }
}

function end(worker: types.Worker): Promise<void> {
  return new Promise((resolve) => {
    if (worker.subprocessClosed) return resolve();
    worker.once('subprocessclose', () => resolve());
    worker.close();
  });
}

const apart = fileURLToPath(new URL('worker-apart.sh', import.meta.url));
const workerVariable = 'USHER_MEDIA_WORKER';

/**
 * A worker that does not end with Usher's whole process group, but when it is told to: calls end in order first.
 * mediasoup starts what it is given as `workerBin`, without arguments of ours but with this process's environment, and
 * has done so when `createWorker` returns, before the first wait.
 */
function startApart(workerBin: string): Promise<types.Worker> {
  return withoutSignals(() => {
    if (!isExecutable(apart)) return createWorker({ workerBin, logLevel: 'none' });
    process.env[workerVariable] = workerBin;
    try {
      return createWorker({ workerBin: apart, logLevel: 'none' });
    } finally {
      delete process.env[workerVariable];
    }
  });
}

/** Not where a package was unpacked without its modes, or onto a file system that runs nothing. */
function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * mediasoup closes a worker itself on SIGINT and SIGTERM, and with it calls that should end in order first. Its listeners are
 * set while `start` runs, before the first wait, and are taken off again.
 */
function withoutSignals<T>(start: () => Promise<T>): Promise<T> {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const before = signals.map((signal) => new Set(process.listeners(signal)));
  const starting = start();
  for (const [index, signal] of signals.entries()) {
    for (const listener of process.listeners(signal)) {
      if (!before[index]?.has(listener)) process.removeListener(signal, listener);
    }
  }
  return starting;
}
