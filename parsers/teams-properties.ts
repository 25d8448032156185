/**
 * The machine-readable properties that Exchange keeps of a Teams meeting (they survive `DeleteComments`, and
 * hold the tenant where the join link is short).
 */
import type { InviteProperties, TeamsInfo } from './invite.ts';
import { guidOf, noTeamsIds, parseTeamsUrl, threadIdOf } from './teams.ts';

/** One property's share of the ids. */
export interface PropertyIds {
  property: keyof InviteProperties;
  ids: TeamsInfo;
  text: string;
}

/** What the properties say without a join link, in order of trust. Broken values are passed over. */
export function idsOfProperties(properties: Readonly<InviteProperties>): PropertyIds[] {
  const found: PropertyIds[] = [];
  const add = (property: keyof InviteProperties, read: (text: string) => TeamsInfo | null): void => {
    const text = properties[property];
    const ids = text === undefined || text === '' ? null : read(text);
    if (text !== undefined && ids !== null) found.push({ property, ids, text });
  };
  add('SchedulingServiceUpdateUrl', (text) => parseTeamsUrl(text)?.ids ?? null);
  add('OnlineMeetingConfLink', conferenceLink);
  add('SkypeTeamsProperties', skypeTeamsProperties);
  add('OrganizerIdentity', (text) => {
    const [tenant, user] = text.split('/', 2);
    const [tenantId, organizerId] = [guidOf(tenant), guidOf(user)];
    return tenantId === null || organizerId === null ? null : { ...noTeamsIds, tenantId, organizerId };
  });
  add('JoinMeetingId', meetingId);
  add('JoinPasscode', (text) => ({ ...noTeamsIds, passcode: text.trim() || null }));
  return found;
}

/**
 * `conf:sip:…;opaque=app:conf:focus:id:teams:2:0!19:meeting_…-thread.v2!<Oid>!<Tid>`: organiser before tenant, GUIDs
 * without dashes, `-` for `@`.
 */
function conferenceLink(text: string): TeamsInfo | null {
  const found =
    /id:teams:\d{1,3}:(\d{1,20})!(19:[^!;\s]{1,200})-(thread\.[a-z0-9]{2,10})!([0-9a-f-]{32,36})!([0-9a-f-]{32,36})/i.exec(
      text,
    );
  if (found === null) return null;
  const [, messageId = '0', opaque = '', suffix = '', organizer = '', tenant = ''] = found;
  return {
    ...noTeamsIds,
    threadId: threadIdOf(`${opaque}@${suffix}`),
    messageId: /^0*$/.test(messageId) ? null : messageId,
    organizerId: guidOf(dashed(organizer)),
    tenantId: guidOf(dashed(tenant)),
  };
}

function dashed(hex: string): string {
  const plain = hex.replaceAll('-', '');
  return [plain.slice(0, 8), plain.slice(8, 12), plain.slice(12, 16), plain.slice(16, 20), plain.slice(20)].join('-');
}

/** `{"cid":"19:meeting_…@thread.v2","mid":0,"uid":"8:orgid:<Oid>",…}`; read by pattern, since producers escape it twice. */
function skypeTeamsProperties(text: string): TeamsInfo | null {
  const threadId = threadIdOf(/cid["'\\]{1,4}\s*:\s*["'\\]{1,4}([^"'\\]{1,300})/i.exec(text)?.[1] ?? '');
  const messageId = /mid["'\\]{1,4}\s*:\s*["'\\]{0,4}(\d{1,20})/i.exec(text)?.[1] ?? '0';
  const organizerId = guidOf(/orgid:([0-9a-f-]{36})/i.exec(text)?.[1]);
  if (threadId === null && organizerId === null) return null;
  return { ...noTeamsIds, threadId, messageId: /^0*$/.test(messageId) ? null : messageId, organizerId };
}

function meetingId(text: string): TeamsInfo | null {
  const digits = text.replace(/\D/g, '');
  return digits.length >= 8 && digits.length <= 20 ? { ...noTeamsIds, meetingId: digits } : null;
}
