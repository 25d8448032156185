/** A running `usher demo`, as a user would start it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const entry = z.strictObject({
  title: z.string(),
  start: z.iso.datetime(),
  end: z.iso.datetime(),
  route: z.enum(['cvi', 'sgj', 'sip', 'none']),
  dial: z.string().nullable(),
});
export const readySchema = z.strictObject({
  web: z.url(),
  sip: z.string().nullable(),
  meeting: z.strictObject({ host: z.url() }).nullable(),
  rooms: z.array(
    z.strictObject({
      id: z.string(),
      name: z.string(),
      panel: z.url(),
      calendar: z.string().endsWith('.ics'),
      entries: z.array(entry),
    }),
  ),
});
export type Ready = z.infer<typeof readySchema>;

export class DemoProcess {
  readonly ready: Ready;
  readonly #child: ChildProcess;
  readonly #errors: () => string;

  private constructor(child: ChildProcess, ready: Ready, errors: () => string) {
    this.#child = child;
    this.ready = ready;
    this.#errors = errors;
  }

  /**
   * Resolves with its ready line. Without `--wait-for-bridge` it has no bridge, so that it starts no browser beside the test.
   * @throws Error with what it wrote when it ends before
   */
  static async start(data: string, ...args: readonly string[]): Promise<DemoProcess> {
    const main = ['src/main.ts', 'demo', '--data', data, '--http-port', '0', '--sip-port', '0', '--json', ...args];
    const bridge = args.includes('--wait-for-bridge');
    const env = bridge ? process.env : { ...process.env, MEDIASOUP_WORKER_BIN: '/nonexistent' };
    const child = spawn(process.execPath, main, { stdio: ['ignore', 'pipe', 'pipe'], env });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const lines = createInterface({ input: child.stdout });
    const ended = once(child, 'exit').then(([status]) => {
      throw new Error(`the demo ended with ${status}: ${errors}`);
    });
    ended.catch(() => {});
    const [line] = await Promise.race([once(lines, 'line'), ended]);
    const parsed: unknown = JSON.parse(String(line));
    return new DemoProcess(child, readySchema.parse(parsed), () => errors);
  }

  /** What it wrote to standard error. */
  get errors(): string {
    return this.#errors();
  }

  room(id: string): Ready['rooms'][number] {
    const room = this.ready.rooms.find((one) => one.id === id);
    if (room === undefined) throw new Error(`the demo has no room ${id}`);
    return room;
  }

  /** SIGTERM; resolves with the exit status. */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
    return this.#child.exitCode;
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
