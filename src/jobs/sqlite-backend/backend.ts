/**
 * A backend for agenda (https://github.com/agenda/agenda, its documented extension point `AgendaBackend`) that keeps jobs
 * and their log in a SQLite file. It needs no other part of Usher:
 *
 * ```ts
 * const agenda = new Agenda({ backend: new SqliteAgendaBackend({ path: '/var/lib/usher/usher.db' }) });
 * ```
 *
 * Several processes may share the file: locks and saves are atomic. It has no notification channel (agenda polls).
 * `data` is kept as JSON, so a Date in it comes back as text. Filters mean what they mean to the MongoDB backend.
 */
import type { AgendaBackend } from 'agenda';
import { type Clock, systemClock } from '../../clock.ts';
import { JobsFile } from './file.ts';
import { SqliteJobLogger } from './logger.ts';
import { SqliteJobRepository } from './repository.ts';

export interface SqliteAgendaBackendOptions {
  /** The SQLite file; made where it does not exist. It may be the store's. */
  path: string;
  /** Default: the system's clock. agenda itself always reads the system's. */
  clock?: Pick<Clock, 'now'>;
}

export class SqliteAgendaBackend implements AgendaBackend {
  readonly name = 'SQLite';
  readonly repository: SqliteJobRepository;
  readonly logger: SqliteJobLogger;
  readonly notificationChannel = undefined;
  readonly ownsConnection = true;
  readonly #file: JobsFile;

  constructor(options: SqliteAgendaBackendOptions) {
    this.#file = new JobsFile(options.path);
    this.repository = new SqliteJobRepository(this.#file, options.clock ?? systemClock);
    this.logger = new SqliteJobLogger(this.#file);
  }

  /** @throws StoreUnavailable where the file cannot be opened */
  connect(): Promise<void> {
    return this.#file.connect();
  }

  disconnect(): Promise<void> {
    return this.#file.disconnect();
  }
}
