/**
 * Zones that a calendar brings along (VTIMEZONE, RFC 5545, 3.6.5): each STANDARD and DAYLIGHT part says when a clock was
 * or will be set, from which offset to which.
 */
import type { Instant } from '../../../parsers/invite.ts';
import { type IcsComponent, parseIcs } from '../../../parsers/read/ics.ts';
import { first, values } from './event.ts';
import { expandRule } from './rule.ts';
import { RuleRefused } from './rule-text.ts';
import { day, parseOffset, parseStamp, type Wall } from './wall.ts';
import { type Zone, zoneOf } from './zone.ts';

/** One STANDARD or DAYLIGHT part. */
interface Observance {
  start: Wall;
  from: number;
  to: number;
  rules: readonly string[];
  dates: readonly Wall[];
}

interface Change {
  at: Instant;
  to: number;
}

/** The changes of two years, and the offset before the first of them. */
interface Year {
  before: number;
  changes: readonly Change[];
}

const year = 366 * day;
/** Real zones have two parts, histories up to a few dozen. */
const mostObservances = 400;

/** The parts of a VTIMEZONE given as text, as components. */
export function readTimeZone(text: string): { tzid: string; parts: readonly IcsComponent[] } | null {
  // Read as an event would be: parseIcs keeps a VTIMEZONE as text for those who want it so.
  const inside = text.replace(/^BEGIN:VTIMEZONE\r\n|END:VTIMEZONE\r\n$/gi, '');
  const [calendar] = parseIcs(`BEGIN:VCALENDAR\r\nBEGIN:X-ZONE\r\n${inside}END:X-ZONE\r\nEND:VCALENDAR\r\n`).calendars;
  const zone = calendar?.components[0];
  const tzid = zone === undefined ? undefined : first(zone, 'TZID')?.value.trim();
  return zone === undefined || tzid === undefined ? null : { tzid, parts: zone.components };
}

/** @throws RuleRefused when its parts cannot be read. */
export function zoneFromParts(parts: readonly IcsComponent[], name: string): Zone {
  const observances = parts
    .filter((part) => part.name === 'STANDARD' || part.name === 'DAYLIGHT')
    .slice(0, mostObservances)
    .map(readObservance)
    .sort((a, b) => a.start - b.start);
  const earliest = observances[0];
  if (earliest === undefined) throw new RuleRefused('it has neither a STANDARD nor a DAYLIGHT part');
  const years = new Map<number, Year>();
  const yearOf = (index: number): Year => {
    const cached = years.get(index);
    if (cached !== undefined) return cached;
    const from = index * year - year;
    const before = lastBefore(observances, from) ?? earliest.from;
    const found = { before, changes: changesBetween(observances, from, index * year + year) };
    if (years.size < 300) years.set(index, found);
    return found;
  };
  // Rules are tried once here, so that a bad one is told when the calendar is read and not in the middle of a sum.
  yearOf(Math.floor(Date.UTC(2026, 0) / year));
  return zoneOf(name, (at) => {
    const { before, changes } = yearOf(Math.floor(at / year));
    let offset = before;
    for (const change of changes) {
      if (change.at > at) break;
      offset = change.to;
    }
    return offset;
  });
}

function readObservance(part: IcsComponent): Observance {
  const start = parseStamp(first(part, 'DTSTART')?.value ?? '');
  const from = parseOffset(first(part, 'TZOFFSETFROM')?.value ?? '');
  const to = parseOffset(first(part, 'TZOFFSETTO')?.value ?? '');
  if (start === null || from === null || to === null) {
    throw new RuleRefused(`a ${part.name} part lacks a readable DTSTART, TZOFFSETFROM or TZOFFSETTO`);
  }
  const rules = values(part, 'RRULE').map((property) => property.value);
  for (const rule of rules) {
    if (!/FREQ=(YEARLY|MONTHLY)/i.test(rule))
      throw new RuleRefused(`a ${part.name} part changes more often than monthly`);
  }
  const dates = values(part, 'RDATE').flatMap((property) => property.value.split(','));
  return { start: start.wall, from, to, rules, dates: dates.flatMap((date) => parseStamp(date)?.wall ?? []) };
}

function changesBetween(observances: readonly Observance[], from: Instant, to: Instant): Change[] {
  const changes: Change[] = [];
  for (const observance of observances) {
    // The moment of a change is wall time before it (RFC 5545, 3.6.5).
    for (const wall of onsets(observance, from + observance.from, to + observance.from)) {
      changes.push({ at: wall - observance.from, to: observance.to });
    }
  }
  return changes.sort((a, b) => a.at - b.at);
}

function onsets(observance: Observance, from: Wall, to: Wall): Wall[] {
  const fixed = [observance.start, ...observance.dates].filter((wall) => wall >= from && wall <= to);
  const zone = zoneOf('observance', () => observance.from);
  return [...fixed, ...observance.rules.flatMap((rule) => expandRule(rule, observance.start, from, to, zone))];
}

/** The offset that rules which have ended, or changes without a rule, left behind. */
function lastBefore(observances: readonly Observance[], at: Instant): number | null {
  let last: Change | null = null;
  for (const observance of observances) {
    const until = observance.rules.map((rule) => parseStamp(/UNTIL=([\dTZ]+)/i.exec(rule)?.[1] ?? '')?.wall ?? at);
    const end = Math.min(at, Math.max(observance.start, ...until, ...observance.dates) + day);
    for (const wall of onsets(observance, end - 2 * year, end)) {
      const change = { at: wall - observance.from, to: observance.to };
      if (change.at <= at && (last === null || change.at > last.at)) last = change;
    }
    const begin = { at: observance.start - observance.from, to: observance.to };
    if (begin.at <= at && (last === null || begin.at > last.at)) last = begin;
  }
  return last?.to ?? null;
}
