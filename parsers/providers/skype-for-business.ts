/**
 * Skype for Business: `meet.lync.com/<tenant>[/<site>]/<user>/<8>`, and on any company's own server
 * `meet.<domain>/<user>/<8>`. A room cannot dial it by SIP without a gateway.
 */
import { hostIs } from '../links/host.ts';
import { type ProviderParser, segmentsOf } from './provider.ts';

export const skypeForBusiness: ProviderParser = {
  name: 'skype-for-business',
  readUrl(url) {
    const segments = segmentsOf(url);
    const id = segments.at(-1) ?? '';
    const cloud = hostIs(url.hostname, 'meet.lync.com') || hostIs(url.hostname, 'meet.gov.lync.com');
    if (cloud && segments.length >= 3 && segments.length <= 4 && /^[A-Z0-9]{8,10}$/i.test(id)) {
      return { url: url.href, id, sip: null };
    }
    const ownServer = /^(?:meet|lync|skype|sfb|webconf|join)[\w-]*\./i.test(url.hostname);
    const named = segments.length === 2 || (segments.length === 3 && segments[0]?.toLowerCase() === 'meet');
    // Eight capital letters and digits: the server writes them so, and a room's name elsewhere is not.
    return ownServer && named && /^[A-Z0-9]{8}$/.test(id) && /\d/.test(id) ? { url: url.href, id, sip: null } : null;
  },
};
