/** Which jobs a query, a removal or a unique constraint means. */
import { isDeepStrictEqual } from 'node:util';
import type { JobParameters, JobsQueryOptions, RemoveJobsOptions } from 'agenda';

/** Terms of a WHERE clause with their values, and what SQL cannot tell. */
export interface Filter {
  where: string;
  values: (string | number | null)[];
  /** Further condition on the job's data; null where there is none. */
  matches: ((data: unknown) => boolean) | null;
}

type Term = readonly [sql: string, value: string];

/** Agenda takes an empty filter for a mistake, not for "all": it is answered with null. */
export function removalFilter(options: RemoveJobsOptions): Filter | null {
  const terms: Term[] = [];
  if (options.id !== undefined) terms.push(['id = ?', String(options.id)]);
  if (options.ids !== undefined && options.ids.length > 0) terms.push(among('id', options.ids.map(String)));
  if (options.name !== undefined) terms.push(['name = ?', options.name]);
  if (options.names !== undefined && options.names.length > 0) terms.push(among('name', options.names));
  if (options.notNames !== undefined && options.notNames.length > 0) {
    terms.push(['name NOT IN (SELECT value FROM json_each(?))', JSON.stringify(options.notNames)]);
  }
  if (terms.length === 0 && options.data === undefined) return null;
  return filter(terms, options.data);
}

/** @param names every job name there is, for the search by a part of it */
export function queryFilter(options: JobsQueryOptions, names: readonly string[]): Filter {
  const terms: Term[] = [];
  if (options.name !== undefined) terms.push(['name = ?', options.name]);
  else if (options.names !== undefined && options.names.length > 0) terms.push(among('name', options.names));
  if (options.id !== undefined) terms.push(['id = ?', options.id]);
  else if (options.ids !== undefined && options.ids.length > 0) terms.push(among('id', options.ids));
  if (options.search) {
    const part = options.search.toLowerCase();
    terms.push(
      among(
        'name',
        names.filter((name) => name.toLowerCase().includes(part)),
      ),
    );
  }
  const found = filter(terms, options.data);
  if (options.includeDisabled === false) found.where += ' AND disabled IS NOT 1';
  return found;
}

function among(column: 'id' | 'name', values: readonly string[]): Term {
  return [`${column} IN (SELECT value FROM json_each(?))`, JSON.stringify(values)];
}

function filter(terms: readonly Term[], data: unknown): Filter {
  return {
    where: ['1', ...terms.map(([sql]) => sql)].join(' AND '),
    values: terms.map(([, value]) => value),
    matches: data === undefined ? null : (found) => contains(found, data),
  };
}

/** True where `found` is `wanted` or, for objects, has at least what `wanted` has, at every depth. */
function contains(found: unknown, wanted: unknown): boolean {
  if (!isPlainObject(wanted)) return same(found, wanted);
  if (!isPlainObject(found)) return false;
  return Object.entries(wanted).every(([key, value]) => contains(found[key], value));
}

/**
 * True where the job has every value that a unique constraint names by path (`data.userId`).
 * @throws TypeError for a query operator: the constraint is compared, never evaluated
 */
export function isUniqueMatch(job: JobParameters, unique: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(unique).every(([path, value]) => {
    if (isPlainObject(value) && Object.keys(value).some((key) => key.startsWith('$'))) {
      throw new TypeError(`A job's unique constraint gives values by path; "${path}" holds a query operator instead.`);
    }
    return same(at(job, path), value);
  });
}

function at(from: unknown, path: string): unknown {
  let value: unknown = from;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Object.entries(value).find(([key]) => key === part)?.[1];
  }
  return value;
}

/** Equality of what is stored as JSON with what may not have been: dates are texts there, and absent is null. */
function same(found: unknown, wanted: unknown): boolean {
  return isDeepStrictEqual(plain(found), plain(wanted));
}

function plain(value: unknown): unknown {
  return value === undefined ? null : JSON.parse(JSON.stringify(value) ?? 'null');
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
