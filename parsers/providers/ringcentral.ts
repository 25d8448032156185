/** RingCentral Video, and RingCentral Meetings before it. */
import { hostIs } from '../links/host.ts';
import { type ProviderParser, segmentsOf } from './provider.ts';

export const ringcentral: ProviderParser = {
  name: 'ringcentral',
  readUrl(url) {
    if (!hostIs(url.hostname, 'ringcentral.com') && !hostIs(url.hostname, 'ringcentral.biz')) return null;
    const segments = segmentsOf(url);
    const at = segments.findIndex((segment) => /^(?:join|j|w)$/i.test(segment));
    const id = at < 0 ? undefined : segments[at + 1];
    if (id === undefined || !/^(?:v|video|meetings|app|rcv)\./.test(url.hostname)) return null;
    return { url: url.href, id: id.replace(/-/g, ''), sip: null };
  },
};
