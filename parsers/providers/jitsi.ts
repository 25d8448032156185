/** Jitsi Meet: meet.jit.si, and servers that carry its name. */
import { hostIs } from '../links/host.ts';
import { type ProviderParser, segmentsOf } from './provider.ts';

const notRooms = new Set(['static', 'css', 'images', 'libs', 'sounds', 'api', 'about', 'privacy', 'security']);

export const jitsi: ProviderParser = {
  name: 'jitsi',
  readUrl(url) {
    const own = hostIs(url.hostname, 'meet.jit.si') || hostIs(url.hostname, 'moderated.jitsi.net');
    const named = url.hostname.split('.').some((label) => label === 'jitsi' || /^jitsi-?meet$/.test(label));
    if (!own && (!named || hostIs(url.hostname, 'jitsi.org'))) return null;
    const segments = segmentsOf(url);
    const room = segments.at(-1);
    if (room === undefined || segments.length > 2 || notRooms.has(segments[0] ?? '') || room.includes('.')) return null;
    return { url: url.href, id: room, sip: null };
  },
};
