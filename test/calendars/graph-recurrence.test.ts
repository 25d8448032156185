import assert from 'node:assert/strict';
import { DateTime } from 'luxon';
import { occurrencesOf, type RecurrenceInput } from '../../fixtures/graph/recurrence.ts';
import { GraphSimulator } from '../../fixtures/graph/simulator.ts';
import { tenantOf } from './graph-tenant.ts';

const three = { type: 'numbered', numberOfOccurrences: 3 } as const;
type Pattern = RecurrenceInput['pattern'];

describe('series in the simulated tenant @calendars', () => {
  const table: [name: string, from: string, pattern: Pattern, days: string[]][] = [
    ['every second day', '2026-03-02', { type: 'daily', interval: 2 }, ['03-02', '03-04', '03-06']],
    [
      'Mondays and Thursdays of every second week, weeks beginning on Monday',
      '2026-03-05',
      { type: 'weekly', interval: 2, daysOfWeek: ['monday', 'thursday'], firstDayOfWeek: 'monday' },
      ['03-05', '03-16', '03-19'],
    ],
    [
      'Sundays and Mondays of every second week, weeks beginning on Sunday',
      '2026-03-02',
      { type: 'weekly', interval: 2, daysOfWeek: ['sunday', 'monday'] },
      ['03-02', '03-15', '03-16'],
    ],
    ['the 31st of each month', '2026-01-31', { type: 'absoluteMonthly', dayOfMonth: 31 }, ['01-31', '02-28', '03-31']],
    [
      'the second Tuesday of each month',
      '2026-03-02',
      { type: 'relativeMonthly', daysOfWeek: ['tuesday'], index: 'second' },
      ['03-10', '04-14', '05-12'],
    ],
    [
      'the last working day of every third month',
      '2026-01-01',
      {
        type: 'relativeMonthly',
        interval: 3,
        daysOfWeek: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'],
        index: 'last',
      },
      ['01-30', '04-30', '07-31'],
    ],
    [
      'the 29th of February',
      '2024-02-29',
      { type: 'absoluteYearly', dayOfMonth: 29, month: 2 },
      ['02-29', '02-28', '02-28'],
    ],
    [
      'the last Friday of November',
      '2026-12-01',
      { type: 'relativeYearly', daysOfWeek: ['friday'], index: 'last', month: 11 },
      ['11-26', '11-24', '11-30'],
    ],
  ];
  for (const [name, from, pattern, days] of table) {
    it(`happen on ${name}`, () => {
      const first = DateTime.fromISO(`${from}T09:00`, { zone: 'Europe/Oslo' });
      const found = occurrencesOf(first, { pattern, range: three });
      assert.deepEqual(
        found.map((at) => at.toFormat('MM-dd HH:mm')),
        days.map((day) => `${day} 09:00`),
      );
    });
  }

  it('end with their last day, after their number, or never', () => {
    const first = DateTime.fromISO('2026-03-02T23:00', { zone: 'Asia/Tokyo' });
    const of = (range: RecurrenceInput['range']): number =>
      occurrencesOf(first, { pattern: { type: 'daily' }, range }).length;
    assert.deepEqual(
      [of({ type: 'endDate', endDate: '2026-03-05' }), of({ type: 'numbered', numberOfOccurrences: 9 })],
      [4, 9],
    );
    assert.ok(of({ type: 'noEnd' }) > 1_000);
  });

  it('are read with what was moved, deleted and cancelled, at the wall time of their zone', async () => {
    const simulator = await GraphSimulator.start();
    const tenant = tenantOf(simulator);
    simulator.put('fjord@example.com', {
      ...{ id: 'weekly', subject: 'Weekly', timeZone: 'Europe/Oslo' },
      ...{ start: '2026-03-03T09:00', end: '2026-03-03T10:30' },
      recurrence: {
        pattern: { type: 'weekly', daysOfWeek: ['tuesday', 'thursday'], firstDayOfWeek: 'monday' },
        range: { type: 'noEnd' },
      },
      exceptions: {
        '2026-03-19': null,
        '2026-03-24': { cancelled: true },
        '2026-03-26': { start: '2026-03-27T14:00', end: '2026-03-27T15:00', subject: 'Moved' },
      },
    });
    const window = { from: Date.parse('2026-03-16T00:00Z'), to: Date.parse('2026-04-03T00:00Z') };
    const { invites } = await tenant.calendar('fjord@example.com', 'UTC').read(window, new AbortController().signal);
    assert.deepEqual(
      invites.map(({ start, end, subject, cancelled, occurrence }) => [
        new Date(start ?? 0).toISOString().slice(5, 16),
        ((end ?? 0) - (start ?? 0)) / 60_000,
        cancelled ? 'cancelled' : subject,
        occurrence,
      ]),
      [
        ['03-17T08:00', 90, 'Weekly', '20260317T080000Z'],
        ['03-24T08:00', 90, 'cancelled', '20260324T080000Z'],
        ['03-27T13:00', 60, 'Moved', '20260326T080000Z'],
        ['03-31T07:00', 90, 'Weekly', '20260331T070000Z'],
        ['04-02T07:00', 90, 'Weekly', '20260402T070000Z'],
      ],
    );
    await tenant.close();
    await simulator.close();
  });
});
