/**
 * Time zones as calendars name them: IANA names, the names of Windows and Outlook, the paths of older programs, and
 * zones that a calendar brings along itself (VTIMEZONE).
 */
import { IANAZone } from 'luxon';
import { findIana } from 'windows-iana';
import type { Instant } from '../../../parsers/invite.ts';
import { day, minute, parseOffset, type Wall } from './wall.ts';

/** What turns wall time into instants. */
export interface Zone {
  readonly name: string;
  /** Milliseconds east of Greenwich at an instant. */
  offset(at: Instant): number;
  /**
   * RFC 5545, 3.3.5: a time that the clock shows twice is the first of the two; one that it skips is counted with the
   * offset before the gap, so that 02:30 becomes 03:30.
   */
  instant(wall: Wall): Instant;
  wallAt(at: Instant): Wall;
}

/** A zone by its offsets alone. */
export function zoneOf(name: string, offset: (at: Instant) => number): Zone {
  return {
    name,
    offset,
    instant(wall) {
      const before = offset(wall - day);
      const after = offset(wall + day);
      if (before === after) return wall - before;
      if (offset(wall - before) === before) return wall - before;
      return offset(wall - after) === after ? wall - after : wall - before;
    },
    wallAt: (at) => at + offset(at),
  };
}

export const utc: Zone = zoneOf('UTC', () => 0);

const known = new Map<string, Zone | null>();
/** Names come from files: a hostile one must not fill the memory. */
const mostKnown = 2_000;

/** A zone by IANA name; `null` when this system does not know it. */
export function ianaZone(name: string): Zone | null {
  const cached = known.get(name);
  if (cached !== undefined) return cached;
  const zone = /^[A-Za-z][\w+\-/]{0,60}$/.test(name) && IANAZone.isValidZone(name) ? IANAZone.create(name) : null;
  const found =
    zone === null
      ? null
      : zoneOf(
          name,
          byDay((at) => zone.offset(at) * minute),
        );
  if (known.size < mostKnown) known.set(name, found);
  return found;
}

/** Remembers offsets by day: asking the system for one is slow, and few days have two. */
function byDay(offset: (at: Instant) => number): (at: Instant) => number {
  const midnights = new Map<number, number>();
  const midnight = (index: number): number => {
    const cached = midnights.get(index);
    if (cached !== undefined) return cached;
    const found = offset(index * day);
    if (midnights.size > 20_000) midnights.clear();
    midnights.set(index, found);
    return found;
  };
  return (at) => {
    const index = Math.floor(at / day);
    const before = midnight(index);
    return before === midnight(index + 1) ? before : offset(at);
  };
}

/** `Outlook` and others write zones that have no place on the map under these names; the rules come as a VTIMEZONE. */
const anonymous = /^(customized time zone|tzone:\/\/microsoft\/custom|tzone:\/\/microsoft\/.*)/i;

/**
 * A zone by the TZID of a property: an IANA name, a Windows name, a path that ends in an IANA name
 * (`/freeassociation.sourceforge.net/Tzfile/Europe/Oslo`), else the calendar's own VTIMEZONE, else an offset that the
 * name says (`GMT+0100`, `(UTC+01:00) …`). `null` when nobody knows it.
 */
export function zoneByTzid(tzid: string, own: (tzid: string) => Zone | null): Zone | null {
  const name = tzid.trim().replace(/^"(.*)"$/, '$1');
  if (name === '') return null;
  if (/^(utc|gmt|z|etc\/utc)$/i.test(name) || name === 'tzone://Microsoft/Utc') return utc;
  if (anonymous.test(name)) return own(tzid);
  return named(name) ?? own(tzid) ?? saidOffset(name);
}

function named(name: string): Zone | null {
  const direct = ianaZone(name);
  if (direct !== null) return direct;
  const [windows] = findIana(name);
  if (windows !== undefined) return ianaZone(windows);
  const parts = name.split('/').filter((part) => part !== '');
  for (const length of [3, 2]) {
    const path = parts.length > length ? ianaZone(parts.slice(-length).join('/')) : null;
    if (path !== null) return path;
  }
  return null;
}

function saidOffset(name: string): Zone | null {
  const match = /^\(?(?:utc|gmt)?\s*([+-])(\d{1,2}):?(\d{2})?\)?/i.exec(name);
  if (match === null) return null;
  const offset = parseOffset(`${match[1]}${(match[2] ?? '').padStart(2, '0')}${match[3] ?? '00'}`);
  return offset === null ? null : zoneOf(name, () => offset);
}
