/**
 * MIME (RFC 2045–2047) as a flat list of leaf parts, in time linear in the mail's size. The mail libraries at hand cost
 * minutes on mail that is made of line breaks, and decode calendar parts before we can see their byte-order mark.
 */
import { decodeWords } from 'postal-mime';
import { decodeAs, decodeText, unicodeMark } from './charset.ts';

/** Header fields by lower-case name, unfolded, the first of each. Characters are bytes. */
export type Headers = ReadonlyMap<string, string>;

export interface MimePart {
  /** Lower case, `text/html`. */
  type: string;
  /** Of the Content-Type, by lower-case name. */
  params: ReadonlyMap<string, string>;
  /** Lower case, `attachment` or `inline`; empty where there is none. */
  disposition: string;
  fileName: string;
  /** Transfer encoding undone. */
  bytes: Buffer;
  /** How many message/rfc822 parts this one stands in. */
  forwarded: number;
}

const MAX_PARTS = 500;
const MAX_DEPTH = 20;
const MAX_HEADERS = 256 * 1024;
const MAX_FIELD = 16 * 1024;

/** Headers and leaf parts, in order. Never throws: broken structure gives fewer parts. */
export function parseMime(bytes: Uint8Array): { headers: Headers; parts: MimePart[] } {
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString('latin1')
    .replace(/^(?:\ufeff|ï»¿)?\s{0,100}/, '');
  const parts: MimePart[] = [];
  return { headers: walk(raw, 0, 0, parts), parts };
}

function walk(raw: string, depth: number, forwarded: number, parts: MimePart[]): Headers {
  const { headers, body } = splitHeaders(raw);
  const { value: type, params } = structured(headers.get('content-type') ?? 'text/plain');
  const disposition = structured(headers.get('content-disposition') ?? '');
  if (parts.length >= MAX_PARTS) return headers;
  if (type.startsWith('multipart/') && depth < MAX_DEPTH) {
    for (const part of splitParts(body, params.get('boundary'))) walk(part, depth + 1, forwarded, parts);
    return headers;
  }
  const content = transferDecoded(body, headers.get('content-transfer-encoding') ?? '');
  if (type === 'message/rfc822' && depth < MAX_DEPTH) {
    walk(content.toString('latin1'), depth + 1, forwarded + 1, parts);
    return headers;
  }
  const fileName =
    disposition.params.get('filename') ?? disposition.params.get('filename*') ?? params.get('name') ?? '';
  parts.push({ type, params, disposition: disposition.value, fileName, bytes: content, forwarded });
  return headers;
}

function splitHeaders(raw: string): { headers: Headers; body: string } {
  const end = /\r?\n[ \t]{0,80}\r?\n/.exec(raw.slice(0, MAX_HEADERS));
  // A part may begin with its body: an empty line where its headers would stand.
  if (/^\r?\n/.test(raw)) return { headers: new Map(), body: raw.replace(/^\r?\n/, '') };
  const head = end === null ? raw.slice(0, MAX_HEADERS) : raw.slice(0, end.index);
  const headers = new Map<string, string>();
  for (const line of head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
    if (name !== '' && name.length < 80 && !headers.has(name))
      headers.set(name, line.slice(colon + 1, colon + 1 + MAX_FIELD).trim());
  }
  return { headers, body: end === null ? '' : raw.slice(end.index + end[0].length) };
}

/** `text/html; charset="utf-8"` (RFC 2045 section 5.1). */
function structured(field: string): { value: string; params: ReadonlyMap<string, string> } {
  const params = new Map<string, string>();
  for (const match of field.matchAll(
    /;\s{0,20}([a-z0-9*-]{1,60})\s{0,20}=\s{0,20}(?:"([^"]{0,2000})"|([^;"\s]{0,2000}))/gi,
  )) {
    const name = (match[1] ?? '').toLowerCase().replace(/\*0?\*?$/, '');
    if (!params.has(name)) params.set(name, match[2] ?? match[3] ?? '');
  }
  return { value: (field.split(';', 1)[0] ?? '').trim().toLowerCase(), params };
}

/** The bodies between boundary lines; a mail whose boundary is unknown uses the first line that looks like one. */
function splitParts(body: string, boundary: string | undefined): string[] {
  const named = boundary === undefined || boundary === '' ? null : `--${boundary}`;
  const delimiter =
    named !== null && body.includes(named)
      ? named
      : /^--[^\s-][^\r\n]{0,200}?(?=\r?$)/m.exec(body.slice(0, 65_536))?.[0];
  if (delimiter === undefined) return [body];
  const found: string[] = [];
  let from = -1;
  for (let at = body.indexOf(delimiter); at >= 0; at = body.indexOf(delimiter, at + delimiter.length)) {
    if (at > 0 && body[at - 1] !== '\n') continue;
    const rest = body.slice(at + delimiter.length, at + delimiter.length + 4);
    // A longer boundary that begins with this one belongs to a part inside.
    if (!/^(?:--)?[ \t\r\n]|^(?:--)?$/.test(rest)) continue;
    if (from >= 0) found.push(body.slice(from, at).replace(/\r?\n$/, ''));
    if (rest.startsWith('--')) return found;
    const line = body.indexOf('\n', at);
    if (line < 0 || found.length >= MAX_PARTS) return found;
    from = line + 1;
  }
  if (from >= 0) found.push(body.slice(from));
  return found;
}

function transferDecoded(body: string, encoding: string): Buffer {
  if (/base64/i.test(encoding)) return Buffer.from(body.replace(/[^A-Za-z0-9+/=_-]+/g, ''), 'base64');
  if (/quoted-printable/i.test(encoding)) return Buffer.from(quotedPrintable(body), 'latin1');
  return Buffer.from(body, 'latin1');
}

/** RFC 2045 section 6.7; an `=` that begins no escape stays. */
function quotedPrintable(body: string): string {
  return body
    .replace(/=[ \t]{0,80}\r?\n/g, '')
    .replace(/=([0-9A-F]{2})/gi, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** A text part as text: its byte-order mark wins over its declared charset, and that over a guess. */
export function textOfPart(part: MimePart): string {
  const charset = part.params.get('charset')?.toLowerCase() ?? '';
  const mark = unicodeMark(part.bytes);
  if (mark !== null || charset === '' || charset === 'utf-8' || charset === 'us-ascii') return decodeText(part.bytes);
  return decodeAs(part.bytes, charset);
}

/** An unstructured header field: encoded words (RFC 2047) and raw UTF-8 (RFC 6532). */
export function headerText(headers: Headers, name: string): string {
  const field = headers.get(name) ?? '';
  return decodeWords(decodeText(Buffer.from(field, 'latin1'))).trim();
}
