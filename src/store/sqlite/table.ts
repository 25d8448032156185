/**
 * A collection's table: the document as JSON text, its version, and one column per index that holds what the spec
 * computes from the document. Made, or brought in line with a changed spec, when the collection is opened.
 */
import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { prepare, restore } from '../checks.ts';
import { type CollectionSpec, StoreConflict } from '../store.ts';
import { brokenConstraint } from './errors.ts';

/** What the catalogue keeps of a spec: each index, and whether it is unique. */
export const catalogue = z.record(z.string(), z.enum(['plain', 'unique']));
export type Catalogue = z.infer<typeof catalogue>;

export const tableOf = (collection: string): string => `"doc_${collection}"`;
export const columnOf = (index: string): string => `"ix_${index}"`;
const indexName = (collection: string, index: string): string => `"${collection}:${index}"`;

/**
 * Makes the table of `spec`, or adds and drops index columns where the spec changed since the file was last opened.
 * @throws StoreConflict `unique` where an index became unique and stored documents share a value
 */
export function ensureTable<T>(db: DatabaseSync, store: string, spec: CollectionSpec<T>): void {
  const wanted: Catalogue = {};
  for (const index of Object.keys(spec.indexes)) wanted[index] = spec.unique?.includes(index) ? 'unique' : 'plain';
  const row = db.prepare('SELECT indexes FROM collections WHERE name = ?').get(spec.name);
  const found = row === undefined ? null : catalogue.parse(JSON.parse(String(row['indexes'])));
  if (found !== null && sameIndexes(found, wanted)) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    if (found === null) createTable(db, spec.name, wanted);
    else {
      dropIndexes(db, spec.name, found, wanted);
      addColumns(db, store, spec, found, wanted);
    }
    createIndexes(db, store, spec.name, wanted);
    db.prepare('INSERT OR REPLACE INTO collections VALUES (?, ?)').run(spec.name, JSON.stringify(wanted));
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function sameIndexes(a: Catalogue, b: Catalogue): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function dropIndexes(db: DatabaseSync, collection: string, found: Catalogue, wanted: Catalogue): void {
  for (const [index, kind] of Object.entries(found)) {
    if (wanted[index] === kind) continue;
    db.exec(`DROP INDEX ${indexName(collection, index)}`);
    // A column that nobody writes any more would be wrong by the time its index comes back.
    if (wanted[index] === undefined) db.exec(`ALTER TABLE ${tableOf(collection)} DROP COLUMN ${columnOf(index)}`);
  }
}

/** The table alone: documents are there before their indexes when they are copied. */
export function createTable(db: DatabaseSync, collection: string, indexes: Catalogue): void {
  // Index columns have no type: SQLite then keeps strings and numbers as they come.
  const columns = Object.keys(indexes).map((index) => `, ${columnOf(index)}`);
  db.exec(
    `CREATE TABLE ${tableOf(collection)} (key TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL${columns.join('')})`,
  );
}

/** Makes the indexes that are not there. @throws StoreConflict `unique` */
export function createIndexes(db: DatabaseSync, store: string, collection: string, indexes: Catalogue): void {
  const table = tableOf(collection);
  for (const [index, kind] of Object.entries(indexes)) {
    const name = indexName(collection, index);
    try {
      db.exec(
        kind === 'unique'
          ? `CREATE UNIQUE INDEX IF NOT EXISTS ${name} ON ${table} (${columnOf(index)})`
          : `CREATE INDEX IF NOT EXISTS ${name} ON ${table} (${columnOf(index)}, key)`,
      );
    } catch (error) {
      if (brokenConstraint(error) !== 'unique') throw error;
      throw new StoreConflict(
        'unique',
        `In ${store}, documents of collection "${collection}" share a value of "${index}", which is to be unique. Remove the doubles first.`,
      );
    }
  }
}

function addColumns<T>(
  db: DatabaseSync,
  store: string,
  spec: CollectionSpec<T>,
  found: Catalogue,
  wanted: Catalogue,
): void {
  const added = Object.keys(wanted).filter((index) => found[index] === undefined);
  for (const index of added) db.exec(`ALTER TABLE ${tableOf(spec.name)} ADD COLUMN ${columnOf(index)}`);
  if (added.length > 0) fill(db, store, spec, added);
}

/** Computes new index columns of the documents that are there already. */
function fill<T>(db: DatabaseSync, store: string, spec: CollectionSpec<T>, added: readonly string[]): void {
  const next = db.prepare(`SELECT key, body FROM ${tableOf(spec.name)} WHERE key > ? ORDER BY key LIMIT 500`);
  const update = db.prepare(
    `UPDATE ${tableOf(spec.name)} SET ${added.map((index) => `${columnOf(index)} = ?`).join(', ')} WHERE key = ?`,
  );
  for (let after = ''; ; ) {
    const rows = next.all(after);
    for (const row of rows) {
      after = String(row['key']);
      const { indexed } = prepare(spec, after, restore(spec, store, after, String(row['body'])));
      update.run(...added.map((index) => indexed.get(index) ?? null), after);
    }
    if (rows.length === 0) return;
  }
}
