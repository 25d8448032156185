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
    if (secret && id !== null && /^\d{3,14}$/.test(id)) return { url: url.href, id, sip: null };
    const [place = '', number = ''] = segments.slice(-2);
    const meeting = place.toLowerCase() === 'meeting' && /^\d{3,14}$/.test(number);
    // Without a secret the path alone is too common; the host must be named as these servers are.
    const named = /^(?:join|meet|meetings?|cms|cma|acano|conf|video|vc|wb|webbridge)\d*[.-]/i.test(url.hostname);
    return meeting && (named || secret) ? { url: url.href, id: number, sip: null } : null;
  },
};
