/** `usher store backup|restore`: what an administrator does with the store file from the command line. */
import { parseArgs } from 'node:util';
import type { Clock } from '../clock.ts';
import { backupStore, restoreStore } from './sqlite/backup.ts';
import { StoreUnavailable } from './store.ts';

export interface StoreCommandIo {
  /** One line for people, without its line end. */
  out(line: string): void;
  err(line: string): void;
  clock: Clock;
  /** The store file that the configuration names; `--store` wins over it. */
  store?: string | undefined;
}

const usage = `usage: usher store backup [--store FILE] TO       writes a back-up of the store to the new file TO; Usher may be running
       usher store restore [--store FILE] FROM    puts the back-up FROM in the store's place; Usher must be stopped`;

/** @returns the exit status: 0, 1 where the store or the back-up stands in the way, 2 for bad use */
export async function storeCommand(args: readonly string[], io: StoreCommandIo): Promise<number> {
  const asked = parse(args);
  if (typeof asked === 'string') {
    io.err(asked);
    io.err(usage);
    return 2;
  }
  if (asked === null) {
    io.out(usage);
    return 0;
  }
  try {
    return run(asked, io);
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    io.err(`usher store: ${error.message}`);
    return 1;
  }
}

interface Asked {
  command: 'backup' | 'restore';
  file: string;
  store: string | undefined;
}

/** What was asked for, null for help, or a sentence that says what is wrong with it. */
function parse(args: readonly string[]): Asked | string | null {
  let parsed: { values: { store?: string; help?: boolean }; positionals: string[] };
  try {
    parsed = parseArgs({
      args: [...args],
      options: { store: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
  } catch (error) {
    return `usher store: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (parsed.values.help) return null;
  const [command, file, ...more] = parsed.positionals;
  if (command !== 'backup' && command !== 'restore') {
    return `usher store: backup or restore is to be said, found ${command === undefined ? 'nothing' : `"${command}"`}.`;
  }
  if (file === undefined || more.length > 0) return `usher store ${command}: exactly one file is to be named.`;
  return { command, file, store: parsed.values.store };
}

function run(asked: Asked, io: StoreCommandIo): number {
  const store = asked.store ?? io.store;
  if (store === undefined) {
    io.err(
      `usher store ${asked.command}: name the store file with --store FILE, or a configuration with --config FILE.`,
    );
    return 2;
  }
  if (asked.command === 'backup') {
    backupStore(store, asked.file);
    io.out(`${asked.file} is a back-up of ${store}.`);
    return 0;
  }
  const kept = restoreStore(store, asked.file, io.clock);
  io.out(`${store} is now what ${asked.file} holds.`);
  if (kept !== null) io.out(`What was there before is kept as ${kept}; remove it when you no longer need it.`);
  return 0;
}
