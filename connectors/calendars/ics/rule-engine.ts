/**
 * Recurrence rules worked out by `node-ical`. It is given one rule at a time, on wall time, because by itself it takes the
 * host's zone for floating times, picks the second of two equal hours in autumn and loses a whole file to one bad line.
 */
import ical from 'node-ical';
import { type Rule, RuleRefused } from './rule-text.ts';
import { day, formatWall, type Wall } from './wall.ts';

/** More starts than this in one reading are refused: far beyond any calendar, and still milliseconds. */
export const mostStarts = 20_000;
/** It gives up beyond 10,000 steps, and takes long before it does. */
const mostSteps = 10_000;

/** Asks `node-ical`, a day at a time where there are many starts a day: it stops at 10,000 steps for each question. */
export function ask(rule: Rule, start: Wall, first: Wall, last: Wall, perDay: number): Wall[] {
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
