/** The data folder: whether it can be written, what is left of its disk, and the file `secret` in it. */
import { randomUUID } from 'node:crypto';
import { access, constants, open, readFile, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Secret, secretIn } from '../../rooms/secret.ts';
import { type Finding, wordsOf } from './finding.ts';

/** Below this much free space Usher may soon be unable to store anything, bytes. */
const littleSpace = 256 * 2 ** 20;
/** Locks of these cannot be relied on (statfs(2)): NFS, SMB, CIFS, SMB2, AFS, Ceph. */
const networkFileSystems = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x5346414f, 0x00c36400]);

export async function checkData(folder: string): Promise<Finding> {
  const what = 'data folder';
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return missingFolder(folder);
    return { what, state: 'error', words: `${folder} cannot be written to: give it to the account that runs Usher` };
  }
  try {
    await tryWriting(folder);
  } catch (error) {
    const full = codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT';
    const remedy = full ? 'free some space' : 'see that it is a folder on a disk that can be written';
    return { what, state: 'error', words: `${folder}: a file cannot be written there (${wordsOf(error)}): ${remedy}` };
  }
  return { what, state: 'ok', words: folder };
}

async function missingFolder(folder: string): Promise<Finding> {
  const what = 'data folder';
  let above = dirname(folder);
  for (;;) {
    try {
      await access(above, constants.W_OK | constants.X_OK);
      return { what, state: 'warning', words: `${folder} is not there yet: the first usher serve makes it` };
    } catch (error) {
      if (codeOf(error) === 'ENOENT' && dirname(above) !== above) above = dirname(above);
      else
        return {
          what,
          state: 'error',
          words: `${folder} is not there, and cannot be made in ${above}: make it, and give it to the account that runs Usher`,
        };
    }
  }
}

/** Writes a small file, and takes it away again. */
async function tryWriting(folder: string): Promise<void> {
  const path = join(folder, `.usher-doctor-${randomUUID()}`);
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.write(Buffer.alloc(4_096));
      await file.sync();
    } finally {
      await file.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}

/** @param folder that is there */
export async function checkDisk(folder: string): Promise<Finding> {
  try {
    const { bavail, bsize, type } = await statfs(folder);
    return diskFinding(folder, bavail * bsize, type);
  } catch (error) {
    return {
      what: 'disk',
      state: 'warning',
      words: `what is free where ${folder} lies is not known: ${wordsOf(error)}`,
    };
  }
}

/**
 * @param free bytes
 * @param type of the file system, as statfs(2) numbers it
 */
export function diskFinding(folder: string, free: number, type: number): Finding {
  const what = 'disk';
  const room = `${Math.floor(free / 2 ** 20).toLocaleString('en')} MB are free where ${folder} lies`;
  if (free < littleSpace) {
    const words = `${room}: free some space, or nothing new is stored when it is full (what was stored is kept)`;
    return { what, state: 'warning', words };
  }
  if (networkFileSystems.has(type)) {
    const words = `${room}, but that is a network file system, whose locks cannot be relied on: keep the store on a local disk`;
    return { what, state: 'warning', words };
  }
  return { what, state: 'ok', words: room };
}

/** @returns the secret where it is there and sound, to compare with what others on the store use */
export async function checkSecretFile(
  folder: string,
  store: { isThere: boolean; isShared: boolean },
): Promise<{ finding: Finding; secret: Secret | null }> {
  const what = 'secret';
  const path = join(folder, 'secret');
  try {
    const secret = secretIn(path, await readFile(path, 'utf8'));
    const { mode } = await stat(path);
    if ((mode & 0o077) === 0) return { finding: { what, state: 'ok', words: path }, secret };
    const words = `${path} can be read by other accounts of this machine: chmod 600 ${path}`;
    return { finding: { what, state: 'warning', words }, secret };
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') return { finding: { what, state: 'error', words: wordsOf(error) }, secret: null };
  }
  const remedy = store.isShared
    ? 'copy it from the data folder of another process on this store'
    : 'restore it from the back-up of the store, or every dial token and panel address will be new';
  const finding: Finding = store.isThere
    ? { what, state: 'warning', words: `${path} is not there, but the store is: ${remedy}` }
    : { what, state: 'ok', words: `${path} is not there yet: the first usher serve makes it` };
  return { finding, secret: null };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null;
}
