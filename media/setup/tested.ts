/** Remembers, beside the built worker, which worker and browser have been tried together. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './find.ts';

export interface Tried {
  chromium: string;
  workerBin: string;
}

/** True when exactly these files (by size and time) have made a handshake before. */
export function handshakeWasTested(tried: Tried): boolean {
  return existsSync(markFile(tried));
}

export function recordHandshake(tried: Tried): void {
  mkdirSync(cacheFolder(), { recursive: true });
  writeFileSync(markFile(tried), `${tried.workerBin}\n${tried.chromium}\n`);
}

function markFile(tried: Tried): string {
  const hash = createHash('sha256');
  for (const path of [tried.workerBin, tried.chromium]) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  }
  return join(cacheFolder(), `handshake-${hash.digest('hex').slice(0, 16)}`);
}
