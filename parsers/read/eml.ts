/** Mail (RFC 5322, MIME) as invites: the calendar part and the html part of one mail are one invite. */
import PostalMime, { type Address, type Attachment, type Email } from 'postal-mime';
import type { Invite, Person } from '../invite.ts';
import { decodeText, unicodeMark } from './charset.ts';
import { type IcsCalendar, parseIcs } from './ics.ts';
import { inviteFromComponent } from './ics-invite.ts';
import { bareInvite } from './invite-of.ts';
import { UnreadableInvite } from './unreadable.ts';

/** The parts of a mail that an invite is made of. */
export interface Mail {
  subject: string;
  from: Person | null;
  html: string | null;
  text: string | null;
  /** Every calendar part and attached `.ics`, with the method of its Content-Type, in order. */
  calendars: readonly { method: string | null; source: string }[];
}

/** @throws UnreadableInvite where the mail's structure is beyond all bounds (256 levels, 2 MB of headers) */
export async function readMail(bytes: Uint8Array): Promise<Mail> {
  // A mail is ASCII by nature; one that was saved as UTF-16 is put back first.
  const mark = unicodeMark(bytes);
  const raw = mark === 'utf-16le' || mark === 'utf-16be' ? decodeText(bytes) : bytes;
  let email: Email;
  try {
    email = await PostalMime.parse(raw, { maxNestingDepth: 64, attachmentEncoding: 'arraybuffer' });
  } catch (error) {
    throw new UnreadableInvite(
      `mail whose MIME structure cannot be read (${error instanceof Error ? error.message : error})`,
    );
  }
  return {
    subject: email.subject ?? '',
    from: personOf(email.from),
    html: email.html ?? null,
    text: email.text ?? null,
    calendars: email.attachments
      .filter(isCalendar)
      .map((part) => ({ method: part.method ?? null, source: contentOfPart(part) })),
  };
}

/**
 * The mail as invites: the first event with the mail's own body, then what else its calendars hold; without a calendar,
 * the body alone.
 */
export async function readEml(bytes: Uint8Array): Promise<Invite[]> {
  const mail = await readMail(bytes);
  const events = mail.calendars.flatMap(({ method, source }) =>
    parseIcs(source).calendars.flatMap((calendar) => eventsOf(calendar, method)),
  );
  const [first, ...rest] = distinct(events);
  if (first === undefined) {
    if (mail.html === null && mail.text === null && mail.subject === '') {
      throw new UnreadableInvite('mail without subject, text, html or calendar part');
    }
    return [{ ...bareInvite('eml', mail), subject: mail.subject, organizer: mail.from }];
  }
  return [withMail(first, mail), ...rest];
}

function eventsOf(calendar: IcsCalendar, method: string | null): Invite[] {
  return calendar.components
    .filter((component) => component.name === 'VEVENT')
    .map((component): Invite => ({ ...inviteFromComponent(component, calendar.method ?? method), source: 'eml' }));
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

function isCalendar(part: Attachment): boolean {
  return (
    part.mimeType === 'text/calendar' || part.mimeType === 'application/ics' || /\.ics$/i.test(part.filename ?? '')
  );
}

function contentOfPart(part: Attachment): string {
  return typeof part.content === 'string' ? part.content : decodeText(new Uint8Array(part.content));
}

function personOf(address: Address | undefined): Person | null {
  const mailbox = address?.group?.[0] ?? address;
  if (mailbox === undefined) return null;
  const email = mailbox.address?.trim().toLowerCase() ?? '';
  return { name: mailbox.name.trim() === '' ? null : mailbox.name.trim(), email: email === '' ? null : email };
}
