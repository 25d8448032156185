/** Lifesize: `<id>@sip.lifesizecloud.com`. */
import { hostIs } from '../links/host.ts';
import { addressText, type ProviderParser, segmentsOf } from './provider.ts';

export const lifesize: ProviderParser = {
  name: 'lifesize',
  readUrl(url) {
    if (!hostIs(url.hostname, 'lifesizecloud.com') && !hostIs(url.hostname, 'lifesize.com')) return null;
    if (!/^(?:call|guest|meet)\./.test(url.hostname)) return null;
    const id = segmentsOf(url).find((segment) => /^\d{4,12}$/.test(segment));
    return id === undefined ? null : { url: url.href, id, sip: `${id}@sip.lifesizecloud.com` };
  },
  readAddress(address) {
    const own = hostIs(address.domain, 'lifesizecloud.com') && /^\d{4,12}$/.test(address.user);
    return own ? { url: null, id: address.user, sip: addressText(address) } : null;
  },
};
