/** Webex: `<number>@<site>.webex.com`, a personal room `<user>@<site>.webex.com`. */
import { hostIs } from '../links/host.ts';
import type { FoundAddress } from '../links/link.ts';
import { numbersIn } from '../numbers.ts';
import { addressText, type ProviderParser, parameterOf, segmentsOf } from './provider.ts';

const domains = ['webex.com', 'webexgov.us', 'webex.com.cn'];
/** Names below webex.com that are no customer's site. */
const notSites =
  /^(?:www|web|help|support|blog|developer|binaries|signin|settings|status|community|lync|m|idbroker|admin|teams)$/;

export const webexMeetings: ProviderParser = {
  name: 'webex',
  readUrl(url) {
    const segments = segmentsOf(url);
    const [first = '', second = ''] = segments;
    const site = siteOf(url.hostname);
    const personal = /^(?:meet|join)$/i.test(first) && /^[\w.+-]{1,80}$/.test(second);
    // The web app's own host stands for every site: the room is known, its address is not.
    if (personal && hostIs(url.hostname, 'web.webex.com')) return { url: url.href, id: second, sip: null };
    if (site === null) return null;
    if (personal) return { url: url.href, id: second, sip: `${second}@${site}` };
    const page = segments.at(-1)?.toLowerCase() ?? '';
    const opens =
      (page === 'j.php' && (parameterOf(url, 'MTID') ?? parameterOf(url, 'ED')) !== null) ||
      (page === 'g.php' && parameterOf(url, 'MTID') !== null) ||
      (first === 'm' && /^[0-9a-f-]{32,40}$/i.test(second)) ||
      /\/(?:wbxmjs\/joinservice|webappng)\/sites\/[^/]+\/meeting\/(?:download|info|join|home)\//i.test(
        `/${segments.join('/')}/`,
      );
    return opens ? { url: url.href, id: null, sip: null } : null;
  },
  readAddress(address) {
    const scheme = address.scheme === 'sip' || address.scheme === 'sips';
    if (siteOf(address.domain) === null || !(/^\d{9,12}$/.test(address.user) || scheme)) return null;
    return { url: null, id: address.user, sip: addressText(address) };
  },
  sip(reading, around) {
    const own = reading.url === null ? null : siteOf(new URL(reading.url).hostname);
    const written = around.addresses.filter((address) => isVideoAddress(address));
    const best = written.find((address) => address.domain === own && /^\d/.test(address.user)) ?? written[0];
    if (reading.sip !== null) return reading.sip;
    if (best !== undefined) return addressText(best);
    const number = numbersIn(around.text).find(
      (run) =>
        run.kind === 'plain' &&
        /^4,3,4$|^3,3,3$|^3,3,4$|^3,4,4$|^9$|^10$|^11$/.test(run.groups.map((group) => group.length).join()),
    );
    return number === undefined || own === null ? null : `${number.digits}@${own}`;
  },
};

/** The site's host, `null` for hosts that hold no meetings. */
function siteOf(host: string): string | null {
  const domain = domains.find((one) => hostIs(host, one));
  if (domain === undefined || host === domain) return null;
  const labels = host.slice(0, -domain.length - 1).split('.');
  return notSites.test(labels.at(-1) ?? '') ? null : host;
}

/** `<x>.<site>@lync.webex.com` is for Skype for Business alone, `m.webex.com` is Webex's interop for Teams. */
function isVideoAddress(address: FoundAddress): boolean {
  return siteOf(address.domain) !== null && (/^\d{9,12}$/.test(address.user) || address.scheme === 'sip');
}
