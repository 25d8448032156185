/** Host names: whether one belongs to a domain, and whether one only looks as if it did. */
import { domainToUnicode } from 'node:url';
import type { Refusal } from './link.ts';

/** The names of meeting services that others imitate. A host is theirs only by `hostIs`. */
const meetingHosts = [
  'teams.microsoft.com',
  'teams.cloud.microsoft',
  'teams.live.com',
  'teams.microsoft.us',
  'teams.microsoftonline.cn',
  'meet.lync.com',
  'zoom.us',
  'zoom.com',
  'zoom.com.cn',
  'zoom-x.de',
  'zoomgov.com',
  'webex.com',
  'webex.com.cn',
  'meet.google.com',
  'bluejeans.com',
  'gotomeeting.com',
  'meet.goto.com',
  'whereby.com',
  'chime.aws',
  'meet.jit.si',
] as const;

/** Domains under which a host may contain another's name as labels of its own (`teams.microsoft.com` in a CDN's host). */
const owners = [
  'microsoft.com',
  'microsoft',
  'microsoft.us',
  'live.com',
  'office.net',
  'office.com',
  'zoom.us',
  'webex.com',
];

/** Whether `host` is `domain` or stands below it: compared by whole labels, so that `notzoom.us` is not `zoom.us`. */
export function hostIs(host: string, domain: string): boolean {
  const name = host.endsWith('.') ? host.slice(0, -1).toLowerCase() : host.toLowerCase();
  return name === domain || (name.endsWith(domain) && name[name.length - domain.length - 1] === '.');
}

export function isMeetingHost(host: string): boolean {
  return meetingHosts.some((domain) => hostIs(host, domain));
}

/** Letters of other scripts that are drawn like a Latin one (Unicode TS 39, the part that host names abuse). */
const drawnAlike: Readonly<Record<string, string>> = {
  а: 'a',
  ɑ: 'a',
  α: 'a',
  ь: 'b',
  с: 'c',
  ϲ: 'c',
  ԁ: 'd',
  ɗ: 'd',
  е: 'e',
  ё: 'e',
  є: 'e',
  ε: 'e',
  ƒ: 'f',
  ɡ: 'g',
  ց: 'g',
  һ: 'h',
  հ: 'h',
  і: 'i',
  ї: 'i',
  ı: 'i',
  ι: 'i',
  ɩ: 'i',
  ӏ: 'l',
  ⅼ: 'l',
  ј: 'j',
  ϳ: 'j',
  κ: 'k',
  к: 'k',
  м: 'm',
  ⅿ: 'm',
  ո: 'n',
  п: 'n',
  η: 'n',
  о: 'o',
  ο: 'o',
  օ: 'o',
  ӧ: 'o',
  ѳ: 'o',
  θ: 'o',
  р: 'p',
  ρ: 'p',
  ԛ: 'q',
  г: 'r',
  ѕ: 's',
  ꜱ: 's',
  т: 't',
  τ: 't',
  υ: 'u',
  ս: 'u',
  ʋ: 'u',
  ν: 'v',
  ѵ: 'v',
  ѡ: 'w',
  ԝ: 'w',
  ω: 'w',
  х: 'x',
  χ: 'x',
  у: 'y',
  γ: 'y',
  ү: 'y',
  ᴢ: 'z',
};

function skeleton(host: string): string {
  let plain = '';
  for (const letter of host.normalize('NFD')) {
    if (letter >= '\u0300' && letter <= '\u036f') continue;
    plain += drawnAlike[letter] ?? letter;
  }
  return plain;
}

/** Digits and letter pairs that stand in for a letter in Latin look-alikes. */
function undisguised(host: string): string {
  return host.replaceAll('0', 'o').replaceAll('1', 'l').replaceAll('rn', 'm').replaceAll('vv', 'w');
}

/** `homograph` or `look-alike` where a host imitates a meeting service; `null` for the service itself and all others. */
export function imitation(host: string): Refusal | null {
  const name = host.toLowerCase();
  if (isMeetingHost(name)) return null;
  const shown = name.includes('xn--') ? domainToUnicode(name) : name;
  if (/[^\x00-\x7f]/.test(shown)) {
    const plain = skeleton(shown);
    return plain !== shown && meetingHosts.some((domain) => hostIs(plain, domain) || containsName(plain, domain))
      ? 'homograph'
      : null;
  }
  if (owners.some((domain) => hostIs(name, domain))) return null;
  const plain = undisguised(name);
  if (plain !== name && meetingHosts.some((domain) => hostIs(plain, undisguised(domain)))) return 'look-alike';
  return meetingHosts.some((domain) => containsName(name, domain)) ? 'look-alike' : null;
}

/** Brands whose dots are replaced in imitations (`teams-microsoft.com`); other services' names are common words. */
const runTogether = ['teams-microsoft', 'teamsmicrosoft', 'meet-google', 'meetgoogle'];

/** A meeting host's name inside another host: as labels before the real domain, or with its dots replaced. */
function containsName(host: string, domain: string): boolean {
  return `.${host}.`.includes(`.${domain}.`) || runTogether.some((name) => host.includes(name));
}
