/** SRTP keys in SDP: a=crypto (RFC 4568), the suites that the bridge's transports speak. */
import { Buffer } from 'node:buffer';

export const suites = ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'] as const;
export type Suite = (typeof suites)[number];

export interface Crypto {
  /** What an answer refers to. */
  tag: number;
  suite: Suite;
  /** Master key and salt, 30 bytes, base64. */
  key: string;
}

/** Key and salt of AES_CM_128: 16 and 14 bytes (RFC 4568 section 6.2). */
const keyBytes = 30;

/** One a=crypto line; null where it is of a suite, or asks for something, that the bridge cannot do. */
export function readCrypto(line: {
  id: number;
  suite: string;
  config: string;
  sessionConfig?: string | undefined;
}): Crypto | null {
  const suite = suites.find((known) => known === line.suite.toUpperCase());
  if (suite === undefined) return null;
  // Session parameters (key derivation rate, UNENCRYPTED_SRTP, …) change how packets are protected: taken or refused
  // as a whole (RFC 4568 section 6.3). WSH is only a hint.
  const session = (line.sessionConfig ?? '').trim();
  if (session !== '' && !/^WSH=\d+$/.test(session)) return null;
  const [keyParameter, ...more] = line.config.trim().split(';');
  if (keyParameter === undefined || more.length > 0 || !/^inline:/i.test(keyParameter)) return null;
  const [key = '', ...rest] = keyParameter.slice('inline:'.length).split('|');
  // A master key identifier would be part of every packet; a lifetime (2^n) needs nothing of us.
  if (rest.some((part) => part.includes(':'))) return null;
  const bytes = Buffer.from(key, 'base64');
  return bytes.length === keyBytes ? { tag: line.id, suite, key: bytes.toString('base64') } : null;
}
