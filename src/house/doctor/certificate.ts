/** A key and a certificate (PEM): whether they belong together, are valid now and for a while yet, and name who uses them. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { type Finding, wordsOf } from './finding.ts';

const day = 24 * 60 * 60_000;
/** Time enough to get another one. */
const soon = 30 * day;

export interface WantedCertificate {
  /** `SIP/TLS certificate`. */
  what: string;
  /** Where the configuration says it: `sip.tls`. */
  setting: string;
  /** PEM: the certificate, then those of the authorities that signed it. */
  certificate: string;
  key: string;
  /** Host name or address that it should be for; null where nobody compares. */
  host: string | null;
}

/** @param now milliseconds since 1970 */
export function checkCertificate({ what, setting, certificate, key, host }: WantedCertificate, now: number): Finding {
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(certificate);
  } catch (error) {
    return {
      what,
      state: 'error',
      words: `cannot be read (${wordsOf(error)}): give ${setting} the certificate as PEM`,
    };
  }
  let own: KeyObject;
  try {
    own = createPrivateKey(key);
  } catch (error) {
    const words = `its private key cannot be read (${wordsOf(error)}): give ${setting} an unencrypted key as PEM`;
    return { what, state: 'error', words };
  }
  if (!leaf.checkPrivateKey(own)) {
    const words = `key and certificate do not belong together: give ${setting} both of the same pair, and the own certificate before those of its authorities`;
    return { what, state: 'error', words };
  }
  const from = leaf.validFromDate.getTime();
  const to = leaf.validToDate.getTime();
  if (now >= to) return { what, state: 'error', words: `expired on ${date(to)}: renew it` };
  if (now < from)
    return { what, state: 'error', words: `is valid from ${date(from)} only: wait, or set this machine's clock right` };
  if (to - now < soon) {
    const days = Math.floor((to - now) / day);
    return { what, state: 'warning', words: `expires on ${date(to)}, in ${days} days: renew it, and restart Usher` };
  }
  if (host !== null && (isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host)) === undefined) {
    const words = `is not for ${host}, which is where it is used: whoever checks it refuses; get one that names it`;
    return { what, state: 'warning', words };
  }
  return { what, state: 'ok', words: `valid until ${date(to)}` };
}

function date(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
