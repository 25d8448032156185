/**
 * What every store checks before it touches a disk or a network: names, keys, documents and queries. One place, so that
 * a document which one implementation accepts is never refused, or kept differently, by another.
 */
import type { z } from 'zod';
import { type CollectionSpec, type IndexValue, type Query, StoreUnavailable } from './store.ts';

/** Keys are at most this many characters. */
export const longestKey = 1024;
/** A document's JSON text has at most this many bytes; MongoDB stops at 16 MiB with everything around it. */
export const largestDocument = 8 * 1024 * 1024;
/** An index value that is a string has at most this many characters. */
export const longestIndexValue = 4096;
export const defaultLimit = 1_000;
export const largestLimit = 10_000;

/** @throws TypeError where the spec cannot be kept by every implementation */
export function checkSpec<T>(spec: CollectionSpec<T>): void {
  if (!/^[a-z][a-z_]{0,59}$/.test(spec.name)) {
    throw new TypeError(`A collection's name is 1–60 of a–z and _, beginning with a letter; found "${spec.name}".`);
  }
  const seen = new Set<string>();
  for (const index of Object.keys(spec.indexes)) {
    if (!/^[A-Za-z][A-Za-z0-9_]{0,59}$/.test(index)) {
      throw new TypeError(`Collection "${spec.name}": an index is named with letters, digits and _; found "${index}".`);
    }
    // SQLite's column names do not distinguish case.
    if (seen.has(index.toLowerCase())) {
      throw new TypeError(
        `Collection "${spec.name}": two indexes are named "${index}", apart from upper and lower case.`,
      );
    }
    seen.add(index.toLowerCase());
  }
  for (const unique of spec.unique ?? []) {
    if (!Object.hasOwn(spec.indexes, unique)) {
      throw new TypeError(`Collection "${spec.name}": "${unique}" is to be unique but is not among its indexes.`);
    }
  }
}

/** @throws TypeError for a key that some implementation could not keep as it stands */
export function checkKey(collection: string, key: string): void {
  if (typeof key !== 'string' || key.length === 0 || key.length > longestKey || !key.isWellFormed()) {
    throw new TypeError(`Collection "${collection}": a key is 1–${longestKey} characters of valid Unicode.`);
  }
}

/** A document made ready for keeping: parsed, written as JSON, its index values computed. */
export interface Prepared<T> {
  value: T;
  json: string;
  indexed: ReadonlyMap<string, IndexValue>;
}

/**
 * Parses `value`, and parses again what its JSON text would give back, so that a document which does not survive being
 * stored (a Date, an undefined that matters) is refused here and not found broken after a restart.
 * @throws TypeError naming the collection, the key and what is wrong
 */
export function prepare<T>(spec: CollectionSpec<T>, key: string, value: T): Prepared<T> {
  checkKey(spec.name, key);
  const where = `Collection "${spec.name}", document ${JSON.stringify(key)}`;
  const json = toJson(where, parse(where, spec.schema, value));
  const size = Buffer.byteLength(json);
  if (size > largestDocument) {
    throw new TypeError(`${where}: ${size} bytes of JSON; at most ${largestDocument} can be stored.`);
  }
  const kept = parse(where, spec.schema, JSON.parse(json));
  const indexed = new Map<string, IndexValue>();
  for (const [index, of] of Object.entries(spec.indexes))
    indexed.set(index, indexValue(`${where}, index "${index}"`, of(kept)));
  return { value: kept, json, indexed };
}

/**
 * Reads a stored document.
 * @throws StoreUnavailable where it is not what the schema expects: the store was written by something else, or damaged
 */
export function restore<T>(spec: CollectionSpec<T>, store: string, key: string, json: string): T {
  const where = `the document ${JSON.stringify(key)} of collection "${spec.name}"`;
  let found: unknown;
  try {
    found = JSON.parse(json);
  } catch {
    throw new StoreUnavailable(`In ${store}, ${where} is not JSON: the store is damaged. Restore a backup.`);
  }
  const parsed = spec.schema.safeParse(found);
  if (parsed.success) return parsed.data;
  throw new StoreUnavailable(
    `In ${store}, ${where} is not what this version of Usher expects (${problems(parsed.error)}). Was the store last used by a newer version? Use that version, or restore a backup.`,
  );
}

/** A query with every default filled in and every name known to the collection. */
export interface CheckedQuery {
  equal: readonly (readonly [index: string, value: IndexValue])[];
  range: { index: string; kind: 'string' | 'number'; from: string | number | null; to: string | number | null } | null;
  orderBy: { index: string; descending: boolean } | null;
  limit: number;
}

/** @throws TypeError for an index that the collection does not have, a range of mixed types, or a limit out of bounds */
export function checkQuery<T>(spec: CollectionSpec<T>, query: Query): CheckedQuery {
  const where = `Collection "${spec.name}"`;
  const known = (index: string): string => {
    if (!Object.hasOwn(spec.indexes, index)) {
      const names = Object.keys(spec.indexes).join(', ') || 'none';
      throw new TypeError(`${where} has no index "${index}"; its indexes: ${names}.`);
    }
    return index;
  };
  const equal = Object.entries(query.equal ?? {}).map(
    ([index, value]) => [known(index), indexValue(`${where}, query by "${index}"`, value)] as const,
  );
  const limit = query.limit ?? defaultLimit;
  if (!Number.isInteger(limit) || limit < 1 || limit > largestLimit) {
    throw new TypeError(`${where}: a query's limit is a whole number from 1 to ${largestLimit}; found ${limit}.`);
  }
  const orderBy = query.orderBy
    ? { index: known(query.orderBy.index), descending: query.orderBy.direction === 'descending' }
    : null;
  return { equal, range: checkRange(where, known, query.range), orderBy, limit };
}

function checkRange(where: string, known: (index: string) => string, range: Query['range']): CheckedQuery['range'] {
  if (range === undefined) return null;
  const index = known(range.index);
  const from = range.from ?? null;
  const to = range.to ?? null;
  if (from !== null) indexValue(`${where}, range of "${index}"`, from);
  if (to !== null) indexValue(`${where}, range of "${index}"`, to);
  const kind = typeof (from ?? to);
  if ((kind !== 'string' && kind !== 'number') || (from !== null && to !== null && typeof from !== typeof to)) {
    throw new TypeError(`${where}: the range of "${index}" needs from, to or both, either numbers or strings.`);
  }
  return { index, kind, from, to };
}

function indexValue(where: string, value: unknown): IndexValue {
  if (value === null) return null;
  if (typeof value === 'number' && Number.isFinite(value)) return value === 0 ? 0 : value;
  if (typeof value === 'string' && value.length <= longestIndexValue) return value.toWellFormed();
  const found = typeof value === 'string' ? `${value.length} characters` : String(value);
  throw new TypeError(
    `${where}: a string of at most ${longestIndexValue} characters, a finite number or null; found ${found}.`,
  );
}

function parse<T>(where: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new TypeError(`${where} is not what its schema allows: ${problems(parsed.error)}.`);
  return parsed.data;
}

function toJson(where: string, value: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    throw new TypeError(
      `${where} cannot be written as JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (json === undefined) throw new TypeError(`${where} cannot be written as JSON.`);
  return json;
}

function problems(error: z.ZodError): string {
  const lines = error.issues.slice(0, 3).map((issue) => `${issue.path.join('.') || 'the document'}: ${issue.message}`);
  return lines.join('; ') + (error.issues.length > 3 ? `; and ${error.issues.length - 3} more` : '');
}
