/** A collection of documents in its SQLite table. Every operation is one statement, so each is atomic by itself. */
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import { type CheckedQuery, checkKey, checkQuery, type Prepared, prepare, restore } from '../checks.ts';
import {
  type Collection,
  type CollectionSpec,
  type IndexValue,
  type Query,
  StoreConflict,
  type Stored,
} from '../store.ts';
import { brokenConstraint } from './errors.ts';
import { columnOf, tableOf } from './table.ts';

type Row = Record<string, SQLOutputValue>;

/** The open file, as a collection sees it. */
export interface OpenFile {
  readonly description: string;
  /** @throws StoreUnavailable once the store is closed */
  db(): DatabaseSync;
  /** Puts what went wrong into a sentence. */
  explained(error: unknown): unknown;
}

/** Statements are kept by their text; the shapes of a collection's queries are few, and this is where "few" ends. */
const keptStatements = 200;

export class SqliteCollection<T> implements Collection<T> {
  readonly #file: OpenFile;
  readonly #spec: CollectionSpec<T>;
  readonly #table: string;
  readonly #columns: readonly string[];
  readonly #statements = new Map<string, StatementSync>();

  constructor(file: OpenFile, spec: CollectionSpec<T>) {
    this.#file = file;
    this.#spec = spec;
    this.#table = tableOf(spec.name);
    this.#columns = Object.keys(spec.indexes);
  }

  async get(key: string): Promise<Stored<T> | null> {
    checkKey(this.#spec.name, key);
    return this.#run(() => {
      const row = this.#statement(`SELECT key, version, body FROM ${this.#table} WHERE key = ?`).get(key);
      return row === undefined ? null : this.#stored(row);
    });
  }

  async insert(key: string, value: T): Promise<Stored<T>> {
    const prepared = prepare(this.#spec, key, value);
    return this.#run(() => {
      const sql = `INSERT INTO ${this.#table} (key, version, body${this.#list((c) => `, ${c}`)}) VALUES (?, 1, ?${this.#list(() => ', ?')})`;
      this.#write(key, () => this.#statement(sql).run(key, prepared.json, ...this.#indexed(prepared)));
      return { key, value: prepared.value, version: 1 };
    });
  }

  async replace(key: string, value: T, version: number): Promise<Stored<T>> {
    const prepared = prepare(this.#spec, key, value);
    return this.#run(() => {
      const sql = `UPDATE ${this.#table} SET version = version + 1, body = ?${this.#list((c) => `, ${c} = ?`)} WHERE key = ? AND version = ?`;
      const { changes } = this.#write(key, () =>
        this.#statement(sql).run(prepared.json, ...this.#indexed(prepared), key, version),
      );
      if (changes === 0) throw this.#notReplaced(key, version);
      return { key, value: prepared.value, version: version + 1 };
    });
  }

  async put(key: string, value: T): Promise<Stored<T>> {
    const prepared = prepare(this.#spec, key, value);
    return this.#run(() => {
      const sql = `INSERT INTO ${this.#table} (key, version, body${this.#list((c) => `, ${c}`)}) VALUES (?, 1, ?${this.#list(() => ', ?')})
        ON CONFLICT (key) DO UPDATE SET version = version + 1, body = excluded.body${this.#list((c) => `, ${c} = excluded.${c}`)} RETURNING version`;
      const row = this.#write(key, () => this.#statement(sql).get(key, prepared.json, ...this.#indexed(prepared)));
      return { key, value: prepared.value, version: Number(row?.['version']) };
    });
  }

  async remove(key: string, version?: number): Promise<boolean> {
    checkKey(this.#spec.name, key);
    return this.#run(() => {
      const sql = `DELETE FROM ${this.#table} WHERE key = ?${version === undefined ? '' : ' AND version = ?'}`;
      const { changes } = this.#statement(sql).run(...(version === undefined ? [key] : [key, version]));
      return changes > 0;
    });
  }

  async find(query: Query = {}): Promise<readonly Stored<T>[]> {
    const checked = checkQuery(this.#spec, query);
    const { where, values } = filter(checked);
    return this.#run(() => {
      const sql = `SELECT key, version, body FROM ${this.#table}${where}${order(checked)} LIMIT ?`;
      const rows = this.#statement(sql).all(...values, checked.limit);
      return rows.map((row) => this.#stored(row));
    });
  }

  async count(query: Pick<Query, 'equal' | 'range'> = {}): Promise<number> {
    const { where, values } = filter(checkQuery(this.#spec, query));
    return this.#run(() => {
      const row = this.#statement(`SELECT count(*) AS found FROM ${this.#table}${where}`).get(...values);
      return Number(row?.['found']);
    });
  }

  async removeMany(query: Query): Promise<number> {
    const checked = checkQuery(this.#spec, query);
    const { where, values } = filter(checked);
    return this.#run(() => {
      const matches = `SELECT key FROM ${this.#table}${where}${order(checked)} LIMIT ?`;
      const sql = `DELETE FROM ${this.#table} WHERE key IN (${matches})`;
      return Number(this.#statement(sql).run(...values, checked.limit).changes);
    });
  }

  #run<R>(operation: () => R): R {
    try {
      return operation();
    } catch (error) {
      throw this.#file.explained(error);
    }
  }

  #write<R>(key: string, operation: () => R): R {
    try {
      return operation();
    } catch (error) {
      const broken = brokenConstraint(error);
      if (broken === null) throw error;
      const where = `In collection "${this.#spec.name}" of ${this.#file.description}`;
      if (broken === 'key')
        throw new StoreConflict('exists', `${where}, a document ${JSON.stringify(key)} exists already.`);
      throw new StoreConflict(
        'unique',
        `${where}, another document than ${JSON.stringify(key)} holds a value that must be unique (${this.#spec.unique?.join(', ')}).`,
      );
    }
  }

  #notReplaced(key: string, version: number): StoreConflict {
    const row = this.#statement(`SELECT version FROM ${this.#table} WHERE key = ?`).get(key);
    const where = `In collection "${this.#spec.name}" of ${this.#file.description}, the document ${JSON.stringify(key)}`;
    return row === undefined
      ? new StoreConflict('missing', `${where} does not exist.`)
      : new StoreConflict(
          'version',
          `${where} is at version ${row['version']}, not ${version}: somebody else wrote it. Read it again.`,
        );
  }

  #stored(row: Row): Stored<T> {
    const key = String(row['key']);
    const value = restore(this.#spec, this.#file.description, key, String(row['body']));
    return { key, value, version: Number(row['version']) };
  }

  #list(each: (column: string) => string): string {
    return this.#columns.map((index) => each(columnOf(index))).join('');
  }

  #indexed(prepared: Prepared<T>): IndexValue[] {
    return this.#columns.map((index) => prepared.indexed.get(index) ?? null);
  }

  #statement(sql: string): StatementSync {
    const db = this.#file.db();
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      if (this.#statements.size >= keptStatements) this.#statements.clear();
      statement = db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function filter(query: CheckedQuery): { where: string; values: IndexValue[] } {
  const terms: string[] = [];
  const values: IndexValue[] = [];
  const term = (sql: string, value: IndexValue): void => {
    terms.push(sql);
    values.push(value);
  };
  for (const [index, value] of query.equal) term(`${columnOf(index)} IS ?`, value);
  if (query.range !== null) {
    const column = columnOf(query.range.index);
    const { kind, from, to } = query.range;
    // SQLite orders null, then numbers, then strings, and '' is the least string: the open end of a range stays in its kind.
    if (from !== null) term(`${column} >= ?`, from);
    else terms.push(kind === 'string' ? `${column} >= ''` : `${column} IS NOT NULL`);
    if (to !== null) term(`${column} < ?`, to);
    else if (kind === 'number') terms.push(`${column} < ''`);
  }
  return { where: terms.length === 0 ? '' : ` WHERE ${terms.join(' AND ')}`, values };
}

function order(query: CheckedQuery): string {
  if (query.orderBy === null) return ' ORDER BY key';
  return ` ORDER BY ${columnOf(query.orderBy.index)} ${query.orderBy.descending ? 'DESC' : 'ASC'}, key`;
}
