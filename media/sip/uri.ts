/** SIP and SIPS URIs (RFC 3261 section 19.1) and the name-addr form of From, To, Contact and Route (section 20.10). */
import { isToken, splitList, trimSpace, unquote } from './message.ts';

export interface SipUri {
  scheme: 'sip' | 'sips';
  /** Decoded; empty where there is none. */
  user: string;
  /** As it was written, escapes and all. */
  rawUser: string;
  /** Lower case; IPv6 without brackets. */
  host: string;
  port: number | null;
  /** Names in lower case. */
  params: ReadonlyMap<string, string | null>;
  /** Whether it carries header fields (`?name=value`), which a Request-URI must not (RFC 3261 table 1). */
  hasHeaders: boolean;
}

/** The scheme of any absolute URI in lower case, or null where there is none. */
export function schemeOf(uri: string): string | null {
  return /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(uri)?.[1]?.toLowerCase() ?? null;
}

const userCharacters = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-Fa-f]{2})*$/;
const passwordCharacters = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,]|%[0-9A-Fa-f]{2})*$/;
const hostName = /^(?:[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?\.?$/;
const ipv6 = /^[0-9A-Fa-f:.]{2,45}$/;
const paramCharacters = /^(?:[A-Za-z0-9\-_.!~*'()[\]/:&+$]|%[0-9A-Fa-f]{2})+$/;

/** Parses a `sip:` or `sips:` URI; null where it breaks the grammar or has another scheme. */
export function parseSipUri(text: string): SipUri | null {
  const scheme = schemeOf(text);
  if ((scheme !== 'sip' && scheme !== 'sips') || text.length > 2_048) return null;
  const rest = text.slice(scheme.length + 1);
  // A user part may hold `;` and `?`, never `@`.
  const at = rest.indexOf('@');
  const userInfo = at < 0 ? '' : rest.slice(0, at);
  const colon = userInfo.indexOf(':');
  const rawUser = colon < 0 ? userInfo : userInfo.slice(0, colon);
  if (at === 0 || !userCharacters.test(rawUser)) return null;
  if (colon >= 0 && !passwordCharacters.test(userInfo.slice(colon + 1))) return null;
  const [beforeHeaders = '', headers] = rest.slice(at + 1).split('?', 2);
  const [hostPort = '', ...parts] = beforeHeaders.split(';');
  const host = parseHostPort(hostPort);
  const params = parseUriParams(parts);
  if (host === null || params === null) return null;
  return { scheme, user: decodeUser(rawUser), rawUser, ...host, params, hasHeaders: headers !== undefined };
}

/** `host[:port]`, `[ipv6][:port]`; white space around the colon is the caller's to remove. */
export function parseHostPort(text: string): { host: string; port: number | null } | null {
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([0-9]{1,5}))?$/.exec(text);
  if (parts === null) return null;
  const [, bracketed, plain, digits] = parts;
  const host = bracketed ?? plain ?? '';
  if (bracketed === undefined ? !hostName.test(host) : !ipv6.test(host)) return null;
  const port = digits === undefined ? null : Number(digits);
  if (port !== null && (port < 1 || port > 65_535)) return null;
  return { host: host.toLowerCase(), port };
}

/** An address as URIs and Via write it. */
export function hostText(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

function parseUriParams(parts: readonly string[]): Map<string, string | null> | null {
  const params = new Map<string, string | null>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    const value = equals < 0 ? null : part.slice(equals + 1);
    if (!paramCharacters.test(name) || (value !== null && !paramCharacters.test(value))) return null;
    params.set(name.toLowerCase(), value);
  }
  return params;
}

function decodeUser(raw: string): string {
  const bytes = raw.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

export interface NameAddr {
  /** Without quotes, header bytes; null where there is none. */
  display: string | null;
  uri: string;
  /** Header parameters in order; names in lower case, values as written. */
  params: ReadonlyMap<string, string | null>;
}

/** Parses one name-addr or addr-spec with its parameters; null where it breaks the grammar. */
export function parseNameAddr(value: string): NameAddr | null {
  const open = openBracket(value);
  if (open === null) return null;
  if (open < 0) {
    // Without brackets, parameters belong to the header, and `?` and `,` may not occur (section 20.10).
    const [uri = '', ...rest] = value.split(';');
    const params = parseParams(rest.join(';'));
    if (/[\s<>"?,]/.test(trimSpace(uri)) || schemeOf(trimSpace(uri)) === null || params === null) return null;
    return { display: null, uri: trimSpace(uri), params };
  }
  const close = value.indexOf('>', open);
  if (close < 0) return null;
  const uri = value.slice(open + 1, close);
  const display = parseDisplay(trimSpace(value.slice(0, open)));
  const after = trimSpace(value.slice(close + 1));
  const params =
    after === '' ? new Map<string, string | null>() : after.startsWith(';') ? parseParams(after.slice(1)) : null;
  if (display === undefined || params === null || /[\s<>"]/.test(uri) || schemeOf(uri) === null) return null;
  return { display, uri, params };
}

/** Index of the `<` outside of the quoted display name; -1 for none, null for a quote that is never closed. */
function openBracket(value: string): number | null {
  let quoted = false;
  for (let at = 0; at < value.length; at++) {
    const character = value[at];
    if (quoted && character === '\\') at++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === '<') return at;
  }
  return quoted ? null : -1;
}

function parseDisplay(text: string): string | null | undefined {
  if (text === '') return null;
  if (text.startsWith('"')) return text.length > 1 && text.endsWith('"') ? unquote(text) : undefined;
  // RFC 3261 says tokens; bytes above 127 are taken too, since video systems send their room's name so.
  return text.split(/[ \t]+/).every((word) => isToken(word) || /^[A-Za-z0-9\-.!%*_+`'~\x80-\xff]+$/.test(word))
    ? text
    : undefined;
}

/** `a=b;c;d="e"` as a map; null where a name is not a token. */
export function parseParams(text: string): Map<string, string | null> | null {
  const params = new Map<string, string | null>();
  for (const part of splitList(text, ';')) {
    const equals = part.indexOf('=');
    const name = trimSpace(equals < 0 ? part : part.slice(0, equals));
    if (!isToken(name)) return null;
    params.set(name.toLowerCase(), equals < 0 ? null : trimSpace(part.slice(equals + 1)));
  }
  return params;
}
