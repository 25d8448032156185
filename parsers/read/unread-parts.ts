/** Parts of a mail that hold an invite in a form that is not read, each in words that name what would help. */
import type { MimePart } from './mime.ts';

const tnef =
  'winmail.dat: Outlook rich text (TNEF), which is not read; have the sender use HTML mail, or switch TNEF off for us ' +
  "in the sender's Exchange (Set-RemoteDomain -TNEFEnabled $false)";
const encrypted = 'encrypted mail (S/MIME), which is not read; have the invitation sent without encryption';
const opaqueSigned =
  'mail signed in the opaque form of S/MIME, which is not read; have the sender choose clear-text signing, or no signature';
const pgp = 'encrypted mail (PGP), which is not read; have the invitation sent without encryption';
const msg = 'an Outlook .msg file, which is not read; save it as .ics or .eml, or forward the invitation itself';

/** One line for each kind of part that may hold an invite and cannot be read, in order. */
export function unreadParts(parts: readonly MimePart[]): string[] {
  return [...new Set(parts.flatMap((part) => whyUnread(part) ?? []))];
}

function whyUnread({ type, params, fileName }: MimePart): string | null {
  const name = fileName.trim().toLowerCase();
  // [MS-OXTNEF]; some gateways lose the type and keep the name.
  if (type === 'application/ms-tnef' || type === 'application/vnd.ms-tnef' || name === 'winmail.dat') return tnef;
  // RFC 8551 section 3.2.2; a detached signature beside readable parts has another type.
  if (type === 'application/pkcs7-mime' || type === 'application/x-pkcs7-mime' || name === 'smime.p7m') {
    return params.get('smime-type')?.toLowerCase() === 'signed-data' ? opaqueSigned : encrypted;
  }
  // RFC 3156 section 4: a control part, then the encrypted message itself.
  if (type === 'application/pgp-encrypted') return pgp;
  return type === 'application/vnd.ms-outlook' || name.endsWith('.msg') ? msg : null;
}
