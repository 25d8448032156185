/** Which of the SDK's two ways to name a Teams meeting an address allows. */
import type { MeetingAddress } from '../guest.ts';

/** As `CallAgent.join` takes them. There is no way by thread id alone, but a classic link can be written from it. */
export type AcsLocator = { meetingLink: string } | { meetingId: string; passcode?: string };

/** Hosts of Teams meetings for work and school in the commercial cloud, the only ones that the SDK joins. */
const hosts = ['teams.microsoft.com', 'teams.cloud.microsoft'];

/** `null` where there is nothing that the SDK could join by. The link comes first: a short link holds its own proof. */
export function locatorOf(address: MeetingAddress): AcsLocator | null {
  if (address.url !== null && isTeamsLink(address.url)) return { meetingLink: address.url };
  if (address.meetingId !== null && address.meetingId !== '') {
    return { meetingId: address.meetingId, ...(address.passcode === null ? {} : { passcode: address.passcode }) };
  }
  const { threadId, messageId, tenantId, organizerId } = address;
  if (threadId === null || tenantId === null || organizerId === null) return null;
  const context = encodeURIComponent(JSON.stringify({ Tid: tenantId, Oid: organizerId }));
  const thread = encodeURIComponent(threadId);
  return {
    meetingLink: `https://teams.microsoft.com/l/meetup-join/${thread}/${messageId ?? '0'}?context=${context}`,
  };
}

function isTeamsLink(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return url.protocol === 'https:' && hosts.includes(url.hostname) && url.username === '';
}
