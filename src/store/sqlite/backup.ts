/**
 * Back-up and restore of a store file. A back-up is a whole, compact SQLite file, taken while Usher runs; restoring
 * needs Usher to be stopped and keeps what was there before beside it.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../clock.ts';
import { StoreUnavailable } from '../store.ts';
import { explained } from './errors.ts';
import { layoutVersion, storeMigrations } from './layout.ts';
import { lockFile } from './lock.ts';
import { busyTimeout, checkIntegrity } from './open.ts';

/**
 * Writes the store file at `path` to the new file `to`, complete and checked, or not at all.
 * @throws StoreUnavailable where there is no store at `path`, or `to` exists or cannot be written
 */
export function backupStore(path: string, to: string): void {
  const source = existing(path);
  if (existsSync(to)) throw new StoreUnavailable(`${to} exists already. Name a new file for the back-up.`);
  copyDatabase(source, resolve(to));
}

/**
 * Puts the back-up `from` in the place of the store file at `path`.
 * @returns where the file that was there before is kept, or null where there was none
 * @throws StoreUnavailable where the back-up is not sound, or the store is in use
 */
export function restoreStore(path: string, from: string, clock: Pick<Clock, 'now'>): string | null {
  const backup = existing(from);
  mkdirSync(dirname(resolve(path)), { recursive: true });
  const target = existsSync(path) ? realpathSync(path) : resolve(path);
  if (backup === target) throw new StoreUnavailable(`${path} is the store itself. Name a back-up of it.`);
  const lock = lockFile(target, clock);
  try {
    const ready = `${target}.restoring`;
    rmSync(ready, { force: true });
    copyDatabase(backup, ready);
    const kept = existsSync(target) ? setAside(target, clock) : null;
    renameSync(ready, target);
    flush(dirname(target));
    return kept;
  } catch (error) {
    throw explained(error, target);
  } finally {
    lock.release();
  }
}

function existing(path: string): string {
  if (!existsSync(path))
    throw new StoreUnavailable(`${path} does not exist. Name the file of a store, or of its back-up.`);
  return realpathSync(path);
}

/** Copies what is committed in `from`, checks the copy, and only then gives it its name. */
function copyDatabase(from: string, to: string): void {
  const partial = `${to}.partial`;
  rmSync(partial, { force: true });
  let source: DatabaseSync | undefined;
  try {
    source = new DatabaseSync(from, { readOnly: true, timeout: busyTimeout });
    checkStore(source, from);
    // VACUUM INTO accepts an empty file: made here so that only its owner can read it.
    closeSync(openSync(partial, 'wx', 0o600));
    copyInto(source, partial);
    flush(partial);
    renameSync(partial, to);
    flush(dirname(to));
  } catch (error) {
    rmSync(partial, { force: true });
    throw explained(error, from);
  } finally {
    source?.close();
  }
}

function copyInto(source: DatabaseSync, to: string): void {
  try {
    source.prepare('VACUUM INTO ?').run(to);
    const copy = new DatabaseSync(to, { readOnly: true });
    try {
      checkIntegrity(copy, to);
    } finally {
      copy.close();
    }
  } catch (error) {
    throw explained(error, to);
  }
}

function checkStore(db: DatabaseSync, path: string): void {
  checkIntegrity(db, path);
  const version = layoutVersion(db, 'store');
  if (version === 0) throw new StoreUnavailable(`${path} is not a store of Usher's, nor a back-up of one.`);
  if (version > storeMigrations.length) {
    throw new StoreUnavailable(
      `${path} was written by a newer Usher (layout ${version}; this one knows ${storeMigrations.length}). Use that version.`,
    );
  }
}

/** Moves the store file, and a log that could not be folded into it, out of the way. */
function setAside(target: string, clock: Pick<Clock, 'now'>): string {
  foldLog(target);
  const stamp = new Date(clock.now()).toISOString().replaceAll(/[:.]/g, '-');
  const kept = `${target}.before-${stamp}`;
  if (existsSync(kept)) throw new StoreUnavailable(`${kept} exists already. Move it away, then restore again.`);
  // The log goes first: left behind, it would be taken for the restored file's own.
  if (existsSync(`${target}-wal`)) renameSync(`${target}-wal`, `${kept}-wal`);
  rmSync(`${target}-shm`, { force: true });
  renameSync(target, kept);
  return kept;
}

function foldLog(target: string): void {
  try {
    const db = new DatabaseSync(target, { timeout: busyTimeout });
    try {
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      db.close();
    }
  } catch {
    // A damaged file is a good reason to restore a back-up; its log is then kept beside it as it is.
  }
}

/** Makes a file's contents, or a folder's names, survive a power cut. */
function flush(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
