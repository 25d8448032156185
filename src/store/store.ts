/**
 * Port: where Usher keeps what must survive a restart. Typed collections of documents with optimistic versions, unique
 * keys and the few indexed queries that the rest needs. Only single-document atomic writes: no transactions, so that a
 * document database and SQLite keep the same promises. Every implementation passes `test/store/contract.ts`.
 */
import type { z } from 'zod';

/** A value that an index holds. Booleans are stored as 0 and 1. `null` is indexed too. */
export type IndexValue = string | number | null;

/** Declares a collection once; both the store and its callers derive everything from it. */
export interface CollectionSpec<T> {
  /** Lower-case letters and `_`. */
  name: string;
  /** Documents are parsed with it on the way in and out. */
  schema: z.ZodType<T>;
  /** Values computed from the document that `find` can filter and order by. */
  indexes: Readonly<Record<string, (value: T) => IndexValue>>;
  /** Names of indexes whose value no two documents may share (`null` is exempt). */
  unique?: readonly string[];
}

export interface Stored<T> {
  key: string;
  value: T;
  /** 1 on insert, one more on each write. */
  version: number;
}

export interface Query {
  /** Index name → the value it must equal. */
  equal?: Readonly<Record<string, IndexValue>>;
  /** A half-open range on one index: `from` ≤ value < `to`. Values of another kind than the ends never match. */
  range?: { index: string; from?: string | number; to?: string | number };
  /** Default: by key, ascending. `null` comes before numbers, numbers before strings; equals go by key, ascending. */
  orderBy?: { index: string; direction: 'ascending' | 'descending' };
  /** Default 1,000; at most 10,000. */
  limit?: number;
}

/** `key` exists already, a unique index is taken, or the document is not at the version it was expected at. */
export class StoreConflict extends Error {
  override name = 'StoreConflict';
  readonly reason: 'exists' | 'unique' | 'version' | 'missing';

  constructor(reason: StoreConflict['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The store cannot be used now: locked by another process, disk full, read-only, damaged, away. Says what to do. */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
}

export interface Collection<T> {
  get(key: string): Promise<Stored<T> | null>;
  /** @throws StoreConflict `exists` or `unique` */
  insert(key: string, value: T): Promise<Stored<T>>;
  /** Replaces the document at `version`. @throws StoreConflict `version`, `missing` or `unique` */
  replace(key: string, value: T, version: number): Promise<Stored<T>>;
  /** Inserts or replaces whatever is there, for documents with one writer. @throws StoreConflict `unique` */
  put(key: string, value: T): Promise<Stored<T>>;
  /** True if it was there (and, with `version`, at that version). */
  remove(key: string, version?: number): Promise<boolean>;
  find(query?: Query): Promise<readonly Stored<T>[]>;
  count(query?: Pick<Query, 'equal' | 'range'>): Promise<number>;
  /** Removes matches in the query's order, at most `limit` of them (default 1,000); returns how many. */
  removeMany(query: Query): Promise<number>;
}

export interface Store {
  /** `sqlite /var/lib/usher/usher.db`, without secrets. */
  readonly description: string;
  /** Opens a collection, making or checking its indexes. The same spec may be opened more than once. */
  collection<T>(spec: CollectionSpec<T>): Promise<Collection<T>>;
  close(): Promise<void>;
}
