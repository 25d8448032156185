/** Microsoft Graph's `event` and `onlineMeeting` resources, as JSON, as invites. */
import { z } from 'zod';
import type { Invite, InviteProperties, Person } from '../invite.ts';
import { percentDecode } from '../links/encoding.ts';
import { bareInvite } from './invite-of.ts';
import { propertyNamed } from './property-names.ts';
import { type Moment, momentOf, occurrenceOf, zoneNamed } from './time.ts';

/** A field of the wrong type is taken as absent: one odd field must not cost the meeting its button. */
const text = z.string().nullish().catch(null);
const flag = z.boolean().nullish().catch(null);
const object = <T extends z.ZodRawShape>(shape: T) => z.object(shape).nullish().catch(null);

const dateTime = object({ dateTime: text, timeZone: text });
const location = object({ displayName: text, locationUri: text });
const itemBody = object({ contentType: text, content: text });

const eventSchema = z.object({
  iCalUId: text,
  uid: text,
  type: text,
  originalStart: text,
  subject: text,
  body: itemBody,
  bodyPreview: text,
  isCancelled: flag,
  isAllDay: flag,
  onlineMeetingProvider: text,
  onlineMeeting: object({ joinUrl: text, joinWebUrl: text }),
  onlineMeetingUrl: text,
  skypeTeamsMeetingUrl: text,
  shortOnlineMeetingJoinUrl: text,
  location,
  locations: z.array(location).max(100).nullish().catch(null),
  organizer: object({ emailAddress: object({ name: text, address: text }) }),
  start: dateTime,
  end: dateTime,
  sensitivity: text,
  showAs: text,
  responseStatus: object({ response: text }),
  singleValueExtendedProperties: z
    .array(object({ id: text, value: text }))
    .max(500)
    .nullish()
    .catch(null),
});

const onlineMeetingSchema = z.object({
  subject: text,
  startDateTime: text,
  endDateTime: text,
  joinWebUrl: text,
  joinUrl: text,
  joinInformation: itemBody,
  chatInfo: object({ threadId: text, messageId: text }),
  joinMeetingIdSettings: object({ joinMeetingId: text, passcode: text }),
  cloudVideoInteropInfo: object({ tenantKey: text, videoTeleconferenceId: text, moreInfoWebUrl: text }),
  videoTeleconferenceId: text,
  participants: object({
    organizer: object({
      upn: text,
      identity: object({ user: object({ displayName: text, id: text, tenantId: text }) }),
    }),
  }),
});

/** Whether parsed JSON is a Graph event or onlineMeeting; `null` where it is neither. */
export function graphKindOf(value: unknown): 'graph-event' | 'graph-online-meeting' | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const has = (key: string) => key in value;
  const type = '@odata.type' in value ? String(value['@odata.type']).toLowerCase() : '';
  if (type.endsWith('.onlinemeeting') || type.endsWith('.virtualevent')) return 'graph-online-meeting';
  if (
    ['joinWebUrl', 'joinInformation', 'joinMeetingIdSettings', 'cloudVideoInteropInfo'].some(has) &&
    !has('iCalUId')
  ) {
    return 'graph-online-meeting';
  }
  const event = [
    'iCalUId',
    'body',
    'bodyPreview',
    'onlineMeeting',
    'onlineMeetingUrl',
    'isOnlineMeeting',
    'location',
    'locations',
  ];
  return type.endsWith('.event') || event.some(has) || (has('subject') && has('start')) ? 'graph-event' : null;
}

/** A Graph event, or an object with any part of its fields; anything else gives an invite that says nothing. */
export function inviteFromGraphEvent(value: unknown): Invite {
  const parsed = eventSchema.safeParse(value);
  const bare = bareInvite('graph-event', {});
  if (!parsed.success) return bare;
  const event = parsed.data;
  const instance = event.type === 'occurrence' || event.type === 'exception';
  return {
    ...bare,
    uid: event.iCalUId ?? event.uid ?? null,
    occurrence: instance && event.originalStart ? occurrenceOf(momentOf(event.originalStart, 'utc')) : null,
    cancelled: event.isCancelled === true,
    subject: event.subject ?? '',
    locations: locationsOf([event.location, ...(event.locations ?? [])]),
    organizer: personOf(event.organizer?.emailAddress),
    start: instantOf(event.start)?.instant ?? null,
    end: instantOf(event.end)?.instant ?? null,
    allDay: event.isAllDay === true,
    sensitivity: oneOf(event.sensitivity, ['normal', 'personal', 'private', 'confidential']) ?? 'normal',
    showAs: oneOf(event.showAs, ['free', 'tentative', 'busy', 'oof', 'workingElsewhere']) ?? 'unknown',
    response: responses[event.responseStatus?.response ?? 'none'] ?? 'none',
    ...bodyOf(event.body, event.bodyPreview),
    properties: eventProperties(event),
  };
}

function eventProperties(event: z.infer<typeof eventSchema>): InviteProperties {
  const properties: InviteProperties = {};
  for (const extended of event.singleValueExtendedProperties ?? []) {
    const name = propertyNamed(/\sName\s+(\S+)$/i.exec(extended?.id?.slice(0, 500) ?? '')?.[1]);
    if (name !== null && extended?.value) properties[name] = extended.value;
  }
  if (event.skypeTeamsMeetingUrl) properties.SkypeTeamsMeetingUrl ??= event.skypeTeamsMeetingUrl;
  const joinUrl = event.onlineMeeting?.joinUrl || event.onlineMeeting?.joinWebUrl || event.shortOnlineMeetingJoinUrl;
  if (joinUrl) properties.JoinUrl = joinUrl;
  if (event.onlineMeetingUrl) properties.OnlineMeetingUrl = event.onlineMeetingUrl;
  if (event.onlineMeetingProvider) properties.OnlineMeetingProvider = event.onlineMeetingProvider;
  return properties;
}

/** A Graph onlineMeeting; its join information is html in a `data:` URI. */
export function inviteFromOnlineMeeting(value: unknown): Invite {
  const parsed = onlineMeetingSchema.safeParse(value);
  const bare = bareInvite('graph-online-meeting', {});
  if (!parsed.success) return bare;
  const meeting = parsed.data;
  const properties: InviteProperties = {};
  const put = (name: keyof InviteProperties, found: string | null | undefined) => {
    if (found) properties[name] = found;
  };
  put('JoinUrl', meeting.joinWebUrl || meeting.joinUrl);
  put('JoinMeetingId', meeting.joinMeetingIdSettings?.joinMeetingId);
  put('JoinPasscode', meeting.joinMeetingIdSettings?.passcode);
  put('CviTenantKey', meeting.cloudVideoInteropInfo?.tenantKey);
  put('CviConferenceId', meeting.cloudVideoInteropInfo?.videoTeleconferenceId || meeting.videoTeleconferenceId);
  put('CviMoreInfoUrl', meeting.cloudVideoInteropInfo?.moreInfoWebUrl);
  if (meeting.chatInfo?.threadId) {
    const { threadId, messageId } = meeting.chatInfo;
    put('SkypeTeamsProperties', JSON.stringify({ cid: threadId, mid: Number(messageId ?? 0) || 0 }));
  }
  const organizer = meeting.participants?.organizer;
  const user = organizer?.identity?.user;
  if (user?.id && user.tenantId) put('OrganizerIdentity', `${user.tenantId}/${user.id}`);
  return {
    ...bare,
    subject: meeting.subject ?? '',
    organizer: personOf({ name: user?.displayName, address: organizer?.upn }),
    start: momentOf(meeting.startDateTime ?? '', 'utc')?.instant ?? null,
    end: momentOf(meeting.endDateTime ?? '', 'utc')?.instant ?? null,
    ...bodyOf(meeting.joinInformation, null),
    properties,
  };
}

/** `bodyPreview` counts only where the body was not asked for; Graph cuts it at 255 characters, perhaps inside a link. */
function bodyOf(body: z.infer<typeof itemBody>, preview: string | null | undefined): Pick<Invite, 'html' | 'text'> {
  const content = dataUriContent(body?.content ?? null);
  if (content === null) {
    const whole = preview && preview.length >= 255 ? preview.replace(/\S{1,255}$/, '') : preview;
    return { html: null, text: whole || null };
  }
  return body?.contentType?.toLowerCase() === 'text' ? { html: null, text: content } : { html: content, text: null };
}

/** `data:text/html,%3c…` or `…;base64,…` as what it holds; anything else as it is. */
function dataUriContent(content: string | null): string | null {
  if (content === null) return null;
  const head = /^\s{0,20}data:[^,]{0,200},/i.exec(content)?.[0];
  if (head === undefined) return content;
  const rest = content.slice(head.length);
  if (/;base64,$/i.test(head)) return Buffer.from(rest, 'base64').toString('utf8');
  // Form encoding: blanks arrive as `+` where the text has no blank of its own.
  return percentDecode(/[ \n]/.test(rest) ? rest : rest.replaceAll('+', ' '));
}

function locationsOf(places: readonly z.infer<typeof location>[]): string[] {
  const texts = places.flatMap((place) => [place?.displayName, place?.locationUri]);
  return [...new Set(texts.flatMap((place) => (place?.trim() ? [place.trim()] : [])))];
}

function personOf(
  address: { name?: string | null | undefined; address?: string | null | undefined } | null | undefined,
): Person | null {
  const name = address?.name?.trim() || null;
  const email = address?.address?.trim().toLowerCase() || null;
  return name === null && email === null ? null : { name, email };
}

function instantOf(value: z.infer<typeof dateTime>): Moment | null {
  return value?.dateTime ? momentOf(value.dateTime, zoneNamed(value.timeZone ?? null)) : null;
}

const responses: Readonly<Record<string, Invite['response']>> = {
  none: 'none',
  organizer: 'organizer',
  accepted: 'accepted',
  tentativelyAccepted: 'tentative',
  declined: 'declined',
  notResponded: 'unanswered',
};

function oneOf<T extends string>(value: string | null | undefined, allowed: readonly T[]): T | null {
  return allowed.find((known) => known.toLowerCase() === value?.toLowerCase()) ?? null;
}
