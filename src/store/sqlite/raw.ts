/** A SQLite store file opened for copying. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { Clock } from '../../clock.ts';
import { type RawDocument, type RawIndexes, type RawStore, refuseFilled } from '../copy.ts';
import type { IndexValue } from '../store.ts';
import { explained } from './errors.ts';
import { unfinishedCopy } from './layout.ts';
import { openFile } from './open.ts';
import { catalogue, columnOf, createIndexes, createTable, tableOf } from './table.ts';

/** @throws StoreUnavailable as `openSqliteStore` does */
export async function openRawSqlite(path: string, clock: Pick<Clock, 'now'>): Promise<RawStore> {
  const file = openFile({ path, clock });
  return new RawSqlite(file.path, file.db, file.lock);
}

class RawSqlite implements RawStore {
  readonly description: string;
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #lock: { release(): void };

  constructor(path: string, db: DatabaseSync, lock: { release(): void }) {
    this.description = `sqlite ${path}`;
    this.#path = path;
    this.#db = db;
    this.#lock = lock;
  }

  async collections(): Promise<ReadonlyMap<string, RawIndexes>> {
    return this.#run((db) => {
      const rows = db.prepare('SELECT name, indexes FROM collections ORDER BY name').all();
      return new Map(rows.map((row) => [String(row['name']), catalogue.parse(JSON.parse(String(row['indexes'])))]));
    });
  }

  async read(collection: string, after: string, limit: number, upTo?: string): Promise<readonly RawDocument[]> {
    const indexes = Object.keys((await this.collections()).get(collection) ?? {});
    return this.#run((db) => {
      const columns = ['key', 'version', 'body', ...indexes.map(columnOf)].join(', ');
      const end = upTo === undefined ? '' : ' AND key <= ?';
      const select = db.prepare(
        `SELECT ${columns} FROM ${tableOf(collection)} WHERE key > ?${end} ORDER BY key LIMIT ?`,
      );
      return select.all(...(upTo === undefined ? [after] : [after, upTo]), limit).map((row) => {
        const indexed: Record<string, IndexValue> = {};
        for (const index of indexes) {
          const value = row[`ix_${index}`];
          indexed[index] = typeof value === 'string' || typeof value === 'number' ? value : null;
        }
        return { key: String(row['key']), version: Number(row['version']), json: String(row['body']), indexed };
      });
    });
  }

  async unfinished(): Promise<string | null> {
    return this.#run(unfinishedCopy);
  }

  async begin(source: string): Promise<void> {
    const collections = [...(await this.collections()).keys()];
    this.#run((db) => {
      const isEmpty = collections.every(
        (name) => db.prepare(`SELECT 1 FROM ${tableOf(name)} LIMIT 1`).get() === undefined,
      );
      refuseFilled(this.description, unfinishedCopy(db), source, isEmpty);
      db.exec('CREATE TABLE IF NOT EXISTS copying (source TEXT PRIMARY KEY)');
      db.prepare('INSERT OR IGNORE INTO copying VALUES (?)').run(source);
    });
  }

  async make(collection: string, indexes: RawIndexes): Promise<void> {
    if ((await this.collections()).has(collection)) return;
    this.#transaction((db) => {
      createTable(db, collection, indexes);
      db.prepare('INSERT OR REPLACE INTO collections VALUES (?, ?)').run(collection, JSON.stringify(indexes));
    });
  }

  async write(collection: string, documents: readonly RawDocument[]): Promise<void> {
    const indexes = Object.keys((await this.collections()).get(collection) ?? {});
    this.#transaction((db) => {
      const columns = ['key', 'version', 'body', ...indexes.map(columnOf)];
      const insert = db.prepare(
        `INSERT OR REPLACE INTO ${tableOf(collection)} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      );
      for (const { key, version, json, indexed } of documents) {
        const values: SQLInputValue[] = indexes.map((index) => indexed[index] ?? null);
        insert.run(key, version, json, ...values);
      }
    });
  }

  async remove(collection: string, keys: readonly string[]): Promise<void> {
    this.#transaction((db) => {
      const remove = db.prepare(`DELETE FROM ${tableOf(collection)} WHERE key = ?`);
      for (const key of keys) remove.run(key);
    });
  }

  async index(collection: string, indexes: RawIndexes): Promise<void> {
    this.#run((db) => createIndexes(db, this.description, collection, indexes));
  }

  async finish(): Promise<void> {
    this.#run((db) => db.exec('DROP TABLE copying'));
  }

  async close(): Promise<void> {
    if (this.#db.isOpen) this.#db.close();
    this.#lock.release();
  }

  #run<R>(operation: (db: DatabaseSync) => R): R {
    try {
      return operation(this.#db);
    } catch (error) {
      throw explained(error, this.#path);
    }
  }

  #transaction(operation: (db: DatabaseSync) => void): void {
    this.#run((db) => {
      db.exec('BEGIN IMMEDIATE');
      try {
        operation(db);
        db.exec('COMMIT');
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    });
  }
}
