/**
 * The embedded store: one SQLite file, read and written through `node:sqlite`.
 *
 * What is promised: once a write is acknowledged, no end of the process (`kill -9` included) loses it, because the
 * write-ahead log has reached the operating system. A power cut or a crash of the machine itself may lose the last
 * moments before it (`synchronous = NORMAL`: the log is not flushed to the disk at every commit) but never damages the
 * file; Usher reads the calendars again then and repeats what it pushed.
 */
import type { DatabaseSync } from 'node:sqlite';
import { checkSpec } from '../checks.ts';
import { refuseUnfinished } from '../copy.ts';
import { type Collection, type CollectionSpec, type Store, StoreUnavailable } from '../store.ts';
import { type OpenFile, SqliteCollection } from './collection.ts';
import { explained } from './errors.ts';
import { unfinishedCopy } from './layout.ts';
import type { FileLock } from './lock.ts';
import { openFile, type SqliteStoreOptions } from './open.ts';
import { ensureTable } from './table.ts';

/**
 * Opens the store, checks the whole file and brings its layout up to date.
 * @throws StoreUnavailable where the file is in use, damaged, of another program or a newer Usher, or cannot be written
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { path, db, lock } = openFile(options);
  const store = new SqliteStore(path, db, lock);
  try {
    refuseUnfinished(store.description, unfinishedCopy(db));
    return store;
  } catch (error) {
    await store.close();
    throw error;
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
