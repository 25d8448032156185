/** H.323: `h323:user@host` (H.323 Annex O) and the `host##id` that room systems dial. */
import { isIPv4 } from 'node:net';
import type { ProviderParser, Reading } from './provider.ts';

export const h323: ProviderParser = {
  name: 'h323',
  readUrl(url) {
    if (url.protocol !== 'h323:') return null;
    const address = url.href
      .slice('h323:'.length)
      .replace(/^\/+/, '')
      .replace(/[;?].*$/, '');
    if (!/^[\w.+*#%~-]{1,128}(?:@[a-z0-9.-]{1,253}(?::\d{1,5})?)?$/i.test(address)) return null;
    return { url: null, id: address, sip: null, h323: address };
  },
};

/** Every `host##id` in `text`. */
export function annexO(text: string): { reading: Reading; at: number; end: number }[] {
  const found: { reading: Reading; at: number; end: number }[] = [];
  for (const match of text.matchAll(
    /(?<![\w.@-])((?:[a-z0-9][a-z0-9-]{0,62}\.){1,6}[a-z0-9]{1,18})##(\d{1,20})(?!\d)/gi,
  )) {
    const [whole, host = '', id = ''] = match;
    if (/^[\d.]+$/.test(host) && !isIPv4(host)) continue;
    const address = `${host.toLowerCase()}##${id}`;
    found.push({
      reading: { url: null, id: address, sip: null, h323: address },
      at: match.index,
      end: match.index + whole.length,
    });
  }
  return found;
}
