/** Any file that can hold an invite, by its extension, and by its content where the extension says something else. */
import type { Invite } from '../invite.ts';
import { decodeAs, decodeText, unicodeMark } from './charset.ts';
import { readEml } from './eml.ts';
import { invitesFromEws } from './ews.ts';
import { graphKindOf, inviteFromGraphEvent, inviteFromOnlineMeeting } from './graph.ts';
import { parseIcs } from './ics.ts';
import { inviteFromComponent } from './ics-invite.ts';
import { bareInvite } from './invite-of.ts';
import { UnreadableInvite } from './unreadable.ts';
import { parseXml } from './xml.ts';

export { UnreadableInvite } from './unreadable.ts';

/** Larger files are refused: an invite is some kilobytes, with attachments some megabytes. */
export const MAX_FILE = 32 * 1024 * 1024;

type Kind = 'ics' | 'eml' | 'html' | 'text' | 'url' | 'json' | 'xml';

/**
 * The invites of a file, in file order: one per VEVENT of an `.ics` or `.eml`, per event of a JSON list, per item of an
 * EWS answer; exactly one for every other kind. Never empty.
 * @throws UnreadableInvite
 */
export function readFile(name: string, bytes: Uint8Array): Invite[] {
  if (bytes.length > MAX_FILE)
    throw new UnreadableInvite(`${bytes.length} bytes, more than the ${MAX_FILE} that are read`);
  refuseBinary(bytes);
  const text = decodeText(bytes);
  if (text.trim() === '') throw new UnreadableInvite('an empty file');
  switch (kindOf(name, text)) {
    case 'ics':
      return readIcs(bytes);
    case 'eml':
      return readEml(bytes);
    case 'json':
      return readJson(text);
    case 'xml':
      return readXml(text);
    case 'html':
      return [bareInvite('html', { html: htmlOf(bytes, declaredCharset(text)) })];
    case 'url':
      return [bareInvite('url', { text: text.trim() })];
    case 'text':
      return [bareInvite('text', { text })];
  }
}

const magics: readonly [string, string][] = [
  ['%PDF', 'a PDF'],
  ['PK\u0003\u0004', 'a ZIP archive or Office document'],
  ['\u00d0\u00cf\u0011\u00e0', 'an Outlook .msg file (save it as .ics or .eml)'],
  ['\u0089PNG', 'a PNG image'],
  ['\u00ff\u00d8\u00ff', 'a JPEG image'],
  ['GIF8', 'a GIF image'],
  ['\u001f\u008b', 'gzip data'],
];

function refuseBinary(bytes: Uint8Array): void {
  const head = String.fromCharCode(...bytes.subarray(0, 4));
  for (const [magic, what] of magics) if (head.startsWith(magic)) throw new UnreadableInvite(`this is ${what}`);
  if (unicodeMark(bytes) !== null) return;
  const looked = bytes.subarray(0, 4096);
  const controls = looked.reduce((sum, byte) => sum + (byte < 9 || (byte > 13 && byte < 32 && byte !== 27) ? 1 : 0), 0);
  if (controls > 16 && controls > looked.length / 8) throw new UnreadableInvite('binary data');
}

function kindOf(name: string, text: string): Kind {
  const head = text.slice(0, 8192).trimStart();
  const extension = /(\.url\.txt|\.[a-z0-9]{1,8})$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  if (/^BEGIN:(?:VCALENDAR|VEVENT)\s/i.test(head)) return 'ics';
  if (extension === '.url.txt') return 'url';
  if (/^[[{]/.test(head) && (extension === '.json' || isJson(text))) return 'json';
  if (extension === '.xml' && !/^<(?:!doctype html|html)[\s>]/i.test(head))
    return head.startsWith('<') ? 'xml' : refuse(extension, head);
  if (/^<(?:!doctype html|html|head|body|div|p|table|span|meta|br|a|b|font)[\s>/]/i.test(head)) return 'html';
  if (/^<(?:\?xml|!doctype|!--|[a-z]+:[a-z]|calendaritem|envelope)/i.test(head) && !/\.html?$/.test(extension))
    return 'xml';
  if (extension === '.eml' || isMail(head)) return 'eml';
  switch (extension) {
    case '.ics':
    case '.ical':
    case '.ifb':
      return 'ics';
    case '.html':
    case '.htm':
      return 'html';
    case '.json':
      return refuse(extension, head);
    default:
      return 'text';
  }
}

function refuse(extension: string, head: string): never {
  const begin = head.trim().slice(0, 40).replace(/\s+/g, ' ');
  throw new UnreadableInvite(`a file named ${extension} that begins with ${JSON.stringify(begin)}`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Header lines with one that only a mail has. */
function isMail(head: string): boolean {
  const block = head.split(/\r?\n\r?\n/, 1)[0] ?? '';
  return (
    /^(?:From |[A-Za-z][A-Za-z0-9-]{1,60}:)/.test(block) &&
    /^(?:MIME-Version|Content-Type|Received|Return-Path|Message-ID):/im.test(block)
  );
}

/** ISO-2022 (Japanese mail) is ASCII by its bytes: only its name tells it from UTF-8. */
function htmlOf(bytes: Uint8Array, charset: string): string {
  return /^iso-2022-/i.test(charset) && unicodeMark(bytes) === null
    ? decodeAs(bytes, charset)
    : decodeText(bytes, charset);
}

/** The charset that an html document names, for bytes that are no UTF-8. */
function declaredCharset(html: string): string {
  return (
    /<meta\s[^>]{0,500}?charset\s{0,5}=\s{0,5}["']?([a-z0-9_-]{2,40})/i.exec(html.slice(0, 4096))?.[1] ?? 'windows-1252'
  );
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
  if (file.calendars.length === 0) refuse('.ics', decodeText(bytes.subarray(0, 200)));
  const found = file.calendars.flatMap((calendar) => calendar.components.map((component) => component.name));
  throw new UnreadableInvite(
    found.length > 0
      ? `iCalendar with ${[...new Set(found)].slice(0, 5).join(', ')} but no VEVENT`
      : 'iCalendar without a VEVENT',
  );
}

/** A Graph event or onlineMeeting, a list of them, or Graph's `{ value: […] }` around one. */
function readJson(text: string): Invite[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UnreadableInvite(`JSON that is broken (${error instanceof Error ? error.message.slice(0, 100) : error})`);
  }
  const invites = graphObjects(value).flatMap((object) => {
    const kind = graphKindOf(object);
    if (kind === null) return [];
    return kind === 'graph-event' ? inviteFromGraphEvent(object) : inviteFromOnlineMeeting(object);
  });
  if (invites.length === 0) throw new UnreadableInvite('JSON that is neither a Graph event nor an onlineMeeting');
  return invites;
}

function graphObjects(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object' || value === null || graphKindOf(value) !== null) return [value];
  if ('value' in value) return Array.isArray(value.value) ? value.value : [value.value];
  // `{ "event": {…} }` and the like: one wrapper around the object.
  return Object.values(value).filter((inner) => graphKindOf(inner) !== null);
}

function readXml(text: string): Invite[] {
  const root = parseXml(text);
  const invites = invitesFromEws(root);
  if (invites.length === 0) throw new UnreadableInvite(`XML (${root.name.slice(0, 40)}) without a CalendarItem`);
  return invites;
}
