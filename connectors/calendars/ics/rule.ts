/**
 * Recurrence rules (RFC 5545, 3.3.10) within bounds.
 *
 * `node-ical` works the rules out. It is given one rule at a time, on wall time, because by itself it takes the host's
 * zone for floating times, picks the second of two equal hours in autumn and loses a whole file to one bad line. It
 * walks up to 10,000 periods for a rule that never matches, which takes a second, so what cannot match, or matches too
 * often, is found out here first.
 */
import ical from 'node-ical';
import { day, dayOf, formatWall, parseStamp, type Wall } from './wall.ts';
import type { Zone } from './zone.ts';

/** More starts than this in one reading are refused: far beyond any calendar, and still milliseconds. */
const mostStarts = 20_000;
/** Five hundred years of counting days: milliseconds. */
const mostDays = 200_000;
/** `node-ical` gives up beyond 10,000 steps, and takes long before it does. */
const mostSteps = 10_000;

/** A rule that cannot be followed; the message says why, in words for the administrator. */
export class RuleRefused extends Error {
  override name = 'RuleRefused';
}

interface Rule {
  freq: string;
  interval: number;
  count: number | null;
  until: Wall | null;
  parts: ReadonlyMap<string, string>;
}

const frequencies: ReadonlyMap<string, number> = new Map([
  ['SECONDLY', 86_400],
  ['MINUTELY', 1_440],
  ['HOURLY', 24],
  ['DAILY', 1],
  ['WEEKLY', 1 / 7],
  ['MONTHLY', 1 / 28],
  ['YEARLY', 1 / 365],
]);

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

function parseRule(text: string, zone: Zone): Rule {
  const parts = new Map<string, string>();
  // What goes on to node-ical is a line of a calendar: nothing may end it early.
  if (!/^[\w=;,+\- ]*$/.test(text)) throw new RuleRefused(`it reads ${JSON.stringify(text.slice(0, 40))}`);
  for (const part of text.trim().toUpperCase().split(';')) {
    const [name, value] = part.split('=', 2);
    if (name !== undefined && value !== undefined) parts.set(name.trim(), value.trim());
  }
  const freq = parts.get('FREQ') ?? '';
  if (!frequencies.has(freq))
    throw new RuleRefused(`its FREQ is ${freq === '' ? 'missing' : JSON.stringify(freq.slice(0, 20))}`);
  if (parts.has('RSCALE') && parts.get('RSCALE') !== 'GREGORIAN')
    throw new RuleRefused('it counts by another calendar (RSCALE)');
  const interval = positive(parts, 'INTERVAL') ?? 1;
  // 10,000 periods of the longest kind pass the end of every calendar; beyond, dates overflow.
  if (interval > 10_000) throw new RuleRefused(`its INTERVAL is ${interval}`);
  return { freq, interval, count: positive(parts, 'COUNT'), until: untilOf(parts.get('UNTIL'), zone), parts };
}

function positive(parts: ReadonlyMap<string, string>, name: string): number | null {
  const value = parts.get(name);
  if (value === undefined) return null;
  const number = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (number < 1) throw new RuleRefused(`its ${name} is ${JSON.stringify(value.slice(0, 20))}`);
  return number;
}

/** UNTIL is inclusive; a day without a time means the whole day (as every exporter of timed events means it). */
function untilOf(value: string | undefined, zone: Zone): Wall | null {
  if (value === undefined) return null;
  const stamp = parseStamp(value);
  if (stamp === null) throw new RuleRefused(`its UNTIL is ${JSON.stringify(value.slice(0, 20))}`);
  if (stamp.dateOnly) return stamp.wall + day - 1;
  return stamp.utc ? zone.wallAt(stamp.wall) : stamp.wall;
}

const numbers = (rule: Rule, name: string): number[] =>
  (rule.parts.get(name) ?? '').split(',').filter(Boolean).map(Number);

/** An upper bound of how many starts one day can have. */
function startsPerDay(rule: Rule): number {
  const times = (name: string, most: number): number => {
    const listed = Math.min(most, new Set(numbers(rule, name)).size);
    return listed === 0 ? 1 : listed;
  };
  const base = frequencies.get(rule.freq) ?? 1;
  if (base <= 1) return times('BYHOUR', 24) * times('BYMINUTE', 60) * times('BYSECOND', 60);
  const hours = rule.parts.has('BYHOUR') ? times('BYHOUR', 24) : 24;
  const minutes = rule.parts.has('BYMINUTE') ? times('BYMINUTE', 60) : rule.freq === 'HOURLY' ? 1 : 60;
  const seconds = rule.parts.has('BYSECOND') ? times('BYSECOND', 60) : rule.freq === 'SECONDLY' ? 60 : 1;
  const stepped = base / rule.interval;
  return rule.parts.has('BYMINUTE') || rule.parts.has('BYSECOND')
    ? hours * minutes * seconds
    : Math.min(stepped, hours * minutes * seconds);
}

/**
 * Whether any day between `first` and `last` could hold a start: each condition is necessary by the table in RFC 5545,
 * 3.3.10, none of them sufficient. Saves asking for nearly every rule whose day is not in the window.
 */
function mayMatch(rule: Rule, start: Wall, first: Wall, last: Wall): boolean {
  const positions = numbers(rule, 'BYSETPOS').map(Math.abs);
  if (positions.length > 0 && Math.min(...positions) > longestSet(rule, start, first, last)) return false;
  for (let at = dayOf(first); at <= last; at += day) if (dayMayMatch(rule, start, at)) return true;
  return false;
}

/** How many starts a period between `first` and `last` can have at most, for BYSETPOS. */
function longestSet(rule: Rule, start: Wall, first: Wall, last: Wall): number {
  const times = startsPerDay({ ...rule, freq: 'DAILY' });
  if (rule.freq === 'WEEKLY') return 7 * times;
  if (rule.freq !== 'MONTHLY' && rule.freq !== 'YEARLY') return times;
  const [from, to] = [new Date(first), new Date(last)];
  const whole = rule.freq === 'YEARLY';
  const sets = new Map<number, number>();
  const end = Date.UTC(to.getUTCFullYear(), whole ? 11 : to.getUTCMonth(), 31);
  for (let at = Date.UTC(from.getUTCFullYear(), whole ? 0 : from.getUTCMonth()); at <= end; at += day) {
    if (!dayMayMatch(rule, start, at)) continue;
    const date = new Date(at);
    const set = date.getUTCFullYear() * 12 + (whole ? 0 : date.getUTCMonth());
    sets.set(set, (sets.get(set) ?? 0) + times);
  }
  return Math.max(0, ...sets.values());
}

interface ByDay {
  ordinal: number;
  weekday: number;
}

const weekdays = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];

function byDays(rule: Rule): ByDay[] {
  return (rule.parts.get('BYDAY') ?? '')
    .split(',')
    .filter(Boolean)
    .map((text) => {
      const match = /^([+-]?\d{1,3})?(SU|MO|TU|WE|TH|FR|SA)$/.exec(text.trim());
      if (match === null) throw new RuleRefused(`its BYDAY holds ${JSON.stringify(text.slice(0, 20))}`);
      return { ordinal: Number(match[1] ?? 0), weekday: weekdays.indexOf(match[2] ?? '') };
    });
}

function dayMayMatch(rule: Rule, start: Wall, at: Wall): boolean {
  const date = new Date(at);
  const month = date.getUTCMonth() + 1;
  const dayOfMonth = date.getUTCDate();
  const monthLength = new Date(Date.UTC(date.getUTCFullYear(), month, 0)).getUTCDate();
  const months = numbers(rule, 'BYMONTH');
  if (months.length > 0 && !months.includes(month)) return false;
  const monthDays = numbers(rule, 'BYMONTHDAY');
  if (monthDays.length > 0 && !monthDays.includes(dayOfMonth) && !monthDays.includes(dayOfMonth - monthLength - 1))
    return false;
  const days = byDays(rule);
  if (days.length > 0) return days.some((entry) => weekdayMayMatch(rule, entry, date, dayOfMonth, monthLength));
  if (monthDays.length > 0 || rule.parts.has('BYYEARDAY') || rule.parts.has('BYWEEKNO')) return true;
  const from = new Date(start);
  if (rule.freq === 'WEEKLY') return from.getUTCDay() === date.getUTCDay();
  if (rule.freq === 'MONTHLY' || rule.freq === 'YEARLY') {
    if (from.getUTCDate() !== dayOfMonth) return false;
    return rule.freq === 'MONTHLY' || months.length > 0 || from.getUTCMonth() + 1 === month;
  }
  return true;
}

function weekdayMayMatch(rule: Rule, entry: ByDay, date: Date, dayOfMonth: number, monthLength: number): boolean {
  if (date.getUTCDay() !== entry.weekday) return false;
  if (entry.ordinal === 0) return true;
  const inMonth = rule.freq === 'MONTHLY' || (rule.freq === 'YEARLY' && rule.parts.has('BYMONTH'));
  if (!inMonth) return rule.freq !== 'YEARLY' || rule.parts.has('BYWEEKNO') || ordinalInYear(entry.ordinal, date);
  const fromEnd = -Math.ceil((monthLength - dayOfMonth + 1) / 7);
  return entry.ordinal === Math.ceil(dayOfMonth / 7) || entry.ordinal === fromEnd;
}

function ordinalInYear(ordinal: number, date: Date): boolean {
  const year = date.getUTCFullYear();
  const fromStart = Math.floor((date.getTime() - Date.UTC(year, 0)) / day / 7) + 1;
  const fromEnd = -(Math.floor((Date.UTC(year, 11, 31) - date.getTime()) / day / 7) + 1);
  return ordinal === fromStart || ordinal === fromEnd;
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

/** Asks `node-ical`, a day at a time where there are many starts a day: it stops at 10,000 steps for each question. */
function ask(rule: Rule, start: Wall, first: Wall, last: Wall, perDay: number): Wall[] {
  const engine = engineOf(rule, start, first, last, perDay);
  const stride = Math.max(1, Math.floor(mostSteps / 2 / Math.max(1, perDay))) * day;
  const found = new Set<Wall>();
  for (let at = first; at <= last; at += stride) {
    for (const date of engine.between(new Date(at), new Date(Math.min(last, at + stride - 1)), true))
      found.add(date.getTime());
    if (found.size > mostStarts) throw new RuleRefused(`it repeats more than ${mostStarts} times in the days read`);
  }
  return [...found].sort((a, b) => a - b);
}

/** The day that the start implies, said: `node-ical` moves the 31st to the 30th where months and years should skip it. */
function withExplicitDay(rule: Rule, start: Wall): Map<string, string> {
  const parts = new Map(rule.parts);
  const saysDay = ['BYDAY', 'BYMONTHDAY', 'BYYEARDAY', 'BYWEEKNO'].some((name) => parts.has(name));
  if (saysDay || (rule.freq !== 'MONTHLY' && rule.freq !== 'YEARLY')) return parts;
  const date = new Date(start);
  parts.set('BYMONTHDAY', String(date.getUTCDate()));
  if (rule.freq === 'YEARLY' && !parts.has('BYMONTH')) parts.set('BYMONTH', String(date.getUTCMonth() + 1));
  return parts;
}

/** A start of days or weeks closer to what is looked for, a whole number of intervals on: years of them take a while. */
function nearer(rule: Rule, start: Wall, first: Wall): Wall {
  const step = rule.interval * (rule.freq === 'DAILY' ? day : 7 * day);
  const steps = Math.floor((first - start) / step) - 1;
  return steps > 0 && (rule.freq === 'DAILY' || rule.freq === 'WEEKLY') ? start + steps * step : start;
}

interface Engine {
  between(after: Date, before: Date, inclusive: boolean): Date[];
}

/**
 * The rule without UNTIL (the caller looks no further) and, where it cannot be reached, without COUNT: either makes
 * `node-ical` walk the whole series from its first day.
 */
function engineOf(rule: Rule, start: Wall, first: Wall, last: Wall, perDay: number): Engine {
  const parts = withExplicitDay(rule, start);
  parts.delete('UNTIL');
  if (rule.count !== null && rule.count > perDay * ((last - start) / day + 2)) parts.delete('COUNT');
  else if (rule.count !== null && rule.count > mostSteps) throw new RuleRefused(`its COUNT is ${rule.count}`);
  const text = [...parts].map(([name, value]) => `${name}=${value}`).join(';');
  const begin = parts.has('COUNT') ? start : nearer(rule, start, first);
  const calendar = `BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:rule\r\nDTSTART:${formatWall(begin)}Z\r\nRRULE:${text}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`;
  try {
    const event = ical.parseICS(calendar)['rule'];
    const engine = event !== undefined && 'rrule' in event ? event.rrule : undefined;
    if (!isEngine(engine)) throw new RuleRefused('node-ical does not know it');
    return {
      between(after, before, inclusive) {
        try {
          return engine.between(after, before, inclusive);
        } catch (error) {
          throw new RuleRefused(error instanceof Error ? error.message : String(error));
        }
      },
    };
  } catch (error) {
    if (error instanceof RuleRefused) throw error;
    throw new RuleRefused(error instanceof Error ? error.message : String(error));
  }
}

function isEngine(value: unknown): value is Engine {
  return typeof value === 'object' && value !== null && 'between' in value && typeof value.between === 'function';
}
