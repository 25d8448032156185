/**
 * One process per store file. The lock is an open write transaction on a small database beside the file: it is the
 * operating system's own file lock, so it ends with the process however that ends, and no stale file can keep anybody
 * out. Readers are not held off by it, which is how a second process learns who holds the lock.
 *
 * It needs a file system whose locks work; on network file systems they often do not (https://www.sqlite.org/faq.html#q5).
 */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../clock.ts';
import { StoreUnavailable } from '../store.ts';
import { explained, isBusy } from './errors.ts';

export interface FileLock {
  /** Gives the file free. Calling it twice does nothing. */
  release(): void;
}

/** @throws StoreUnavailable naming the file and, where it is known, the process that has it open */
export function lockFile(path: string, clock: Pick<Clock, 'now'>): FileLock {
  const lockPath = `${path}.lock`;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(lockPath, { timeout: 500 });
    db.exec('PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE');
    db.exec(
      'CREATE TABLE IF NOT EXISTS holder (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), pid INTEGER, host TEXT, since INTEGER)',
    );
    db.prepare('INSERT OR REPLACE INTO holder VALUES (1, ?, ?, ?)').run(process.pid, hostname(), clock.now());
    // Committed so that others can read who it is, and taken again at once; whoever comes in between has the lock.
    db.exec('COMMIT; BEGIN IMMEDIATE');
  } catch (error) {
    const by = isBusy(error) && db !== undefined ? holder(db) : null;
    db?.close();
    if (by === null) throw explained(error, lockPath);
    throw new StoreUnavailable(
      `${path} is in use by ${by}. One store file serves one Usher: end that process, or give this one a file of its own.`,
    );
  }
  const held = db;
  return {
    release() {
      if (held.isOpen) held.close();
    },
  };
}

export interface LockHolder {
  /** Null where it is not known. */
  pid: number | null;
  host: string | null;
}

/**
 * Who has the store file at `path` open; null where nobody has. Changes nothing: an Usher that starts at this moment waits longer
 * for its lock than this holds it.
 * @throws StoreUnavailable where the lock may not be looked at
 */
export function lockHolder(path: string): LockHolder | null {
  const lockPath = `${path}.lock`;
  if (!existsSync(lockPath)) return null;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(lockPath, { timeout: 100 });
    db.exec('BEGIN IMMEDIATE; ROLLBACK');
    return null;
  } catch (error) {
    if (!isBusy(error) || db === undefined) throw explained(error, lockPath);
    return writtenDown(db);
  } finally {
    db?.close();
  }
}

function holder(db: DatabaseSync): string {
  const { pid, host } = writtenDown(db);
  if (pid === null) return 'another process';
  return host === hostname() ? `process ${pid}` : `process ${pid} on host ${host}`;
}

/** Who wrote itself down last; that is whoever holds the lock. */
function writtenDown(db: DatabaseSync): LockHolder {
  try {
    const row = db.prepare('SELECT pid, host FROM holder').get();
    return row === undefined ? { pid: null, host: null } : { pid: Number(row['pid']), host: String(row['host']) };
  } catch {
    return { pid: null, host: null };
  }
}
