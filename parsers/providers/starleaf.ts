/** StarLeaf: the SIP address stands in CONTACT or in the text. */
import { hostIs } from '../links/host.ts';
import { addressText, type ProviderParser, segmentsOf } from './provider.ts';

export const starleaf: ProviderParser = {
  name: 'starleaf',
  readUrl(url) {
    if (!hostIs(url.hostname, 'starleaf.com')) return null;
    const id = /^(?:meet|join|cloud)\./.test(url.hostname)
      ? segmentsOf(url).find((one) => /^\d{6,14}$/.test(one))
      : undefined;
    return id === undefined ? null : { url: url.href, id, sip: null };
  },
  readAddress(address) {
    const own = hostIs(address.domain, 'call.sl') || hostIs(address.domain, 'starleaf.com');
    return own && /^\d{6,14}$/.test(address.user) ? { url: null, id: address.user, sip: addressText(address) } : null;
  },
};
