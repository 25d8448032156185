/** Whereby (formerly appear.in): a room's name is the whole path. */
import { hostIs } from '../links/host.ts';
import { type ProviderParser, segmentsOf } from './provider.ts';

const notRooms = new Set([
  'information',
  'blog',
  'pricing',
  'user',
  'org',
  'legal',
  'about',
  'product',
  'jobs',
  'contact',
  'download',
]);

export const whereby: ProviderParser = {
  name: 'whereby',
  readUrl(url) {
    if (!hostIs(url.hostname, 'whereby.com') && !hostIs(url.hostname, 'appear.in')) return null;
    if (/^(?:help|docs|status|support|api|embed-docs|cdn)\./.test(url.hostname)) return null;
    const [room = '', ...more] = segmentsOf(url);
    if (room === '' || more.length > 0 || notRooms.has(room.toLowerCase())) return null;
    return { url: url.href, id: room, sip: null };
  },
};
