/** Any file that can hold an invite, by its extension, and by its content where the extension says something else. */
import type { Invite, InviteSource } from '../invite.ts';
import { decodeText } from './charset.ts';
import { parseIcs } from './ics.ts';
import { inviteFromComponent } from './ics-invite.ts';

/** A file that holds no invite; the message says what was found and what can be read. */
export class UnreadableInvite extends Error {
  override readonly name = 'UnreadableInvite';
}

/** Larger files are refused: an invite is some kilobytes, with attachments some megabytes. */
export const MAX_FILE = 32 * 1024 * 1024;

export const readable =
  '.ics, .eml, .html, .txt, .url.txt, .json (Graph event or onlineMeeting) and .xml (EWS CalendarItem) can be read';

/**
 * The invites of a file, in file order: one per VEVENT of an `.ics`, one for every other kind.
 * @throws UnreadableInvite
 */
export async function readFile(name: string, bytes: Uint8Array): Promise<Invite[]> {
  if (bytes.length > MAX_FILE)
    throw new UnreadableInvite(`${bytes.length} bytes are too many: at most ${MAX_FILE} can be read`);
  const text = decodeText(bytes);
  if (text.trim() === '') throw new UnreadableInvite(`the file is empty; ${readable}`);
  if (/^\s*BEGIN:VCALENDAR/i.test(text.slice(0, 4096)) || /\.ics$/i.test(name)) return readIcs(bytes);
  if (/\.url\.txt$/i.test(name)) return [bareInvite('url', { text: text.trim() })];
  if (/\.html?$/i.test(name)) return [bareInvite('html', { html: text })];
  if (/\.txt$/i.test(name)) return [bareInvite('text', { text })];
  throw new UnreadableInvite(`nothing known begins like this; ${readable}`);
}

/** Every VEVENT of an iCalendar file. */
export function readIcs(bytes: Uint8Array): Invite[] {
  const file = parseIcs(bytes);
  const invites = file.calendars.flatMap((calendar) =>
    calendar.components
      .filter((component) => component.name === 'VEVENT')
      .map((component) => inviteFromComponent(component, calendar.method)),
  );
  if (invites.length > 0) return invites;
  const found = file.calendars.flatMap((calendar) => calendar.components.map((component) => component.name));
  throw new UnreadableInvite(
    found.length > 0
      ? `iCalendar with ${[...new Set(found)].slice(0, 5).join(', ')} but no VEVENT; ${readable}`
      : `no VCALENDAR with a VEVENT in it; ${readable}`,
  );
}

/** An invite of which only a body is known. */
export function bareInvite(source: InviteSource, body: { html?: string; text?: string }): Invite {
  return {
    source,
    uid: null,
    occurrence: null,
    sequence: 0,
    method: null,
    cancelled: false,
    subject: '',
    locations: [],
    organizer: null,
    start: null,
    end: null,
    allDay: false,
    sensitivity: 'normal',
    showAs: 'unknown',
    response: 'none',
    html: body.html ?? null,
    text: body.text ?? null,
    conferences: [],
    properties: {},
  };
}
