/**
 * The iCalendar feed of a room: its join entries as a calendar that any device or panel can subscribe to. The dial string
 * stands in LOCATION, as a `sip:` line in DESCRIPTION and as CONFERENCE (RFC 7986), since readers differ in where they look.
 *
 * The same entries give the same bytes, also after a restart: DTSTAMP and SEQUENCE are constant, because a feed has no
 * history to count from, and a subscriber must never take a newer reading for an older one.
 */
import { createHash } from 'node:crypto';
import type { Instant } from '../../../parsers/invite.ts';
import type { PulledAnswer } from '../answer.ts';
import type { JoinEntry, PulledDevice, RoomView } from '../device.ts';
import { contentLine, instantValue, parameterValue, textValue, uriValue } from './lines.ts';

const dtstamp = '20200101T000000Z';

/** Writes the calendar. Pure. */
export function writeFeed(view: Pick<RoomView, 'roomName' | 'entries'>): string {
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Usher//Join entries//EN',
    'CALSCALE:GREGORIAN',
    `NAME:${textValue(view.roomName)}`,
    `X-WR-CALNAME:${textValue(view.roomName)}`,
    'REFRESH-INTERVAL;VALUE=DURATION:PT1M',
    'X-PUBLISHED-TTL:PT1M',
    ...view.entries.toSorted((a, b) => a.start - b.start || (a.id < b.id ? -1 : 1)).flatMap(eventLines),
    'END:VCALENDAR',
  ];
  return lines.map(contentLine).join('');
}

function eventLines(entry: JoinEntry): string[] {
  const lines = [
    'BEGIN:VEVENT',
    `UID:${textValue(entry.id)}`,
    `DTSTAMP:${dtstamp}`,
    'SEQUENCE:0',
    `DTSTART:${instantValue(entry.start)}`,
    `DTEND:${instantValue(entry.end)}`,
    `SUMMARY:${textValue(entry.title)}`,
    `CLASS:${entry.privacy === 'private' ? 'PRIVATE' : 'PUBLIC'}`,
    'STATUS:CONFIRMED',
    'TRANSP:OPAQUE',
  ];
  const { organizer, dial } = entry;
  if (organizer !== null && organizer.email !== null) {
    lines.push(`ORGANIZER;CN=${parameterValue(organizer.name)}:${uriValue(`mailto:${organizer.email}`)}`);
  }
  const description = [dial?.address ?? null, organizer?.name ?? null, entry.note].filter((line) => line !== null);
  if (description.length > 0) lines.push(`DESCRIPTION:${textValue(description.join('\n'))}`);
  if (dial !== null) {
    lines.push(`LOCATION:${textValue(dial.address)}`);
    lines.push(`CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO;LABEL="Join":${uriValue(dial.address)}`);
  }
  lines.push('END:VEVENT');
  return lines;
}

export class IcsFeedDevice implements PulledDevice {
  readonly kind = 'pulled';
  readonly description: { id: string; label: string };
  readonly dialer = null;
  #lastRead: { at: Instant; revision: number } | null = null;

  constructor(options: { id: string; label?: string }) {
    this.description = { id: options.id, label: options.label ?? 'iCalendar feed' };
  }

  lastRead(): { at: Instant; revision: number } | null {
    return this.#lastRead;
  }

  /** Answers a GET; 304 where the reader's `If-None-Match` (RFC 9110 section 13.1.2) names what it would get. */
  feed(view: RoomView, request: { now: Instant; ifNoneMatch: string | null }): PulledAnswer {
    this.#lastRead = { at: request.now, revision: view.revision };
    const body = writeFeed(view);
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
    const headers = {
      'content-type': 'text/calendar; charset=utf-8',
      'cache-control': 'private, no-cache',
      etag,
    };
    if (matches(request.ifNoneMatch, etag)) return { status: 304, headers, body: '' };
    return { status: 200, headers, body };
  }
}

/** Weak comparison, as If-None-Match asks; a reader behind a compressing proxy sends `W/`. */
function matches(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false;
  return ifNoneMatch
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === etag || tag === '*');
}
