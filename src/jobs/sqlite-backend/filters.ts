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

/**
 * Agenda takes an empty filter for a mistake, not for "all": it is answered with null. Of `id` and `ids` the first counts, of
 * `name`, `names` and `notNames` too; what is empty counts as not given.
 */
export function removalFilter(options: RemoveJobsOptions): Filter | null {
  const terms: Term[] = [];
  if (options.id) terms.push(['id = ?', String(options.id)]);
  else if (options.ids?.length) terms.push(among('id', options.ids.map(String)));
  if (options.name) terms.push(['name = ?', options.name]);
  else if (options.names?.length) terms.push(among('name', options.names));
  else if (options.notNames?.length) {
    terms.push(['name NOT IN (SELECT value FROM json_each(?))', JSON.stringify(options.notNames)]);
  }
  const found = filter(terms, options.data);
  return terms.length === 0 && found.matches === null ? null : found;
}

/**
 * The search by a part of the name takes the place of the names.
 * @param names every job name there is, for that search
 */
export function queryFilter(options: JobsQueryOptions, names: readonly string[]): Filter {
  const terms: Term[] = [];
  if (options.search) {
    const part = options.search.toLowerCase();
    terms.push(
      among(
        'name',
        names.filter((name) => name.toLowerCase().includes(part)),
      ),
    );
  } else if (options.name) terms.push(['name = ?', options.name]);
  else if (options.names?.length) terms.push(among('name', options.names));
  if (options.id) terms.push(['id = ?', options.id]);
  else if (options.ids?.length) terms.push(among('id', options.ids));
  const found = filter(terms, options.data);
  if (options.includeDisabled === false) found.where += ' AND disabled IS NOT 1';
  return found;
}

function among(column: 'id' | 'name', values: readonly string[]): Term {
  return [`${column} IN (SELECT value FROM json_each(?))`, JSON.stringify(values)];
}

function filter(terms: readonly Term[], data: unknown): Filter {
  const leaves = data === undefined ? [] : leavesOf(data, []);
  return {
    where: ['1', ...terms.map(([sql]) => sql)].join(' AND '),
    values: terms.map(([, value]) => value),
    matches: leaves.length === 0 ? null : (found) => leaves.every(({ path, value }) => holds(found, path, value)),
  };
}

interface Leaf {
  path: readonly string[];
  value: unknown;
}

/** The values of a filter by the path to each; an empty object asks for nothing. */
function leavesOf(wanted: unknown, path: readonly string[]): Leaf[] {
  if (!isPlainObject(wanted)) return [{ path, value: wanted }];
  return Object.entries(wanted).flatMap(([key, value]) => leavesOf(value, [...path, ...key.split('.')]));
}

/** True where the value at `path` is `wanted`, or an array with it; an array on the way stands for each of its elements. */
function holds(found: unknown, path: readonly string[], wanted: unknown): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return same(found, wanted) || (Array.isArray(found) && found.some((one) => same(one, wanted)));
  if (Array.isArray(found)) {
    const at = /^\d+$/.test(key) ? found[Number(key)] : undefined;
    if (at !== undefined && holds(at, rest, wanted)) return true;
    const objects = found.filter((one) => isPlainObject(one));
    return objects.some((one) => holds(one, path, wanted));
  }
  const value = isPlainObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  return holds(value, rest, wanted);
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
    return holds({ ...job }, path.split('.'), value);
  });
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
