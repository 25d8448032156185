/** One Teams meeting put together from the places of an invite that speak of it, in the order in which they are trusted. */
import type { Block } from './blocks.ts';
import { type CviPlace, cviOfFields, findCvi } from './cvi/find.ts';
import { around, evidence } from './evidence.ts';
import type { CviInfo, Evidence, Invite, JoinInfo, TeamsInfo } from './invite.ts';
import { unwrap } from './links/unwrap.ts';
import { codeAfter, meetingIdOf } from './numbers.ts';
import { noTeamsIds, parseTeamsUrl, type TeamsLink } from './teams.ts';
import { idsOfProperties } from './teams-properties.ts';

export interface Meeting {
  join: JoinInfo;
  evidence: Evidence[];
  /** H.323 dial string without scheme, where that is the way in. */
  h323: string | null;
}

/** A join link outside the body: a property of the item, its location. */
export interface TeamsPlace {
  /** For evidence, e.g. `property SkypeTeamsMeetingUrl`. */
  source: string;
  link: TeamsLink;
  text: string;
}

const linkProperties = ['SkypeTeamsMeetingUrl', 'JoinUrl', 'OnlineMeetingUrl'] as const;

/** The join links that the item's own properties hold, the most trusted first. */
export function teamsProperties(invite: Invite): TeamsPlace[] {
  const found: TeamsPlace[] = [];
  for (const property of linkProperties) {
    const text = invite.properties[property];
    if (text === undefined || text.trim() === '') continue;
    const unwrapped = unwrap(text.trim());
    const link = unwrapped.refused === null ? parseTeamsUrl(unwrapped.url) : null;
    if (link !== null && (link.kind === 'join' || link.kind === 'router'))
      found.push({ source: `property ${property}`, link, text });
  }
  return found;
}

/** Whether two sets of ids can be of one meeting: nothing that both say differs. */
export function sameTeamsMeeting(one: TeamsInfo, other: TeamsInfo): boolean {
  const threads = one.threadId !== null && other.threadId !== null;
  if (threads) return one.threadId?.toLowerCase() === other.threadId?.toLowerCase();
  return one.meetingId === null || other.meetingId === null || one.meetingId === other.meetingId;
}

/** Whether something that only one meeting can have is the same in both. */
export function surelySameMeeting(one: TeamsInfo, other: TeamsInfo): boolean {
  return (
    sameTeamsMeeting(one, other) &&
    ((one.threadId !== null && other.threadId !== null) ||
      (one.meetingId !== null && one.meetingId === other.meetingId))
  );
}

/** What the links of a block, and the number beside them, say together. */
export function idsOfBlock(block: Block): TeamsInfo {
  let ids: TeamsInfo = { ...noTeamsIds };
  for (const anchor of block.anchors) if (anchor.provider === 'teams') ids = filled(ids, anchor.teams.ids);
  return ids.meetingId !== null ? ids : { ...ids, meetingId: numberIn(block)?.id ?? null };
}

function filled(ids: TeamsInfo, more: TeamsInfo): TeamsInfo {
  return {
    threadId: ids.threadId ?? more.threadId,
    messageId: ids.messageId ?? more.messageId,
    tenantId: ids.tenantId ?? more.tenantId,
    organizerId: ids.organizerId ?? more.organizerId,
    meetingId: ids.meetingId ?? more.meetingId,
    passcode: ids.passcode ?? more.passcode,
    shortToken: ids.shortToken ?? more.shortToken,
    cloud: ids.cloud ?? more.cloud,
    broadcast: ids.broadcast || more.broadcast,
  };
}

/**
 * @param places The join links of the item's own properties or location, where it has any.
 * @param block The block of this meeting in the body, where there is one; its CVI coordinates are this meeting's.
 */
export function assembleTeams(invite: Invite, places: readonly TeamsPlace[], block: Block | null): Meeting {
  const meeting = new TeamsAssembly();
  for (const { source, link, text } of places) meeting.addLink(link, source, text);
  const links = (block?.anchors ?? []).filter((anchor) => anchor.provider === 'teams');
  for (const wanted of ['join', 'router'] as const) {
    for (const anchor of links) {
      if (anchor.teams.kind === wanted) meeting.addLink(anchor.teams, anchor.link.source, anchor.link.url);
    }
  }
  for (const { property, ids, text } of idsOfProperties(invite.properties))
    meeting.add(ids, `property ${property}`, text);
  if (block !== null) addFromText(meeting, block);
  return meeting.finish(cviOf(invite, block, meeting.evidence));
}

class TeamsAssembly {
  ids: TeamsInfo = { ...noTeamsIds };
  url: string | null = null;
  readonly evidence: Evidence[] = [];

  addLink(link: TeamsLink, source: string, text: string): void {
    if (!sameTeamsMeeting(this.ids, link.ids)) return;
    if (this.url === null) {
      this.url = link.url;
      this.evidence.push(evidence('url', source, text));
    }
    this.add(link.ids, source, text);
  }

  /** Fills what is still open; ids of another meeting are passed over. */
  add(more: TeamsInfo, source: string, text: string): void {
    if (!sameTeamsMeeting(this.ids, more)) return;
    const before = this.ids;
    this.ids = filled(before, more);
    for (const field of Object.keys(noTeamsIds)) {
      const name = teamsFields.find((known) => known === field);
      const value = name === undefined ? null : this.ids[name];
      if (name === undefined || value === before[name]) continue;
      this.evidence.push(evidence(`teams.${name}`, source, text, typeof value === 'string' ? value : null));
    }
  }

  finish(cvi: CviInfo | null): Meeting {
    const { threadId, messageId, tenantId, organizerId } = this.ids;
    if (this.url === null && threadId !== null && tenantId !== null && organizerId !== null) {
      const context = encodeURIComponent(JSON.stringify({ Tid: tenantId, Oid: organizerId }));
      const thread = encodeURIComponent(threadId);
      this.url = `https://${hostOf(this.ids.cloud, threadId)}/l/meetup-join/${thread}/${messageId ?? '0'}?context=${context}`;
      this.evidence.push(evidence('url', 'built from thread, tenant and organiser', this.url));
    }
    const join: JoinInfo = { provider: 'teams', url: this.url, sip: null, teams: this.ids, cvi };
    return { join, evidence: this.evidence, h323: null };
  }
}

const teamsFields = [
  'threadId',
  'messageId',
  'tenantId',
  'organizerId',
  'meetingId',
  'passcode',
  'shortToken',
  'cloud',
  'broadcast',
] as const;

function hostOf(cloud: TeamsInfo['cloud'], threadId: string): string {
  if (cloud === 'gcc-high' || threadId.startsWith('19:gcch:')) return 'gov.teams.microsoft.us';
  if (cloud === 'dod' || threadId.startsWith('19:dod:')) return 'dod.teams.microsoft.us';
  if (cloud === 'china') return 'teams.microsoftonline.cn';
  return cloud === 'consumer' ? 'teams.live.com' : 'teams.microsoft.com';
}

/** Meeting options beside the join link, then number and passcode as text. */
function addFromText(meeting: TeamsAssembly, block: Block): void {
  for (const link of block.section.links) {
    if (link.refused !== null || link.at < block.from || link.at > block.to) continue;
    const teams = parseTeamsUrl(link.url);
    if (teams?.kind === 'reference') meeting.add(teams.ids, link.source, link.url);
  }
  const number = numberIn(block);
  if (number === null || (meeting.ids.meetingId !== null && meeting.ids.meetingId !== number.id)) return;
  const passcode = codeAfter(block.text.slice(0, block.to), number.end);
  const end = passcode?.end ?? number.end;
  const shown = around(block.section.text, number.at, end);
  meeting.add({ ...noTeamsIds, meetingId: number.id, passcode: passcode?.code ?? null }, 'body text', shown);
}

/** A meeting id stands within this many characters behind a join link, or has a passcode behind it. */
const nearLink = 600;

/** The number of the block that has a meeting id's shape: the links' own first, then one near a link or with a passcode. */
function numberIn(block: Block): { id: string; at: number; end: number } | null {
  const start = block.anchors[0]?.link.at ?? block.from;
  const ends = block.anchors.map((anchor) => anchor.link.end);
  const linkId = block.anchors
    .map((anchor) => (anchor.provider === 'teams' ? anchor.teams.ids.meetingId : null))
    .find((id) => id !== null);
  let best: { id: string; at: number; end: number } | null = null;
  for (const run of block.numbers) {
    if (run.at < block.from || run.at >= block.to) continue;
    const id = meetingIdOf(run);
    if (id === null) continue;
    const found = { id, at: run.at, end: endOfId(run.at, id, block.text) };
    if (id === linkId) return found;
    if (linkId !== undefined || best !== null) continue;
    const near = run.at >= start && ends.some((end) => run.at - end <= nearLink && run.at >= end);
    if (near) return found;
    if (codeAfter(block.text.slice(0, block.to), found.end) !== null) best = found;
  }
  return best;
}

/** Where the last digit of `id` stands, past the blanks between its groups. */
function endOfId(at: number, id: string, text: string): number {
  let end = at;
  for (let digits = 0; digits < id.length && end < text.length; end++) if (/\d/.test(text.charAt(end))) digits++;
  return end;
}

/** A Teams block as the search for CVI coordinates wants it. */
export function cviPlace(block: Block): CviPlace {
  const { text, section, from, to, anchors } = block;
  return { text, links: section.links, from, to, start: anchors[0]?.link.at ?? from, teams: 'certain' };
}

/** Coordinates from the block first, since they are what the inviter sent; else the calendar's own fields. */
function cviOf(invite: Invite, block: Block | null, lines: Evidence[]): CviInfo | null {
  const found = block === null ? null : findCvi(cviPlace(block));
  if (found !== null && block !== null) {
    const text = block.section.text;
    if (found.key !== null) {
      lines.push(evidence('cvi.tenantKey', 'body text', around(text, found.key.at, found.key.end)));
    }
    if (found.conference !== null) {
      lines.push(evidence('cvi.conferenceId', 'body text', around(text, found.conference.at, found.conference.end)));
    }
    if (found.link !== null) lines.push(evidence('cvi.moreInfoUrl', found.link.source, found.link.url));
    return found.info;
  }
  const { CviTenantKey: key, CviConferenceId: id, CviMoreInfoUrl: more } = invite.properties;
  const info = id === undefined ? null : cviOfFields(key ?? '', id, more ?? null);
  if (info !== null)
    lines.push(evidence('cvi', 'property cloudVideoInteropInfo', `${key ?? ''} ${id ?? ''} ${more ?? ''}`));
  return info;
}
