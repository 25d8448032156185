/**
 * The two types of the parsers: the invite that goes in and the join info that comes out.
 *
 * An invite is one calendar item (one instance of a recurring one) as a connector or a file reader read it, before
 * anything is understood. Join info is what `understand()` found in it.
 */
import { z } from 'zod';

/** Milliseconds since 1970-01-01T00:00:00Z. Every moment in this project has this unit and is UTC. */
export type Instant = number;

/** Where an invite came from; decides nothing but the words of evidence and warnings. */
export type InviteSource = 'ics' | 'eml' | 'html' | 'text' | 'url' | 'graph-event' | 'graph-online-meeting' | 'ews';

export interface Person {
  /** Display name, `null` where there is none. */
  name: string | null;
  /** SMTP address in lower case, `null` where there is none. */
  email: string | null;
}

/**
 * Machine-readable properties under the names that MAPI, EWS and Graph give them. The iCalendar reader maps
 * `X-MICROSOFT-SKYPETEAMSMEETINGURL` to `SkypeTeamsMeetingUrl`, and so on.
 */
export interface InviteProperties {
  SkypeTeamsMeetingUrl?: string;
  SkypeTeamsProperties?: string;
  SchedulingServiceUpdateUrl?: string;
  OnlineMeetingConfLink?: string;
  OnlineMeetingExternalLink?: string;
  OnlineMeetingInformation?: string;
  ConferenceTelURI?: string;
  /** Graph `onlineMeeting.joinUrl` or `joinWebUrl`, EWS `JoinOnlineMeetingUrl`. */
  JoinUrl?: string;
  /** Graph `onlineMeetingUrl` (legacy). */
  OnlineMeetingUrl?: string;
  /** Graph `onlineMeetingProvider`, e.g. `teamsForBusiness`. */
  OnlineMeetingProvider?: string;
  /** Graph `joinMeetingIdSettings.joinMeetingId` and `.passcode`. */
  JoinMeetingId?: string;
  JoinPasscode?: string;
  /** Graph `participants.organizer.identity.user` of an onlineMeeting, as `<tenant>/<user>`. */
  OrganizerIdentity?: string;
  /** Graph `cloudVideoInteropInfo`. */
  CviTenantKey?: string;
  CviConferenceId?: string;
  CviMoreInfoUrl?: string;
  /** `X-GOOGLE-CONFERENCE`. */
  GoogleConference?: string;
  /** iCalendar `URL` and `CONTACT`. */
  Url?: string;
  Contact?: string;
}

export interface Invite {
  source: InviteSource;
  /** iCalendar UID / Graph iCalUId; `null` where the source has none (a bare body). */
  uid: string | null;
  /** Which instance of a recurring item: its original start, UTC, as `20260131T090000Z` (RFC 5545 RECURRENCE-ID); else `null`. */
  occurrence: string | null;
  /** RFC 5545 SEQUENCE, 0 where absent. */
  sequence: number;
  /** iTIP method in upper case (`REQUEST`, `CANCEL`, …), `null` where there is none. */
  method: string | null;
  cancelled: boolean;
  subject: string;
  /** Every location text, the main one first. */
  locations: readonly string[];
  organizer: Person | null;
  start: Instant | null;
  end: Instant | null;
  allDay: boolean;
  sensitivity: 'normal' | 'personal' | 'private' | 'confidential';
  showAs: 'free' | 'tentative' | 'busy' | 'oof' | 'workingElsewhere' | 'unknown';
  /** The room's own answer to the invite. */
  response: 'none' | 'organizer' | 'accepted' | 'tentative' | 'declined' | 'unanswered';
  html: string | null;
  text: string | null;
  /** RFC 7986 CONFERENCE values, in order. */
  conferences: readonly string[];
  properties: Readonly<InviteProperties>;
  /** What of the source may hold an invite and cannot be read, in words with the remedy; missing where nothing is. */
  unread?: readonly string[];
}

export const providers = [
  'teams',
  'zoom',
  'webex',
  'google-meet',
  'skype-for-business',
  'bluejeans',
  'gotomeeting',
  'starleaf',
  'lifesize',
  'chime',
  'jitsi',
  'whereby',
  '8x8',
  'ringcentral',
  'lark',
  'livekit',
  'cms',
  'pexip',
  'sip',
  'h323',
  'other',
] as const;

export const teamsClouds = ['commercial', 'consumer', 'gcc-high', 'dod', 'china'] as const;

export const tenancies = ['own', 'external', 'consumer', 'unknown'] as const;

export const teamsSchema = z.strictObject({
  /** Decoded, `19:meeting_…@thread.v2`. */
  threadId: z.string().nullable(),
  messageId: z.string().nullable(),
  /** GUIDs in lower case. */
  tenantId: z.string().nullable(),
  organizerId: z.string().nullable(),
  /** Digits only. */
  meetingId: z.string().nullable(),
  passcode: z.string().nullable(),
  /** The `p=` of a short link; not the passcode. */
  shortToken: z.string().nullable(),
  cloud: z.enum(teamsClouds).nullable(),
  /** A live event, webinar or town hall that an attendee only watches. */
  broadcast: z.boolean(),
});

export const cviSchema = z.strictObject({
  partner: z.enum(['poly', 'pexip', 'webex', 'bluejeans', 'unknown']),
  /** What stands before the `@`, e.g. `813878896` or `teams`. */
  tenantKey: z.string(),
  domain: z.string(),
  /** Digits as written, leading zeros kept. */
  conferenceId: z.string(),
  /** The partner's IVR, `user@domain` without a scheme. */
  ivr: z.string(),
  /** By the partner's own rule; `null` where the rule is not known. */
  directDial: z.string().nullable(),
  moreInfoUrl: z.string().nullable(),
});

export const joinInfoSchema = z.strictObject({
  provider: z.enum(providers),
  url: z.string().nullable(),
  /** `user@domain`, no scheme. */
  sip: z.string().nullable(),
  teams: teamsSchema.nullable(),
  cvi: cviSchema.nullable(),
});

export const evidenceSchema = z.strictObject({
  /** The field of the answer that this supports, e.g. `teams.tenantId`. */
  field: z.string(),
  /** Where it stood: `property SkypeTeamsMeetingUrl`, `body link`, `body text`, `location`, … */
  source: z.string(),
  /** The text itself, shortened to 200 characters. */
  text: z.string(),
});

/** What the parsers understood of one invite: the design's `usher explain` answer without `file` and `more`. */
export const understandingSchema = z.strictObject({
  cancelled: z.boolean(),
  /** Whose Teams tenant organised the meeting; `null` where the provider is not Teams. */
  tenancy: z.enum(tenancies).nullable(),
  route: z.enum(['cvi', 'sgj', 'sip', 'none']),
  /** With scheme; always `null` for `sgj`, whose token needs a room. */
  dial: z.string().nullable(),
  join: joinInfoSchema.nullable(),
  warnings: z.array(z.string()),
  evidence: z.array(evidenceSchema),
});

export type TeamsInfo = z.infer<typeof teamsSchema>;
export type CviInfo = z.infer<typeof cviSchema>;
export type JoinInfo = z.infer<typeof joinInfoSchema>;
export type Provider = JoinInfo['provider'];
export type Evidence = z.infer<typeof evidenceSchema>;
export type Understanding = z.infer<typeof understandingSchema>;
export type Route = Understanding['route'];
export type Tenancy = NonNullable<Understanding['tenancy']>;
