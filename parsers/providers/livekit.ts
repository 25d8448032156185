/** LiveKit Meet: `meet.livekit.io/rooms/<room>`, or a server of one's own at `/custom?liveKitUrl=…`. */
import { hostIs } from '../links/host.ts';
import { type ProviderParser, segmentsOf } from './provider.ts';

export const livekit: ProviderParser = {
  name: 'livekit',
  readUrl(url) {
    const own = hostIs(url.hostname, 'meet.livekit.io') || hostIs(url.hostname, 'livekit.cloud');
    const [first = '', room] = segmentsOf(url);
    const server = url.searchParams.get('liveKitUrl');
    if (own && first === 'rooms' && room !== undefined) return { url: url.href, id: room, sip: null };
    return first === 'custom' && server !== null ? { url: url.href, id: server, sip: null } : null;
  },
};
