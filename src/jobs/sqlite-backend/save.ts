/** How a job is saved: by its id, as the only one of its name, as the only one with certain values, or as a new one. */
import { randomUUID } from 'node:crypto';
import type { DebounceOptions, JobParameters } from 'agenda';
import type { Connection } from './file.ts';
import { isUniqueMatch } from './filters.ts';
import { type Columns, carriedState, type StoredJob, scheduledColumns, toJob } from './rows.ts';

/** Runs within the caller's transaction. @returns the job as it is stored now */
export function saveJob<DATA>(
  connection: Connection,
  job: JobParameters<DATA>,
  lastModifiedBy: string | undefined,
  now: Date,
): JobParameters<DATA> {
  const columns = { ...scheduledColumns(job, lastModifiedBy), ...carriedState(job) };
  if (job._id !== undefined) {
    // A job that was removed while it ran stays removed.
    return update<DATA>(connection, job._id, job.name, columns) ?? job;
  }
  if (job.type === 'single') return saveSingle(connection, job, columns, now);
  if (job.unique !== undefined) return saveUnique(connection, job, job.unique, columns, now);
  return insert(connection, columns);
}

/** One job of this name: a repeating job, declared again at every start. */
function saveSingle<DATA>(
  connection: Connection,
  job: JobParameters<DATA>,
  columns: Columns,
  now: Date,
): JobParameters<DATA> {
  const row = connection
    .prepare("SELECT id FROM jobs WHERE name = ? AND type = 'single' ORDER BY rowid LIMIT 1")
    .get(job.name);
  if (row === undefined) return insert(connection, columns);
  const { nextRunAt, ...others } = columns;
  // "Run now" comes from declaring it, not from a schedule: the one that stands goes on.
  const keepsSchedule = job.nextRunAt !== null && job.nextRunAt <= now;
  return updated(connection, String(row['id']), job.name, keepsSchedule ? others : columns);
}

function saveUnique<DATA>(
  connection: Connection,
  job: JobParameters<DATA>,
  unique: Record<string, unknown>,
  columns: Columns,
  now: Date,
): JobParameters<DATA> {
  const debounce = job.uniqueOpts?.debounce;
  const existing = findUnique<DATA>(connection, job.name, unique);
  if (existing === null) {
    return insert(connection, debounce === undefined ? columns : { ...columns, ...firstDebounced(debounce, now) });
  }
  if (debounce !== undefined) {
    return updated(connection, existing._id, job.name, { ...columns, ...debounced(debounce, existing, now) });
  }
  return job.uniqueOpts?.insertOnly ? existing : updated(connection, existing._id, job.name, columns);
}

function findUnique<DATA>(
  connection: Connection,
  name: string,
  unique: Record<string, unknown>,
): StoredJob<DATA> | null {
  for (const row of connection.prepare('SELECT * FROM jobs WHERE name = ? ORDER BY rowid').all(name)) {
    const job = toJob<DATA>(row);
    if (isUniqueMatch(job, unique)) return job;
  }
  return null;
}

/** Leading: runs when it was asked to. Trailing: when it has been quiet for the delay. */
function firstDebounced(debounce: DebounceOptions, now: Date): Columns {
  if (debounce.strategy === 'leading') return { debounceStartedAt: now.getTime() };
  return { debounceStartedAt: now.getTime(), nextRunAt: now.getTime() + debounce.delay };
}

function debounced(debounce: DebounceOptions, existing: JobParameters, now: Date): Columns {
  const startedAt = existing.debounceStartedAt?.getTime() ?? now.getTime();
  if (debounce.strategy === 'leading') {
    return { debounceStartedAt: startedAt, nextRunAt: existing.nextRunAt?.getTime() ?? null };
  }
  const latest = debounce.maxWait ? startedAt + debounce.maxWait : Number.POSITIVE_INFINITY;
  // Waited long enough: it runs now, and the next save begins a new wait.
  if (now.getTime() >= latest) return { debounceStartedAt: null, nextRunAt: now.getTime() };
  return { debounceStartedAt: startedAt, nextRunAt: Math.min(now.getTime() + debounce.delay, latest) };
}

function insert<DATA>(connection: Connection, columns: Columns): StoredJob<DATA> {
  const names = ['id', ...Object.keys(columns)];
  const sql = `INSERT INTO jobs (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')}) RETURNING *`;
  const row = connection.prepare(sql).get(randomUUID(), ...Object.values(columns));
  if (row === undefined) throw new Error('SQLite did not return the job that it inserted.');
  return toJob(row);
}

function update<DATA>(connection: Connection, id: string, name: string, columns: Columns): StoredJob<DATA> | null {
  const set = Object.keys(columns).map((column) => `${column} = ?`);
  const sql = `UPDATE jobs SET ${set.join(', ')} WHERE id = ? AND name = ? RETURNING *`;
  const row = connection.prepare(sql).get(...Object.values(columns), id, name);
  return row === undefined ? null : toJob(row);
}

/** Updates a job that this transaction has just read. */
function updated<DATA>(connection: Connection, id: string, name: string, columns: Columns): StoredJob<DATA> {
  const job = update<DATA>(connection, id, name, columns);
  if (job === null) throw new Error(`Job ${id} ("${name}") vanished while it was saved.`);
  return job;
}
