/** Amazon Chime: `<id>@meet.chime.in` where the invite gives it. */
import { hostIs } from '../links/host.ts';
import { addressText, type ProviderParser, segmentsOf } from './provider.ts';

export const chime: ProviderParser = {
  name: 'chime',
  readUrl(url) {
    if (!hostIs(url.hostname, 'chime.aws')) return null;
    const [first = '', second = ''] = segmentsOf(url);
    const id = first === 'meetings' ? second : first;
    const known = /^\d{8,12}$/.test(id.replace(/-/g, '')) || (first === 'meetings' && id !== '');
    return known ? { url: url.href, id: id.replace(/-/g, ''), sip: null } : null;
  },
  readAddress(address) {
    const own = hostIs(address.domain, 'chime.in') && /^\d{8,12}$/.test(address.user);
    return own ? { url: null, id: address.user, sip: addressText(address) } : null;
  },
};
