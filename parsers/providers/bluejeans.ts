/** BlueJeans: `bluejeans.com/<id>[/<pin>]`, `<id>[.<pin>]@bjn.vc`. */
import { hostIs } from '../links/host.ts';
import { addressText, type ProviderParser, segmentsOf } from './provider.ts';

export const bluejeansMeetings: ProviderParser = {
  name: 'bluejeans',
  readUrl(url) {
    if (!hostIs(url.hostname, 'bluejeans.com')) return null;
    const segments = segmentsOf(url);
    const at = segments.findIndex((segment) => /^\d{6,18}$/.test(segment));
    if (at < 0 || at > 1) return null;
    const id = segments[at] ?? '';
    const next = segments[at + 1] ?? '';
    const pin = /^\d{3,8}$/.test(next) ? next : null;
    return { url: url.href, id, sip: `${id}${pin === null ? '' : `.${pin}`}@bjn.vc` };
  },
  readAddress(address) {
    const id = address.domain === 'bjn.vc' ? /^(\d{6,18})(?:\.\d{3,8})?$/.exec(address.user)?.[1] : undefined;
    return id === undefined ? null : { url: null, id, sip: addressText(address) };
  },
};
