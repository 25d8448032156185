/** SQLite's result codes put into sentences that say what to do. https://www.sqlite.org/rescode.html */
import { StoreUnavailable } from '../store.ts';

/** SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE. */
const primaryKeyTaken = 1555;
const uniqueTaken = 2067;

/** The extended result code of an error that `node:sqlite` threw, or null for any other error. */
function resultCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode;
}

/** Which constraint a write broke, if it broke one. */
export function brokenConstraint(error: unknown): 'key' | 'unique' | null {
  const code = resultCode(error);
  return code === primaryKeyTaken ? 'key' : code === uniqueTaken ? 'unique' : null;
}

/** True where the file was in use by another connection for longer than the time-out. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code !== null && ((code & 0xff) === 5 || (code & 0xff) === 6);
}

/** What a result code means to the person who runs Usher; `null` where it is a mistake of the program's. */
function sentence(code: number, path: string): string | null {
  switch (code & 0xff) {
    case 3: // SQLITE_PERM
    case 23: // SQLITE_AUTH
      return `${path} may not be used by this user: give the user that Usher runs as read and write access to the file and its folder.`;
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return `${path} is in use by another program: end it, or wait until it is done.`;
    case 8: // SQLITE_READONLY
      return `${path} cannot be written: the file, its folder or its file system is read-only. Make it writable for the user that Usher runs as.`;
    case 10: // SQLITE_IOERR
      return `${path} cannot be read or written: the disk reports an error. Look at the system's log, and restore a backup to a sound disk if it goes on.`;
    case 11: // SQLITE_CORRUPT
      return `${path} is damaged. Restore a backup with: usher store restore`;
    case 13: // SQLITE_FULL
      return `${path} cannot grow: its disk is full, or it has reached its size limit. Free some space; what was stored before is kept.`;
    case 14: // SQLITE_CANTOPEN
      return `${path} cannot be opened: see that its folder exists and that the user that Usher runs as may write there.`;
    case 26: // SQLITE_NOTADB
      return `${path} is not a SQLite database, or it is damaged. Name another file, or restore a backup with: usher store restore`;
    default:
      return null;
  }
}

/** File system errors that SQLite did not see because the file was opened before it. */
const fileSystemCodes: Readonly<Record<string, number>> = {
  EACCES: 3,
  EPERM: 3,
  EROFS: 8,
  ENOSPC: 13,
  EDQUOT: 13,
  ENOENT: 14,
  EEXIST: 14,
  ENOTDIR: 14,
  EISDIR: 14,
  EIO: 10,
};

/** The error to throw for `error`: a `StoreUnavailable` with a remedy where there is one, else the error itself. */
export function explained(error: unknown, path: string): unknown {
  const code = resultCode(error) ?? fileSystemCode(error);
  const text = code === null ? null : sentence(code, path);
  return text === null ? error : new StoreUnavailable(text, { cause: error });
}

function fileSystemCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  return fileSystemCodes[error.code] ?? null;
}
