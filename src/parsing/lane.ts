/** One thread that answers questions in order, each within a time; one that takes longer ends the thread, and the next starts another. */
import { Worker } from 'node:worker_threads';
import { type Cancel, systemClock } from '../clock.ts';

export interface LaneOptions {
  worker: URL;
  memoryMb: number;
  /** Milliseconds for one question. */
  limitMs: number;
}

/** `answer` is `null` where it took too long, or more memory than there is. `ms`: how long the thread worked on it. */
export interface Asked<A> {
  answer: A | null;
  ms: number;
}

/** What a worker posts: `ready` when it is loaded, then for each question its answer and how long it worked on it. */
export type LaneMessage<A> = 'ready' | { answer: A; ms: number };

interface Task<Q, A> {
  question: Q;
  done: PromiseWithResolvers<Asked<A>>;
}

/** So long may a thread take to start and to load its modules. */
const startMs = 30_000;
/** An answer that lies in the mailbox because this thread was busy itself is still taken. */
const mailboxMs = 50;

export class Lane<Q, A> {
  readonly #options: LaneOptions;
  readonly #waiting: Task<Q, A>[] = [];
  readonly #ended = new Set<Promise<unknown>>();
  #worker: Worker | null = null;
  #ready = false;
  #task: Task<Q, A> | null = null;
  #cancel: Cancel = () => {};
  #closed = false;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** @throws Error when the lane is closed */
  ask(question: Q): Promise<Asked<A>> {
    const done = Promise.withResolvers<Asked<A>>();
    this.#waiting.push({ question, done });
    this.#work();
    return done.promise;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#drop(this.#worker);
    this.#work();
    await Promise.all(this.#ended);
  }

  #work(): void {
    if (this.#closed) {
      for (const { done } of this.#waiting.splice(0)) done.reject(new Error('calendars are not read any more'));
      return;
    }
    if (this.#task !== null) return;
    const task = this.#waiting.shift();
    if (task === undefined) return;
    this.#task = task;
    const worker = this.#worker ?? this.#start();
    worker.ref();
    if (this.#ready) this.#pose(worker, task);
  }

  #pose(worker: Worker, { question }: Task<Q, A>): void {
    this.#within(this.#options.limitMs, worker);
    worker.postMessage(question);
  }

  /** Always by the machine's own time: a thread's work is real even where the house runs on a simulated clock. */
  #within(ms: number, worker: Worker): void {
    this.#cancel();
    this.#cancel = systemClock.after(ms, () => {
      this.#cancel = systemClock.after(mailboxMs, () => this.#drop(worker));
    });
  }

  #start(): Worker {
    const worker = new Worker(this.#options.worker, {
      // Below node_modules Node strips no types by itself; the launcher's hook does it in threads, too.
      execArgv: ['--import', new URL('../strip-types.js', import.meta.url).href],
      resourceLimits: { maxOldGenerationSizeMb: this.#options.memoryMb },
    });
    worker.on('message', (message: LaneMessage<A>) => {
      if (this.#worker !== worker) return;
      if (message !== 'ready') return this.#finish(message);
      this.#ready = true;
      if (this.#task !== null) this.#pose(worker, this.#task);
    });
    worker.on('error', () => this.#drop(worker));
    worker.on('exit', () => this.#drop(worker));
    this.#worker = worker;
    this.#ready = false;
    this.#within(startMs, worker);
    return worker;
  }

  #finish(asked: Asked<A>): void {
    const task = this.#task;
    this.#cancel();
    this.#task = null;
    this.#worker?.unref();
    task?.done.resolve(asked);
    this.#work();
  }

  /** Ends the thread; its question has no answer. */
  #drop(worker: Worker | null): void {
    if (worker === null || this.#worker !== worker) return;
    this.#worker = null;
    const ending = worker.terminate();
    this.#ended.add(ending);
    void ending.finally(() => this.#ended.delete(ending));
    this.#finish({ answer: null, ms: this.#options.limitMs });
  }
}
