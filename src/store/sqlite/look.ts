/**
 * Looks at a store file without changing it, also while an Usher has it open: who that is, whether the file is sound, and
 * whether this Usher knows its layout.
 */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { refuseUnfinished } from '../copy.ts';
import { StoreUnavailable } from '../store.ts';
import { explained } from './errors.ts';
import { hasTable, layoutVersion, storeMigrations, unfinishedCopy } from './layout.ts';
import { type LockHolder, lockHolder } from './lock.ts';
import { busyTimeout, checkIntegrity } from './open.ts';

export interface SqliteLook {
  /** Without symbolic links. */
  path: string;
  /** The process that has it open. */
  holder: LockHolder | null;
  /** Version of its layout; 0 where nothing was ever stored, null where there is no file. */
  layout: number | null;
  /** The newest layout that this Usher knows: it brings older ones up to date at its start. */
  newest: number;
  bytes: number;
}

/** @throws StoreUnavailable where Usher could not use it: damaged, of another program or a newer Usher, not to be read */
export function lookAtSqlite(asked: string): SqliteLook {
  const newest = storeMigrations.length;
  let path = resolve(asked);
  try {
    if (!existsSync(path)) return { path, holder: null, layout: null, newest, bytes: 0 };
    path = realpathSync(path);
    const holder = lockHolder(path);
    const { size: bytes } = statSync(path);
    try {
      return { path, holder, layout: readLayout(path, holder !== null), newest, bytes };
    } catch (error) {
      const by = holder ?? lockHolder(path);
      // An Usher that has started meanwhile writes to what was read as if nobody did.
      if (holder === null && by !== null) return { path, holder: by, layout: readLayout(path, true), newest, bytes };
      throw error;
    }
  } catch (error) {
    throw explained(error, path);
  }
}

function readLayout(path: string, inUse: boolean): number {
  const db = open(path, inUse);
  try {
    checkIntegrity(db, path);
    const tables = Number(db.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.['tables']);
    const layout = layoutVersion(db, 'store');
    if (tables > 0 && !hasTable(db, 'layout')) {
      throw new StoreUnavailable(`${path} is a database of another program. Name another file for Usher's store.`);
    }
    if (layout > storeMigrations.length) {
      throw new StoreUnavailable(
        `${path} was written by a newer Usher (layout ${layout}; this one knows ${storeMigrations.length}). Run that version, or restore a backup from before the upgrade.`,
      );
    }
    refuseUnfinished(`sqlite ${path}`, unfinishedCopy(db));
    return layout;
  } finally {
    db.close();
  }
}

/**
 * A reader makes the files of the write-ahead log and leaves them behind where nobody else has the file open. With an empty log
 * the file alone says everything, and is read as it lies; the log of an Usher that was killed must be read with it.
 */
function open(path: string, inUse: boolean): DatabaseSync {
  const log = `${path}-wal`;
  if (inUse || (existsSync(log) && statSync(log).size > 0)) {
    return new DatabaseSync(path, { readOnly: true, timeout: busyTimeout });
  }
  const alone = pathToFileURL(path);
  alone.searchParams.set('immutable', '1');
  return new DatabaseSync(alone, { readOnly: true });
}
