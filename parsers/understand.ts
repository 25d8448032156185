/** The parsers' entry: what an invite says about how to join. Pure: no I/O, no clock, no configuration of its own. */
import { type Block, blockOfText } from './blocks.ts';
import { type Body, bodyOf, type Candidate, candidatesOf, rank } from './candidates.ts';
import { evidence } from './evidence.ts';
import type { Evidence, Invite, JoinInfo, Route, TeamsInfo, Tenancy, Understanding } from './invite.ts';
import { findAddresses, findLinks } from './links/find.ts';
import { textWithoutLinks } from './numbers.ts';
import { assembleOther, type Part, partOfBlock, partOfSection } from './other-meeting.ts';
import { applyPolicy, type Policy } from './policy.ts';
import { contentOf } from './read/content.ts';
import { applyRules, type Rule, type RuleTrace } from './rules.ts';
import { consumerTenant, noTeamsIds, parseTeamsUrl } from './teams.ts';
import { assembleTeams, idsOfBlock, type Meeting, sameTeamsMeeting, surelySameMeeting } from './teams-meeting.ts';
import { idsOfProperties } from './teams-properties.ts';

export interface UnderstandOptions {
  /** GUIDs, lower case: the tenants that are the administrator's own. */
  ownTenants: readonly string[];
  /** Mail domains, lower case, that rules take as the administrator's own. */
  ownDomains?: readonly string[];
  /** Which Teams meetings are joined how; without it every one is joined as the invite allows. */
  policy?: Policy;
  rules?: readonly Rule[];
}

/**
 * Warnings that an answer may carry (docs/warnings.md says what to do about each).
 */
export const warnings = [
  'body-stripped',
  'two-meetings',
  'opaque-link',
  'not-joinable-link',
  'refused-link',
  'unread-part',
  'quoted-history',
  'tenant-unknown',
  'cvi-partner-unknown',
  'broadcast',
  'unreadable',
  'too-slow',
  'rule-failed',
  'policy-failed',
] as const;
export type Warning = (typeof warnings)[number];

/** Never throws, whatever the invite holds. */
export function understand(invite: Invite, options: UnderstandOptions): Understanding {
  try {
    return decided(invite, options).understanding;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const cancelled = invite.cancelled === true;
    return { ...nothing(cancelled), warnings: ['unreadable'], evidence: [evidence('unreadable', 'invite', text)] };
  }
}

/** The answer, and what became of every rule on the way. Unlike `understand` it lets errors through. */
export function decided(
  invite: Invite,
  options: UnderstandOptions,
): { understanding: Understanding; trace: RuleTrace[] } {
  const found = understood(invite, options);
  const allowed = options.policy === undefined ? found : applyPolicy(found, options.policy);
  const { rules = [], ownDomains = [] } = options;
  return rules.length === 0
    ? { understanding: allowed, trace: [] }
    : applyRules(invite, allowed, { rules, ownDomains });
}

function nothing(cancelled: boolean): Understanding {
  return { cancelled, tenancy: null, route: 'none', dial: null, join: null, warnings: [], evidence: [] };
}

function understood(invite: Invite, options: UnderstandOptions): Understanding {
  const cancelled = invite.cancelled || invite.method === 'CANCEL';
  const body = bodyOf(contentOf(invite));
  const candidates = candidatesOf(invite, body);
  const chosen = candidates[0];
  const meeting = chosen === undefined ? null : assemble(invite, body, chosen);
  const found: Warning[] = [];
  if (isStripped(invite, body, meeting)) found.push('body-stripped');
  if (chosen !== undefined && hasAnother(invite, candidates, chosen, meeting)) found.push('two-meetings');
  if (chosen !== undefined && chosen.rank >= rank.history) found.push('quoted-history');
  const lines = [...(meeting?.evidence ?? [])];
  found.push(...linkWarnings(body, meeting, lines));
  if (invite.unread !== undefined) {
    found.push('unread-part');
    lines.push(...invite.unread.slice(0, 10).map((words) => evidence('unread', 'mail part', words)));
  }
  if (meeting === null) return { ...nothing(cancelled), warnings: found, evidence: lines };
  const { join } = meeting;
  const tenancy = tenancyOf(join, options.ownTenants);
  if (tenancy === 'unknown') found.push('tenant-unknown');
  if (join.cvi?.partner === 'unknown') found.push('cvi-partner-unknown');
  if (join.teams?.broadcast === true) found.push('broadcast');
  const { route, dial } = cancelled ? noRoute : routeOf(meeting);
  return { cancelled, tenancy, route, dial, join, warnings: found, evidence: lines };
}

const noRoute: { route: Route; dial: string | null } = { route: 'none', dial: null };

/** CVI coordinates reach a meeting whoever organises it; without them a Teams meeting is joined as a guest. */
export function routeOf(meeting: { join: JoinInfo; h323: string | null }): { route: Route; dial: string | null } {
  const { join, h323 } = meeting;
  if (join.cvi !== null) return { route: 'cvi', dial: `sip:${join.cvi.directDial ?? join.cvi.ivr}` };
  if (join.teams !== null) {
    const { meetingId, passcode, threadId } = join.teams;
    const canJoin = join.url !== null || threadId !== null || (meetingId !== null && passcode !== null);
    return { route: canJoin ? 'sgj' : 'none', dial: null };
  }
  if (join.sip !== null) return { route: 'sip', dial: `sip:${join.sip}` };
  return h323 === null ? noRoute : { route: 'sip', dial: `h323:${h323}` };
}

/** Never guessed: without a tenant the answer is `unknown`. */
export function tenancyOf(join: JoinInfo, ownTenants: readonly string[]): Tenancy | null {
  if (join.provider !== 'teams') return null;
  const teams = join.teams;
  if (teams?.tenantId != null && ownTenants.some((own) => own.toLowerCase() === teams.tenantId)) return 'own';
  if (teams?.cloud === 'consumer' || teams?.tenantId === consumerTenant) return 'consumer';
  return teams?.tenantId == null ? 'unknown' : 'external';
}

function assemble(invite: Invite, body: Body, chosen: Candidate): Meeting {
  if (chosen.provider === 'teams') {
    const block = chosen.block ?? teamsBlock(invite, body, chosen);
    return assembleTeams(belongs(invite, chosen) ? invite : { ...invite, properties: {} }, chosen.places, block);
  }
  const part = withPlaces(invite, chosen.block !== null ? partOfBlock(chosen.block) : partFor(body, chosen));
  return assembleOther(chosen.read, part, chosen.source, chosen.text);
}

/** A meeting's SIP address or passcode may stand in location or CONTACT instead of beside its link. */
function withPlaces(invite: Invite, part: Part | null): Part {
  const own = part ?? { text: '', addresses: [], ends: [] };
  const places = [...invite.locations.slice(0, 20), invite.properties.Contact ?? ''].filter((text) => text !== '');
  let { text } = own;
  const [addresses, ends] = [[...own.addresses], [...own.ends]];
  for (const place of places) {
    const short = place.slice(0, 2048);
    const at = text.length + 1;
    const links = findLinks(short, 'location');
    text += `\n${textWithoutLinks({ text: short, links })}`;
    addresses.push(...findAddresses(short).map((one) => ({ ...one, at: one.at + at, end: one.end + at })));
    ends.push(...links.map((link) => link.end + at));
  }
  return { text, addresses, ends };
}

/** Ids in properties are this meeting's unless they contradict the block that was chosen. */
function belongs(invite: Invite, chosen: Candidate): boolean {
  if (chosen.provider !== 'teams' || chosen.block === null) return true;
  const ids = idsOfBlock(chosen.block);
  return idsOfProperties(invite.properties).every((property) => sameTeamsMeeting(ids, property.ids));
}

/** The block of the meeting that properties or location name: surely the same one, one that can be, an older one that surely is. */
function teamsBlock(invite: Invite, body: Body, chosen: Candidate & { provider: 'teams' }): Block | null {
  let own: TeamsInfo = { ...noTeamsIds };
  for (const ids of [
    ...chosen.places.map(({ link }) => link.ids),
    ...idsOfProperties(invite.properties).map((property) => property.ids),
  ]) {
    if (!sameTeamsMeeting(own, ids)) continue;
    own = { ...own, threadId: own.threadId ?? ids.threadId, meetingId: own.meetingId ?? ids.meetingId };
  }
  const newest = body.newest.filter((block) => block.provider === 'teams');
  const older = body.history.flat().filter((block) => block.provider === 'teams');
  const surely = (block: Block): boolean => surelySameMeeting(own, idsOfBlock(block));
  const possibly = (block: Block): boolean => sameTeamsMeeting(own, idsOfBlock(block));
  const block = newest.find(surely) ?? newest.find(possibly) ?? older.find(surely);
  if (block !== undefined || newest.length > 0) return block ?? null;
  // Links were lost or hidden; what stands above another meeting's link is still this meeting's.
  const text = blockOfText(body.content.newest, 'teams');
  return { ...text, to: body.newest[0]?.anchors[0]?.link.at ?? text.to };
}

/** The text around a meeting that a property or the location named. */
function partFor(body: Body, chosen: Candidate): Part | null {
  const id = chosen.provider === 'teams' ? null : chosen.read.reading.id;
  const same = body.newest.find(
    (block) =>
      block.provider === chosen.provider &&
      block.anchors.some((anchor) => anchor.provider !== 'teams' && (id === null || anchor.reading.id === id)),
  );
  if (same !== undefined) return partOfBlock(same);
  return body.newest.length > 0 ? null : partOfSection(body.content.newest);
}

/** Whether the invite speaks of a second meeting: the newest message, location or properties, never quoted history. */
function hasAnother(
  invite: Invite,
  candidates: readonly Candidate[],
  chosen: Candidate,
  meeting: Meeting | null,
): boolean {
  if (meeting === null || chosen.rank >= rank.history) return false;
  const own = meeting.join.teams;
  if (own !== null && idsOfProperties(invite.properties).some(({ ids }) => !sameTeamsMeeting(own, ids))) return true;
  return candidates.some((other) => {
    if (other === chosen || other.rank >= rank.weak) return false;
    if (other.provider !== chosen.provider) return true;
    if (other.provider !== 'teams') {
      const [one, two] = [idOf(other), idOf(chosen)];
      return one !== null && two !== null && one !== two;
    }
    const ids = other.block === null ? other.places[0]?.link.ids : idsOfBlock(other.block);
    return own !== null && ids !== undefined && !sameTeamsMeeting(own, ids);
  });
}

function idOf(candidate: Candidate): string | null {
  return candidate.provider === 'teams' ? null : candidate.read.reading.id;
}

/** Exchange's `DeleteComments` empties the body of what a room accepts; that is not the same as a body without CVI. */
function isStripped(invite: Invite, body: Body, meeting: Meeting | null): boolean {
  const calendar = invite.source === 'ics' || invite.source === 'graph-event' || invite.source === 'ews';
  if (!calendar || !body.content.bodyIsEmpty) return false;
  const online = Object.entries(invite.properties).some(
    ([name, value]) => name !== 'Url' && name !== 'Contact' && value !== 'unknown',
  );
  const named = /\b(?:teams|zoom|webex|skype)\b/i.test(invite.locations.join(' '));
  return online || named || (meeting === null && invite.subject.trim() === '');
}

/** What was seen and not used, told where it matters: when there is no way in without it. */
function linkWarnings(body: Body, meeting: Meeting | null, lines: Evidence[]): Warning[] {
  const found = new Set<Warning>();
  for (const link of body.content.newest.links) {
    if (link.refused !== null && link.refused !== 'bad-escape') {
      found.add('refused-link');
      if (lines.length < 100) lines.push(evidence('refused', link.source, `${link.refused}: ${link.raw}`));
    }
    if (link.opaque !== null && (meeting === null || meeting.join.url === null)) {
      found.add('opaque-link');
      if (lines.length < 100) {
        const domain = link.opaqueDomain === null ? '' : ` (${link.opaqueDomain})`;
        lines.push(evidence('refused', link.source, `hidden by ${link.opaque}${domain}: ${link.raw}`));
      }
    }
    if (meeting !== null || link.refused !== null) continue;
    const teams = parseTeamsUrl(link.url);
    if (teams !== null && (teams.kind === 'not-joinable' || teams.kind === 'reference')) {
      found.add('not-joinable-link');
      if (lines.length < 100) lines.push(evidence('refused', link.source, `opens ${teams.what}: ${link.raw}`));
    }
  }
  return [...found];
}
