/** Recurrence rules as text (RFC 5545, 3.3.10): their parts, read once, and what follows from them alone. */
import { day, parseStamp, type Wall } from './wall.ts';
import type { Zone } from './zone.ts';

/** A rule that cannot be followed; the message says why, in words for the administrator. */
export class RuleRefused extends Error {
  override name = 'RuleRefused';
}

export interface Rule {
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

export function parseRule(text: string, zone: Zone): Rule {
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

export const numbers = (rule: Rule, name: string): number[] =>
  (rule.parts.get(name) ?? '').split(',').filter(Boolean).map(Number);

export interface ByDay {
  ordinal: number;
  weekday: number;
}

export const weekdays = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];

export function byDays(rule: Rule): ByDay[] {
  return (rule.parts.get('BYDAY') ?? '')
    .split(',')
    .filter(Boolean)
    .map((text) => {
      const match = /^([+-]?\d{1,3})?(SU|MO|TU|WE|TH|FR|SA)$/.exec(text.trim());
      if (match === null) throw new RuleRefused(`its BYDAY holds ${JSON.stringify(text.slice(0, 20))}`);
      return { ordinal: Number(match[1] ?? 0), weekday: weekdays.indexOf(match[2] ?? '') };
    });
}

/** An upper bound of how many starts one day can have. */
export function startsPerDay(rule: Rule): number {
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
