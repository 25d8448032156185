import type { InviteProperties } from '../invite.ts';

/** Names of Exchange's PublicStrings properties, as MAPI, EWS and Graph use them. */
const names: readonly (keyof InviteProperties)[] = [
  'SkypeTeamsMeetingUrl',
  'SkypeTeamsProperties',
  'SchedulingServiceUpdateUrl',
  'OnlineMeetingConfLink',
  'OnlineMeetingExternalLink',
  'OnlineMeetingInformation',
  'ConferenceTelURI',
];

/** The property that a name means, in any letter case, also with the prefix of iCalendar's `X-MICROSOFT-`. */
export function propertyNamed(name: string | null | undefined): keyof InviteProperties | null {
  const wanted = name?.toLowerCase().replace(/^x-microsoft-/, '');
  return names.find((known) => known.toLowerCase() === wanted) ?? null;
}
