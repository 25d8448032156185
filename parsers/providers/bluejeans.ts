/** BlueJeans: `bluejeans.com/<id>[/<pin>]`, `<id>[.<pin>]@bjn.vc`. */
import { hostIs } from '../links/host.ts';
import { codeAfter, numbersIn } from '../numbers.ts';
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
  sip(reading, around) {
    const written = around.addresses.find((one) => one.domain === 'bjn.vc' && one.user.startsWith(`${reading.id}.`));
    if (written !== undefined) return addressText(written);
    if (reading.id === null || /^\d+\.\d/.test(reading.sip ?? '')) return reading.sip;
    for (const run of numbersIn(around.text)) {
      const code = run.digits === reading.id ? codeAfter(around.text, run.end)?.code : undefined;
      if (code !== undefined && /^\d{3,8}$/.test(code)) return `${reading.id}.${code}@bjn.vc`;
    }
    return reading.sip;
  },
};
