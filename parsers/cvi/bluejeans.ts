/** BlueJeans Gateway for Teams: `<key>@teams.bjn.vc`, key before id. Its help page carries no coordinates. */
import { hostIs } from '../links/host.ts';
import type { CviPartner } from './partner.ts';

export const bluejeans: CviPartner = {
  name: 'bluejeans',
  ownsDomain: (domain) => hostIs(domain, 'teams.bjn.vc'),
  readUrl(url) {
    const help = hostIs(url.hostname, 'support.bluejeans.com') && /vtc-dial-in-options-for-teams/i.test(url.pathname);
    return help || hostIs(url.hostname, 'teams.bjn.vc') ? {} : null;
  },
  directDial: ({ tenantKey, conferenceId, domain }) => `${tenantKey}.${conferenceId}@${domain}`,
};
