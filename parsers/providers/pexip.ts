/** Pexip's web app on any host: the conference is in the query, behind `#/`, or in the path of newer versions. */
import { hostIs } from '../links/host.ts';
import { type ProviderParser, parameterOf, segmentsOf } from './provider.ts';

export const pexipMeetings: ProviderParser = {
  name: 'pexip',
  readUrl(url) {
    const segments = segmentsOf(url);
    const [first = '', second = '', third = ''] = segments;
    const ownPage = hostIs(url.hostname, 'pexip.me') && (first === 'meet' || first === 'm') ? second : '';
    const webapp = /^webapp\d?$/i.test(first);
    const inPath = webapp && /^(?:m|conference|meeting|home)$/i.test(second) ? third : '';
    const said = parameterOf(url, 'conference');
    // Outside the web app's own path only an alias that looks like one: `?conference=2026` is a page about an event.
    const plain = said !== null && (said.includes('@') || (url.hash.startsWith('#/') && /^\d{4,}$/.test(said)));
    const own = hostIs(url.hostname, 'pexip.com') && !/^(?:www|docs|help|support|status)\./.test(url.hostname);
    const inQuery = webapp || plain || own ? said : null;
    const alias = (inQuery ?? (ownPage || inPath)).replace(/^sips?:/i, '');
    if (!/^[\w.+-]{1,120}(?:@[a-z0-9.-]{3,120})?$/i.test(alias)) return null;
    return { url: url.href, id: alias.split('@')[0] ?? alias, sip: alias.includes('@') ? alias : null };
  },
};
