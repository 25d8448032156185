/**
 * Everything unguessable comes from one secret file: dial tokens, entry ids, the secrets in panel addresses. So nothing
 * of it has to be stored, and all of it stays the same over restarts and edits.
 */
import { createHmac, createSecretKey, type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

export class Secret {
  /** Made once: making it for each use takes longer than the HMAC itself. */
  readonly #key: KeyObject;

  constructor(key: Buffer) {
    this.#key = createSecretKey(key);
  }

  /** The SIP user part of a join entry: good for one room, one meeting, one occurrence. */
  dialToken(roomId: string, uid: string, occurrence: string | null): string {
    return this.#derive('dial', roomId, uid, occurrence ?? '');
  }

  /** Names an entry on devices. Not the dial token, since devices show ids to people who may not dial. */
  entryId(roomId: string, uid: string, occurrence: string | null): string {
    return `usher-${this.#derive('entry', roomId, uid, occurrence ?? '')}`;
  }

  /** The part of a room's addresses that keeps strangers out; a new `generation` makes the old ones invalid. */
  roomSecret(roomId: string, generation: number): string {
    return this.#derive('room', roomId, String(generation));
  }

  /** The part of the status pages' addresses. */
  adminSecret(): string {
    return this.#derive('admin');
  }

  /** What change notifications prove themselves by. */
  notificationSecret(): string {
    return this.#derive('notifications');
  }

  /** The part of the address that a device posts its feedback to. */
  feedbackKey(deviceId: string): string {
    return this.#derive('feedback', deviceId);
  }

  /** 26 base32 characters: 130 bits of HMAC-SHA-256 over the parts, each with its length so that none runs into the next. */
  #derive(...parts: readonly string[]): string {
    const hmac = createHmac('sha256', this.#key);
    for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:${part}`);
    let text = '';
    let bits = 0;
    let value = 0;
    for (const byte of hmac.digest()) {
      value = ((value << 8) | byte) & 0xfff;
      bits += 8;
      while (bits >= 5 && text.length < 26) {
        bits -= 5;
        text += alphabet[(value >> bits) & 31];
      }
    }
    return text;
  }
}

/**
 * Reads `secret` in the data folder, or makes it on the first run (32 random bytes as hex, readable by the owner alone).
 * @throws Error that says what to do when the file is there but damaged
 */
export async function loadSecret(dataFolder: string): Promise<Secret> {
  const path = join(dataFolder, 'secret');
  await mkdir(dataFolder, { recursive: true });
  if (!existsSync(path)) await makeSecret(path);
  return secretIn(path, await readFile(path, 'utf8'));
}

/** @throws Error that says what to do where `text` is no secret; `path` is where it was found */
export function secretIn(path: string, text: string): Secret {
  const hex = text.trim();
  if (!/^[0-9a-f]{64,}$/.test(hex)) {
    throw new Error(
      `${path} does not hold a secret (64 hexadecimal digits). Restore it from a back-up; or delete it, and every dial token and panel address will be new.`,
    );
  }
  return new Secret(Buffer.from(hex, 'hex'));
}

/** The file is there whole or not at all, also where Usher is killed meanwhile or two start at once: the first one's counts. */
async function makeSecret(path: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${randomBytes(32).toString('hex')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    // Some file systems know no hard links; there the window between two that start at once is accepted.
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'EOPNOTSUPP' || code === 'ENOSYS') await rename(draft, path);
    else if (code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
}
