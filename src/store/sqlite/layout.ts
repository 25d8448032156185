/**
 * The layout of a SQLite file, in numbered versions per part (the store's own tables, the jobs' tables), so that a newer
 * Usher opens every older file and an older one refuses a newer file instead of breaking it.
 */
import type { DatabaseSync } from 'node:sqlite';
import { StoreUnavailable } from '../store.ts';

/** Brings a part from the version before it to its own; runs in a transaction of its own. */
export type Migration = (db: DatabaseSync) => void;

/** The version of `part` in this file; 0 where it was never written. */
export function layoutVersion(db: DatabaseSync, part: string): number {
  if (!hasTable(db, 'layout')) return 0;
  const version = db.prepare('SELECT version FROM layout WHERE part = ?').get(part)?.['version'];
  return typeof version === 'number' ? version : 0;
}

/**
 * Runs the migrations that this file has not seen; `migrations[0]` makes version 1. Each is one transaction together
 * with its version number, so that a process killed half-way goes on where it stopped.
 * @throws StoreUnavailable where the file is of a newer Usher or of another program
 */
export function migrate(db: DatabaseSync, path: string, part: string, migrations: readonly Migration[]): void {
  if (!hasTable(db, 'layout') && db.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.['tables'] !== 0) {
    throw new StoreUnavailable(`${path} is a database of another program. Name another file for Usher's store.`);
  }
  const found = layoutVersion(db, part);
  if (found > migrations.length) {
    throw new StoreUnavailable(
      `${path} was written by a newer Usher (its ${part} layout is version ${found}; this Usher knows ${migrations.length}). Run that version, or restore a backup from before the upgrade.`,
    );
  }
  for (const [at, migration] of migrations.entries()) {
    if (at < found) continue;
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec('CREATE TABLE IF NOT EXISTS layout (part TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID');
      // Another connection of this process may have been first.
      if (layoutVersion(db, part) === at) {
        migration(db);
        db.prepare('INSERT OR REPLACE INTO layout VALUES (?, ?)').run(part, at + 1);
      }
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
}

export function hasTable(db: DatabaseSync, name: string): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined;
}

/** What a copy into this file comes from that is not complete; null where there is none. */
export function unfinishedCopy(db: DatabaseSync): string | null {
  if (!hasTable(db, 'copying')) return null;
  const source = db.prepare('SELECT source FROM copying').get()?.['source'];
  return typeof source === 'string' ? source : null;
}

/** The store's own part. Version 1: the catalogue of collections; each collection's table is made from its spec. */
export const storeMigrations: readonly Migration[] = [
  (db) => db.exec('CREATE TABLE collections (name TEXT PRIMARY KEY, indexes TEXT NOT NULL) WITHOUT ROWID'),
];
