/**
 * Recurrence rules (RFC 5545, 3.3.10) within bounds. Plain days and weeks, nearly all of a calendar, are counted here; the
 * rest is asked of `node-ical`, which walks up to 10,000 periods for a rule that never matches and takes a second for it:
 * what cannot match, or matches too often, is found out first.
 */
import { dayMayMatch, mayMatch } from './rule-days.ts';
import { ask, mostStarts } from './rule-engine.ts';
import { byDays, parseRule, type Rule, RuleRefused, startsPerDay, weekdays } from './rule-text.ts';
import { day, dayOf, type Wall } from './wall.ts';
import type { Zone } from './zone.ts';

/** Five hundred years of counting days: milliseconds. */
const mostDays = 200_000;

/** The starts of `rule` from `start` on that lie in `[from, to]`, in order. `zone` is what an UNTIL in UTC is seen from. */
export function expandRule(text: string, start: Wall, from: Wall, to: Wall, zone: Zone): Wall[] {
  const rule = parseRule(text, zone);
  const first = Math.max(from, start);
  const last = Math.min(to, rule.until ?? to);
  if (first > last) return [];
  const perDay = startsPerDay(rule);
  if (Math.min(rule.count ?? Infinity, perDay * ((last - first) / day)) > mostStarts) {
    throw new RuleRefused(`it repeats ${Math.round(perDay)} times a day, more than Usher follows`);
  }
  if (!mayMatch(rule, start, first, last)) return [];
  if (isPlain(rule)) return plainStarts(rule, start, first, last);
  return once(`${start} ${text}`, () => ask(rule, start, first, last, perDay));
}

/** Why rules could not be followed: a rule that took a second to fail must not take one in every reading. */
const failures = new Map<string, string>();

function once(key: string, run: () => Wall[]): Wall[] {
  const failed = failures.get(key);
  if (failed !== undefined) throw new RuleRefused(failed);
  try {
    return run();
  } catch (error) {
    if (error instanceof RuleRefused && failures.size < 1_000) failures.set(key, error.message);
    throw error;
  }
}

/** Days or weeks with no more than a choice of days: most series of a calendar, and those need no engine (2 ms each). */
function isPlain(rule: Rule): boolean {
  if (rule.freq !== 'DAILY' && rule.freq !== 'WEEKLY') return false;
  const known = ['FREQ', 'INTERVAL', 'UNTIL', 'COUNT', 'WKST', 'BYDAY', 'BYMONTH'];
  const others = [...rule.parts.keys()].filter((name) => !known.includes(name));
  return others.length === 0 && byDays(rule).every((entry) => entry.ordinal === 0);
}

function plainStarts(rule: Rule, start: Wall, first: Wall, last: Wall): Wall[] {
  const weekly = rule.freq === 'WEEKLY';
  const weekStart = Math.max(0, weekdays.indexOf(rule.parts.get('WKST') ?? 'MO'));
  // Day 0 of 1970 was a Thursday.
  const period = (wall: Wall): number =>
    weekly ? Math.floor((wall / day + 4 - weekStart) / 7) : Math.floor(wall / day);
  const begun = period(dayOf(start));
  // A COUNT counts from the first day on; without one the days before those asked for do not matter.
  let left = rule.count ?? Number.POSITIVE_INFINITY;
  const from = rule.count === null ? dayOf(first) : dayOf(start);
  if ((last - from) / day > mostDays) throw new RuleRefused(`it began in ${new Date(start).getUTCFullYear()}`);
  const found: Wall[] = [];
  for (let at = from; at <= last && left > 0; at += day) {
    const wall = at + (start - dayOf(start));
    if (wall < start || wall > last || (period(at) - begun) % rule.interval !== 0) continue;
    if (!dayMayMatch(rule, start, at)) continue;
    left--;
    if (wall >= first) found.push(wall);
  }
  return found;
}
