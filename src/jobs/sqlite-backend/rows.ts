/** Jobs as agenda knows them, and as rows of the table `jobs`. */
import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import { type JobId, type JobParameters, toJobId } from 'agenda';

export type Row = Record<string, SQLOutputValue>;
export type Columns = Record<string, SQLInputValue>;

/** A job that was read: it always has an id. */
export type StoredJob<DATA = unknown> = JobParameters<DATA> & { _id: JobId };

export function toJob<DATA = unknown>(row: Row): StoredJob<DATA> {
  const lockedAt = date(row['lockedAt']);
  const lastFinishedAt = date(row['lastFinishedAt']);
  const failedAt = date(row['failedAt']);
  const failCount = number(row['failCount']);
  const failReason = text(row['failReason']);
  const repeatTimezone = text(row['repeatTimezone']);
  const lastRunAt = date(row['lastRunAt']);
  const repeatInterval = text(row['repeatInterval']) ?? number(row['repeatInterval']);
  const repeatAt = text(row['repeatAt']);
  const disabled = number(row['disabled']);
  const progress = number(row['progress']);
  const debounceStartedAt = date(row['debounceStartedAt']);
  const lastModifiedBy = text(row['lastModifiedBy']);
  const fork = number(row['fork']);
  const startDate = date(row['startDate']);
  const endDate = date(row['endDate']);
  const skipDays = text(row['skipDays']);
  return {
    _id: toJobId(String(row['id'])),
    name: String(row['name']),
    priority: number(row['priority']) ?? 0,
    nextRunAt: date(row['nextRunAt']) ?? null,
    type: row['type'] === 'single' ? 'single' : 'normal',
    data: fromJson<DATA>(text(row['data'])),
    ...(lockedAt !== undefined && { lockedAt }),
    ...(lastFinishedAt !== undefined && { lastFinishedAt }),
    ...(failedAt !== undefined && { failedAt }),
    ...(failCount !== undefined && { failCount }),
    ...(failReason !== undefined && { failReason }),
    ...(repeatTimezone !== undefined && { repeatTimezone }),
    ...(lastRunAt !== undefined && { lastRunAt }),
    ...(repeatInterval !== undefined && { repeatInterval }),
    ...(repeatAt !== undefined && { repeatAt }),
    ...(disabled !== undefined && { disabled: disabled !== 0 }),
    ...(progress !== undefined && { progress }),
    ...(debounceStartedAt !== undefined && { debounceStartedAt }),
    ...(lastModifiedBy !== undefined && { lastModifiedBy }),
    ...(fork !== undefined && { fork: fork !== 0 }),
    ...(startDate !== undefined && { startDate }),
    ...(endDate !== undefined && { endDate }),
    ...(skipDays !== undefined && { skipDays: fromJson<number[]>(skipDays) }),
  };
}

/** What the code that schedules a job decides; whatever it does not say is unset. */
export function scheduledColumns(job: JobParameters, lastModifiedBy: string | undefined): Columns {
  return {
    name: job.name,
    priority: job.priority,
    nextRunAt: time(job.nextRunAt),
    type: job.type,
    data: job.data === undefined ? null : JSON.stringify(job.data),
    repeatTimezone: job.repeatTimezone ?? null,
    repeatInterval: job.repeatInterval ?? null,
    repeatAt: job.repeatAt ?? null,
    debounceStartedAt: time(job.debounceStartedAt),
    fork: flag(job.fork),
    startDate: time(job.startDate),
    endDate: time(job.endDate),
    skipDays: job.skipDays == null ? null : JSON.stringify(job.skipDays),
    lastModifiedBy: lastModifiedBy ?? null,
  };
}

/** What the processor that runs a job decides. */
export function stateColumns(job: JobParameters): Columns {
  return {
    lockedAt: time(job.lockedAt),
    lastRunAt: time(job.lastRunAt),
    lastFinishedAt: time(job.lastFinishedAt),
    failedAt: time(job.failedAt),
    failCount: job.failCount ?? null,
    failReason: job.failReason ?? null,
    progress: job.progress ?? null,
  };
}

/**
 * The state that a save carries. agenda leaves the processor's fields out when it saves on behalf of the code that
 * schedules; a save then must not undo what the processor wrote meanwhile. `disabled` likewise stays as an operator left
 * it when a repeating job is declared again at every start.
 */
export function carriedState(job: JobParameters): Columns {
  const state: Columns = { ...stateColumns(job), disabled: flag(job.disabled) };
  return Object.fromEntries(Object.entries(state).filter(([field]) => Object.hasOwn(job, field)));
}

export function flag(value: boolean | null | undefined): number | null {
  return value == null ? null : value ? 1 : 0;
}

export function time(date: Date | null | undefined): number | null {
  const ms = date == null ? Number.NaN : new Date(date).getTime();
  return Number.isNaN(ms) ? null : ms;
}

function date(value: SQLOutputValue | undefined): Date | undefined {
  return typeof value === 'number' ? new Date(value) : undefined;
}

function number(value: SQLOutputValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function text(value: SQLOutputValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** `null` where no JSON was stored; its type is what the caller stored there. */
function fromJson<T>(json: string | undefined): T {
  return JSON.parse(json ?? 'null');
}
