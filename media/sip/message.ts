/**
 * SIP messages as structures (RFC 3261 section 7): parsed once when they come in, written once when they go out.
 *
 * Header text is held byte for byte (latin1): what a peer sent is what it gets back, whatever its encoding. Use
 * `textOf` where a human is going to read it and `bytesOf` where a human wrote it.
 */

export interface HeaderField {
  /** Canonical name where it is one we know (compact forms are expanded), else as it was sent. */
  name: string;
  /** Unfolded, without surrounding white space. */
  value: string;
}

export interface SipRequest {
  kind: 'request';
  method: string;
  /** Request-URI as it was sent. */
  uri: string;
  headers: HeaderField[];
  body: Buffer;
}

export interface SipResponse {
  kind: 'response';
  status: number;
  reason: string;
  headers: HeaderField[];
  body: Buffer;
}

export type SipMessage = SipRequest | SipResponse;

/** What is wrong with a message, and the status that says so. */
export interface Malformed {
  status: 400 | 505 | 513;
  /** Reason phrase that names the part. */
  text: string;
}

export interface Parsed {
  message: SipMessage;
  /** Null: well formed as far as framing goes. Otherwise the message is what could be read, enough to answer it. */
  malformed: Malformed | null;
}

/** More header fields than any real message has. */
const maximumHeaderFields = 512;

/** RFC 3261 section 7.3.3, RFC 3515, RFC 3841, RFC 3892, RFC 4028, RFC 6665, RFC 8224. */
const compactForms: Readonly<Record<string, string>> = {
  a: 'Accept-Contact',
  b: 'Referred-By',
  c: 'Content-Type',
  d: 'Request-Disposition',
  e: 'Content-Encoding',
  f: 'From',
  i: 'Call-ID',
  j: 'Reject-Contact',
  k: 'Supported',
  l: 'Content-Length',
  m: 'Contact',
  o: 'Event',
  r: 'Refer-To',
  s: 'Subject',
  t: 'To',
  u: 'Allow-Events',
  v: 'Via',
  x: 'Session-Expires',
  y: 'Identity',
};

const knownNames = [
  ...Object.values(compactForms),
  'Accept',
  'Accept-Encoding',
  'Allow',
  'Content-Disposition',
  'CSeq',
  'Max-Forwards',
  'P-Asserted-Identity',
  'Proxy-Require',
  'Reason',
  'Record-Route',
  'Require',
  'Retry-After',
  'Route',
  'Server',
  'Unsupported',
  'User-Agent',
];
const canonicalNames = new Map(knownNames.map((name) => [name.toLowerCase(), name]));

const token = /^[A-Za-z0-9\-.!%*_+`'~]+$/;
/** A line end inside of a line: echoed to a lenient peer it would begin a header field of the sender's making. */
const strayLineEnd = /[\r\n]/;

/** Whether `text` is an RFC 3261 `token`. */
export function isToken(text: string): boolean {
  return token.test(text);
}

export function canonicalName(name: string): string {
  const lower = name.toLowerCase();
  return compactForms[lower] ?? canonicalNames.get(lower) ?? name;
}

/**
 * Without spaces and tabs at both ends. `String.trim` also takes U+00A0, which here is a byte of a UTF-8 character.
 */
export function trimSpace(text: string): string {
  const isSpace = (at: number): boolean => text[at] === ' ' || text[at] === '\t';
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(start)) start++;
  while (end > start && isSpace(end - 1)) end--;
  return text.slice(start, end);
}

/** Header bytes as text for people. */
export function textOf(value: string): string {
  return Buffer.from(value, 'latin1').toString('utf8');
}

/** Text by people as header bytes. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/**
 * Parses one whole message: a datagram (`stream` false) or what the framer cut from a stream (`stream` true).
 * Null: nothing that could be answered or used, to be dropped.
 */
export function parseMessage(data: Buffer, stream: boolean): Parsed | null {
  const start = startOf(data);
  const end = data.indexOf('\r\n\r\n', start, 'latin1');
  const headEnd = end < 0 ? data.length : end;
  const lines = data.toString('latin1', start, headEnd).split('\r\n');
  const first = lines[0] ?? '';
  const message = first.startsWith('SIP/') ? parseStatusLine(first) : parseRequestLine(first);
  if (message === null) return null;
  let malformed = end < 0 ? bad('Header Section Not Terminated') : message.malformed;
  const fields = parseFields(lines);
  malformed ??= fields.malformed;
  message.message.headers = fields.headers;
  const available = end < 0 ? data.subarray(data.length) : data.subarray(end + 4);
  const body = cutBody(available, fields.headers, stream);
  message.message.body = body.body;
  malformed ??= body.malformed;
  return { message: message.message, malformed };
}

/** RFC 3261 section 7.5: empty lines before the start line are to be ignored. */
function startOf(data: Buffer): number {
  let start = 0;
  while (data[start] === 0x0d && data[start + 1] === 0x0a) start += 2;
  return start;
}

function bad(text: string): Malformed {
  return { status: 400, text };
}

function parseStatusLine(line: string): Parsed | null {
  const parts = /^SIP\/2\.0 ([1-6][0-9]{2}) (.*)$/i.exec(line);
  if (parts === null || strayLineEnd.test(line)) return null;
  const [, status = '', reason = ''] = parts;
  return {
    message: { kind: 'response', status: Number(status), reason, headers: [], body: Buffer.alloc(0) },
    malformed: null,
  };
}

/** `Method SP Request-URI SP SIP-Version`, single spaces (RFC 3261 section 7.1). */
function parseRequestLine(line: string): Parsed | null {
  const firstSpace = line.indexOf(' ');
  const lastSpace = line.trimEnd().lastIndexOf(' ');
  if (firstSpace <= 0 || lastSpace <= firstSpace) return null;
  const method = line.slice(0, firstSpace);
  const version = line.slice(lastSpace + 1).trimEnd();
  const uri = line.slice(firstSpace + 1, lastSpace);
  if (!isToken(method) || !/^SIP\/[0-9]+\.[0-9]+$/i.test(version)) return null;
  let malformed: Malformed | null = null;
  if (version.toUpperCase() !== 'SIP/2.0') malformed = { status: 505, text: 'Version Not Supported' };
  else if (line !== line.trimEnd() || /[\s<>"]/.test(uri) || strayLineEnd.test(uri))
    malformed = bad('Bad Request Line');
  return { message: { kind: 'request', method, uri: trimSpace(uri), headers: [], body: Buffer.alloc(0) }, malformed };
}

function parseFields(lines: readonly string[]): { headers: HeaderField[]; malformed: Malformed | null } {
  const headers: HeaderField[] = [];
  let malformed: Malformed | null = null;
  for (let at = 1; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (line === '') continue;
    const last = headers.at(-1);
    if (line[0] === ' ' || line[0] === '\t') {
      // RFC 3261 section 7.3.1: a line that begins with white space goes on with the one before it.
      if (last === undefined) malformed ??= bad('Bad Header Folding');
      else last.value = trimSpace(`${last.value} ${trimSpace(line)}`);
      if (strayLineEnd.test(line)) malformed ??= bad('Bad Header Field');
      continue;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).trimEnd();
    if (colon < 1 || !isToken(name) || strayLineEnd.test(line)) {
      malformed ??= bad('Bad Header Field');
      continue;
    }
    if (headers.length === maximumHeaderFields)
      return { headers, malformed: malformed ?? bad('Too Many Header Fields') };
    headers.push({ name: canonicalName(name), value: trimSpace(line.slice(colon + 1)) });
  }
  return { headers, malformed };
}

/**
 * RFC 3261 section 18.3: a datagram's body ends where Content-Length says, or with the datagram; a stream's messages
 * must say.
 */
function cutBody(
  available: Buffer,
  headers: readonly HeaderField[],
  stream: boolean,
): { body: Buffer; malformed: Malformed | null } {
  const lengths = headers.filter((field) => field.name === 'Content-Length').map((field) => field.value);
  const [length] = lengths;
  if (length === undefined) return { body: available, malformed: stream ? bad('Missing Content-Length') : null };
  if (lengths.length > 1) return { body: available, malformed: bad('Multiple Content-Length') };
  if (!/^[0-9]{1,9}$/.test(length)) return { body: available, malformed: bad('Bad Content-Length') };
  const bytes = Number(length);
  if (bytes > available.length) return { body: available, malformed: bad('Content-Length Mismatch') };
  return { body: available.subarray(0, bytes), malformed: null };
}

/** The first value of a header field, null where there is none. `name` is canonical. */
export function header(message: SipMessage, name: string): string | null {
  return message.headers.find((field) => field.name === name)?.value ?? null;
}

/** Every header field of that name, as sent. */
export function headerFields(message: SipMessage, name: string): string[] {
  return message.headers.filter((field) => field.name === name).map((field) => field.value);
}

/** The values of a header whose grammar is a comma-separated list, over all its fields. */
export function headerList(message: SipMessage, name: string): string[] {
  return headerFields(message, name).flatMap((value) => splitList(value, ','));
}

/** Splits on `separator` where it stands outside of quoted strings and angle brackets; empty elements are dropped. */
export function splitList(value: string, separator: ',' | ';'): string[] {
  const elements: string[] = [];
  let quoted = false;
  let bracketed = false;
  let from = 0;
  for (let at = 0; at < value.length; at++) {
    const character = value[at];
    if (quoted) {
      if (character === '\\') at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '<') bracketed = true;
    else if (character === '>') bracketed = false;
    else if (character === separator && !bracketed) {
      elements.push(trimSpace(value.slice(from, at)));
      from = at + 1;
    }
  }
  elements.push(trimSpace(value.slice(from)));
  return elements.filter((element) => element !== '');
}

/** Takes the quotes and backslashes off a quoted string; anything else comes back as it is. */
export function unquote(value: string): string {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value;
  return value.slice(1, -1).replace(/\\(.)/g, '$1');
}

export function quote(value: string): string {
  return `"${value.replace(/[\r\n]+/g, ' ').replace(/["\\]/g, '\\$&')}"`;
}

/** Writes a message. Content-Length is always the body's own, in bytes, and comes last. */
export function serialiseMessage(message: SipMessage): Buffer {
  const first =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0`
      : `SIP/2.0 ${message.status} ${message.reason}`;
  const fields = message.headers.filter((field) => field.name !== 'Content-Length');
  const head = [
    first,
    ...fields.map((field) => `${field.name}: ${field.value}`),
    `Content-Length: ${message.body.length}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), message.body]);
}
