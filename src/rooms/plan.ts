/**
 * What a room should show, worked out from its calendar. Pure: the same calendar, settings and secret give the same plan,
 * byte for byte.
 */
import type { JoinEntry } from '../../connectors/devices/device.ts';
import type { Refusal } from '../../media/guest/choose.ts';
import type { MeetingAddress } from '../../media/guest/guest.ts';
import type { Instant, Invite, TeamsInfo, Tenancy, Understanding } from '../../parsers/invite.ts';
import { type GuestWay, guestWay } from './guest-ways.ts';
import type { Secret } from './secret.ts';
import type { RoomSettings } from './settings.ts';
import { entryTitle, organizerShown } from './titles.ts';

/** Which meeting a guest call is for: what the invite said. Kept with the plan, never given to a device. */
export interface MeetingTarget extends MeetingAddress {
  cloud: TeamsInfo['cloud'];
  tenancy: Tenancy | null;
  broadcast: boolean;
  /** Mail domain of the organiser, in lower case: whose meeting it is where no tenant is named. */
  organizerDomain: string | null;
}

export interface PlannedEntry {
  entry: JoinEntry;
  /** The dial token and the meeting behind it, for entries of route `sgj` alone. */
  guest: { token: string; meeting: MeetingTarget } | null;
  /** Set where a guest call would lead into the meeting if guests had not been refused there before. */
  refused: { meeting: MeetingTarget; why: string } | null;
  /** Which calendar item it came from: what ids and tokens are derived from. */
  item: { uid: string; occurrence: string | null };
  /** What the parsers warn of, by name. */
  warnings: readonly string[];
}

export interface Understood {
  invite: Invite;
  understanding: Understanding;
}

/** What is known to have been refused to guests of this meeting, or of its tenant. */
export type RefusalsOf = (meeting: MeetingTarget) => readonly Refusal[];

const nothingRefused: RefusalsOf = () => [];

interface Candidate extends Understood {
  /** Null where the route is none of ours. */
  guest: { meeting: MeetingTarget; way: GuestWay } | null;
  start: Instant;
  end: Instant;
  uid: string;
}

/** Orders by start, end, then id, so that no accident of reading order shows. */
export function planRoom(
  room: RoomSettings,
  calendar: readonly Understood[],
  secret: Secret,
  refusals: RefusalsOf = nothingRefused,
): PlannedEntry[] {
  const wanted = calendar.flatMap((item) => candidate(room, item, refusals));
  const planned = onePerMeeting(onePerItem(wanted)).map((item) => plannedEntry(room, item, secret));
  return planned.sort(
    (a, b) => a.entry.start - b.entry.start || a.entry.end - b.entry.end || compare(a.entry.id, b.entry.id),
  );
}

function candidate(room: RoomSettings, item: Understood, refusals: RefusalsOf): Candidate[] {
  const { invite, understanding } = item;
  if (invite.cancelled || understanding.cancelled || invite.response === 'declined') return [];
  if (invite.start === null || invite.end === null || !(invite.end > invite.start)) return [];
  const { meetings } = room;
  if (meetings.allDay === 'hidden' && invite.allDay) return [];
  const tentative = invite.response === 'tentative' || invite.showAs === 'tentative';
  if (meetings.tentative === 'hidden' && tentative) return [];
  const guest = understanding.route === 'sgj' ? asGuest(room, item, refusals) : null;
  const joinable = guest === null ? understanding.dial !== null : guest.way.open;
  if (meetings.withoutJoin === 'hidden' && !joinable) return [];
  // An item without a UID is known by when it is and what it says: the same after a restart, and after another reading.
  const uid = invite.uid ?? `none:${invite.start}:${invite.end}:${invite.subject}`;
  return [{ ...item, guest, start: invite.start, end: invite.end, uid }];
}

function asGuest(room: RoomSettings, item: Understood, refusals: RefusalsOf): Candidate['guest'] {
  const meeting = target(item);
  return { meeting, way: guestWay(room, meeting, refusals(meeting)) };
}

/** The same item read twice (two files, a series and its exception): the newest version counts. */
function onePerItem(candidates: readonly Candidate[]): Candidate[] {
  return best(
    candidates,
    ({ uid, invite }) => JSON.stringify([uid, invite.occurrence]),
    (a, b) => b.invite.sequence - a.invite.sequence || compare(fingerprint(a), fingerprint(b)),
  );
}

/** One meeting that is in the calendar twice under different UIDs (the original and a forwarded copy): one entry. */
function onePerMeeting(candidates: readonly Candidate[]): Candidate[] {
  return best(
    candidates,
    (item) => {
      const join = item.understanding.join;
      const which = join?.teams?.threadId ?? join?.teams?.meetingId ?? join?.url ?? item.understanding.dial;
      return JSON.stringify(which ? [item.start, item.end, which] : [item.uid, item.invite.occurrence]);
    },
    // The stricter privacy wins, then the copy that knows more (with CVI coordinates), then the smaller UID.
    (a, b) =>
      privacyRank(b.invite) - privacyRank(a.invite) ||
      Number(b.understanding.route === 'cvi') - Number(a.understanding.route === 'cvi') ||
      compare(a.uid, b.uid) ||
      compare(fingerprint(a), fingerprint(b)),
  );
}

function best<T>(items: readonly T[], key: (item: T) => string, order: (a: T, b: T) => number): T[] {
  const kept = new Map<string, T>();
  for (const item of items) {
    const name = key(item);
    const other = kept.get(name);
    if (other === undefined || order(item, other) < 0) kept.set(name, item);
  }
  return [...kept.values()];
}

function privacyRank({ sensitivity }: Invite): number {
  return sensitivity === 'private' || sensitivity === 'confidential' ? 1 : 0;
}

function fingerprint({ invite, understanding }: Candidate): string {
  return JSON.stringify([invite.subject, invite.start, invite.end, invite.organizer, understanding.join]);
}

function plannedEntry(room: RoomSettings, item: Candidate, secret: Secret): PlannedEntry {
  const { invite, understanding, guest, uid, start, end } = item;
  const { route, dial, join } = understanding;
  const isPrivate = privacyRank(invite) === 1;
  const token = guest?.way.open === true ? secret.dialToken(room.id, uid, invite.occurrence) : null;
  const address = token === null ? (route === 'sgj' ? null : dial) : `sip:${token}@${room.sipDomain}`;
  const title = entryTitle(room, invite, understanding, { isPrivate, guestWay: guest?.way ?? null });
  const entry: JoinEntry = {
    id: secret.entryId(room.id, uid, invite.occurrence),
    title: title.title,
    organizer: organizerShown(room, invite, isPrivate),
    start,
    end,
    buttonFrom: start - room.join.leadMinutes * 60_000,
    buttonUntil: end + room.join.tailMinutes * 60_000,
    privacy: isPrivate ? 'private' : 'public',
    provider: join?.provider ?? null,
    route: address === null ? 'none' : route,
    dial: address === null ? null : { address, protocol: address.startsWith('h323:') ? 'h323' : 'sip' },
    note: title.note,
  };
  return {
    entry,
    guest: token === null || guest === null ? null : { token, meeting: guest.meeting },
    refused: guest?.way.closed === 'refused' ? { meeting: guest.meeting, why: guest.way.why } : null,
    item: { uid, occurrence: invite.occurrence },
    warnings: understanding.warnings,
  };
}

function target({ invite, understanding: { join, tenancy } }: Understood): MeetingTarget {
  const teams = join?.teams;
  const [, domain = null] = /@([a-z0-9.-]{1,253})$/.exec(invite.organizer?.email?.trim().toLowerCase() ?? '') ?? [];
  return {
    url: join?.url ?? null,
    meetingId: teams?.meetingId ?? null,
    passcode: teams?.passcode ?? null,
    threadId: teams?.threadId ?? null,
    messageId: teams?.messageId ?? null,
    tenantId: teams?.tenantId ?? null,
    organizerId: teams?.organizerId ?? null,
    cloud: teams?.cloud ?? null,
    tenancy,
    broadcast: teams?.broadcast ?? false,
    organizerDomain: domain,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
