/**
 * The demo's calendars: real `.ics` files as Exchange, Google and others write them, made around the current time. A file
 * that still has something to come is left as it is, so that edits survive a restart.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contentLine, textValue } from '../../connectors/devices/ics-feed/lines.ts';
import type { Instant } from '../../parsers/invite.ts';

/** The tenant that the demo takes for its own; everyone else's is external. */
export const ownTenant = '11111111-1111-4111-8111-111111111111';
const otherTenant = '22222222-2222-4222-8222-222222222222';
const organizerId = '33333333-3333-4333-8333-333333333333';

const minute = 60_000;

interface DemoMeeting {
  /** Names the meeting within its room; part of its UID. */
  name: string;
  subject: string;
  organizer: { name: string; email: string };
  /** Minutes from the demo's start, rounded to five. */
  from: number;
  lasts: number;
  description: string;
  location: string;
  private?: boolean;
  /** Lines besides the usual ones, unfolded. */
  lines?: readonly string[];
}

export interface DemoRoom {
  id: string;
  name: string;
  /** What dials when Join is pressed; with `none` the panel shows what to dial. */
  videoSystem: 'codec' | 'simple' | 'none';
  meetings: readonly DemoMeeting[];
}

const own = { name: 'Facilities', email: 'facilities@contoso.example' };
const partner = { name: 'Northwind Projects', email: 'projects@northwind.example' };

export const demoRooms: readonly DemoRoom[] = [
  {
    id: 'oslo',
    name: 'Oslo',
    videoSystem: 'codec',
    meetings: [
      {
        name: 'review',
        subject: 'Design review with Northwind',
        organizer: partner,
        from: 0,
        lasts: 50,
        location: 'Microsoft Teams Meeting',
        ...teamsInvite({
          thread: thread('b3NsbyByZXZpZXcgd2l0aCBub3J0aHdpbmQ'),
          tenant: otherTenant,
          id: '243 801 996 117 4',
          passcode: 'kT4mQ2xb',
        }),
      },
      {
        name: 'board',
        subject: 'Board preparation',
        organizer: own,
        from: 60,
        lasts: 45,
        location: 'Microsoft Teams Meeting',
        ...teamsInvite({
          thread: thread('b3NsbyBib2FyZCBwcmVwYXJhdGlvbg'),
          tenant: ownTenant,
          id: '287 114 520 330 8',
          passcode: 'Zr7Lw3Np',
          cvi: [
            'Join on a video conferencing device',
            'Tenant key: 813878896@t.plcm.vc',
            'Video ID: 118 204 776 3',
            'More info<https://dialin.plcm.vc/teams/?key=813878896&conf=1182047763>',
          ],
        }),
      },
      {
        name: 'stripped',
        subject: 'Quarterly numbers',
        organizer: partner,
        from: 180,
        lasts: 60,
        location: 'Microsoft Teams Meeting',
        description: '',
      },
    ],
  },
  {
    id: 'lisbon',
    name: 'Lisbon',
    videoSystem: 'simple',
    meetings: [
      {
        name: 'standup',
        subject: 'Platform stand-up',
        organizer: own,
        from: 0,
        lasts: 30,
        location: 'Microsoft Teams Meeting',
        ...teamsInvite({
          thread: thread('bGlzYm9uIHBsYXRmb3JtIHN0YW5kdXA'),
          tenant: ownTenant,
          id: '215 660 084 901 2',
          passcode: 'Hq9Vd6Sy',
          cvi: [
            'Join on a video conferencing device',
            'Tenant key: teams@video.contoso.example',
            'Video ID: 112 930 415 0',
            'More info<https://pexip.me/teams/video.contoso.example/1129304150>',
          ],
        }),
      },
      {
        name: 'interview',
        subject: 'Interview, second round',
        organizer: partner,
        from: 35,
        lasts: 60,
        location: 'Microsoft Teams Meeting',
        private: true,
        ...teamsInvite({
          thread: thread('bGlzYm9uIGludGVydmlldyBzZWNvbmQ'),
          tenant: otherTenant,
          id: '268 037 715 442 9',
          passcode: 'Bn5Jf8Ct',
        }),
      },
    ],
  },
  {
    id: 'kyoto',
    name: 'Kyoto',
    videoSystem: 'none',
    meetings: [
      {
        name: 'supplier',
        subject: 'Supplier call',
        organizer: { name: 'Fabrikam Sales', email: 'sales@fabrikam.example' },
        from: 0,
        lasts: 40,
        location: 'https://fabrikam.zoom.us/j/98765432109?pwd=dGhpc2lzbm90YXNlY3JldA.1',
        description:
          'Fabrikam Sales is inviting you to a scheduled Zoom meeting.\n\nJoin Zoom Meeting\nhttps://fabrikam.zoom.us/j/98765432109?pwd=dGhpc2lzbm90YXNlY3JldA.1\n\nMeeting ID: 987 6543 2109\nPasscode: 482913\n\nJoin by SIP\n• 98765432109@zoomcrc.com\n',
      },
      {
        name: 'workshop',
        subject: 'Workshop in the room (nobody joins from outside)',
        organizer: own,
        from: 60,
        lasts: 90,
        location: 'Kyoto',
        description: 'Bring pens.',
      },
    ],
  },
];

/** A thread name of the length that real ones have. */
function thread(base64: string): string {
  return `19:meeting_${base64.padEnd(48, 'A').slice(0, 48)}@thread.v2`;
}

interface TeamsInvite {
  thread: string;
  tenant: string;
  id: string;
  passcode: string;
  cvi?: readonly string[];
}

/** The text and the properties that Exchange gives a Teams meeting. */
function teamsInvite(invite: TeamsInvite): { description: string; lines: readonly string[] } {
  const context = encodeURIComponent(JSON.stringify({ Tid: invite.tenant, Oid: organizerId }));
  const classic = `https://teams.microsoft.com/l/meetup-join/${encodeURIComponent(invite.thread)}/0?context=${context}`;
  const short = `https://teams.microsoft.com/meet/${invite.id.replaceAll(' ', '')}?p=${invite.passcode}Xw2aR9`;
  const rule = '_'.repeat(80);
  const description = [
    '',
    rule,
    'Microsoft Teams meeting',
    `Join: ${short}`,
    `Meeting ID: ${invite.id}`,
    `Passcode: ${invite.passcode}`,
    '',
    `Need help?<https://aka.ms/JoinTeamsMeeting?omkt=en-US> | System reference<${classic}>`,
    ...(invite.cvi ?? []),
    '',
    rule,
    '',
  ].join('\n');
  return { description, lines: [`X-MICROSOFT-SKYPETEAMSMEETINGURL:${classic}`, 'X-MICROSOFT-CDO-BUSYSTATUS:BUSY'] };
}

/**
 * Writes each room's calendar into its folder unless the one there still has something to come.
 * @returns the path of each room's file, by room id
 */
export async function writeDemoCalendars(folder: string, now: Instant): Promise<Record<string, string>> {
  const paths: Record<string, string> = {};
  for (const room of demoRooms) {
    const path = join(folder, room.id, 'calendar.ics');
    paths[room.id] = path;
    await mkdir(join(folder, room.id), { recursive: true });
    if (!(await hasMore(path, now))) await writeFile(path, calendarText(room, now));
  }
  return paths;
}

/** Whether any event of the file ends after `now`; a file of other shape is somebody's own and is kept. */
async function hasMore(path: string, now: Instant): Promise<boolean> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return false;
  }
  const ends = [...text.matchAll(/^DTEND:(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\r?$/gm)];
  if (ends.length === 0 || !text.includes(product)) return true;
  return ends.some(([, ...parts]) => {
    const [year = 0, month = 1, day = 1, hours = 0, minutes = 0] = parts.map(Number);
    return Date.UTC(year, month - 1, day, hours, minutes) > now;
  });
}

const product = 'PRODID:-//Usher//Demo//EN';

export function calendarText(room: DemoRoom, now: Instant): string {
  const base = Math.floor(now / (5 * minute)) * 5 * minute;
  const lines = ['BEGIN:VCALENDAR', product, 'VERSION:2.0', 'METHOD:PUBLISH'];
  for (const meeting of room.meetings) lines.push(...eventLines(room, meeting, base));
  lines.push('END:VCALENDAR');
  return lines.map(contentLine).join('');
}

function eventLines(room: DemoRoom, meeting: DemoMeeting, base: Instant): string[] {
  const start = base + meeting.from * minute;
  return [
    'BEGIN:VEVENT',
    `UID:${room.id}-${meeting.name}-${stamp(start)}@demo.example`,
    `DTSTAMP:${stamp(base)}`,
    `DTSTART:${stamp(start)}`,
    `DTEND:${stamp(start + meeting.lasts * minute)}`,
    `SUMMARY:${textValue(meeting.subject)}`,
    `ORGANIZER;CN=${meeting.organizer.name}:mailto:${meeting.organizer.email}`,
    `LOCATION:${textValue(meeting.location)}`,
    ...(meeting.description === '' ? [] : [`DESCRIPTION:${textValue(meeting.description)}`]),
    ...(meeting.private ? ['CLASS:PRIVATE'] : []),
    ...(meeting.lines ?? []),
    'SEQUENCE:0',
    'END:VEVENT',
  ];
}

function stamp(at: Instant): string {
  return `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}
