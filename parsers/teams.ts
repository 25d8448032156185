/**
 * Microsoft Teams links: every shape that invites carry, on every cloud, told apart into what opens a meeting and what
 * only looks as if it did. Works on one link that has been unwrapped already; reads ids by shape, never by label.
 */
import type { TeamsInfo } from './invite.ts';

type Cloud = NonNullable<TeamsInfo['cloud']>;

export interface TeamsLink {
  /**
   * `join` opens the meeting; `router` opens it by way of a waiting page (Virtual Appointments) and is the second choice;
   * `reference` opens something else but names the meeting's ids (meeting options, the scheduler's own address);
   * `not-joinable` is any other page of Teams.
   */
  kind: 'join' | 'router' | 'reference' | 'not-joinable';
  /** For a browser: https, launchers and deep links undone. */
  url: string;
  ids: TeamsInfo;
  /** For people: what a link that is no meeting opens, e.g. `meeting options`. */
  what: string;
}

export const noTeamsIds: Readonly<TeamsInfo> = {
  threadId: null,
  messageId: null,
  tenantId: null,
  organizerId: null,
  meetingId: null,
  passcode: null,
  shortToken: null,
  cloud: null,
  broadcast: false,
};

/** The tenant that all personal Microsoft accounts share (learn.microsoft.com, "ID token claims", `tid`). */
export const consumerTenant = '9188040d-6c67-4c5b-b112-36a304b66dad';

/** Hosts that serve the Teams client. National partner clouds have no name of their own in `cloud`. */
const hosts: ReadonlyMap<string, Cloud | null> = new Map<string, Cloud | null>([
  ['teams.microsoft.com', 'commercial'],
  ['teams.cloud.microsoft', 'commercial'],
  ['teams.live.com', 'consumer'],
  ['gov.teams.microsoft.us', 'gcc-high'],
  ['gov.teams.microsoft.com', 'gcc-high'],
  ['teams.microsoft.us', 'gcc-high'],
  ['dod.teams.microsoft.us', 'dod'],
  ['teams.microsoftonline.cn', 'china'],
  ['teams.sovcloud.fr', null],
]);

/** The cloud that serves Teams at this host: `null` is one without a name of its own here, `undefined` no host of Teams. */
export function teamsCloudOf(host: string): Cloud | null | undefined {
  return hosts.get(host.toLowerCase());
}

const guid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

/** How deep launchers may wrap a link before it is given up. */
const deepest = 4;

/** `null` when the link does not belong to Teams at all (look-alike hosts and links with user information included). */
export function parseTeamsUrl(link: string): TeamsLink | null {
  return parse(link, 0);
}

/** Percent-decodes again and again until nothing changes (four times at most); damaged escapes stay as they are. */
export function decodeFully(text: string): string {
  let now = text;
  for (let round = 0; round < 4 && now.includes('%'); round++) {
    const next = decodeOnce(now);
    if (next === now) break;
    now = next;
  }
  return now;
}

function decodeOnce(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}

/**
 * A thread id in its one written form: `19:meeting_…@thread.v2`. Takes the scheduler's underscores (`19_meeting_…`) and
 * drops a trailing `;messageid=`.
 */
export function threadIdOf(text: string): string | null {
  const found = /19[:_](?:(gcch|dod)[:_])?([^\s/?#"'<>;&@\\!:]{1,200})@(thread\.[a-z0-9]{2,10}|unq\.gbl\.spaces)/i.exec(
    decodeFully(text),
  );
  if (found === null) return null;
  const [, cloud, opaque = '', suffix = ''] = found;
  return `19:${cloud === undefined ? '' : `${cloud.toLowerCase()}:`}${opaque}@${suffix.toLowerCase()}`;
}

/** The tenant of a GUID-shaped text in lower case, else `null`. */
export function guidOf(text: string | null | undefined): string | null {
  const found = new RegExp(`^\\s*\\{?(${guid})\\}?\\s*$`, 'i').exec(text ?? '');
  return found?.[1]?.toLowerCase() ?? null;
}

function parse(link: string, depth: number): TeamsLink | null {
  const url = asHttps(link);
  if (url === null) return null;
  const host = url.hostname.replace(/\.$/, '');
  const cloud = hosts.get(host);
  if (cloud === undefined) return parseNeighbour(url, host);
  if (depth < deepest) {
    const inner = innerRoute(url);
    if (inner !== null) return parse(inner, depth + 1);
  }
  const path = decodeFully(url.pathname).replace(/\/{2,}/g, '/');
  return (
    meetupJoin(url, path, cloud) ??
    shortMeeting(url, path, cloud) ??
    lightMeeting(url, path, cloud) ??
    convene(url, path, cloud) ??
    meetingOptions(url, path, cloud) ?? { kind: 'not-joinable', url: url.href, ids: noIds(cloud), what: pageOf(path) }
  );
}

function noIds(cloud: Cloud | null): TeamsInfo {
  return { ...noTeamsIds, cloud };
}

/** Deep links of the desktop client carry the host or leave it out; both become the web address of the same page. */
function asHttps(link: string): URL | null {
  let text = link.trim();
  const deep = /^ms-?teams:\/*/i.exec(text);
  if (deep !== null) {
    const rest = text.slice(deep[0].length);
    text = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?[/?#]/i.test(rest)
      ? `https://${rest}`
      : `https://teams.microsoft.com/${rest}`;
  }
  if (!/^https?:/i.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return null;
  if (url.protocol === 'http:') url.protocol = 'https:';
  return url;
}

/** What the launcher, the web client and its fragments lead to; `null` where the link is not one of them. */
function innerRoute(url: URL): string | null {
  const path = decodeFully(url.pathname).toLowerCase();
  const fragment = url.hash.replace(/^#!?/, '');
  if (path.startsWith('/dl/launcher')) {
    const target = url.searchParams.get('url') ?? '';
    const inner = hasRoute(target) ? target : hasRoute(decodeFully(target)) ? decodeFully(target) : fragment;
    return hasRoute(inner) ? absolute(inner, url) : null;
  }
  if (/^\/(?:_|v2|classic)?\/?$/.test(path) && fragment !== '') {
    return absolute(hasRoute(fragment) ? fragment : decodeFully(fragment), url);
  }
  return null;
}

function hasRoute(text: string): boolean {
  return /(?:^|[/#])(?:l\/meetup-join|meet|light-meetings|convene)\//i.test(text);
}

function absolute(route: string, from: URL): string {
  if (/^https?:\/\//i.test(route)) return route;
  return `${from.origin}/${route.replace(/^\/?(?:_|v2)?\/?(?:\?[^#]*)?#?\/*/, '')}`;
}

/** Classic and channel meetings, live events: `/l/meetup-join/<thread>/<message>?context={Tid,Oid}`. */
function meetupJoin(url: URL, path: string, cloud: Cloud | null): TeamsLink | null {
  const at = /\/(?:l\/meetup-join|pre-join-calling)\//i.exec(path);
  if (at === null) return null;
  const rest = path.slice(at.index + at[0].length);
  const threadId = threadIdOf(rest);
  const all = decodeFully(path + url.search + url.hash);
  if (threadId === null) return { kind: 'not-joinable', url: url.href, ids: noIds(cloud), what: 'a damaged join link' };
  const messageId = /@[a-z0-9.]+(?:;messageid=|\/)(\d{1,20})/i.exec(rest)?.[1];
  const ids: TeamsInfo = {
    ...noIds(cloudOfThread(threadId) ?? cloud),
    threadId,
    messageId: messageId === undefined || /^0+$/.test(messageId) ? null : messageId,
    tenantId: contextGuid(all, 'tid|tenantId'),
    organizerId: contextGuid(all, 'oid|organizerId'),
    broadcast: isBroadcast(all),
  };
  return { kind: 'join', url: url.href, ids, what: 'a meeting' };
}

/** Reads `"Tid":"…"` whether the JSON is whole, unquoted, cut off or escaped once more. */
function contextGuid(text: string, names: string): string | null {
  const found = new RegExp(`(?:${names})["'\\\\]{0,4}\\s*[:=]\\s*["'\\\\]{0,4}(${guid})`, 'i').exec(text);
  return found?.[1]?.toLowerCase() ?? null;
}

function isBroadcast(text: string): boolean {
  return (
    /IsBroadcastMeeting["'\\]{0,4}\s*[:=]\s*["'\\]{0,4}true/i.test(text) ||
    /[?&]btype=a\b/i.test(text) ||
    /role["'\\]{0,4}\s*[:=]\s*["'\\]{0,4}a\b/i.test(text) ||
    /[?&]prid=/i.test(text)
  );
}

function cloudOfThread(threadId: string): Cloud | null {
  if (threadId.startsWith('19:gcch:')) return 'gcc-high';
  return threadId.startsWith('19:dod:') ? 'dod' : null;
}

/** `/meet/<digits>?p=<token>`: carries no tenant, and the token is not the passcode. */
function shortMeeting(url: URL, path: string, cloud: Cloud | null): TeamsLink | null {
  const found = /^\/meet\/(?:(\d[\d -]{7,24}\d)|([^/\s@]{1,80}@[a-z0-9.-]{3,80}))\/?$/i.exec(path);
  if (found === null) return null;
  const meetingId = found[1]?.replace(/\D/g, '') ?? null;
  const shortToken = url.searchParams.get('p') || null;
  const ids = { ...noIds(cloud), meetingId, shortToken, broadcast: isBroadcast(decodeFully(url.search)) };
  return { kind: 'join', url: url.href, ids, what: 'a meeting' };
}

/** `/light-meetings/launch?coords=<base64 JSON>`. */
function lightMeeting(url: URL, path: string, cloud: Cloud | null): TeamsLink | null {
  if (!/^\/light-meetings\//i.test(path)) return null;
  const coords = fieldsOfBase64(url.searchParams.get('coords') ?? '');
  const text = (name: string): string | null => {
    const value = coords[name.toLowerCase()];
    return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : null;
  };
  const threadId = threadIdOf(text('conversationId') ?? text('threadId') ?? '');
  const meetingId = text('meetingCode')?.replace(/\D/g, '') || null;
  if (threadId === null && meetingId === null) {
    return { kind: 'not-joinable', url: url.href, ids: noIds(cloud), what: 'a damaged join link' };
  }
  const messageId = text('messageId');
  const ids: TeamsInfo = {
    ...noIds((threadId === null ? null : cloudOfThread(threadId)) ?? cloud),
    threadId,
    messageId: messageId === null || !/^\d+$/.test(messageId) || /^0+$/.test(messageId) ? null : messageId,
    tenantId: guidOf(text('tenantId')),
    organizerId: guidOf(text('organizerId')),
    meetingId,
    passcode: text('passcode'),
  };
  return { kind: 'join', url: url.href, ids, what: 'a meeting' };
}

/** The fields of a base64 (or base64url) JSON object under their lower-case names; empty where it is none. */
function fieldsOfBase64(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(
      Buffer.from(decodeFully(text).replace(/\s/g, '+'), 'base64').toString('utf8').replace(/\0/g, ''),
    );
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name.toLowerCase(), field]));
  } catch {
    return {};
  }
}

/** `/convene/meetings/<Tid>__<Oid>__<thread>/join`, how town halls are embedded. */
function convene(url: URL, path: string, cloud: Cloud | null): TeamsLink | null {
  const found = new RegExp(`^/convene/meetings/(${guid})__(${guid})__([^/]+)`, 'i').exec(path);
  const threadId = found === null ? null : threadIdOf(found[3] ?? '');
  if (found === null || threadId === null) return null;
  const ids: TeamsInfo = {
    ...noIds(cloudOfThread(threadId) ?? cloud),
    threadId,
    tenantId: found[1]?.toLowerCase() ?? null,
    organizerId: found[2]?.toLowerCase() ?? null,
    broadcast: true,
  };
  return { kind: 'join', url: url.href, ids, what: 'a town hall' };
}

/** `/meetingOptions/?organizerId=&tenantId=&threadId=`: complete ids even when the join link is short, but no way in. */
function meetingOptions(url: URL, path: string, cloud: Cloud | null): TeamsLink | null {
  if (!/^\/meetingoptions\b/i.test(path)) return null;
  const all = decodeFully(url.search + url.hash);
  const ids = idsOf(all, cloud);
  return { kind: 'reference', url: url.href, ids, what: 'meeting options' };
}

function idsOf(text: string, cloud: Cloud | null): TeamsInfo {
  const threadId = threadIdOf(text);
  const messageId = /[?&]messageId=(\d{5,20})/i.exec(text)?.[1] ?? null;
  return {
    ...noIds((threadId === null ? null : cloudOfThread(threadId)) ?? cloud),
    threadId,
    messageId,
    tenantId: contextGuid(text, 'tid|tenantId'),
    organizerId: contextGuid(text, 'oid|organizerId'),
  };
}

/** Hosts beside the client: routers, the scheduler, registration, dial-in. */
function parseNeighbour(url: URL, host: string): TeamsLink | null {
  const parent = [...hosts.keys()].find((known) => host.endsWith(`.${known}`));
  if (parent === undefined) return null;
  const cloud = hosts.get(parent) ?? null;
  const name = host.slice(0, -parent.length - 1);
  const all = decodeFully(url.pathname + url.search + url.hash);
  if (name === 'visit') {
    const threadId = threadIdOf(all);
    const ids = { ...idsOf(all, cloud), threadId };
    return { kind: threadId === null ? 'not-joinable' : 'router', url: url.href, ids, what: 'a waiting room' };
  }
  if (name.startsWith('api.scheduler')) {
    const found = new RegExp(`/teams/(${guid})/(${guid})/([^/]+)(?:/(\\d+))?`, 'i').exec(decodeFully(url.pathname));
    const threadId = threadIdOf(found?.[3] ?? '');
    const messageId = found?.[4];
    const ids: TeamsInfo = {
      ...noIds((threadId === null ? null : cloudOfThread(threadId)) ?? cloud),
      threadId,
      messageId: messageId === undefined || /^0+$/.test(messageId) ? null : messageId,
      tenantId: found?.[1]?.toLowerCase() ?? null,
      organizerId: found?.[2]?.toLowerCase() ?? null,
    };
    return { kind: 'reference', url: url.href, ids, what: "the scheduler's address" };
  }
  const what = name === 'dialin' ? 'dial-in numbers' : name === 'events' ? 'a registration' : 'a page of Teams';
  return { kind: 'not-joinable', url: url.href, ids: noIds(cloud), what };
}

function pageOf(path: string): string {
  if (/^\/convene\//i.test(path)) return 'an event page';
  if (/^\/l\/meeting\/new/i.test(path)) return 'the form for a new meeting';
  if (/^\/l\/channel/i.test(path)) return 'a channel';
  if (/^\/l\/chat/i.test(path)) return 'a chat';
  return 'a page of Teams';
}
