/** One file or feed of a calendar: its bytes as events, and what is wrong with it in words. */
import type { Invite } from '../../../parsers/invite.ts';
import { readMail } from '../../../parsers/read/eml.ts';
import { type IcsCalendar, type IcsFile, parseIcs } from '../../../parsers/read/ics.ts';
import { inviteFromComponent } from '../../../parsers/read/ics-invite.ts';
import { type CalendarEvent, EventRefused, quoted, readEvent } from './event.ts';
import { RuleRefused } from './rule-text.ts';
import { readTimeZone, zoneFromParts } from './vtimezone.ts';
import { type Zone, zoneByTzid } from './zone.ts';

export interface CalendarFile {
  events: readonly CalendarEvent[];
  /** Each begins with the name of the file. */
  problems: readonly string[];
  /** Ends in the middle: still in the writing, or cut off. */
  unfinished: boolean;
  /** Whether there is any VCALENDAR in it. */
  isCalendar: boolean;
}

export interface FileContext {
  /** For messages and to compare files by. */
  name: string;
  /** The room's zone, for whole days and times without a zone. */
  floating: Zone;
  /** The room's address, lower case, to know its own answer by. */
  attendee: string | null;
}

/** Answers to an invite and requests about one (RFC 5546, 3.2): they are mail, and change nothing in the calendar. */
const correspondence = new Set(['REPLY', 'COUNTER', 'DECLINECOUNTER', 'REFRESH']);
const mostProblems = 20;

/** An `.ics`, or a mail (`.eml`) with calendars in it. Never throws. */
export function readCalendarFile(bytes: Uint8Array, context: FileContext): CalendarFile {
  if (!/\.eml$/i.test(context.name)) return readCalendar(bytes, context, null);
  const mail = readMail(bytes);
  if (mail.calendars.length === 0) {
    return failure(context, 'is a mail without a calendar part; only invitations belong here');
  }
  // Outlook sends the same invitation twice, as a part of its own and as an attachment: its UID makes it one.
  const files = mail.calendars.map(({ method, source }) =>
    readCalendar(Buffer.from(source), context, { ...mail, method }),
  );
  return {
    events: files.flatMap((file) => file.events),
    problems: files.flatMap((file) => file.problems),
    unfinished: files.some((file) => file.unfinished),
    isCalendar: files.some((file) => file.isCalendar),
  };
}

/** The mail around a calendar. */
interface Around {
  html: string | null;
  text: string | null;
  /** By the Content-Type of its part. */
  method: string | null;
}

function readCalendar(bytes: Uint8Array, context: FileContext, mail: Around | null): CalendarFile {
  const read = parseIcs(bytes);
  // A file that is written in place is empty for a moment: what it said before holds until it has been written.
  if (read.calendars.length === 0) return { ...failure(context, whatInstead(bytes)), unfinished: bytes.length === 0 };
  const problems = brokenParts(read).map((problem) => `${context.name}: ${problem}`);
  const events = read.calendars.flatMap((calendar) => eventsOf(calendar, context, mail, problems));
  return { events, problems: problems.slice(0, mostProblems), unfinished: !isWhole(bytes), isCalendar: true };
}

function failure(context: FileContext, problem: string): CalendarFile {
  return { events: [], problems: [`${context.name}: ${problem}`], unfinished: false, isCalendar: false };
}

function whatInstead(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 4096)).toString('latin1').replaceAll('\0', '').trim();
  if (head === '')
    return bytes.length === 0
      ? 'is empty; export the calendar again, or remove the file'
      : 'holds nothing but blanks or zero bytes; export the calendar again';
  if (/^(?:\ufeff|ï»¿)?<(?:!doctype|html|head|\?xml)/i.test(head)) {
    return 'is a web page, not a calendar (a sign-in page, perhaps); use the address that ends in .ics';
  }
  return 'is no iCalendar: it has no BEGIN:VCALENDAR; export the calendar as iCalendar (.ics)';
}

/** What the reader found broken; that the end is missing is said by the caller in its own way. */
function brokenParts(read: IcsFile): string[] {
  return read.problems.map((problem) =>
    problem.startsWith('the file ends inside')
      ? `${problem}; write it whole, or export it again`
      : `${problem}; export it again`,
  );
}

/** Whether the last line ends the calendar. Only the tail is looked at. */
function isWhole(bytes: Uint8Array): boolean {
  const tail = Buffer.from(bytes.subarray(-512)).toString('latin1').replaceAll('\0', '');
  return /END:VCALENDAR\s*$/i.test(tail);
}

function eventsOf(
  calendar: IcsCalendar,
  context: FileContext,
  mail: Around | null,
  problems: string[],
): CalendarEvent[] {
  // A cancellation counts whichever of the two places says so.
  const method = mail?.method === 'CANCEL' ? mail.method : (calendar.method ?? mail?.method ?? null);
  if (method !== null && correspondence.has(method)) return [];
  const zone = zonesOf(calendar, context, problems);
  const eventContext = {
    file: context.name,
    method,
    floating: context.floating,
    zone,
    invite: (component: IcsCalendar['components'][number]): Invite => {
      const options = {
        zone: context.floating.name,
        ...(context.attendee === null ? {} : { attendee: context.attendee }),
      };
      return withBody(inviteFromComponent(component, method, options), mail);
    },
  };
  return calendar.components.flatMap((component) => {
    if (component.name !== 'VEVENT') return [];
    try {
      return readEvent(component, eventContext);
    } catch (error) {
      if (!(error instanceof EventRefused)) throw error;
      problems.push(`${context.name}: ${error.message} and is left out; correct it or export it again`);
      return [];
    }
  });
}

/** The mail around an invitation often says more than its calendar part does. */
function withBody(invite: Invite, mail: Around | null): Invite {
  if (mail === null) return invite;
  return { ...invite, source: 'eml', html: invite.html ?? mail.html, text: invite.text ?? mail.text };
}

/** The zones of one calendar by TZID; each that nobody knows is told once. */
function zonesOf(calendar: IcsCalendar, context: FileContext, problems: string[]): (tzid: string) => Zone | null {
  const own = new Map<string, Zone | null>();
  for (const text of calendar.timeZones) {
    const read = readTimeZone(text);
    if (read === null || own.has(read.tzid)) continue;
    try {
      own.set(read.tzid, zoneFromParts(read.parts, read.tzid));
    } catch (error) {
      if (!(error instanceof RuleRefused)) throw error;
      own.set(read.tzid, null);
      problems.push(`${context.name}: the VTIMEZONE ${quoted(read.tzid)} cannot be used: ${error.message}`);
    }
  }
  const found = new Map<string, Zone | null>();
  return (tzid) => {
    const cached = found.get(tzid);
    if (cached !== undefined) return cached;
    const zone = zoneByTzid(tzid, (name) => own.get(name) ?? null);
    if (zone === null) {
      problems.push(
        `${context.name}: the time zone ${quoted(tzid)} is unknown, its times are read in ${context.floating.name}; name it as Europe/Oslo is`,
      );
    }
    found.set(tzid, zone);
    return zone;
  };
}
