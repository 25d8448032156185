/**
 * Understands invites in worker threads with a time limit for each, so that no invite, however hostile, holds up a SIP
 * message. One that takes longer is answered with the warning `too-slow`, its thread is ended, and the rest go on.
 */
import { Worker } from 'node:worker_threads';
import type { Invite, Understanding } from '../../parsers/invite.ts';
import type { UnderstandOptions } from '../../parsers/understand.ts';
import { type Cancel, systemClock } from '../clock.ts';

export interface ParsePoolOptions extends UnderstandOptions {
  /** Threads; default 1. They start when the first invite comes. */
  threads?: number;
  /** Milliseconds that one invite may take; default 2000. A usual one takes less than 1. */
  limitMs?: number;
  /** Memory of one thread in MB; default 256. A thread that needs more is ended as if it were slow. */
  memoryMb?: number;
  /** Called for every invite that was given up, with a sentence that holds nothing of its content. */
  onTrouble?: (message: string) => void;
  /** The worker's file; tests name their own. */
  worker?: URL;
}

export interface ParsePool {
  /** In the order of `invites`; never rejects. */
  understand(invites: readonly Invite[]): Promise<readonly Understanding[]>;
  /** Ends the threads; what still waits is answered as given up. Idempotent. */
  close(): Promise<void>;
}

interface Task {
  invite: Invite;
  done: (understanding: Understanding) => void;
}

/** A thread beside its present task. */
interface Thread {
  worker: Worker;
  task: Task | null;
  cancel: Cancel;
}

/** A thread must be started and its modules loaded before the first invite's time runs. */
const startMs = 30_000;

export function openParsePool(options: ParsePoolOptions): ParsePool {
  return new Pool(options);
}

class Pool implements ParsePool {
  readonly #options: ParsePoolOptions;
  /** What waits, by the call that asked for it, the last invite first: every call has its turn, however much another brought. */
  readonly #waiting: Task[][] = [];
  readonly #threads = new Set<Thread>();
  readonly #ended: Promise<unknown>[] = [];
  #closed = false;

  constructor(options: ParsePoolOptions) {
    this.#options = options;
  }

  understand(invites: readonly Invite[]): Promise<readonly Understanding[]> {
    const tasks: Task[] = [];
    const answers = invites.map((invite) => new Promise<Understanding>((done) => tasks.push({ invite, done })));
    if (tasks.length > 0) this.#waiting.push(tasks.reverse());
    this.#work();
    return Promise.all(answers);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#giveUpWaiting();
    for (const thread of [...this.#threads]) this.#drop(thread, 'too-slow', null);
    await Promise.all(this.#ended.splice(0));
  }

  #work(): void {
    while (this.#waiting.length > 0) {
      const idle = [...this.#threads].find((thread) => thread.task === null);
      const thread = idle ?? (this.#threads.size < (this.#options.threads ?? 1) ? this.#start() : null);
      if (this.#closed || thread === null) break;
      const task = this.#next();
      if (task !== undefined) this.#give(thread, task, idle === undefined ? startMs : 0);
    }
    if (this.#closed) this.#giveUpWaiting();
  }

  #next(): Task | undefined {
    const call = this.#waiting.shift();
    const task = call?.pop();
    if (call !== undefined && call.length > 0) this.#waiting.push(call);
    return task;
  }

  #giveUpWaiting(): void {
    for (const task of this.#waiting.splice(0).flat()) task.done(givenUp(task.invite, 'too-slow'));
  }

  #give(thread: Thread, task: Task, extraMs: number): void {
    const limit = this.#options.limitMs ?? 2_000;
    thread.task = task;
    thread.worker.ref();
    const run = (): void => this.#drop(thread, 'too-slow', `an invite took longer than ${limit} ms to understand`);
    // Always the machine's own time: a thread's work is real even where the house runs on a simulated clock.
    thread.cancel = systemClock.after(limit + extraMs, run);
    try {
      thread.worker.postMessage(task.invite);
    } catch {
      this.#drop(thread, 'unreadable', 'an invite could not be passed to its thread');
    }
  }

  #start(): Thread {
    const {
      threads: _threads,
      limitMs: _limit,
      onTrouble: _told,
      worker: file,
      memoryMb = 256,
      ...data
    } = this.#options;
    const worker = new Worker(file ?? new URL('./worker.ts', import.meta.url), {
      workerData: data,
      // Below node_modules Node strips no types by itself; the launcher's hook does it in threads, too.
      execArgv: ['--import', new URL('../strip-types.js', import.meta.url).href],
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    });
    const thread: Thread = { worker, task: null, cancel: () => {} };
    worker.on('message', (understanding: Understanding) => {
      const task = thread.task;
      thread.cancel();
      thread.task = null;
      worker.unref();
      task?.done(understanding);
      this.#work();
    });
    worker.on('error', (error) => {
      this.#drop(thread, 'unreadable', `the thread that understands invites ended: ${error.message}`);
    });
    worker.on('exit', (code) =>
      this.#drop(thread, 'unreadable', `the thread that understands invites ended with ${code}`),
    );
    worker.unref();
    this.#threads.add(thread);
    return thread;
  }

  /** Ends a thread and answers its task as given up; the next invite starts a new one. */
  #drop(thread: Thread, why: 'too-slow' | 'unreadable', message: string | null): void {
    if (!this.#threads.delete(thread)) return;
    thread.cancel();
    const ending = thread.worker.terminate();
    this.#ended.push(ending);
    void ending.finally(() => this.#ended.splice(this.#ended.indexOf(ending), 1));
    if (message !== null && thread.task !== null) this.#options.onTrouble?.(message);
    thread.task?.done(givenUp(thread.task.invite, why));
    thread.task = null;
    this.#work();
  }
}

function givenUp(invite: Invite, why: 'too-slow' | 'unreadable'): Understanding {
  const cancelled = invite.cancelled;
  return { cancelled, tenancy: null, route: 'none', dial: null, join: null, warnings: [why], evidence: [] };
}
