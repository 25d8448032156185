/** Builds invites and what was understood of them, for tests of what comes after the parsers. */
import type { Invite, JoinInfo, Understanding } from '../../parsers/invite.ts';
import type { Understood } from '../../src/rooms/plan.ts';
import type { RoomSettings } from '../../src/rooms/settings.ts';

export const noon = Date.UTC(2026, 5, 15, 12);
export const hour = 60 * 60_000;

export function invite(changes: Partial<Invite> = {}): Invite {
  return {
    source: 'ics',
    uid: 'one@example.org',
    occurrence: null,
    sequence: 0,
    method: 'REQUEST',
    cancelled: false,
    subject: 'Budget',
    locations: [],
    organizer: { name: 'Host', email: 'host@example.org' },
    start: noon,
    end: noon + hour,
    allDay: false,
    sensitivity: 'normal',
    showAs: 'busy',
    response: 'accepted',
    html: null,
    text: null,
    conferences: [],
    properties: {},
    ...changes,
  };
}

const teams: JoinInfo = {
  provider: 'teams',
  url: 'https://teams.microsoft.com/meet/211111111111?p=token',
  sip: null,
  teams: {
    threadId: null,
    messageId: null,
    tenantId: null,
    organizerId: null,
    meetingId: '211111111111',
    passcode: 'abcdef',
    shortToken: 'token',
    cloud: 'commercial',
    broadcast: false,
  },
  cvi: null,
};

export const guestJoin: Understanding = {
  cancelled: false,
  tenancy: 'unknown',
  route: 'sgj',
  dial: null,
  join: teams,
  warnings: [],
  evidence: [],
};

/** A guest join into a meeting of another of Microsoft's clouds. */
export function inCloud(cloud: 'consumer' | 'china'): Understanding {
  return { ...guestJoin, join: { ...teams, teams: teams.teams === null ? null : { ...teams.teams, cloud } } };
}

export const zoom: Understanding = {
  ...guestJoin,
  tenancy: null,
  route: 'sip',
  dial: 'sip:98765432100@zoomcrc.com',
  join: {
    provider: 'zoom',
    url: 'https://example.zoom.us/j/98765432100',
    sip: '98765432100@zoomcrc.com',
    teams: null,
    cvi: null,
  },
};

export const noJoin: Understanding = { ...guestJoin, tenancy: null, route: 'none', join: null };

export const unknownCvi: Understanding = {
  ...guestJoin,
  route: 'cvi',
  dial: 'sip:teams@video.example.net',
  join: {
    ...teams,
    cvi: {
      partner: 'unknown',
      tenantKey: 'teams',
      domain: 'video.example.net',
      conferenceId: '0123456789',
      ivr: 'teams@video.example.net',
      directDial: null,
      moreInfoUrl: null,
    },
  },
};

export function item(changes: Partial<Invite> = {}, understanding: Understanding = guestJoin): Understood {
  return { invite: invite(changes), understanding };
}

export const settings: RoomSettings = {
  id: 'oslo',
  name: 'Oslo',
  timeZone: 'Europe/Oslo',
  language: 'en',
  privacy: { subject: 'private', organizer: 'private' },
  join: { leadMinutes: 5, tailMinutes: 0 },
  meetings: { withoutJoin: 'listed', tentative: 'listed', allDay: 'listed' },
  sipDomain: 'rooms.example.org',
};
