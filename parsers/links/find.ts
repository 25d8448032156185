/** Finds links and e-mail-shaped tokens in plain text, in time linear in its length. */
import type { FoundAddress, FoundLink, LinkSource } from './link.ts';
import { unwrap } from './unwrap.ts';

/** A body with more links than this is not an invite; the rest is not looked at. */
const MAX_LINKS = 2_000;
const MAX_URL = 16_384;
/** `<https://…` that a mailer broke over lines ends at `>` within this many characters. */
const MAX_ANGLE = 4_096;

/** A link that begins with a scheme, or a bare `host.tld/…` (what is left where a renderer drops `https://`). */
const starts =
  /(?<scheme>https?:\/|msteams:|ms-teams:|sips?:|h323:)|(?<![\p{L}\p{N}_.@/:%=&#?~+-])(?:[a-z0-9][a-z0-9-]{0,62}\.){1,6}[a-z]{2,18}(?::[0-9]{1,5})?\/(?=[^\s/])/giu;

/**
 * Every link in `text`, in order, without what a sentence put around it: brackets, full stops, an escaped `\n`, the next
 * word that lost its blank.
 */
export function findLinks(text: string, source: LinkSource): FoundLink[] {
  const found: FoundLink[] = [];
  let from = 0;
  for (const match of text.matchAll(starts)) {
    const at = match.index;
    if (at < from) continue;
    if (match.groups?.['scheme'] !== undefined && isWordBefore(text, at)) continue;
    const span = spanOfLink(text, at);
    if (span === null) continue;
    from = span.end;
    found.push({ ...unwrap(span.raw), raw: span.raw, text: wordsBefore(text, at), source, at, end: span.end });
    if (found.length === MAX_LINKS) break;
  }
  return found;
}

/** `sip:` inside a word (`gossip:`) begins no link; `https:` glued to a word does. */
function isWordBefore(text: string, at: number): boolean {
  return !/^(?:https?|ms-?teams)/i.test(text.slice(at, at + 8)) && /[A-Za-z0-9_.-]/.test(text[at - 1] ?? ' ');
}

interface Span {
  raw: string;
  end: number;
}

function spanOfLink(text: string, at: number): Span | null {
  if (text[at - 1] === '<') {
    const angle = spanInAngles(text, at);
    if (angle !== null) return angle;
  }
  const end = trimEnd(text, at, endOfUrl(text, at));
  const raw = text.slice(at, end).replace(/&amp;/gi, '&');
  return raw.length < 6 || /^[a-z0-9-]{3,8}:\/{0,3}$/i.test(raw) ? null : { raw, end };
}

/** `<url>`: all of it, even where a mailer broke the line inside. */
function spanInAngles(text: string, at: number): Span | null {
  const ahead = text.slice(at, at + MAX_ANGLE);
  const close = ahead.indexOf('>');
  if (close < 0) return null;
  const inside = ahead.slice(0, close);
  if (inside.includes('<') || /[^\S\r\n][^\s]/.test(inside.replace(/[\r\n]+[^\S\r\n]*/g, ''))) return null;
  const raw = inside.replace(/\s+/g, '').replace(/&amp;/gi, '&');
  return raw.length < 6 ? null : { raw, end: at + close };
}

/** Characters that end a link in text. `{`, `}` and `"` are let through only inside a raw `context={…}`. */
const stops = /[\s<>"`\\^\u0000-\u0020\u007f-\u{10ffff}]/u;
const hostStops = /[\s<>"`\\^|{}()[\],;\u0000-\u0020\u3000-\u303f\uff00-\uffef\u2018-\u201f«»]/u;

function endOfUrl(text: string, at: number): number {
  const limit = Math.min(text.length, at + MAX_URL);
  let end = at;
  let slashes = 0;
  // The host may hold letters of any script: a homograph must be seen whole to be refused.
  const web = /^https?:/i.test(text.slice(at, at + 6));
  for (; end < limit; end++) {
    const char = text.charAt(end);
    if (char === '/') slashes++;
    const inHost = web && slashes === 2 && char !== '/';
    if (inHost && (char === '?' || char === '#')) slashes = 3;
    if ((inHost ? hostStops : stops).test(char)) break;
    if (char === '{' && /=$/.test(text.slice(end - 1, end))) {
      const close = /^[^\n<>}]{0,600}\}/.exec(text.slice(end, end + 602));
      if (close !== null) end += close[0].length - 1;
      continue;
    }
    if (end > at + 8 && beginsNext(text, at, end)) break;
  }
  return end;
}

/** A second link glued to the first: `…https://`, unless it is the value of a parameter or a wrapper's content. */
function beginsNext(text: string, at: number, end: number): boolean {
  const char = text[end];
  if (char !== 'h' && char !== 'H') return false;
  if (!/^https?:\/\/[a-z0-9]/i.test(text.slice(end, end + 9))) return false;
  const before = text.slice(Math.max(at, end - 3), end);
  return !/[=_/:(]$/.test(before) && !/%3d$/i.test(before);
}

/** Where a link ends once what belongs to the sentence, or to the next line of the join block, is taken off. */
function trimEnd(text: string, at: number, to: number): number {
  const url = text.slice(at, to);
  const context = endOfContext(url);
  if (context !== null) return at + context;
  return at + endWithoutPunctuation(withoutGluedLabel(url, text.slice(to, to + 8)));
}

/** The end of `context={…}` where something is glued to it; inside a wrapper the link goes on behind it. */
function endOfContext(url: string): number | null {
  const query = url.search(/[?&]context=/i);
  if (query < 0 || /https?:/i.test(url.slice(4))) return null;
  const close = /%7d|\}/i.exec(url.slice(query));
  if (close === null) return null;
  const end = query + close.index + close[0].length;
  return /^[&#%]/.test(url.slice(end, end + 1)) ? null : end;
}

const opening: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/** Length without full stops, quotes, and brackets that were opened before the link. */
function endWithoutPunctuation(url: string): number {
  const balance: Record<string, number> = { '(': 0, '[': 0, '{': 0 };
  for (const char of url) {
    const open = opening[char];
    if (char in balance) balance[char] = (balance[char] ?? 0) + 1;
    else if (open !== undefined) balance[open] = (balance[open] ?? 0) - 1;
  }
  let end = url.length;
  for (; end > 0; end--) {
    const char = url.charAt(end - 1);
    const open = opening[char];
    if (open !== undefined && (balance[open] ?? 0) < 0) balance[open] = (balance[open] ?? 0) + 1;
    else if (!/[.,;:!?'*|]/.test(char)) break;
  }
  return end;
}

/** The words that follow a short link in an invite, where the blank or line break between them was lost. */
const gluedLabel =
  /(?<=[?&]p=[A-Za-z0-9]{10,40})(?:Meeting|Passcode|Need|System|Help|Join|Dial|Tenant|Video|Phone|Besprechungs|Kennung|Mandant|Identyfikator|Vergadering|Adgangskode|Wachtwoord|Lejern|Benötigen|Microsoft).{0,200}$/;

/** A token may hold any letters: a label is one only where its colon or its next word follows. */
function withoutGluedLabel(url: string, behind: string): string {
  if (url.length > 400 || !/\/meet\//.test(url)) return url;
  const label = gluedLabel.exec(url);
  return label !== null && (label[0].includes(':') || /^[ \t]{1,4}\S/.test(behind)) ? url.slice(0, label.index) : url;
}

/** The words on the same line before `<url>` or `[url]`: what the link was called. */
function wordsBefore(text: string, at: number): string | null {
  if (text[at - 1] !== '<' && text[at - 1] !== '[' && text[at - 1] !== '(') return null;
  const line = text.slice(Math.max(0, at - 200), at - 1);
  const from = Math.max(line.lastIndexOf('\n'), line.lastIndexOf('>'), line.lastIndexOf('|')) + 1;
  const words = line.slice(from).trim();
  return words === '' ? null : words;
}

const userChar = /[A-Za-z0-9._%+~=-]/;
const domainChar = /[A-Za-z0-9.-]/;

/** Every `user@domain` in `text`, in order: people, tenant keys, SIP addresses. */
export function findAddresses(text: string): FoundAddress[] {
  const found = plainAddresses(text);
  const masked = maskedAddresses(text);
  return masked.length === 0 ? found : [...found, ...masked].sort((one, other) => one.at - other.at);
}

/**
 * What archives of mailing lists write for `@`: `813878896 at t.plcm.vc`, `teams(a)example.org`. Only numbers and what
 * is called teams are taken for addresses, since "at" is a word.
 */
export const archiveMask = String.raw`(?: at | ?\((?:a|at)\) ?| ?\[at\] ?)`;
const masked = new RegExp(
  String.raw`(?<![\w.@+-])(\d{4,12}|[\w-]{0,24}\.?teams)${archiveMask}((?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,18})(?![\w@-])`,
  'gi',
);

function maskedAddresses(text: string): FoundAddress[] {
  if (!/ at |\(at?\)|\[at\]/i.test(text)) return [];
  return [...text.matchAll(masked)].slice(0, MAX_LINKS).map((match) => {
    const [whole, user = '', domain = ''] = match;
    return { user, domain: domain.toLowerCase(), scheme: null, at: match.index, end: match.index + whole.length };
  });
}

function plainAddresses(text: string): FoundAddress[] {
  const found: FoundAddress[] = [];
  let from = 0;
  for (let sign = text.indexOf('@'); sign >= 0 && found.length < MAX_LINKS; sign = text.indexOf('@', sign + 1)) {
    let at = sign;
    while (at > from && sign - at < 128 && userChar.test(text.charAt(at - 1))) at--;
    let end = sign + 1;
    while (end < text.length && end - sign < 256 && domainChar.test(text.charAt(end))) end++;
    while (text[at] === '.' || text[at] === '=') at++;
    const address = addressAt(text, at, sign, end);
    if (address === null) continue;
    found.push(address);
    from = address.end;
  }
  return found;
}

function addressAt(text: string, at: number, sign: number, end: number): FoundAddress | null {
  const user = text.slice(at, sign);
  const domain = withoutGluedWord(text.slice(sign + 1, end)).replace(/[.-]+$/, '');
  if (user === '' || !/^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/.test(domain) || domain.includes('..')) return null;
  if (!/(?:\.[a-z][a-z0-9-]*|^[0-9.]+)$/i.test(domain)) return null;
  const scheme = /(sips?|h323|mailto):$/i.exec(text.slice(Math.max(0, at - 7), at))?.[1]?.toLowerCase();
  return {
    user,
    domain: domain.toLowerCase(),
    scheme: scheme === 'sip' || scheme === 'sips' || scheme === 'h323' || scheme === 'mailto' ? scheme : null,
    at,
    end: sign + 1 + domain.length,
  };
}

/** `t.plcm.vcVideo`: where a lower-case domain runs into a capital letter or a digit, the next word began. */
function withoutGluedWord(domain: string): string {
  const glued = /^([a-z0-9.-]{1,240}\.[a-z]{2,18})(?=[A-Z0-9][A-Za-z0-9-]{0,60}$)/.exec(domain);
  return glued?.[1] ?? domain;
}
