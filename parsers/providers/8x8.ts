/** 8x8 Meet: `8x8.vc/[<tenant>/]<room>`. */
import { hostIs } from '../links/host.ts';
import { type ProviderParser, segmentsOf } from './provider.ts';

export const eightByEight: ProviderParser = {
  name: '8x8',
  readUrl(url) {
    if (!hostIs(url.hostname, '8x8.vc') && !hostIs(url.hostname, 'meet.8x8.com')) return null;
    const segments = segmentsOf(url);
    const room = segments.at(-1);
    if (room === undefined || segments.length > 2 || /^(?:static|api|dialin)$/i.test(segments[0] ?? '')) return null;
    return { url: url.href, id: room, sip: null };
  },
};
