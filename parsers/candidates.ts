/**
 * Everything in an invite that could be its meeting, with the place where it stood. The choice is by place: the item's
 * own properties, then what the calendar service says, then the newest message of the body, then location and subject,
 * and only where all of these are silent the quoted history.
 */
import { isIPv4 } from 'node:net';
import { anchorOf, type Block, blockOfText, blocksOf, type OtherReading, readOther } from './blocks.ts';
import { findCvi } from './cvi/find.ts';
import type { Invite, Provider } from './invite.ts';
import { findAddresses, findLinks } from './links/find.ts';
import type { FoundAddress } from './links/link.ts';
import { unwrap } from './links/unwrap.ts';
import { codeAfter, meetingIdOf } from './numbers.ts';
import { annexO, h323 } from './providers/h323.ts';
import { providerParsers } from './providers/index.ts';
import { addressText, type ProviderParser, type Reading } from './providers/provider.ts';
import { isSipAddress, readSipAddress, sip, sipAddress } from './providers/sip.ts';
import type { Content } from './read/content.ts';
import type { Section } from './read/section.ts';
import { parseTeamsUrl } from './teams.ts';
import { cviPlace, type TeamsPlace, teamsProperties } from './teams-meeting.ts';
import { idsOfProperties } from './teams-properties.ts';

/** Lower is trusted more. */
export const rank = { own: 0, service: 1, newest: 2, location: 3, subject: 4, weak: 10, history: 20 } as const;

export type Candidate =
  | {
      provider: 'teams';
      rank: number;
      order: number;
      source: string;
      places: readonly TeamsPlace[];
      block: Block | null;
    }
  | {
      provider: Exclude<Provider, 'teams'>;
      rank: number;
      order: number;
      source: string;
      text: string;
      read: OtherReading;
      block: Block | null;
    };

/** What the body says, blocks already cut. */
export interface Body {
  content: Content;
  newest: readonly Block[];
  history: readonly (readonly Block[])[];
}

export function bodyOf(content: Content): Body {
  return { content, newest: blocksOf(content.newest), history: content.history.map(blocksOf) };
}

/** Every candidate, the best first. */
export function candidatesOf(invite: Invite, body: Body): Candidate[] {
  const found: Candidate[] = [
    ...propertyCandidates(invite),
    ...body.newest.map((block, order) => ofBlock(block, rank.newest, order)),
    ...placeCandidates(invite),
    ...body.history.flatMap((blocks, index) =>
      blocks.map((block, order) => ofBlock(block, rank.history + index, order)),
    ),
    ...weakCandidates(invite, body),
  ];
  const named = namedByLocation(invite);
  const ordered = found.map((candidate) => ({ candidate, named: named(candidate), invites: invitesItself(candidate) }));
  ordered.sort(
    (a, b) =>
      a.candidate.rank - b.candidate.rank ||
      Number(b.named) - Number(a.named) ||
      Number(b.invites) - Number(a.invites) ||
      a.candidate.order - b.candidate.order,
  );
  return ordered.map(({ candidate }) => candidate);
}

function ofBlock(block: Block, at: number, order: number): Candidate {
  const anchor = block.anchors[0];
  const quoted = at >= rank.history ? 'quoted ' : '';
  if (anchor === undefined || anchor.provider === 'teams') {
    const source = quoted + (anchor?.link.source ?? 'body text');
    return { provider: 'teams', rank: at, order, source, places: [], block };
  }
  // A later link of the same block may say the number that the first one lacks.
  const numbered = block.anchors.find((one) => one.provider !== 'teams' && one.reading.id !== null);
  const best = numbered !== undefined && numbered.provider !== 'teams' ? numbered : anchor;
  return {
    provider: best.provider,
    rank: at,
    order,
    source: quoted + best.link.source,
    text: best.link.url,
    read: { provider: best.provider, reading: best.reading, parser: best.parser },
    block,
  };
}

function propertyCandidates(invite: Invite): Candidate[] {
  const found: Candidate[] = [];
  const teams = teamsProperties(invite);
  const own = teams.some((place) => place.source === 'property SkypeTeamsMeetingUrl');
  const ids = idsOfProperties(invite.properties);
  const named = ids.some(({ ids: { threadId, tenantId, meetingId } }) => (threadId && tenantId) || meetingId);
  if (teams.length > 0 || named) {
    const source = teams[0]?.source ?? `property ${ids[0]?.property ?? ''}`;
    found.push({
      provider: 'teams',
      rank: own ? rank.own : rank.service,
      order: 0,
      source,
      places: teams,
      block: null,
    });
  }
  const { JoinUrl, OnlineMeetingUrl, GoogleConference, OnlineMeetingExternalLink } = invite.properties;
  const values: [string, string | undefined][] = [
    ['JoinUrl', JoinUrl],
    ['OnlineMeetingUrl', OnlineMeetingUrl],
    ['OnlineMeetingExternalLink', OnlineMeetingExternalLink],
    ['GoogleConference', GoogleConference],
    ...invite.conferences.slice(0, 20).map((value): [string, string] => ['CONFERENCE', value]),
  ];
  values.forEach(([property, value], order) => {
    const candidate = value === undefined ? null : ofValue(value, `property ${property}`, rank.service, order + 1);
    if (candidate !== null) found.push(candidate);
  });
  return found;
}

/** A property whose whole value is a way to join. */
function ofValue(value: string, source: string, at: number, order: number): Candidate | null {
  const text = value.trim();
  if (/^(?:sips?|h323):/i.test(text)) return ofScheme(text, source, at + rank.weak, order);
  if (!/^(?:https?|ms-?teams):/i.test(text)) return null;
  const { url, refused, opaque } = unwrap(text);
  if (refused !== null || opaque !== null) return null;
  const anchor = anchorOf({ ...unwrap(text), raw: text, text: null, source, at: 0, end: text.length });
  if (anchor?.provider === 'teams') {
    if (source.endsWith('JoinUrl') || source.endsWith('OnlineMeetingUrl')) return null;
    const place = { source, link: anchor.teams, text };
    return { provider: 'teams', rank: at, order, source, places: [place], block: null };
  }
  const read = readOther(url);
  if (read !== null) return { provider: read.provider, rank: at, order, source, text, read, block: null };
  // A conference that a calendar names as one is one, whoever runs it.
  const conference = source.endsWith('CONFERENCE') || source.endsWith('GoogleConference');
  if (!conference || parsesAsTeams(url)) return null;
  const other: OtherReading = { provider: 'other', reading: { url, id: url, sip: null }, parser: anyProvider };
  return { provider: 'other', rank: at + rank.weak, order, source, text, read: other, block: null };
}

function parsesAsTeams(url: string): boolean {
  return /^https:\/\/(?:[a-z0-9-]+\.)*(?:teams\.(?:microsoft|live|cloud)\.|zoom\.us|webex\.com|meet\.google\.com|tel\.meet)/i.test(
    url,
  );
}

const anyProvider: ProviderParser = { name: 'other', readUrl: () => null };

function ofScheme(uri: string, source: string, at: number, order: number): Candidate | null {
  if (!URL.canParse(uri)) return null;
  const url = new URL(uri);
  const parser = url.protocol === 'h323:' ? h323 : sip;
  const reading = parser.readUrl(url);
  return reading === null ? null : ofReading(parser, reading, source, uri, at, order, null);
}

function ofReading(
  parser: ProviderParser,
  reading: Reading,
  source: string,
  text: string,
  at: number,
  order: number,
  block: Block | null,
): Candidate | null {
  const provider = parser.name;
  if (provider === 'teams') return null;
  return { provider, rank: at, order, source, text, read: { provider, reading, parser }, block };
}

/** Links in location, subject and the calendar's URL and CONTACT. */
function placeCandidates(invite: Invite): Candidate[] {
  const found: Candidate[] = [];
  const places: [string, string, number][] = [
    ...invite.locations.slice(0, 20).map((text): [string, string, number] => ['location', text, rank.location]),
    ['property Url', invite.properties.Url ?? '', rank.location],
    ['property Contact', invite.properties.Contact ?? '', rank.location],
    ['subject', invite.subject, rank.subject],
  ];
  places.forEach(([source, text, at], order) => {
    const short = text.slice(0, 8192);
    const section: Section = { text: short, links: findLinks(short, source) };
    for (const block of blocksOf(section)) {
      const candidate = ofBlock(block, at, order);
      // Number, passcode and address stand in the body, not here.
      const links = block.anchors.filter((anchor) => anchor.provider === 'teams');
      const places = links.map((anchor) => ({ source, link: anchor.teams, text: anchor.link.raw }));
      found.push(
        candidate.provider === 'teams'
          ? { ...candidate, source, block: null, places }
          : { ...candidate, source, block: null },
      );
    }
    found.push(...addressCandidates(section, source, at + rank.weak, order));
  });
  return found;
}

/** Ways in that are no web link: SIP and H.323 addresses, and bodies whose links were lost. */
function weakCandidates(invite: Invite, body: Body): Candidate[] {
  const found: Candidate[] = [];
  const sections = [body.content.newest, ...body.content.history];
  sections.forEach((section, index) => {
    const at = (index === 0 ? rank.newest : rank.history + index) + rank.weak;
    const source = `${index === 0 ? '' : 'quoted '}body text`;
    const hasTeams = (index === 0 ? body.newest : (body.history[index - 1] ?? [])).some(
      (block) => block.provider === 'teams',
    );
    const block = hasTeams ? null : teamsText(section, invite);
    if (block !== null) found.push({ provider: 'teams', rank: at, order: -1, source, places: [], block });
    found.push(...addressCandidates(section, source, at, 0));
  });
  return found;
}

/**
 * A Teams invite whose links were lost: interop coordinates, or a meeting id with its passcode in a text that names
 * Teams, a product name that no language translates.
 */
function teamsText(section: Section, invite: Invite): Block | null {
  const block = blockOfText(section, 'teams');
  const named =
    namesTeams(withoutAddresses(block.text)) ||
    invite.locations.some((text) => namesTeams(text)) ||
    opaqueTeams(section);
  const run = block.numbers.find(
    (one) => one.groups.length >= 4 && meetingIdOf(one) !== null && isLabelled(block.text, one.at),
  );
  const numbered = named && run !== undefined && codeAfter(block.text, run.end) !== null;
  const cvi = findCvi({ ...cviPlace(block), teams: numbered ? 'certain' : named ? 'named' : 'no' });
  // A partner's page alone is about a meeting and no invitation to it.
  const invited = cvi !== null && (named || cvi.key !== null);
  return invited || numbered ? block : null;
}

/** The product, which is written with a capital; `our teams` is something else. */
function namesTeams(text: string): boolean {
  return /\b(?:Teams|TEAMS|microsoft teams)\b/.test(text);
}

/** Whether a number stands behind a label: a colon or a cell's border before it, or alone at the begin of a line. */
function isLabelled(text: string, at: number): boolean {
  const before = text
    .slice(Math.max(0, at - 20), at)
    .replace(/[\s*_\u200e\u200f]+$/u, (blank) => (blank.includes('\n') ? '\n' : ''));
  return before === '' || /[:：|\n]$/.test(before);
}

/** `teams@example.com` is somebody's mailbox, not the product's name. */
function withoutAddresses(text: string): string {
  return text.replace(/[\w.+-]{0,64}@[\w.-]{1,200}/g, ' ');
}

function opaqueTeams(section: Section): boolean {
  return section.links.some((link) => /^teams\.(?:microsoft|live|cloud)\./.test(link.opaqueDomain ?? ''));
}

function addressCandidates(section: Section, source: string, at: number, order: number): Candidate[] {
  const found: Candidate[] = [];
  const add = (candidate: Candidate | null): void => {
    if (candidate !== null && found.length < 50) found.push(candidate);
  };
  const block = { ...blockOfText(section, 'other') };
  const addresses = findAddresses(section.text);
  const people = mailboxesIn(section, addresses);
  for (const link of section.links) {
    if (!/^(?:sips?|h323):/i.test(link.url) || people.has(sipAddress(link.url) ?? '')) continue;
    add(ofScheme(link.url, source, at + 1, order + link.at));
  }
  for (const address of addresses) {
    for (const parser of providerParsers) {
      const reading = parser.readAddress?.(address) ?? null;
      if (reading !== null)
        add(ofReading(parser, reading, source, lineOf(section, address), at, order + address.at, block));
    }
    if (isPlainSip(section, address, source) && !people.has(addressText(address))) {
      add(ofReading(sip, readSipAddress(address), source, lineOf(section, address), at + 1, order + address.at, null));
    }
  }
  for (const one of annexO(section.text)) {
    add(ofReading(h323, one.reading, source, section.text.slice(one.at, one.end), at + 2, order + one.at, null));
  }
  return found;
}

/**
 * Addresses that the same text also gives as mail: people, whose `sip:` address in a signature is their telephone. What
 * a mailer writes as `4711@vc.example.com<sip:4711@vc.example.com>` is one address, not two.
 */
function mailboxesIn(section: Section, addresses: readonly FoundAddress[]): ReadonlySet<string> {
  const sips = addresses.filter(({ scheme }) => scheme === 'sip' || scheme === 'sips');
  if (sips.length === 0 && section.links.every((link) => !/^sips?:/i.test(link.url))) return new Set();
  const mailed = section.links.flatMap(
    (link) => /^mailto:([^?]{0,64}[a-z][^?@]{0,64}@[^?]{1,200})/i.exec(link.url)?.[1]?.toLowerCase() ?? [],
  );
  const plain = addresses.filter(
    (one) =>
      one.scheme === null && /[a-z]/i.test(one.user) && !sips.some(({ at }) => at > one.end && at - one.end <= 8),
  );
  const shown = new Set(section.links.flatMap((link) => (/^sips?:/i.test(link.url) ? [link.at] : [])));
  return new Set([...mailed, ...plain.filter(({ at }) => !shown.has(at)).map(addressText)]);
}

/** In a location, a number at a domain is a video address; elsewhere the text must call it SIP. */
function isPlainSip(section: Section, address: FoundAddress, source: string): boolean {
  if (/(?:^|\.)(?:lync\.webex\.com|plcm\.vc|m\.webex\.com)$/.test(address.domain) || address.user.startsWith('+'))
    return false;
  if (isSipAddress(section.text, address))
    return !/;gruu|opaque=app:conf/i.test(section.text.slice(address.end, address.end + 40));
  // A number at an IP address is no mailbox.
  if (address.scheme === null && isIPv4(address.domain) && /^\d{3,16}$/.test(address.user)) return true;
  return source === 'location' && address.scheme === null && /^\d{3,16}$/.test(address.user);
}

function lineOf(section: Section, address: FoundAddress): string {
  return section.text.slice(Math.max(0, address.at - 40), address.end + 20);
}

/**
 * Whether a block is an invitation (number, options, interop beside its link) and not a link that somebody mentioned or
 * has in a signature.
 */
function invitesItself(candidate: Candidate): boolean {
  const { block } = candidate;
  if (block === null || candidate.rank >= rank.weak) return false;
  if (candidate.provider !== 'teams') {
    const id = candidate.read.reading.id;
    return candidate.provider !== 'webex'
      ? block.numbers.some((run) => isIn(block, run.at) && run.digits === id)
      : hasNumber(block);
  }
  return (
    block.numbers.some((run) => isIn(block, run.at) && meetingIdOf(run) !== null) ||
    block.section.links.some((link) => isIn(block, link.at) && parseTeamsUrl(link.url)?.kind === 'reference') ||
    findCvi(cviPlace(block)) !== null
  );
}

function isIn(block: Block, at: number): boolean {
  return at >= block.from && at < block.to;
}

/** Webex' meeting number, `2345 678 9012`. */
function hasNumber(block: Block): boolean {
  return block.numbers.some(
    (run) =>
      isIn(block, run.at) &&
      run.kind === 'plain' &&
      /^4,3,4$|^11$/.test(run.groups.map((group) => group.length).join()),
  );
}

const names: readonly [Provider, RegExp][] = [
  ['teams', /\bteams\b/i],
  ['zoom', /\bzoom\b/i],
  ['webex', /\bwebex\b/i],
  ['google-meet', /\bgoogle meet\b/i],
  ['skype-for-business', /\bskype\b/i],
];

/** Whether the location speaks of a candidate: it settles which of two links in one body is the meeting's. */
function namedByLocation(invite: Invite): (candidate: Candidate) => boolean {
  const text = invite.locations.join('\n').slice(0, 8192);
  const named = new Set(names.filter(([, name]) => name.test(text)).map(([provider]) => provider));
  const linked = new Set(findLinks(text, 'location').map((link) => link.url));
  return (candidate) =>
    named.has(candidate.provider) || candidate.block?.anchors.some((anchor) => linked.has(anchor.link.url)) === true;
}
