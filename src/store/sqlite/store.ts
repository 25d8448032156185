/**
 * The embedded store: one SQLite file, read and written through `node:sqlite`.
 *
 * What is promised: once a write is acknowledged, no end of the process (`kill -9` included) loses it, because the
 * write-ahead log has reached the operating system. A power cut or a crash of the machine itself may lose the last
 * moments before it (`synchronous = NORMAL`: the log is not flushed to the disk at every commit) but never damages the
 * file; Usher reads the calendars again then and repeats what it pushed.
 */
import { closeSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../clock.ts';
import { checkSpec } from '../checks.ts';
import { type Collection, type CollectionSpec, type Store, StoreUnavailable } from '../store.ts';
import { type OpenFile, SqliteCollection } from './collection.ts';
import { explained } from './errors.ts';
import { migrate, storeMigrations } from './layout.ts';
import { type FileLock, lockFile } from './lock.ts';
import { ensureTable } from './table.ts';

export interface SqliteStoreOptions {
  /** The file; made, with its folder, where it does not exist. */
  path: string;
  /** Dates the lock. */
  clock: Pick<Clock, 'now'>;
  /** The file never grows beyond this many bytes; writes that would need more are refused. Default: no limit. */
  largestFile?: number;
}

/** How long a statement waits for another connection of this process (the jobs') to finish writing, in milliseconds. */
export const busyTimeout = 5_000;

/**
 * Opens the store, checks the whole file and brings its layout up to date.
 * @throws StoreUnavailable where the file is in use, damaged, of another program or a newer Usher, or cannot be written
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const asked = resolve(options.path);
  let lock: FileLock | undefined;
  let db: DatabaseSync | undefined;
  let path = asked;
  try {
    path = makeFile(asked);
    lock = lockFile(path, options.clock);
    db = new DatabaseSync(path, { timeout: busyTimeout });
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    if (options.largestFile !== undefined) limitSize(db, options.largestFile);
    checkIntegrity(db, path);
    migrate(db, path, 'store', storeMigrations);
    return new SqliteStore(path, db, lock);
  } catch (error) {
    db?.close();
    lock?.release();
    throw explained(error, path);
  }
}

/** Makes the file readable for its owner alone (it holds meeting titles) and gives the one path that names it. */
function makeFile(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  const real = join(realpathSync(dirname(path)), basename(path));
  closeSync(openSync(real, 'a+', 0o600));
  return realpathSync(real);
}

function limitSize(db: DatabaseSync, bytes: number): void {
  const pageSize = Number(db.prepare('PRAGMA page_size').get()?.['page_size']);
  db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(bytes / pageSize))}`);
}

/** @throws StoreUnavailable with the first thing that SQLite found wrong */
export function checkIntegrity(db: DatabaseSync, path: string): void {
  const found = db.prepare('PRAGMA integrity_check(1)').get()?.['integrity_check'];
  if (found !== 'ok') {
    throw new StoreUnavailable(`${path} is damaged (${found}). Restore a backup with: usher store restore`);
  }
}

class SqliteStore implements Store, OpenFile {
  readonly description: string;
  readonly #path: string;
  readonly #lock: FileLock;
  readonly #indexes = new Map<string, string>();
  #db: DatabaseSync | null;

  constructor(path: string, db: DatabaseSync, lock: FileLock) {
    this.description = `sqlite ${path}`;
    this.#path = path;
    this.#db = db;
    this.#lock = lock;
  }

  async collection<T>(spec: CollectionSpec<T>): Promise<Collection<T>> {
    checkSpec(spec);
    const db = this.db();
    const indexes = JSON.stringify([Object.keys(spec.indexes).sort(), [...(spec.unique ?? [])].sort()]);
    const before = this.#indexes.get(spec.name);
    if (before !== undefined && before !== indexes) {
      throw new TypeError(
        `Collection "${spec.name}" is open with other indexes: ${before}, now ${indexes}. Share one spec.`,
      );
    }
    try {
      if (before === undefined) ensureTable(db, this.description, spec);
    } catch (error) {
      throw this.explained(error);
    }
    this.#indexes.set(spec.name, indexes);
    return new SqliteCollection(this, spec);
  }

  async close(): Promise<void> {
    const db = this.#db;
    if (db === null) return;
    this.#db = null;
    try {
      db.exec('PRAGMA optimize');
    } catch {
      // Statistics for the query planner; a full disk may refuse them, and nothing depends on them.
    }
    db.close();
    this.#lock.release();
  }

  db(): DatabaseSync {
    if (this.#db === null) throw new StoreUnavailable(`${this.#path} is closed.`);
    return this.#db;
  }

  explained(error: unknown): unknown {
    return explained(error, this.#path);
  }
}
