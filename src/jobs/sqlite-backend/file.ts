/**
 * The SQLite file that holds agenda's jobs: usually the store's own file, with tables of its own, so that one back-up
 * holds everything.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { explained } from '../../store/sqlite/errors.ts';
import { type Migration, migrate } from '../../store/sqlite/layout.ts';

/** Fields of a job are columns of the same name; times are milliseconds since 1970, `data` and `skipDays` are JSON. */
const jobMigrations: readonly Migration[] = [
  (db) =>
    db.exec(`
      CREATE TABLE jobs (
        id TEXT PRIMARY KEY NOT NULL,
        name TEXT NOT NULL,
        priority REAL NOT NULL,
        nextRunAt INTEGER,
        type TEXT NOT NULL,
        lockedAt INTEGER,
        lastFinishedAt INTEGER,
        failedAt INTEGER,
        failCount INTEGER,
        failReason TEXT,
        repeatTimezone TEXT,
        lastRunAt INTEGER,
        repeatInterval,
        data TEXT,
        repeatAt TEXT,
        disabled INTEGER,
        progress REAL,
        debounceStartedAt INTEGER,
        lastModifiedBy TEXT,
        fork INTEGER,
        startDate INTEGER,
        endDate INTEGER,
        skipDays TEXT
      );
      CREATE INDEX jobs_due ON jobs (name, nextRunAt, priority DESC);
      CREATE INDEX jobs_locked ON jobs (name, lockedAt) WHERE lockedAt IS NOT NULL;
      CREATE TABLE job_log (
        id INTEGER PRIMARY KEY,
        timestamp INTEGER NOT NULL,
        level TEXT NOT NULL,
        event TEXT NOT NULL,
        jobId TEXT,
        jobName TEXT NOT NULL,
        message TEXT NOT NULL,
        duration REAL,
        error TEXT,
        failCount INTEGER,
        retryDelay REAL,
        retryAttempt INTEGER,
        agendaName TEXT,
        meta TEXT
      );
      CREATE INDEX job_log_time ON job_log (timestamp);
      CREATE INDEX job_log_job ON job_log (jobId, timestamp);
      CREATE INDEX job_log_name ON job_log (jobName, timestamp);
    `),
];

/** An open connection with its prepared statements. */
export class Connection {
  readonly db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    this.db = new DatabaseSync(path, { timeout: 5_000 });
    try {
      this.db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
      migrate(this.db, path, 'jobs', jobMigrations);
    } catch (error) {
      this.db.close();
      throw error;
    }
  }

  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

export class JobsFile {
  readonly #path: string;
  #connection: Connection | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Opens the file, making its tables. Calling it again does nothing. @throws StoreUnavailable */
  async connect(): Promise<void> {
    try {
      this.#connection ??= new Connection(this.#path);
    } catch (error) {
      throw explained(error, this.#path);
    }
  }

  /** Closes the file; until `connect`, operations open it for themselves alone: agenda writes after its own stop. */
  async disconnect(): Promise<void> {
    this.#connection?.db.close();
    this.#connection = null;
  }

  /**
   * Runs `operation` at once and answers in a later turn of the event loop, as a database across a network would:
   * agenda fills its queues in a loop of awaits, which must not keep everything else from running.
   */
  async run<R>(operation: (connection: Connection) => R): Promise<R> {
    try {
      return this.#use(operation);
    } catch (error) {
      throw explained(error, this.#path);
    } finally {
      await nextTurn();
    }
  }

  /** Like `run`, as one transaction: other processes see all of it or nothing. */
  async write<R>(operation: (connection: Connection) => R): Promise<R> {
    return this.run((connection) => {
      connection.db.exec('BEGIN IMMEDIATE');
      try {
        const result = operation(connection);
        connection.db.exec('COMMIT');
        return result;
      } catch (error) {
        if (connection.db.isTransaction) connection.db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  #use<R>(operation: (connection: Connection) => R): R {
    if (this.#connection !== null) return operation(this.#connection);
    const connection = new Connection(this.#path);
    try {
      return operation(connection);
    } finally {
      connection.db.close();
    }
  }
}
