/** Poly RealConnect and CloudConnect: `888888@t.plcm.vc`, direct `888888.1120324757@t.plcm.vc` (rc-docs.plcm.vc). */
import { hostIs } from '../links/host.ts';
import { type CviPartner, keyAndDomain, queryOf } from './partner.ts';

export const poly: CviPartner = {
  name: 'poly',
  ownsDomain: (domain) => hostIs(domain, 'plcm.vc'),
  readUrl(url) {
    if (!hostIs(url.hostname, 'plcm.vc') || !/^\/+teams\b/i.test(url.pathname)) return null;
    return { ...keyAndDomain(queryOf(url, 'key')), conferenceId: queryOf(url, 'conf') };
  },
  directDial: ({ tenantKey, conferenceId, domain }) => `${tenantKey}.${conferenceId}@${domain}`,
};
