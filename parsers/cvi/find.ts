/**
 * Cloud Video Interop coordinates in one block of an invite: a `user@domain` token with a conference id near it, then
 * overwritten by what the partner's "more info" link says. Labels are not read: they come in every language.
 */
import type { CviInfo } from '../invite.ts';
import { archiveMask, findAddresses } from '../links/find.ts';
import { hostIs } from '../links/host.ts';
import type { FoundAddress, FoundLink } from '../links/link.ts';
import { conferenceIdOf, type NumberRun, numbersIn } from '../numbers.ts';
import { bluejeans } from './bluejeans.ts';
import { type CviPartner, type CviUrl, keyAndDomain } from './partner.ts';
import { pexip } from './pexip.ts';
import { poly } from './poly.ts';
import { unknownPartner } from './unknown.ts';
import { webex } from './webex.ts';

/** In the order in which a link is offered to them; self-hosted Pexip, whose host may be anything, comes last. */
const partners: readonly CviPartner[] = [poly, webex, bluejeans, pexip];

export interface CviFound {
  info: CviInfo;
  /** Where the tenant key stood, as offsets in the block's text; `null` where only a link says it. */
  key: { at: number; end: number } | null;
  conference: { at: number; end: number } | null;
  link: FoundLink | null;
}

export interface CviPlace {
  /** Text with links blanked, of the whole section. */
  text: string;
  links: readonly FoundLink[];
  /** The block's part of the text. */
  from: number;
  to: number;
  /** Where the block's first join link stands; people's signatures stand above it. */
  start: number;
  /**
   * Whether the block is a Teams meeting's. A vanity domain is believed where that is certain; where only the product's
   * name stands in the text, it must have a join block's layout around it.
   */
  teams: 'certain' | 'named' | 'no';
}

/** Which partner a domain belongs to, `null` for a vanity domain. */
export function partnerOfDomain(domain: string): CviPartner | null {
  return partners.find((partner) => partner.ownsDomain(domain)) ?? null;
}

/** What a link says, and whose it is; `null` where it is no partner's. */
export function readCviUrl(link: string): { partner: CviPartner; said: CviUrl } | null {
  if (!URL.canParse(link)) return null;
  const url = new URL(link);
  for (const partner of partners) {
    const said = partner.readUrl(url);
    if (said !== null) return { partner, said };
  }
  return null;
}

/** The coordinates in a block, `null` where there are none. */
export function findCvi(place: CviPlace): CviFound | null {
  const links = place.links.filter((link) => link.refused === null && link.at >= place.from && link.at <= place.to);
  const text = place.text.slice(place.from, place.to);
  const pairs = pairsIn(text);
  for (const link of links) {
    const read = readCviUrl(link.url);
    if (read === null) continue;
    const pair = nearest(pairs, read, link.at - place.from);
    const info = assemble(read.partner, pair, read.said, link.url);
    if (info !== null) return found(info, pair, link, place.from);
  }
  const known = pairs.find((one) => partnerOfDomain(one.address.domain) !== null);
  const vanity = (one: Pair): boolean =>
    place.teams !== 'no' &&
    believable(one, text, place.start - place.from) &&
    (place.teams === 'certain' || isLaidOut(one, text));
  const pair = known ?? pairs.find(vanity);
  if (pair === undefined) return null;
  const partner = partnerOfDomain(pair.address.domain) ?? unknownPartner;
  const help = partner === unknownPartner ? linkBehind(links, pair.run.end + place.from) : null;
  const info = assemble(partner, pair, {}, help?.url ?? null);
  return info === null ? null : found(info, pair, help, place.from);
}

/** The link that follows a conference id of a partner we do not know: that partner's instructions. */
function linkBehind(links: readonly FoundLink[], at: number): FoundLink | null {
  const next = links.find((link) => link.at >= at);
  if (next === undefined || next.at - at > 60 || next.opaque !== null || !/^https?:/.test(next.url)) return null;
  const { hostname } = new URL(next.url);
  const microsoft = ['microsoft.com', 'microsoft.us', 'microsoft', 'live.com', 'aka.ms', 'lync.com'];
  return microsoft.some((domain) => hostIs(hostname, domain)) ? null : next;
}

/** Coordinates given as fields (Graph `cloudVideoInteropInfo`); `null` where they do not make an address. */
export function cviOfFields(key: string, conferenceId: string, moreInfoUrl: string | null): CviInfo | null {
  const read = moreInfoUrl === null ? null : readCviUrl(moreInfoUrl);
  const { tenantKey, domain } = keyAndDomain(key.trim());
  const said: CviUrl = { ...read?.said };
  if (domain !== undefined) {
    said.tenantKey ??= tenantKey;
    said.domain ??= domain;
  }
  said.conferenceId ??= conferenceId;
  const partner = read?.partner ?? (said.domain === undefined ? null : partnerOfDomain(said.domain));
  return assemble(partner ?? unknownPartner, null, said, moreInfoUrl);
}

interface Pair {
  address: FoundAddress;
  run: NumberRun;
  id: string;
}

/** Domains whose addresses look like a tenant key and are something else. */
const notCvi = ['lync.webex.com', 'zoomcrc.com', 'sip.zoomgov.com', 'bjn.vc', 'sip.lifesizecloud.com', 'meet.chime.in'];

/** Every tenant-key-shaped token with the conference id that stands behind it, past nothing but a label. */
function pairsIn(text: string): Pair[] {
  const runs = numbersIn(text);
  const pairs: Pair[] = [];
  let next = 0;
  for (const address of findAddresses(text)) {
    if (address.scheme === 'h323' || isOther(address.domain)) continue;
    while (next < runs.length && (runs[next]?.at ?? 0) < address.end) next++;
    const pair = wholeAddress(address) ?? idBehind(text, address, runs, next) ?? idBefore(text, address, runs, next);
    if (pair !== null) pairs.push(pair);
  }
  return pairs;
}

/** `813878896.1143016284@t.plcm.vc`: the direct address written out, in its partner's order. */
function wholeAddress(address: FoundAddress): Pair | null {
  const partner = partnerOfDomain(address.domain);
  const parts = /^([\w-]{1,40})\.([\w-]{1,40})$/.exec(address.user);
  if (partner === null || parts === null) return null;
  const [, first = '', second = ''] = parts;
  const reversed = partner === webex;
  const [key, id] = reversed ? [second, first] : [first, second];
  if (partner === pexip || !/^\d{9,12}$/.test(id)) return null;
  const at = address.at + (reversed ? 0 : first.length + 1);
  const run: NumberRun = { groups: [id], digits: id, at, end: at + id.length, kind: 'plain' };
  return { address: { ...address, user: key }, run, id };
}

function isOther(domain: string): boolean {
  return notCvi.some((other) => hostIs(domain, other) && !bluejeans.ownsDomain(domain));
}

function idBehind(text: string, address: FoundAddress, runs: readonly NumberRun[], next: number): Pair | null {
  // `813878896@t.plcm.vc<mailto:813878896@t.plcm.vc> VTC Conference ID: 017920684`: the address is there twice.
  for (let i = next; i < Math.min(runs.length, next + 3); i++) {
    const run = runs[i];
    if (run === undefined || run.at - address.end > 320) return null;
    if (isUser(text, run.end)) continue;
    const id = conferenceIdOf(run);
    // A node's IP address or a telephone number may stand between.
    if (id === null && run.kind !== 'plain') continue;
    if (id === null) return null;
    return isLabel(text.slice(address.end, run.at)) ? { address, run, id } : null;
  }
  return null;
}

const beforeDomain = new RegExp(`^(?:@|${archiveMask}[a-z0-9-]{1,63}\\.[a-z])`, 'i');

/** Whether what ends at `end` goes on as an address. */
function isUser(text: string, end: number): boolean {
  return beforeDomain.test(text.slice(end, end + 80));
}

/** Right-to-left layouts and tables may put the id first; believed for partners' own domains alone. */
function idBefore(text: string, address: FoundAddress, runs: readonly NumberRun[], next: number): Pair | null {
  if (partnerOfDomain(address.domain) === null) return null;
  let before = next - 1;
  while (before >= 0 && (runs[before]?.end ?? 0) > address.at) before--;
  const run = runs[before];
  if (run === undefined || address.at - run.end > 80) return null;
  const id = conferenceIdOf(run);
  return id !== null && id.length <= 10 && isLabel(text.slice(run.end, address.at)) ? { address, run, id } : null;
}

/** Words of a label: few lines, no further address but the key's own `<mailto:…>`. */
function isLabel(between: string): boolean {
  const words = between
    .replace(/<mailto:[^<>\n]{1,200}>|mailto:[^\s>]{1,200}>?/gi, '')
    .replace(/<[\w.+-]+@[\w.-]+>/g, '');
  return !words.includes('@') && words.trim().length <= 120 && (words.match(/\n\s*\S/g)?.length ?? 0) <= 4;
}

/** A key at an unknown domain is believed where it looks like a key, not a person with a telephone number. */
function believable(pair: Pair, text: string, start: number): boolean {
  const { user, domain, at, end } = pair.address;
  // A new sentence between the two: an address, and a number of something else.
  if (/[.!?]\s+\p{Lu}/u.test(text.slice(end, Math.max(end, pair.run.at)))) return false;
  if (/^\d{4,12}$/.test(user) || /(?:^|[._-])(?:ms)?teams\b/i.test(user)) return true;
  const label = text.slice(end, Math.max(end, pair.run.at));
  const telephone = /\b(?:tel|phone|telefon|t[ée]l[ée]fon|mobil|mobile|cell|fax|handy)|電話|电话/iu.test(label);
  if (telephone || at < start || pair.id.length > 10 || !/\p{L}{2}[^:：]{0,60}[:：]/u.test(label)) return false;
  const grouped = pair.run.groups.length >= 3 && pair.run.groups.slice(0, -1).every((group) => group.length === 3);
  return grouped || /\b(?:teams|cvi|vtc|video)/i.test(domain);
}

/** Key and id each at the end of a line, the key alone or behind its label, the id grouped: no sentence about an order. */
function isLaidOut(pair: Pair, text: string): boolean {
  const { at, end } = pair.address;
  const before = text.slice(Math.max(text.lastIndexOf('\n', at - 1) + 1, at - 200), at);
  const between = text.slice(end, pair.run.at);
  const behind = text.slice(pair.run.end, pair.run.end + 40);
  return (
    /^\s*(?:[^\n:：.,;?!@]{2,60}[:：])?\s*$/u.test(before) &&
    /^(?:<[^<>\n]{1,200}>)?[ \t]*\n[^\n:：.,;?!]{2,60}[:：]\s*$/u.test(between) &&
    pair.run.groups.length >= 3 &&
    /^[ \t]*(?:\n|$)/.test(behind)
  );
}

function nearest(pairs: readonly Pair[], read: { partner: CviPartner; said: CviUrl }, at: number): Pair | null {
  const said = read.said;
  const fits = pairs.filter(
    (pair) =>
      said.conferenceId?.includes(pair.id) ||
      (said.domain !== undefined && said.domain === pair.address.domain) ||
      (said.tenantKey !== undefined && said.tenantKey === pair.address.user) ||
      read.partner.ownsDomain(pair.address.domain),
  );
  const from = fits.length > 0 ? fits : said.conferenceId === undefined ? pairs : [];
  return from.reduce<Pair | null>(
    (best, pair) => (best === null || Math.abs(pair.run.end - at) < Math.abs(best.run.end - at) ? pair : best),
    null,
  );
}

/** Body first, then what the link says over it; `null` where key, domain or id stay unknown. */
function assemble(partner: CviPartner, pair: Pair | null, said: CviUrl, moreInfoUrl: string | null): CviInfo | null {
  const prefix = said.prefix ?? '';
  const shown = pair?.address.user;
  const domain = vanity(partner, pair) ?? said.domain ?? pair?.address.domain ?? defaultDomain(partner);
  // The IVR's own name may carry the prefix (`mfa.teams@…`) where the link gives it without.
  const keepsShown = shown !== undefined && said.tenantKey !== undefined && shown === `${prefix}${said.tenantKey}`;
  const tenantKey = keepsShown ? shown : (said.tenantKey ?? shown ?? (partner.name === 'pexip' ? 'teams' : undefined));
  const dialled = said.conferenceId?.replace(/[\s-]/g, '') ?? pair?.id;
  if (
    tenantKey === undefined ||
    domain === undefined ||
    dialled === undefined ||
    !isDialable(tenantKey, domain, dialled)
  ) {
    return null;
  }
  const conferenceId = pair !== null && dialled.includes(pair.id) ? pair.id : (/\d{6,}/.exec(dialled)?.[0] ?? dialled);
  const direct = said.direct ?? partner.directDial({ tenantKey, domain, conferenceId: dialled, prefix });
  return {
    partner: partner.name,
    tenantKey,
    domain,
    conferenceId,
    ivr: `${tenantKey}@${domain}`,
    directDial: direct,
    moreInfoUrl,
  };
}

/** A customer's own name for a partner's service stands in the text; the link knows only the partner's. */
function vanity(partner: CviPartner, pair: Pair | null): string | undefined {
  if (pair === null || partner.name === 'pexip') return undefined;
  return partnerOfDomain(pair.address.domain) === null ? pair.address.domain : undefined;
}

function defaultDomain(partner: CviPartner): string | undefined {
  return partner.name === 'poly' ? 't.plcm.vc' : partner.name === 'webex' ? 'm.webex.com' : undefined;
}

function isDialable(tenantKey: string, domain: string, conferenceId: string): boolean {
  return (
    /^[A-Za-z0-9._+-]{1,64}$/.test(tenantKey) &&
    /^[a-z0-9.-]{3,200}$/.test(domain) &&
    /^[A-Za-z0-9._-]{3,64}$/.test(conferenceId)
  );
}

function found(info: CviInfo, pair: Pair | null, link: FoundLink | null, from: number): CviFound {
  return {
    info,
    key: pair === null ? null : { at: pair.address.at + from, end: pair.address.end + from },
    conference: pair === null ? null : { at: pair.run.at + from, end: pair.run.end + from },
    link,
  };
}
