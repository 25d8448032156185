/** Opening a store file: made where it does not exist, locked, checked, its layout brought up to date. */
import { closeSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../clock.ts';
import { StoreUnavailable } from '../store.ts';
import { explained } from './errors.ts';
import { migrate, storeMigrations } from './layout.ts';
import { type FileLock, lockFile } from './lock.ts';

export interface SqliteStoreOptions {
  /** The file; made, with its folder, where it does not exist. */
  path: string;
  /** Dates the lock. */
  clock: Pick<Clock, 'now'>;
  /** The file never grows beyond this many bytes; writes that would need more are refused. Default: no limit. */
  largestFile?: number;
}

/** How long a statement waits for another connection of this process (the jobs') to finish writing, in milliseconds. */
export const busyTimeout = 5_000;

export interface OpenedFile {
  /** The one path that names the file, without symbolic links. */
  path: string;
  db: DatabaseSync;
  lock: FileLock;
}

/** @throws StoreUnavailable where the file is in use, damaged, of another program or a newer Usher, or cannot be written */
export function openFile(options: SqliteStoreOptions): OpenedFile {
  let path = resolve(options.path);
  let lock: FileLock | undefined;
  let db: DatabaseSync | undefined;
  try {
    path = makeFile(path);
    lock = lockFile(path, options.clock);
    db = new DatabaseSync(path, { timeout: busyTimeout });
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    if (options.largestFile !== undefined) limitSize(db, options.largestFile);
    checkIntegrity(db, path);
    migrate(db, path, 'store', storeMigrations);
    return { path, db, lock };
  } catch (error) {
    db?.close();
    lock?.release();
    throw explained(error, path);
  }
}

/** Makes the file readable for its owner alone (it holds meeting titles). */
function makeFile(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  const real = join(realpathSync(dirname(path)), basename(path));
  closeSync(openSync(real, 'a+', 0o600));
  return realpathSync(real);
}

function limitSize(db: DatabaseSync, bytes: number): void {
  const pageSize = Number(db.prepare('PRAGMA page_size').get()?.['page_size']);
  db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(bytes / pageSize))}`);
}

/** @throws StoreUnavailable with the first thing that SQLite found wrong */
export function checkIntegrity(db: DatabaseSync, path: string): void {
  const found = db.prepare('PRAGMA integrity_check(1)').get()?.['integrity_check'];
  if (found !== 'ok') {
    throw new StoreUnavailable(`${path} is damaged (${found}). Restore a backup with: usher store restore`);
  }
}
