/** Webex Video Integration for Microsoft Teams: `<subdomain>@m.webex.com`, direct `<id>.<subdomain>@m.webex.com` (help.webex.com nffx8kj). */
import { hostIs } from '../links/host.ts';
import { type CviPartner, keyAndDomain, queryOf } from './partner.ts';

export const webex: CviPartner = {
  name: 'webex',
  ownsDomain: (domain) => hostIs(domain, 'm.webex.com'),
  readUrl(url) {
    if (!hostIs(url.hostname, 'webex.com') || !/^\/+msteams\/?$/i.test(url.pathname)) return null;
    const key = keyAndDomain(queryOf(url, 'tenantkey'));
    return {
      tenantKey: key.tenantKey,
      domain: queryOf(url, 'domain')?.toLowerCase() ?? key.domain,
      conferenceId: queryOf(url, 'confid'),
    };
  },
  directDial: ({ tenantKey, conferenceId, domain }) => `${conferenceId}.${tenantKey}@${domain}`,
};
