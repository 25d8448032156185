/** `usher store backup|restore|copy`: what an administrator does with stores from the command line. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Clock } from '../clock.ts';
import { copyStore, type RawStore } from './copy.ts';
import { sqlitePath } from './open.ts';
import { backupStore, restoreStore } from './sqlite/backup.ts';
import { openRawSqlite } from './sqlite/raw.ts';
import { StoreUnavailable } from './store.ts';

export interface StoreCommandIo {
  /** One line for people, without its line end. */
  out(line: string): void;
  err(line: string): void;
  clock: Clock;
  /** The store file where neither `--store` nor `--config` says another. */
  store?: string | undefined;
  /** For addresses that hold a password: `copy` takes `env:NAME`. Default: the process's own. */
  env?: Readonly<Record<string, string | undefined>>;
}

const usage = `usage: usher store backup --config FILE TO        writes a back-up of the store to the new file TO; Usher may be running
       usher store restore --config FILE FROM     puts the back-up FROM in the store's place; Usher must be stopped
                                                  (--store FILE, the store's own file, instead of --config)
       usher store copy FROM TO                   copies a store into an empty one; both without Usher, and run again if cut off
                                                  FROM and TO: a file, mongodb://…, or env:NAME for a variable that holds one`;

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
    return await run(asked, io);
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    io.err(`usher store: ${error.message}`);
    return 1;
  }
}

interface Asked {
  command: 'backup' | 'restore' | 'copy';
  files: readonly [string, ...string[]];
  store: string | undefined;
  config: string | undefined;
}

/** What was asked for, null for help, or a sentence that says what is wrong with it. */
function parse(args: readonly string[]): Asked | string | null {
  let parsed: { values: { store?: string; config?: string; help?: boolean }; positionals: string[] };
  try {
    parsed = parseArgs({
      args: [...args],
      options: {
        store: { type: 'string' },
        config: { type: 'string', short: 'c' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
    });
  } catch (error) {
    return `usher store: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (parsed.values.help) return null;
  const [command, file, ...more] = parsed.positionals;
  if (command !== 'backup' && command !== 'restore' && command !== 'copy') {
    return `usher store: backup, restore or copy is to be said, found ${command === undefined ? 'nothing' : `"${command}"`}.`;
  }
  if (file === undefined || more.length !== (command === 'copy' ? 1 : 0)) {
    return `usher store ${command}: exactly ${command === 'copy' ? 'two stores are' : 'one file is'} to be named.`;
  }
  return { command, files: [file, ...more], store: parsed.values.store, config: parsed.values.config };
}

async function run(asked: Asked, io: StoreCommandIo): Promise<number> {
  const [file, to] = asked.files;
  if (asked.command === 'copy') return copy(file, to ?? '', io);
  const store = asked.store ?? (await configured(asked.config, io)) ?? io.store;
  if (store === undefined) {
    io.err(
      `usher store ${asked.command}: name the store file with --store FILE, or a configuration with --config FILE.`,
    );
    return 2;
  }
  if (asked.command === 'backup') {
    backupStore(store, file);
    io.out(`${file} is a back-up of ${store}.`);
    return 0;
  }
  const kept = restoreStore(store, file, io.clock);
  io.out(`${store} is now what ${file} holds.`);
  if (kept !== null) io.out(`What was there before is kept as ${kept}; remove it when you no longer need it.`);
  return 0;
}

/** @throws StoreUnavailable, ConfigError */
async function configured(file: string | undefined, io: StoreCommandIo): Promise<string | null> {
  if (file === undefined) return null;
  const { loadConfig } = await import('../config/load.ts');
  const { dataFolder, store } = await loadConfig(file, { ...(io.env ?? process.env) });
  if (store.type === 'sqlite') return sqlitePath(resolve(dirname(file), dataFolder), store.path);
  throw new StoreUnavailable(
    `${file} keeps its store in MongoDB: back it up with MongoDB's own tools, such as mongodump.`,
  );
}

async function copy(from: string, to: string, io: StoreCommandIo): Promise<number> {
  const source = await openRaw(from, io, { mustExist: true });
  try {
    const target = await openRaw(to, io, { mustExist: false });
    try {
      const copied = await copyStore(source, target);
      for (const { name, documents, kept, hash } of copied) {
        const before = kept > 0 ? `, ${kept} of them from before` : '';
        io.out(`${name}: ${documents} documents${before}, the same on both sides (sha256 ${hash.slice(0, 16)}…)`);
      }
      io.out(`${target.description} is now a copy of ${source.description}. Repeating jobs begin anew there.`);
      return 0;
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function openRaw(address: string, io: StoreCommandIo, { mustExist }: { mustExist: boolean }): Promise<RawStore> {
  const [, name] = /^env:(\w+)$/.exec(address) ?? [];
  const found = name === undefined ? address : (io.env ?? process.env)[name];
  if (!found) throw new StoreUnavailable(`${address}: the environment has no variable ${name}, or it is empty.`);
  if (!/^mongodb(\+srv)?:/.test(found)) {
    if (mustExist && !existsSync(found))
      throw new StoreUnavailable(`${found} does not exist. Name the file of a store.`);
    return openRawSqlite(found, io.clock);
  }
  // The driver is large, and who keeps a file never needs it.
  const { openRawMongo } = await import('./mongo/raw.ts');
  return openRawMongo({ uri: found });
}
