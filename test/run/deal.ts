/** Deals test files out to several processes, and puts the output of each file in one piece. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Order, Result, Settings } from './messages.ts';
import { result } from './messages.ts';

const script = fileURLToPath(new URL('process.ts', import.meta.url));

/** The sum over all files; `failures` holds a line, with the file's name first, for each failure. */
export interface Sum {
  passed: number;
  failed: number;
  skipped: number;
  failures: string[];
}

export interface Dealt {
  /** In the order in which they are dealt. */
  files: readonly string[];
  /** How many processes at once, at least 1. With one the output comes as it is written. */
  processes: number;
  settings: Settings;
  /** Hears the output of a file when it is through. */
  print(text: string): void;
}

/** Runs the files, each in one of the processes; a process that dies costs the file that it was at, and is replaced. */
export async function deal({ files, processes, settings, print }: Dealt): Promise<Sum> {
  const sum: Sum = { passed: 0, failed: 0, skipped: 0, failures: [] };
  const waiting = [...files];
  const folder = mkdtempSync(join(tmpdir(), 'usher-tests-'));
  const count = Math.min(processes, files.length);
  const hands = Array.from({ length: count }, (_, at): Hand => {
    const output = new Output(count > 1 ? join(folder, `${at}`) : null, print);
    return { waiting, settings, output, sum, at: null };
  });
  const close = () => {
    for (const { output } of hands) output.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const release = onSignals((signal) => {
    for (const { output, at } of hands) output.flush(at === null ? '' : `\n${signal} in ${at}\n`);
    close();
  });
  const work = async (hand: Hand) => {
    while (waiting.length > 0) await oneProcess(hand);
  };
  try {
    await Promise.all(hands.map(work));
  } finally {
    release();
    close();
  }
  return sum;
}

interface Hand {
  waiting: string[];
  settings: Settings;
  output: Output;
  sum: Sum;
  /** The file that is being run. */
  at: string | null;
}

/** One process, from its first file to its end. */
async function oneProcess(hand: Hand): Promise<void> {
  const { waiting, settings, output, sum } = hand;
  const child = fork(script, { stdio: ['ignore', output.to, output.to, 'ipc'] });
  const gone = once(child, 'exit').then(([code, signal]) => `${signal ?? `status ${code}`}`);
  const tell = (order: Order) => child.connected && child.send(order, () => undefined);
  tell(settings);
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    hand.at = file;
    const answer = nextResult(child);
    tell({ kind: 'file', file });
    const told = await Promise.race([answer, gone]);
    hand.at = null;
    if (typeof told === 'string') {
      sum.failed++;
      sum.failures.push(`${file}: the process died (${told}) in this file`);
      output.flush(`\n${file}: the process died (${told}) in this file\n`);
      return;
    }
    sum.passed += told.passed;
    sum.failed += told.failed;
    sum.skipped += told.skipped;
    for (const failure of told.failures) sum.failures.push(`${file}: ${failure}`);
    // Under --grep most files hold no test that is meant, and mocha would tell of each that it passed 0.
    if (told.passed + told.failed + told.skipped === 0) output.drop();
    else output.flush();
  }
  tell({ kind: 'end' });
  // It ends by itself, at worst when its grace is over; if it cannot even do that, it is ended.
  const last = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const how = await gone;
  clearTimeout(last);
  output.flush();
  if (how === 'status 0') return;
  sum.failed++;
  sum.failures.push(`a process of the tests did not end by itself, or badly (${how}); see "left open" above`);
}

function nextResult(child: ChildProcess): Promise<Result> {
  return new Promise((resolve) => child.once('message', (message) => resolve(result.parse(message))));
}

/** Where processes write: a file, so that what was written before a result (or a death) is there to be read after it. */
class Output {
  readonly to: number | 'inherit';
  readonly #path: string | null;
  readonly #print: (text: string) => void;

  constructor(path: string | null, print: (text: string) => void) {
    this.#path = path;
    this.#print = print;
    this.to = path === null ? 'inherit' : openSync(path, 'a');
  }

  /** Prints what was written since, and `more`. */
  flush(more = ''): void {
    this.#print(this.#path === null ? more : readFileSync(this.#path, 'utf8') + more);
    this.drop();
  }

  drop(): void {
    if (this.#path !== null) truncateSync(this.#path);
  }

  close(): void {
    if (typeof this.to === 'number') closeSync(this.to);
  }
}

/** Whoever ends the run is told where it was. The processes end with it: their channel to it is closed. */
function onSignals(close: (signal: NodeJS.Signals) => void): () => void {
  const stop = (signal: NodeJS.Signals) => {
    close(signal);
    process.exit(1);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  return () => {
    for (const signal of signals) process.off(signal, stop);
  };
}
