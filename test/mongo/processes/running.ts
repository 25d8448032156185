/** Processes that a test starts, stops in their tracks, kills and ends: those of a house, and the store's. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export class Running {
  readonly #child: ChildProcess;
  /** The first line that it prints; rejects when it ends before. */
  readonly ready: Promise<string>;
  /** Its exit status, null where a signal ended it. */
  readonly exit: Promise<number | null>;
  #asked = false;

  /** @param script relative to this file */
  constructor(script: string, args: readonly string[]) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    this.#child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('no output to read');
    this.exit = once(this.#child, 'exit').then(([code]) => (typeof code === 'number' ? code : null));
    const lines = createInterface({ input: stdout });
    const first = once(lines, 'line').then(([line]) => String(line));
    const gone = this.exit.then((code): never => {
      throw new Error(`${script} ended with ${code} before it was ready`);
    });
    this.ready = Promise.race([first, gone]);
    // Whoever waits for it is told; a process that is killed while it starts is nobody's trouble.
    this.ready.catch(() => {});
    first.catch(() => {});
    gone.catch(() => {});
  }

  /** Whether it was told to end. */
  get asked(): boolean {
    return this.#asked;
  }

  /** @returns its exit status, null where the signal ended it */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    this.#asked = true;
    this.#child.kill(signal);
    return this.exit;
  }

  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }
}
