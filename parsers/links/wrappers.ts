/** The wrappers that we know, one function each: which hosts they use and where they keep the target. */
import { base64Decode, percentDecode } from './encoding.ts';
import { hostIs } from './host.ts';

/** The target of a wrapper, or for one that hides it the domain that it gives away. */
export type Opened = { wrapper: string; target: string } | { wrapper: string; opaque: string | null };

type Wrapper = (url: URL) => Opened | null;

/** What a known wrapper holds; `null` where `url` is none. The target is not checked: it may be anything. */
export function openWrapper(url: URL): Opened | null {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return null;
  for (const wrapper of wrappers) {
    const opened = wrapper(url);
    if (opened !== null) return opened;
  }
  return null;
}

/** The value of a query parameter as written, up to the next `&`. */
function rawParameter(url: URL, name: string): string | null {
  // A wrapped link that was pasted unencoded can carry its own `#`; the wrapper itself has no use for a fragment.
  const query = url.search + url.hash;
  for (const pair of query.slice(1).split('&', 100)) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).replace(/^amp;/i, '').toLowerCase() === name) return pair.slice(equals + 1);
  }
  return null;
}

/**
 * A URL in a parameter. Gateways encode it once; some write it unencoded, and some encode only part of it. Unencoded is
 * what begins with a scheme and has a query of its own with a plain `=`, or no escape of a delimiter at all.
 */
export function decodeTarget(value: string): string {
  if (!/^(?:https?|msteams|ms-teams):\//i.test(value)) return percentDecode(value);
  if (/\?[^=%&?]{1,200}=/.test(value)) return value;
  return /%(?:25|3f|3d|26|23|2f)/i.test(value) ? percentDecode(value) : value;
}

function fromParameter(wrapper: string, url: URL, name: string): Opened | null {
  const value = rawParameter(url, name);
  return value === null || value === '' ? null : { wrapper, target: decodeTarget(value) };
}

const safeLinksHosts = [
  'safelinks.protection.outlook.com',
  'safelinks.protection.office365.us',
  'safelinks.protection.partner.outlook.cn',
  'safelinks.protection.outlook.cn',
];

/** Hosts of the page that Teams shows before it opens a Safe Link. */
const interstitialHosts = ['cdn.office.net', 'onecdn.static.microsoft', 'cdn.live.net'];

function safeLinks(url: URL): Opened | null {
  const interstitial =
    interstitialHosts.some((domain) => hostIs(url.hostname, domain)) && /safelinks/i.test(url.pathname);
  if (!interstitial && !safeLinksHosts.some((domain) => hostIs(url.hostname, domain))) return null;
  return fromParameter('safelinks', url, 'url');
}

function proofpoint(url: URL): Opened | null {
  if (
    !['urldefense.proofpoint.com', 'urldefense.com', 'urldefense.us'].some((domain) => hostIs(url.hostname, domain))
  ) {
    return null;
  }
  if (url.pathname.startsWith('/v1/')) return fromParameter('proofpoint', url, 'u');
  if (url.pathname.startsWith('/v2/')) {
    const value = rawParameter(url, 'u');
    return value === null
      ? null
      : { wrapper: 'proofpoint', target: percentDecode(value.replaceAll('-', '%').replaceAll('_', '/')) };
  }
  return url.pathname.startsWith('/v3/') ? proofpointV3(url) : null;
}

const runLengths = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** `/v3/__<url>__;<base64 of the characters replaced>!!…`: `*` stands for one of them, `**X` for a run. */
function proofpointV3(url: URL): Opened | null {
  const text = url.pathname + url.search + url.hash;
  const start = text.indexOf('/v3/__');
  const end = text.indexOf('__;', start + 6);
  if (start < 0 || end < 0) return null;
  const bang = text.indexOf('!', end);
  const token = text.slice(end + 3, bang < 0 ? text.length : bang);
  const replaced = [...(base64Decode(token) ?? '')];
  let next = 0;
  const target = text.slice(start + 6, end).replace(/\*(?:\*(.))?/g, (_all, run: string | undefined) => {
    const count = run === undefined ? 1 : Math.max(0, runLengths.indexOf(run)) + 2;
    const piece = replaced.slice(next, next + count).join('');
    next += count;
    return piece;
  });
  return { wrapper: 'proofpoint', target: /^https?%3a/i.test(target) ? percentDecode(target) : target };
}

function barracuda(url: URL): Opened | null {
  return hostIs(url.hostname, 'linkprotect.cudasvc.com') ? fromParameter('barracuda', url, 'a') : null;
}

/** `/<token>/<url>`, and a token alone, which hides its target. */
function cisco(url: URL): Opened | null {
  if (!hostIs(url.hostname, 'secure-web.cisco.com')) return null;
  const path = url.pathname + url.search + url.hash;
  const slash = path.indexOf('/', 1);
  const rest = slash < 0 ? '' : path.slice(slash + 1);
  return rest === '' ? { wrapper: 'cisco', opaque: null } : { wrapper: 'cisco', target: decodeTarget(rest) };
}

function trendMicro(url: URL): Opened | null {
  const known = hostIs(url.hostname, 'trendmicro.com') && /-(?:ctp|urlprotect)\.trendmicro\.com$/i.test(url.hostname);
  return known ? fromParameter('trend micro', url, 'url') : null;
}

/** `/v2/___<url>___.<token>`, at times with one slash of the URL lost; newer forms shift the letters and are opaque. */
function checkPoint(url: URL): Opened | null {
  if (!hostIs(url.hostname, 'protect.checkpoint.com') && !hostIs(url.hostname, 'url.avanan.click')) return null;
  const text = url.pathname + url.search + url.hash;
  const start = text.indexOf('___');
  const end = text.lastIndexOf('___');
  if (start < 0 || end <= start) return null;
  const target = text.slice(start + 3, end);
  return /^https?(?::|%3a)/i.test(target)
    ? { wrapper: 'check point', target: decodeTarget(target) }
    : { wrapper: 'check point', opaque: null };
}

function google(url: URL): Opened | null {
  const known =
    /^(?:www\.)?google\.(?:com|[a-z]{2}|co\.[a-z]{2}|com\.[a-z]{2})$/.test(url.hostname) && url.pathname === '/url';
  return known ? (fromParameter('google', url, 'q') ?? fromParameter('google', url, 'url')) : null;
}

function sophos(url: URL): Opened | null {
  if (!hostIs(url.hostname, 'protection.sophos.com')) return null;
  const value = rawParameter(url, 'u');
  const target = value === null ? null : base64Decode(percentDecode(value));
  return target === null ? { wrapper: 'sophos', opaque: rawParameter(url, 'd') } : { wrapper: 'sophos', target };
}

function mimecast(url: URL): Opened | null {
  if (!hostIs(url.hostname, 'mimecast.com') && !hostIs(url.hostname, 'mimecastprotect.com')) return null;
  if (!url.pathname.startsWith('/s/') && !url.pathname.startsWith('/r/')) return null;
  const domain = rawParameter(url, 'domain');
  return { wrapper: 'mimecast', opaque: domain === null ? null : percentDecode(domain).toLowerCase() };
}

/**
 * Gateways, and mailers' own pages in front of a link, that keep the target percent-encoded in one parameter and have
 * nothing else to say. `path` is what tells the wrapper from other pages of its host.
 */
const plainWrappers: readonly { wrapper: string; hosts: RegExp; path?: RegExp; parameter: string }[] = [
  { wrapper: 'symantec', hosts: /(?:^|\.)clicktime\.symantec\.com$/, parameter: 'u' },
  { wrapper: 'trellix', hosts: /(?:^|\.)protect\d{0,2}\.(?:fireeye|trellix)\.com$/, parameter: 'u' },
  { wrapper: 'check point', hosts: /(?:^|\.)avanan\.url-protection\.com$/, parameter: 'o' },
  { wrapper: 'edgepilot', hosts: /^link\.edgepilot\.com$/, path: /^\/s\//, parameter: 'u' },
  { wrapper: 'trustwave', hosts: /^scanmail\.trustwave\.com$/, parameter: 'u' },
  { wrapper: 'titanhq', hosts: /^linklock\.titanhq\.com$/, path: /^\/analyse/, parameter: 'url' },
  { wrapper: 'vade', hosts: /(?:^|\.)antiphishing\.vadesecure\.com$/, parameter: 'u' },
  { wrapper: 'libraesva', hosts: /^urlsand\.esvalabs\.com$/, parameter: 'u' },
  {
    wrapper: 'dereferrer',
    hosts: /^deref-(?:gmx\.(?:net|com|at|ch)|web\.de|mail\.com)$/,
    path: /dereferrer/,
    parameter: 'redirecturl',
  },
  { wrapper: 'slack', hosts: /^slack-redir\.net$/, path: /^\/link$/, parameter: 'url' },
];

function inParameter(url: URL): Opened | null {
  const one = plainWrappers.find(({ hosts, path }) => hosts.test(url.hostname) && (path?.test(url.pathname) ?? true));
  return one === undefined ? null : fromParameter(one.wrapper, url, one.parameter);
}

const dynamicsHosts = ['dynamics.com', 'microsoftdynamics.us', 'dynamics.cn'];

function dynamics(url: URL): Opened | null {
  const known =
    dynamicsHosts.some((domain) => hostIs(url.hostname, domain)) && /\/eventmanagement\//i.test(url.pathname);
  return known ? fromParameter('dynamics', url, 'redirecturi') : null;
}

const wrappers: readonly Wrapper[] = [
  safeLinks,
  proofpoint,
  barracuda,
  cisco,
  trendMicro,
  checkPoint,
  google,
  sophos,
  mimecast,
  inParameter,
  dynamics,
];
