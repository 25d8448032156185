/** Google Meet: a code `xxx-xxxx-xxx`. It has no SIP address of its own. */
import { type ProviderParser, segmentsOf } from './provider.ts';

export const googleMeet: ProviderParser = {
  name: 'google-meet',
  readUrl(url) {
    const segments = segmentsOf(url);
    if (url.hostname === 'g.co' && segments[0] === 'meet' && segments[1] !== undefined) {
      return { url: url.href, id: segments[1], sip: null };
    }
    if (url.hostname !== 'meet.google.com') return null;
    const last = segments.at(-1) ?? '';
    const code = /^([a-z]{3})-?([a-z]{4})-?([a-z]{3})$/i.exec(last);
    if (code !== null && segments.length <= 2) {
      return { url: url.href, id: `${code[1]}-${code[2]}-${code[3]}`.toLowerCase(), sip: null };
    }
    return segments[0] === 'lookup' && segments.length === 2 ? { url: url.href, id: last, sip: null } : null;
  },
};
