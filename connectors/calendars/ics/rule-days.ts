/**
 * Which days a recurrence rule may have a start on. Each condition is necessary by the table in RFC 5545, 3.3.10; for rules
 * of plain days and weeks they are sufficient as well.
 */
import { type ByDay, byDays, numbers, type Rule, startsPerDay } from './rule-text.ts';
import { day, dayOf, type Wall } from './wall.ts';

/**
 * Whether any day between `first` and `last` could hold a start: each condition is necessary by the table in RFC 5545,
 * 3.3.10, none of them sufficient. Saves asking for nearly every rule whose day is not in the window.
 */
export function mayMatch(rule: Rule, start: Wall, first: Wall, last: Wall): boolean {
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

export function dayMayMatch(rule: Rule, start: Wall, at: Wall): boolean {
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
