/** Moments as calendars write them: with a zone by many names, or with none. */
import { DateTime, IANAZone } from 'luxon';
import { findIana } from 'windows-iana';
import type { Instant } from '../invite.ts';

export interface ZoneOptions {
  /** IANA zone of floating times and dates; UTC where it is not given. */
  zone?: string;
  /** For a name that is neither an IANA nor a Windows zone (a calendar's own VTIMEZONE): its IANA zone, or `null`. */
  zoneOf?: (tzid: string) => string | null;
}

/** A moment; `date` where it was a date alone. */
export interface Moment {
  instant: Instant;
  date: boolean;
}

/** Names already looked up; a calendar names the same few zones over and over, and asking `Intl` costs more than reading. */
const lookedUp = new Map<string, string | null>();
const MAX_NAMES = 500;

/** The zone that a name means, as luxon takes it; the floating zone where nobody knows it. */
export function zoneNamed(tzid: string | null, options: ZoneOptions = {}): string {
  if (tzid === null || tzid.length > 200) return options.zone ?? 'utc';
  const name = tzid.trim();
  const own = options.zoneOf?.(name) ?? null;
  if (own !== null && IANAZone.isValidZone(own)) return own;
  let zone = lookedUp.get(name);
  if (zone === undefined) {
    zone = lookUp(name);
    if (lookedUp.size >= MAX_NAMES) lookedUp.clear();
    lookedUp.set(name, zone);
  }
  return zone ?? options.zone ?? 'utc';
}

function lookUp(name: string): string | null {
  if (/^(?:z|utc|gmt|etc\/utc|tzone:\/\/microsoft\/utc)$/i.test(name)) return 'utc';
  if (IANAZone.isValidZone(name)) return name;
  const windows = findIana(name)[0];
  if (windows !== undefined) return windows;
  // `/citadel.org/20260101_1/Europe/Berlin`: the name stands at the end.
  const tail = /(?:^|\/)([A-Za-z_]{1,40}\/[A-Za-z_+-]{1,40}(?:\/[A-Za-z_]{1,40})?)$/.exec(name)?.[1];
  if (tail !== undefined && IANAZone.isValidZone(tail)) return tail;
  const offset = /(?:UTC|GMT)\s{0,2}([+-]\d{1,2}):?(\d{2})?/i.exec(name);
  return offset === null ? null : `UTC${offset[1]}:${offset[2] ?? '00'}`;
}

/** `20260131T090000Z`, `2026-01-31T09:00:00.0000000`, `2026-01-31T09:00:00+01:00` or a date; `null` where it is none. */
export function momentOf(value: string, zone: string): Moment | null {
  const parts = /^(\d{4})-?(\d{2})-?(\d{2})(?:T(\d{2}):?(\d{2}):?(\d{2})?(?:\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})?)?/i.exec(
    value.trim(),
  );
  if (parts === null) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0));
  const offset = parts[7];
  const time = DateTime.fromObject(
    {
      year: year ?? 0,
      month: month ?? 0,
      day: day ?? 0,
      hour: hour ?? 0,
      minute: minute ?? 0,
      second: Math.min(second ?? 0, 59),
    },
    { zone: offset === undefined ? zone : /^z$/i.test(offset) ? 'utc' : `UTC${offset}` },
  );
  return time.isValid ? { instant: time.toMillis(), date: parts[4] === undefined } : null;
}

/** RFC 5545 RECURRENCE-ID in UTC, `20260131T090000Z`. */
export function occurrenceOf(moment: Moment | null): string | null {
  return moment === null ? null : DateTime.fromMillis(moment.instant, { zone: 'utc' }).toFormat("yyyyMMdd'T'HHmmss'Z'");
}
