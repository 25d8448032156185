/**
 * Pexip, the service and self-hosted: `teams@<domain>`, direct `<prefix><id>@<domain>` with the key dropped
 * (help.pexip.com/service/teams-integration). Only the link says the prefix.
 */
import { hostIs } from '../links/host.ts';
import { type CviPartner, type CviUrl, keyAndDomain, queryOf } from './partner.ts';

export const pexip: CviPartner = {
  name: 'pexip',
  ownsDomain: (domain) => hostIs(domain, 'onpexip.com') || hostIs(domain, 'pexip.me') || hostIs(domain, 'pexip.com'),
  readUrl: (url) => pexipMe(url) ?? joinInfo(url) ?? selfHosted(url),
  directDial: ({ conferenceId, domain, prefix }) => `${prefix}${conferenceId}@${domain}`,
};

/** `https://pexip.me/teams/<domain>/<id>`. */
function pexipMe(url: URL): CviUrl | null {
  if (!hostIs(url.hostname, 'pexip.me')) return null;
  const [, place = '', domain = '', conferenceId = ''] = url.pathname.split('/');
  if (place.toLowerCase() !== 'teams' || !domain.includes('.')) return null;
  return { domain: domain.toLowerCase(), conferenceId: conferenceId || undefined };
}

/** `https://teams-<x>-joininfo.pexip.com/?conf=&direct=&key=`. */
function joinInfo(url: URL): CviUrl | null {
  if (!hostIs(url.hostname, 'pexip.com') || !/joininfo/i.test(url.hostname)) return null;
  const key = keyAndDomain(queryOf(url, 'key'));
  const direct = queryOf(url, 'direct')?.replace(/^sips?:/i, '');
  return {
    ...key,
    domain: key.domain ?? keyAndDomain(direct).domain,
    conferenceId: queryOf(url, 'conf'),
    direct: direct?.includes('@') === true ? direct : undefined,
  };
}

/** `https://<node>/teams/?conf=<id>&ivr=<key>&d=<domain>[&prefix=]`. */
function selfHosted(url: URL): CviUrl | null {
  if (!/\/teams\/?(?:index\.html)?$/i.test(url.pathname) || hostIs(url.hostname, 'plcm.vc')) return null;
  const conferenceId = queryOf(url, 'conf');
  const ivr = keyAndDomain(queryOf(url, 'ivr'));
  const domain = queryOf(url, 'd')?.toLowerCase() ?? ivr.domain;
  if (conferenceId === undefined || (domain === undefined && ivr.tenantKey === undefined)) return null;
  return { tenantKey: ivr.tenantKey, domain, conferenceId, prefix: queryOf(url, 'prefix') };
}
