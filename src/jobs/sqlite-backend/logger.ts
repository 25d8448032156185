/** agenda's JobLogger on SQLite: what happened to jobs, for people who look into it. */
import type { SQLInputValue } from 'node:sqlite';
import type { JobLogEntry, JobLogger, JobLogQuery, JobLogQueryResult } from 'agenda';
import { z } from 'zod';
import type { JobsFile } from './file.ts';

const optional = <T extends z.ZodType>(schema: T) => schema.nullable().transform((value) => value ?? undefined);

const entrySchema = z.object({
  id: z.number(),
  timestamp: z.number(),
  level: z.enum(['info', 'warn', 'error', 'debug']),
  event: z.enum(['start', 'success', 'fail', 'complete', 'retry', 'retry:exhausted', 'locked', 'expired']),
  jobId: optional(z.string()),
  jobName: z.string(),
  message: z.string(),
  duration: optional(z.number()),
  error: optional(z.string()),
  failCount: optional(z.number()),
  retryDelay: optional(z.number()),
  retryAttempt: optional(z.number()),
  agendaName: optional(z.string()),
  meta: optional(z.string()),
});

const metaSchema = z.record(z.string(), z.unknown());

export class SqliteJobLogger implements JobLogger {
  readonly #file: JobsFile;

  constructor(file: JobsFile) {
    this.#file = file;
  }

  async log(entry: Omit<JobLogEntry, '_id'>): Promise<void> {
    await this.#file.run((connection) => {
      connection
        .prepare(`INSERT INTO job_log (timestamp, level, event, jobId, jobName, message, duration, error, failCount,
          retryDelay, retryAttempt, agendaName, meta) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
        .run(
          entry.timestamp.getTime(),
          entry.level,
          entry.event,
          entry.jobId ?? null,
          entry.jobName,
          entry.message,
          entry.duration ?? null,
          entry.error ?? null,
          entry.failCount ?? null,
          entry.retryDelay ?? null,
          entry.retryAttempt ?? null,
          entry.agendaName ?? null,
          entry.meta === undefined ? null : JSON.stringify(entry.meta),
        );
    });
  }

  async getLogs(query: JobLogQuery = {}): Promise<JobLogQueryResult> {
    const { where, values } = filter(query);
    const direction = query.sort === 'asc' ? 'ASC' : 'DESC';
    return this.#file.run((connection) => {
      const rows = connection
        .prepare(
          `SELECT * FROM job_log WHERE ${where} ORDER BY timestamp ${direction}, id ${direction} LIMIT ? OFFSET ?`,
        )
        .all(...values, query.limit === 0 ? -1 : (query.limit ?? 50), query.offset ?? 0);
      const total = connection.prepare(`SELECT count(*) AS total FROM job_log WHERE ${where}`).get(...values);
      return { entries: rows.map(toEntry), total: Number(total?.['total']) };
    });
  }

  async clearLogs(query: JobLogQuery = {}): Promise<number> {
    const { where, values } = filter(query);
    return this.#file.run((connection) =>
      Number(connection.prepare(`DELETE FROM job_log WHERE ${where}`).run(...values).changes),
    );
  }
}

function filter(query: JobLogQuery): { where: string; values: SQLInputValue[] } {
  const terms: [sql: string, value: SQLInputValue][] = [];
  if (query.jobId) terms.push(['jobId = ?', query.jobId]);
  if (query.jobName) terms.push(['jobName = ?', query.jobName]);
  if (query.level !== undefined) terms.push(['level IN (SELECT value FROM json_each(?))', list(query.level)]);
  if (query.event !== undefined) terms.push(['event IN (SELECT value FROM json_each(?))', list(query.event)]);
  if (query.from !== undefined) terms.push(['timestamp >= ?', query.from.getTime()]);
  if (query.to !== undefined) terms.push(['timestamp <= ?', query.to.getTime()]);
  return { where: ['1', ...terms.map(([sql]) => sql)].join(' AND '), values: terms.map(([, value]) => value) };
}

function list(values: string | readonly string[]): string {
  return JSON.stringify(typeof values === 'string' ? [values] : values);
}

function toEntry(row: unknown): JobLogEntry {
  const { id, timestamp, level, event, jobName, message, meta, ...others } = entrySchema.parse(row);
  const known = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  return {
    _id: String(id),
    timestamp: new Date(timestamp),
    level,
    event,
    jobName,
    message,
    ...known,
    ...(meta !== undefined && { meta: metaSchema.parse(JSON.parse(meta)) }),
  };
}
