import assert from 'node:assert/strict';
import fc from 'fast-check';
import { expandRule } from '../../connectors/calendars/ics/rule.ts';
import { RuleRefused } from '../../connectors/calendars/ics/rule-text.ts';
import { day, hour } from '../../connectors/calendars/ics/wall.ts';
import { utc } from '../../connectors/calendars/ics/zone.ts';

const weekdays = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];

interface Rule {
  freq: 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'YEARLY';
  interval: number;
  count: number | null;
  byDay: readonly { ordinal: number; weekday: number }[];
  byMonthDay: readonly number[];
  byMonth: readonly number[];
  setPosition: number | null;
}

/** RFC 5545, 3.3.10, the slow way: every period from the first on, every day of it. */
function slowly(rule: Rule, start: number, to: number): number[] {
  const found: number[] = [];
  for (let period = 0; ; period += rule.interval) {
    const days = daysOf(rule, start, period);
    if (days.length === 0 || (days[0] ?? 0) > to) return found;
    let matching = days.filter((at) => matches(rule, at, start)).map((at) => at + (start % day));
    if (rule.setPosition !== null) {
      const picked = matching.at(rule.setPosition > 0 ? rule.setPosition - 1 : rule.setPosition);
      matching = picked === undefined ? [] : [picked];
    }
    for (const at of matching) {
      if (at < start) continue;
      if (at > to || (rule.count !== null && found.length >= rule.count)) return found;
      found.push(at);
    }
  }
}

function daysOf(rule: Rule, start: number, period: number): number[] {
  const first = new Date(start - (start % day));
  const [year, month] = [first.getUTCFullYear(), first.getUTCMonth()];
  const span = (from: number, to: number): number[] =>
    Array.from({ length: (to - from) / day }, (_, index) => from + index * day);
  switch (rule.freq) {
    case 'DAILY':
      return [first.getTime() + period * day];
    case 'WEEKLY': {
      const monday = first.getTime() - ((first.getUTCDay() + 6) % 7) * day + period * 7 * day;
      return span(monday, monday + 7 * day);
    }
    case 'MONTHLY':
      return span(Date.UTC(year, month + period), Date.UTC(year, month + period + 1));
    case 'YEARLY':
      return span(Date.UTC(year + period, 0), Date.UTC(year + period + 1, 0));
  }
}

function matches(rule: Rule, at: number, start: number): boolean {
  const date = new Date(at);
  const begun = new Date(start);
  const month = date.getUTCMonth() + 1;
  const dayOfMonth = date.getUTCDate();
  const length = new Date(Date.UTC(date.getUTCFullYear(), month, 0)).getUTCDate();
  if (rule.byMonth.length > 0 && !rule.byMonth.includes(month)) return false;
  if (
    rule.byMonthDay.length > 0 &&
    !rule.byMonthDay.includes(dayOfMonth) &&
    !rule.byMonthDay.includes(dayOfMonth - length - 1)
  )
    return false;
  if (rule.byDay.length > 0) {
    const ordinals = [0, Math.ceil(dayOfMonth / 7), -Math.ceil((length - dayOfMonth + 1) / 7)];
    return rule.byDay.some((entry) => entry.weekday === date.getUTCDay() && ordinals.includes(entry.ordinal));
  }
  if (rule.byMonthDay.length > 0) return true;
  if (rule.freq === 'WEEKLY') return date.getUTCDay() === begun.getUTCDay();
  if (rule.freq === 'DAILY') return true;
  if (dayOfMonth !== begun.getUTCDate()) return false;
  return rule.freq === 'MONTHLY' || rule.byMonth.length > 0 || month === begun.getUTCMonth() + 1;
}

function write(rule: Rule): string {
  const parts = [`FREQ=${rule.freq}`, `INTERVAL=${rule.interval}`];
  if (rule.count !== null) parts.push(`COUNT=${rule.count}`);
  if (rule.byDay.length > 0)
    parts.push(
      `BYDAY=${rule.byDay.map(({ ordinal, weekday }) => `${ordinal === 0 ? '' : ordinal}${weekdays[weekday]}`).join(',')}`,
    );
  if (rule.byMonthDay.length > 0) parts.push(`BYMONTHDAY=${rule.byMonthDay.join(',')}`);
  if (rule.byMonth.length > 0) parts.push(`BYMONTH=${rule.byMonth.join(',')}`);
  if (rule.setPosition !== null) parts.push(`BYSETPOS=${rule.setPosition}`);
  return parts.join(';');
}

const weekday = fc.integer({ min: 0, max: 6 });
const list = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant<T[]>([]) }, fc.uniqueArray(of, { minLength: 1, maxLength: 3 }));
const plainDays = list(weekday).map((days) => days.map((value) => ({ ordinal: 0, weekday: value })));
const countedDays = list(fc.tuple(fc.constantFrom(0, 1, 2, -1, 5), weekday)).map((days) =>
  days.map(([ordinal, value]) => ({ ordinal, weekday: value })),
);

/** The rules that calendar programs can make. */
const rules: fc.Arbitrary<Rule> = fc
  .constantFrom<Rule['freq']>('DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY')
  .chain((freq) => {
    const often = freq === 'DAILY' || freq === 'WEEKLY';
    return fc.record({
      freq: fc.constant(freq),
      interval: fc.integer({ min: 1, max: freq === 'YEARLY' ? 2 : 4 }),
      count: fc.option(fc.integer({ min: 1, max: 60 }), { freq: 3 }),
      byDay: often
        ? plainDays
        : freq === 'MONTHLY'
          ? countedDays
          : fc.constant<{ ordinal: number; weekday: number }[]>([]),
      byMonthDay: often ? fc.constant<number[]>([]) : list(fc.constantFrom(1, 13, 28, 29, 30, 31, -1, -3)),
      byMonth: freq === 'MONTHLY' ? fc.constant<number[]>([]) : list(fc.integer({ min: 1, max: 12 })),
      setPosition: fc.constant(null),
    });
  })
  .chain((rule) => {
    const weekdaysOnly = rule.byDay.length > 0 && rule.byDay.every((entry) => entry.ordinal === 0);
    return rule.freq === 'MONTHLY' && weekdaysOnly && rule.byMonthDay.length === 0
      ? fc.option(fc.constantFrom(1, 2, -1)).map((setPosition) => ({ ...rule, setPosition }))
      : fc.constant(rule);
  });

describe('recurrence rules @first-run', () => {
  it('have the starts that counting every day of every period gives', () => {
    const begin = fc.integer({ min: Date.UTC(2019, 0) / day, max: Date.UTC(2026, 10) / day });
    const numRuns = process.env['USHER_LONG'] === '1' ? 20_000 : 300;
    fc.assert(
      fc.property(rules, begin, fc.integer({ min: 0, max: 400 }), (rule, days, offset) => {
        const start = days * day + 9 * hour;
        const from = Date.UTC(2026, 5, 1) + offset * day;
        const to = from + 9 * day;
        const expected = slowly(rule, start, to).filter((at) => at >= from);
        assert.deepEqual(expandRule(write(rule), start, from, to, utc), expected, write(rule));
      }),
      { numRuns },
    );
  });

  it('end in starts or in a refusal, whatever they say', () => {
    const part = fc.oneof(
      fc
        .tuple(
          fc.constantFrom('FREQ', 'INTERVAL', 'COUNT', 'UNTIL', 'BYDAY', 'BYMONTH', 'BYHOUR', 'BYSETPOS', 'WKST'),
          fc.string({ maxLength: 8 }),
        )
        .map(([name, value]) => `${name}=${value}`),
      fc.constantFrom(
        'FREQ=SECONDLY',
        'FREQ=MINUTELY',
        'FREQ=HOURLY',
        'FREQ=DAILY',
        'FREQ=WEEKLY',
        'FREQ=YEARLY',
        'BYSETPOS=3',
        'BYHOUR=1',
        'BYDAY=1MO',
        'COUNT=5',
        'INTERVAL=7',
      ),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const from = Date.UTC(2026, 5, 1);
        try {
          expandRule(parts.join(';'), Date.UTC(2020, 0, 1), from, from + 9 * day, utc);
        } catch (error) {
          assert.ok(error instanceof RuleRefused, String(error));
        }
      }),
      { numRuns: 200 },
    );
  });
});
