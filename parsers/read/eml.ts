/** Mail (RFC 5322, MIME) as invites: the calendar part and the html part of one mail are one invite. */
import { addressParser } from 'postal-mime';
import type { Invite, Person } from '../invite.ts';
import { decodeText, unicodeMark } from './charset.ts';
import { type IcsCalendar, parseIcs } from './ics.ts';
import { inviteFromComponent } from './ics-invite.ts';
import { bareInvite } from './invite-of.ts';
import { headerText, type MimePart, parseMime, textOfPart } from './mime.ts';
import { unreadParts } from './unread-parts.ts';
import { UnreadableInvite } from './unreadable.ts';

/** The parts of a mail that an invite is made of. */
export interface Mail {
  subject: string;
  from: Person | null;
  html: string | null;
  text: string | null;
  /** Every calendar part and attached `.ics`, with the method of its Content-Type, in order. */
  calendars: readonly { method: string | null; source: string }[];
  /** Parts that may hold an invite and cannot be read, in words. */
  unread: readonly string[];
}

/** Never throws: of a mail with broken structure comes what can be read. */
export function readMail(bytes: Uint8Array): Mail {
  // A mail is ASCII by nature; one that was saved as UTF-16 is put back first.
  const mark = unicodeMark(bytes);
  const { headers, parts } = parseMime(mark === null ? bytes : Buffer.from(decodeText(bytes)));
  return {
    subject: headerText(headers, 'subject'),
    from: personOf(headerText(headers, 'from')),
    ...bodiesOf(parts),
    calendars: parts.filter(isCalendar).map((part) => ({
      method: part.params.get('method')?.toUpperCase() ?? null,
      source: textOfPart(part),
    })),
    unread: unreadParts(parts),
  };
}

/** The mail's html and text; a mail forwarded as an attachment stands below it, as quoted history would. */
function bodiesOf(parts: readonly MimePart[]): { html: string | null; text: string | null } {
  const shown = parts.filter((part) => part.disposition !== 'attachment');
  const levels = [...new Set(shown.map((part) => part.forwarded))].sort((one, other) => one - other);
  const messages = levels
    .map((level) => ({ html: bodyOf(shown, 'text/html', level), text: bodyOf(shown, 'text/plain', level) }))
    .filter(({ html, text }) => html !== null || text !== null);
  const [first, ...forwarded] = messages;
  if (first === undefined || forwarded.length === 0) return first ?? { html: null, text: null };
  const [newest = '', ...older] = messages.map(({ html, text }) => html ?? `<pre>${escaped(text ?? '')}</pre>`);
  return {
    html: `${newest}\n${older.map((one) => `<blockquote type="cite">${one}</blockquote>`).join('\n')}`,
    text: null,
  };
}

function bodyOf(parts: readonly MimePart[], type: string, level: number): string | null {
  const texts = parts.filter((part) => part.type === type && part.forwarded === level).map(textOfPart);
  return texts.every((text) => text.trim() === '') ? null : texts.join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/**
 * The mail as invites: the first event with the mail's own body, then what else its calendars hold; without a calendar,
 * the body alone.
 */
export function readEml(bytes: Uint8Array): Invite[] {
  const mail = readMail(bytes);
  const events = mail.calendars.flatMap(({ method, source }) =>
    parseIcs(source).calendars.flatMap((calendar) => eventsOf(calendar, method)),
  );
  const [first, ...rest] = distinct(events);
  if (first === undefined) {
    if (mail.html === null && mail.text === null) {
      if (mail.unread.length > 0) throw new UnreadableInvite(mail.unread.join('; '));
      if (mail.subject === '') throw new UnreadableInvite('mail without subject, text, html or calendar part');
    }
    const bare = { ...bareInvite('eml', mail), subject: mail.subject, organizer: mail.from };
    return [mail.unread.length > 0 ? { ...bare, unread: mail.unread } : bare];
  }
  return [withMail(first, mail), ...rest];
}

function eventsOf(calendar: IcsCalendar, method: string | null): Invite[] {
  return calendar.components
    .filter((component) => component.name === 'VEVENT')
    .map((component): Invite => ({ ...inviteFromComponent(component, methodOf(calendar, method)), source: 'eml' }));
}

/** The calendar's own method; a cancellation counts whichever of the two places says so. */
function methodOf(calendar: IcsCalendar, declared: string | null): string | null {
  return declared === 'CANCEL' ? declared : (calendar.method ?? declared);
}

/** A mail often carries one calendar twice: as a part and as an attachment. */
function distinct(invites: readonly Invite[]): Invite[] {
  const seen = new Set<string>();
  return invites.filter((invite) => {
    const key = `${invite.uid} ${invite.occurrence} ${invite.sequence} ${invite.start}`;
    if (invite.uid !== null && seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function withMail(invite: Invite, mail: Mail): Invite {
  return {
    ...invite,
    subject: invite.subject === '' ? mail.subject : invite.subject,
    organizer: invite.organizer ?? mail.from,
    html: nonBlank(mail.html) ?? invite.html,
    text: richer(invite.text, mail.text),
  };
}

/** Of two texts of one invite the one with links; the calendar's own where both or neither have some. */
function richer(calendar: string | null, mail: string | null): string | null {
  const own = nonBlank(calendar);
  const other = nonBlank(mail);
  if (own === null || other === null) return own ?? other ?? calendar;
  return !own.includes('://') && other.includes('://') ? other : own;
}

function nonBlank(text: string | null): string | null {
  return text === null || text.trim() === '' ? null : text;
}

function isCalendar(part: MimePart): boolean {
  return part.type === 'text/calendar' || part.type === 'application/ics' || /\.ics$/i.test(part.fileName);
}

function personOf(from: string): Person | null {
  const address = addressParser(from.slice(0, 2_000))[0];
  const mailbox = address?.group?.[0] ?? address;
  if (mailbox === undefined) return null;
  const name = mailbox.name.trim();
  const email = mailbox.address?.trim().toLowerCase() ?? '';
  return name === '' && email === '' ? null : { name: name === '' ? null : name, email: email === '' ? null : email };
}
