/** agenda's JobRepository on SQLite. Reads and locks are one statement each, saves one transaction. */
import {
  computeJobState,
  type JobId,
  type JobParameters,
  type JobRepository,
  type JobRepositoryOptions,
  type JobsOverview,
  type JobsQueryOptions,
  type JobsResult,
  type RemoveJobsOptions,
} from 'agenda';
import type { Clock } from '../../clock.ts';
import type { Connection, JobsFile } from './file.ts';
import { type Filter, queryFilter, removalFilter } from './filters.ts';
import { stateColumns, time, toJob } from './rows.ts';
import { saveJob } from './save.ts';

/** What jobs can be sorted by; of several, the first here counts first. */
const sortable = ['nextRunAt', 'lastRunAt', 'lastFinishedAt', 'priority', 'name', 'data'] as const;

export class SqliteJobRepository implements JobRepository {
  readonly #file: JobsFile;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(file: JobsFile, clock: Pick<Clock, 'now'>) {
    this.#file = file;
    this.#clock = clock;
  }

  connect(): Promise<void> {
    return this.#file.connect();
  }

  async queryJobs(options: JobsQueryOptions = {}): Promise<JobsResult> {
    const { state, skip = 0, limit = 0 } = options;
    return this.#file.run((connection) => {
      const now = new Date(this.#clock.now());
      const { where, values, matches } = queryFilter(options, options.search ? jobNames(connection) : []);
      const select = `SELECT * FROM jobs WHERE ${where} ORDER BY ${order(options)}`;
      const all = (sql: string, ...more: number[]) =>
        connection
          .prepare(sql)
          .all(...values, ...more)
          .map((row) => toJob(row))
          .map((job) => ({ ...job, state: computeJobState(job, now) }));
      if (state === undefined && matches === null) {
        const total = connection.prepare(`SELECT count(*) AS total FROM jobs WHERE ${where}`).get(...values);
        // A negative limit is none.
        return {
          jobs: all(`${select} LIMIT ? OFFSET ?`, limit > 0 ? limit : -1, skip),
          total: Number(total?.['total']),
        };
      }
      // A state is computed and data is compared here: the page can only be cut after that.
      const found = all(select).filter(
        (job) =>
          (state === undefined || (state === 'paused' ? job.disabled === true : job.state === state)) &&
          (matches === null || matches(job.data)),
      );
      return { jobs: found.slice(skip, limit > 0 ? skip + limit : undefined), total: found.length };
    });
  }

  async getJobsOverview(): Promise<JobsOverview[]> {
    return this.#file.run((connection) => {
      const now = new Date(this.#clock.now());
      const overviews = new Map<string, JobsOverview>();
      for (const row of connection.prepare('SELECT * FROM jobs ORDER BY name').iterate()) {
        const job = toJob(row);
        const overview = overviews.get(job.name) ?? emptyOverview(job.name);
        overviews.set(job.name, overview);
        overview.total++;
        overview[computeJobState(job, now)]++;
        if (job.disabled) overview.paused++;
      }
      return [...overviews.values()];
    });
  }

  async getDistinctJobNames(): Promise<string[]> {
    return this.#file.run(jobNames);
  }

  async getJobById(id: string): Promise<JobParameters | null> {
    return this.#file.run((connection) => {
      const row = connection.prepare('SELECT * FROM jobs WHERE id = ?').get(id);
      return row === undefined ? null : toJob(row);
    });
  }

  async getQueueSize(): Promise<number> {
    return this.#file.run((connection) => {
      const row = connection.prepare('SELECT count(*) AS due FROM jobs WHERE nextRunAt < ?').get(this.#clock.now());
      return Number(row?.['due']);
    });
  }

  async removeJobs(options: RemoveJobsOptions): Promise<number> {
    return this.#change(removalFilter(options), '1', 'DELETE FROM jobs');
  }

  async disableJobs(options: RemoveJobsOptions): Promise<number> {
    return this.#change(removalFilter(options), 'disabled IS NOT 1', 'UPDATE jobs SET disabled = 1');
  }

  async enableJobs(options: RemoveJobsOptions): Promise<number> {
    return this.#change(removalFilter(options), 'disabled IS NOT 0', 'UPDATE jobs SET disabled = 0');
  }

  async purgeAllJobs(): Promise<number> {
    return this.#file.run((connection) => Number(connection.prepare('DELETE FROM jobs').run().changes));
  }

  async saveJob<DATA = unknown>(
    job: JobParameters<DATA>,
    options?: JobRepositoryOptions | undefined,
  ): Promise<JobParameters<DATA>> {
    const now = new Date(this.#clock.now());
    return this.#file.write((connection) => saveJob(connection, job, options?.lastModifiedBy, now));
  }

  async saveJobState(job: JobParameters, options?: JobRepositoryOptions | undefined): Promise<void> {
    const id = job._id;
    if (id === undefined) throw new Error(`Job "${job.name}" has no id: it must be saved before its state can be.`);
    const columns = {
      ...stateColumns(job),
      nextRunAt: time(job.nextRunAt),
      lastModifiedBy: options?.lastModifiedBy ?? null,
    };
    await this.#file.run((connection) => {
      const set = Object.keys(columns).map((column) => `${column} = ?`);
      const update = connection.prepare(`UPDATE jobs SET ${set.join(', ')} WHERE id = ? AND name = ?`);
      if (update.run(...Object.values(columns), id, job.name).changes === 0) {
        throw new Error(`Job ${id} ("${job.name}") cannot be updated: it is no longer there.`);
      }
    });
  }

  async lockJob(job: JobParameters, options?: JobRepositoryOptions | undefined): Promise<JobParameters | undefined> {
    const id = job._id;
    if (id === undefined) return undefined;
    return this.#file.run((connection) => {
      const lock = connection.prepare(`UPDATE jobs SET lockedAt = ?, lastModifiedBy = ?
        WHERE id = ? AND name = ? AND lockedAt IS NULL AND nextRunAt IS ? AND disabled IS NOT 1 RETURNING *`);
      const row = lock.get(this.#clock.now(), options?.lastModifiedBy ?? null, id, job.name, time(job.nextRunAt));
      return row === undefined ? undefined : toJob(row);
    });
  }

  /** A job without a next run is running now; its lock is not given up for it. */
  async unlockJob(job: JobParameters): Promise<void> {
    const id = job._id;
    if (id === undefined) return;
    await this.#file.run((connection) => {
      connection.prepare('UPDATE jobs SET lockedAt = NULL WHERE id = ? AND nextRunAt IS NOT NULL').run(id);
    });
  }

  async unlockJobs(jobIds: (JobId | string)[]): Promise<void> {
    await this.#file.run((connection) => {
      const unlock = connection.prepare('UPDATE jobs SET lockedAt = NULL WHERE id IN (SELECT value FROM json_each(?))');
      unlock.run(JSON.stringify(jobIds.map(String)));
    });
  }

  async getNextJobToRun(
    jobName: string,
    nextScanAt: Date,
    lockDeadline: Date,
    now?: Date | undefined,
    options?: JobRepositoryOptions | undefined,
  ): Promise<JobParameters | undefined> {
    return this.#file.run((connection) => {
      const lock = connection.prepare(`UPDATE jobs SET lockedAt = ?, lastModifiedBy = ? WHERE id = (
          SELECT id FROM jobs
          WHERE name = ? AND disabled IS NOT 1 AND ((lockedAt IS NULL AND nextRunAt <= ?) OR lockedAt <= ?)
          ORDER BY nextRunAt, priority DESC, rowid LIMIT 1
        ) RETURNING *`);
      const row = lock.get(
        time(now) ?? this.#clock.now(),
        options?.lastModifiedBy ?? null,
        jobName,
        time(nextScanAt),
        time(lockDeadline),
      );
      return row === undefined ? undefined : toJob(row);
    });
  }

  /**
   * Gives up every lock, and makes what was running run again. Only for a caller that knows that no other process runs
   * jobs of this file: whatever is locked then belongs to a process that was killed.
   * @returns how many jobs were locked
   */
  async releaseLocks(): Promise<number> {
    return this.#file.run((connection) => {
      // A run begins by moving nextRunAt on: what began and did not end is due again at once.
      const release = connection.prepare(`UPDATE jobs SET lockedAt = NULL,
        nextRunAt = CASE WHEN lastRunAt > max(coalesce(lastFinishedAt, 0), coalesce(failedAt, 0)) THEN ? ELSE nextRunAt END
        WHERE lockedAt IS NOT NULL`);
      return Number(release.run(this.#clock.now()).changes);
    });
  }

  async #change(filter: Filter | null, also: string, statement: string): Promise<number> {
    if (filter === null) return 0;
    const { where, values, matches } = filter;
    return this.#file.write((connection) => {
      const rows = connection.prepare(`SELECT * FROM jobs WHERE ${where} AND ${also}`).all(...values);
      const jobs = rows.map((row) => toJob(row)).filter((job) => matches === null || matches(job.data));
      const change = connection.prepare(`${statement} WHERE id IN (SELECT value FROM json_each(?))`);
      return Number(change.run(JSON.stringify(jobs.map((job) => job._id))).changes);
    });
  }
}

function jobNames(connection: Connection): string[] {
  const rows = connection.prepare('SELECT DISTINCT name FROM jobs ORDER BY name').all();
  return rows.map((row) => String(row['name']));
}

/** Later runs first unless asked otherwise; equals in the order in which they were made. */
function order(options: JobsQueryOptions): string {
  const { sort = {} } = options;
  const asked = sortable.filter((column) => sort[column] !== undefined);
  const terms = asked.map((column) => `${column} ${sort[column] === 'asc' ? 'ASC' : 'DESC'}`);
  return [...(terms.length > 0 ? terms : ['nextRunAt DESC', 'lastRunAt DESC']), 'rowid'].join(', ');
}

function emptyOverview(name: string): JobsOverview {
  return { name, total: 0, running: 0, scheduled: 0, queued: 0, completed: 0, failed: 0, repeating: 0, paused: 0 };
}
