/**
 * Cisco Meeting Server's web app, on a customer's own host: `/invited.sf?secret=&id=` and `/meeting/<id>?secret=`. Its
 * SIP domain is the customer's choice, so the address is taken from the text.
 */
import { type ProviderParser, parameterOf, segmentsOf } from './provider.ts';

export const cms: ProviderParser = {
  name: 'cms',
  readUrl(url) {
    const segments = segmentsOf(url);
    const page = segments.at(-1)?.toLowerCase() ?? '';
    const id = parameterOf(url, 'id');
    if (page === 'invited.sf') {
      return id === null && parameterOf(url, 'secret') === null ? null : { url: url.href, id, sip: null };
    }
    const secret = parameterOf(url, 'secret') !== null;
    // Without a secret the path alone is too common; the host must be named as these servers are.
    const named = /^(?:join|meet|meetings?|cms|cma|acano|conf|video|vc|wb|webbridge)\d*[.-]/i.test(url.hostname);
    // `?id=…&secret=…` alone is how many sites confirm an account.
    const front = segments.length === 0 || (segments.length === 1 && ['home', 'index.html', 'join'].includes(page));
    if (secret && front && named && id !== null && /^\d{3,14}$/.test(id)) return { url: url.href, id, sip: null };
    const [place = '', number = ''] = segments;
    const meeting = segments.length === 2 && place.toLowerCase() === 'meeting' && /^\d{3,14}$/.test(number);
    return meeting && (named || secret) ? { url: url.href, id: number, sip: null } : null;
  },
};
