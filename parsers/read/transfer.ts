/** Undoes transfer encodings that a broken producer left inside a body. */
import { percentDecode } from '../links/encoding.ts';

/**
 * Quoted-printable that nobody decoded: soft line breaks (`=` at a line's end) beside `=3D`. Anything less could be a
 * link's own `=`.
 */
export function withoutQuotedPrintable(text: string): string {
  if (!/=\r?\n/.test(text) || !/=3D/i.test(text)) return text;
  const joined = text.replace(/=[ \t]{0,80}\r?\n/g, '');
  return joined.replace(/(?:=[0-9A-F]{2}){1,4096}/gi, (run) => percentDecode(run.replaceAll('=', '%')));
}
