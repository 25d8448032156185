/**
 * Takes security gateways' and redirectors' wrapping off links, by decoding alone. Only wrappers whose form is known are
 * opened: an unknown site that carries a URL in its query is a redirector and stays closed.
 */
import { percentDecode } from './encoding.ts';
import { hostIs, imitation, isMeetingHost } from './host.ts';
import type { Refusal, Unwrapped } from './link.ts';
import { openWrapper } from './wrappers.ts';

/** Gateways in series are real, endless nesting is an attack. */
const MAX_DEPTH = 8;
/** Longer than any link that a gateway writes. */
const MAX_LENGTH = 65_536;

/**
 * What `raw` points at once its wrappers are off. Never throws: what is no URL comes back as it stands with
 * `bad-escape`.
 */
export function unwrap(raw: string): Unwrapped {
  const wrappers: string[] = [];
  let url = parseLink(raw);
  if (url === null) return { url: raw, wrappers, opaque: null, opaqueDomain: null, refused: 'bad-escape' };
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (url.protocol === 'msteams:' || url.protocol === 'ms-teams:') {
      const deep = teamsDeepLink(url);
      if (deep === null) return done(url, wrappers, 'bad-escape');
      wrappers.push('msteams');
      url = deep;
      continue;
    }
    if (hasUserinfo(url)) return done(url, wrappers, 'userinfo');
    const opened = openWrapper(url);
    if (opened === null) return done(url, wrappers, refusalOf(url));
    if ('opaque' in opened) {
      return { url: url.href, wrappers, opaque: opened.wrapper, opaqueDomain: opened.opaque, refused: null };
    }
    const inner = parseLink(opened.target);
    if (inner === null) return done(url, wrappers, 'bad-escape');
    wrappers.push(opened.wrapper);
    url = inner;
  }
  return done(url, wrappers, 'redirector');
}

function done(url: URL, wrappers: readonly string[], refused: Refusal | null): Unwrapped {
  return { url: url.href, wrappers, opaque: null, opaqueDomain: null, refused };
}

const schemes = new Set(['http:', 'https:', 'msteams:', 'ms-teams:', 'sip:', 'sips:', 'h323:', 'mailto:']);

/** A URL of a scheme that an invite may use, or `null`. A missing scheme is taken as https. */
function parseLink(raw: string): URL | null {
  if (raw.length > MAX_LENGTH) return null;
  const text = raw.trim();
  const scheme = /^([a-z][a-z0-9+-]{1,9}):/i.exec(text)?.[1]?.toLowerCase();
  const written = scheme === undefined || (!schemes.has(`${scheme}:`) && text.includes('/')) ? `https://${text}` : text;
  try {
    const url = new URL(written);
    if (!schemes.has(url.protocol)) return null;
    if (
      (url.protocol === 'http:' || url.protocol === 'https:') &&
      !/[.:]/.test(url.hostname) &&
      url.hostname !== 'localhost'
    ) {
      return null;
    }
    return url;
  } catch {
    return null;
  }
}

function isWeb(url: URL): boolean {
  return url.protocol === 'http:' || url.protocol === 'https:';
}

function hasUserinfo(url: URL): boolean {
  return isWeb(url) && (url.username !== '' || url.password !== '');
}

/** `msteams://host/…`, `msteams:host/…`, `msteams:/l/…` and `msteams:///…` as the https link that they open. */
function teamsDeepLink(url: URL): URL | null {
  const rest = url.href.slice(url.protocol.length).replace(/^\/{1,4}/, '');
  const first = rest.split(/[/?#]/, 1)[0] ?? '';
  return parseLink(
    first.includes('.') && !first.includes('%') ? `https://${rest}` : `https://teams.microsoft.com/${rest}`,
  );
}

function refusalOf(url: URL): Refusal | null {
  if (!isWeb(url)) return null;
  const fake = imitation(url.hostname);
  if (fake !== null) return fake;
  return !isMeetingHost(url.hostname) && !hostIs(url.hostname, 'microsoft.com') && forwardsToMeeting(url)
    ? 'redirector'
    : null;
}

/** Whether the query or path of a foreign site holds a whole URL of a meeting service. */
function forwardsToMeeting(url: URL): boolean {
  const rest = percentDecode(url.pathname + url.search + url.hash);
  for (const found of rest.matchAll(/https?:\/{1,2}([a-z0-9.-]{1,255})/gi)) {
    if (isMeetingHost(found[1] ?? '')) return true;
  }
  return false;
}
