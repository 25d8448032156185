/** A running `usher serve --config FILE`, as an administrator would start it, and what it logs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const lineSchema = z.looseObject({
  level: z.string(),
  msg: z.string(),
  room: z.string().optional(),
  device: z.string().optional(),
  revision: z.number().optional(),
  problem: z.string().optional(),
  url: z.string().optional(),
});
export type LogLine = z.infer<typeof lineSchema>;

export class ServeProcess {
  /** Everything logged so far. */
  readonly lines: LogLine[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #listeners = new Set<() => void>();
  #errors = '';

  /**
   * It runs as soon as this returns; `logged` says how far it is. With `bridge` it takes calls, and has a process group of
   * its own, as behind a terminal.
   */
  constructor(config: string, { bridge = false }: { bridge?: boolean } = {}) {
    // No bridge, so that no browser starts beside the test; its absence is an error in the log and nothing else.
    const env = bridge ? process.env : { ...process.env, MEDIASOUP_WORKER_BIN: '/nonexistent' };
    this.#child = spawn(process.execPath, ['src/main.ts', 'serve', '--config', config], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
      detached: bridge,
    });
    this.#exited = once(this.#child, 'exit').then(() => this.#tell());
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    if (this.#child.stdout === null) throw new Error('no pipe');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.lines.push(lineSchema.parse(JSON.parse(line)));
      this.#tell();
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /**
   * Resolves as soon as what has been logged satisfies `test`.
   * @throws Error with all that was logged when that takes longer than `withinMs`, or when the process ends before
   */
  async logged(what: string, withinMs: number, test: (lines: readonly LogLine[]) => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (why: string): void => reject(new Error(`${why} before ${what}:\n${this.story}`));
    const look = (): void => (test(this.lines) ? resolve() : this.#ended ? fail('the process ended') : undefined);
    const late = setTimeout(() => fail(`${withinMs} ms went by`), withinMs);
    this.#listeners.add(look);
    try {
      look();
      await promise;
    } finally {
      clearTimeout(late);
      this.#listeners.delete(look);
    }
  }

  /** The log and standard error, for messages. */
  get story(): string {
    return [...this.lines.slice(-60).map((line) => JSON.stringify(line)), this.#errors].join('\n');
  }

  /** To every process of its group, as a terminal sends Ctrl-C. Only for one with a bridge. */
  signalGroup(signal: 'SIGINT' | 'SIGTERM'): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#ended) throw new Error(`there is no process to send ${signal}`);
    process.kill(-pid, signal);
  }

  /** To the process alone. */
  signal(signal: 'SIGINT' | 'SIGTERM'): void {
    this.#child.kill(signal);
  }

  /** Resolves with the exit status when it is gone; null if a signal ended it. */
  async ended(): Promise<number | null> {
    await this.#exited;
    return this.#child.exitCode;
  }

  /** SIGKILL, at once; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #tell(): void {
    for (const look of [...this.#listeners]) look();
  }
}
