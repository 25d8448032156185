import assert from 'node:assert/strict';
import type { CalendarReading } from '../../connectors/calendars/calendar.ts';
import { readCalendarFile } from '../../connectors/calendars/ics/calendar-file.ts';
import { readingOf } from '../../connectors/calendars/ics/reading.ts';
import { ianaZone } from '../../connectors/calendars/ics/zone.ts';
import { calendar, cpuMs, vevent } from './ics-source.ts';

interface Options {
  from: string;
  to: string;
  zone?: string;
}

async function reading(
  files: Record<string, string>,
  { from, to, zone = 'Europe/Oslo' }: Options,
): Promise<CalendarReading> {
  const floating = ianaZone(zone);
  assert.ok(floating !== null);
  const read = [];
  for (const [name, text] of Object.entries(files)) {
    read.push(readCalendarFile(Buffer.from(text), { name, floating, attendee: null }));
  }
  return readingOf(
    read.flatMap((file) => file.events),
    { from: Date.parse(from), to: Date.parse(to) },
    read.flatMap((file) => file.problems),
  );
}

/** What is on, as `start/end` in UTC without seconds. */
async function on(text: string, options: Options): Promise<string[]> {
  const { invites, problems } = await reading({ 'a.ics': text }, options);
  assert.deepEqual(problems, []);
  return invites.filter((invite) => !invite.cancelled).map((invite) => `${short(invite.start)}/${short(invite.end)}`);
}

function short(at: number | null): string {
  return at === null ? 'null' : new Date(at).toISOString().slice(0, 16);
}

const march = { from: '2026-03-01T00:00Z', to: '2026-04-01T00:00Z' };

describe('recurring events of iCalendar @first-run', () => {
  it('keeps the wall time of a series over the spring change, and skips forward in the gap', async () => {
    const nine = vevent(
      'a',
      'DTSTART;TZID=Europe/Oslo:20260327T090000',
      'DTEND;TZID=Europe/Oslo:20260327T093000',
      'RRULE:FREQ=DAILY;COUNT=4',
    );
    assert.deepEqual(await on(calendar(nine), march), [
      '2026-03-27T08:00/2026-03-27T08:30',
      '2026-03-28T08:00/2026-03-28T08:30',
      '2026-03-29T07:00/2026-03-29T07:30',
      '2026-03-30T07:00/2026-03-30T07:30',
    ]);
    const gap = vevent('b', 'DTSTART;TZID=Europe/Oslo:20260328T023000', 'DURATION:PT1H', 'RRULE:FREQ=DAILY;COUNT=3');
    assert.deepEqual(await on(calendar(gap), march), [
      '2026-03-28T01:30/2026-03-28T02:30',
      '2026-03-29T01:30/2026-03-29T02:30',
      '2026-03-30T00:30/2026-03-30T01:30',
    ]);
  });

  it('takes the first of two equal hours in autumn', async () => {
    const fold = vevent(
      'a',
      'DTSTART;TZID=America/New_York:20261031T013000',
      'DTEND;TZID=America/New_York:20261031T020000',
      'RRULE:FREQ=DAILY;COUNT=3',
    );
    assert.deepEqual(await on(calendar(fold), { from: '2026-10-30T00:00Z', to: '2026-11-10T00:00Z' }), [
      '2026-10-31T05:30/2026-10-31T06:00',
      '2026-11-01T05:30/2026-11-01T06:00',
      '2026-11-02T06:30/2026-11-02T07:00',
    ]);
  });

  it('keeps its wall time through a year with both changes', async () => {
    const weekly = vevent(
      'a',
      'DTSTART;TZID=Europe/Oslo:20250106T090000',
      'DTEND;TZID=Europe/Oslo:20250106T100000',
      'RRULE:FREQ=WEEKLY;BYDAY=MO',
    );
    const starts = await on(calendar(weekly), { from: '2026-01-01T00:00Z', to: '2027-01-01T00:00Z' });
    assert.equal(starts.length, 52);
    assert.deepEqual(
      starts.map((text) => text.slice(11, 16)).filter((hour, index, all) => hour !== all[index - 1]),
      ['08:00', '07:00', '08:00'],
    );
  });

  it('moves, changes and cancels single instances, also when their RECURRENCE-ID stands in another zone', async () => {
    const text = calendar(
      vevent(
        'a',
        'DTSTART;TZID=Europe/Oslo:20260302T090000',
        'DTEND;TZID=Europe/Oslo:20260302T100000',
        'SUMMARY:Weekly',
        'RRULE:FREQ=WEEKLY;COUNT=4',
      ),
      vevent(
        'a',
        'RECURRENCE-ID;TZID=America/New_York:20260309T040000',
        'DTSTART;TZID=Europe/Oslo:20260310T130000',
        'DTEND;TZID=Europe/Oslo:20260310T140000',
        'SUMMARY:Moved',
      ),
      vevent('a', 'RECURRENCE-ID:20260316T080000Z', 'DTSTART:20260316T080000Z', 'STATUS:CANCELLED'),
    );
    const { invites } = await reading({ 'a.ics': text }, march);
    assert.deepEqual(
      invites.map((invite) => [short(invite.start), invite.subject, invite.occurrence, invite.cancelled]),
      [
        ['2026-03-02T08:00', 'Weekly', '20260302T080000Z', false],
        ['2026-03-10T12:00', 'Moved', '20260309T080000Z', false],
        ['2026-03-16T08:00', '', '20260316T080000Z', true],
        ['2026-03-23T08:00', 'Weekly', '20260323T080000Z', false],
      ],
    );
  });

  it('shows an instance that was moved into the window from far outside, and not one that was moved out', async () => {
    const text = calendar(
      vevent('a', 'DTSTART:20260105T090000Z', 'DTEND:20260105T100000Z', 'RRULE:FREQ=MONTHLY'),
      vevent('a', 'RECURRENCE-ID:20261005T090000Z', 'DTSTART:20260320T090000Z', 'DTEND:20260320T100000Z'),
      vevent('a', 'RECURRENCE-ID:20260305T090000Z', 'DTSTART:20260605T090000Z', 'DTEND:20260605T100000Z'),
    );
    assert.deepEqual(await on(text, march), ['2026-03-20T09:00/2026-03-20T10:00']);
  });

  it('adds RDATE, also as periods, and takes out EXDATE, by time and by day', async () => {
    const text = calendar(
      vevent(
        'a',
        'DTSTART;TZID=Europe/Oslo:20260302T090000',
        'DTEND;TZID=Europe/Oslo:20260302T100000',
        'RRULE:FREQ=DAILY;UNTIL=20260306T235959Z',
        'EXDATE;TZID=Europe/Oslo:20260303T090000',
        'EXDATE;VALUE=DATE:20260305',
        'EXDATE:20260304T103000Z',
        'RDATE;TZID=Europe/Oslo:20260310T090000,20260311T090000',
        'RDATE;VALUE=PERIOD:20260312T090000Z/PT15M',
      ),
    );
    assert.deepEqual(await on(text, march), [
      '2026-03-02T08:00/2026-03-02T09:00',
      '2026-03-04T08:00/2026-03-04T09:00',
      '2026-03-06T08:00/2026-03-06T09:00',
      '2026-03-10T08:00/2026-03-10T09:00',
      '2026-03-11T08:00/2026-03-11T09:00',
      '2026-03-12T09:00/2026-03-12T09:15',
    ]);
  });

  it('moves this and all later instances with THISANDFUTURE, and ends them with a cancelled one', async () => {
    const series = vevent(
      'a',
      'DTSTART;TZID=Europe/Oslo:20260302T090000',
      'DTEND;TZID=Europe/Oslo:20260302T100000',
      'RRULE:FREQ=WEEKLY',
    );
    const moved = vevent(
      'a',
      'RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Oslo:20260316T090000',
      'DTSTART;TZID=Europe/Oslo:20260317T110000',
      'DTEND;TZID=Europe/Oslo:20260317T113000',
    );
    assert.deepEqual(await on(calendar(series, moved), march), [
      '2026-03-02T08:00/2026-03-02T09:00',
      '2026-03-09T08:00/2026-03-09T09:00',
      '2026-03-17T10:00/2026-03-17T10:30',
      '2026-03-24T10:00/2026-03-24T10:30',
      '2026-03-31T09:00/2026-03-31T09:30',
    ]);
    const ended = vevent(
      'a',
      'RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Oslo:20260316T090000',
      'DTSTART;TZID=Europe/Oslo:20260316T090000',
      'STATUS:CANCELLED',
    );
    assert.equal((await on(calendar(series, ended), march)).length, 2);
  });

  it('reads whole days and floating times in the zone of the room', async () => {
    const text = calendar(
      vevent('day', 'DTSTART;VALUE=DATE:20260329', 'DTEND;VALUE=DATE:20260330'),
      vevent('float', 'DTSTART:20260302T090000', 'DTEND:20260302T100000'),
      vevent('days', 'DTSTART;VALUE=DATE:20260310', 'RRULE:FREQ=WEEKLY;COUNT=2', 'EXDATE;VALUE=DATE:20260317'),
    );
    // The day of the spring change has 23 hours in Oslo.
    assert.deepEqual(await on(text, march), [
      '2026-03-02T08:00/2026-03-02T09:00',
      '2026-03-09T23:00/2026-03-10T23:00',
      '2026-03-28T23:00/2026-03-29T22:00',
    ]);
    assert.deepEqual(await on(text, { ...march, zone: 'Asia/Tokyo' }), [
      '2026-03-02T00:00/2026-03-02T01:00',
      '2026-03-09T15:00/2026-03-10T15:00',
      '2026-03-28T15:00/2026-03-29T15:00',
    ]);
  });

  it('takes what Exchange marks as a whole day for one, though it has times', async () => {
    const day = vevent(
      'a',
      'DTSTART;TZID=W. Europe Standard Time:20260302T000000',
      'DTEND;TZID=W. Europe Standard Time:20260303T000000',
      'X-MICROSOFT-CDO-ALLDAYEVENT:TRUE',
    );
    const { invites } = await reading({ 'a.ics': calendar(day) }, march);
    assert.deepEqual(
      invites.map((invite) => [short(invite.start), invite.allDay]),
      [['2026-03-01T23:00', true]],
    );
  });

  it('knows an instance without times by its day, in whichever zone the room is', async () => {
    const text = calendar(vevent('a', 'DTSTART;VALUE=DATE:20260302', 'RRULE:FREQ=DAILY;COUNT=1'));
    for (const zone of ['Europe/Oslo', 'Asia/Tokyo', 'America/Los_Angeles']) {
      const { invites } = await reading({ 'a.ics': text }, { ...march, zone });
      assert.deepEqual(
        invites.map((invite) => invite.occurrence),
        ['20260302T000000Z'],
      );
    }
  });

  it('lets the highest SEQUENCE win over files, then the newest DTSTAMP', async () => {
    const event = (sequence: number, start: string, stamp = '20260101T000000Z'): string =>
      calendar(
        [
          'BEGIN:VEVENT',
          'UID:a',
          `DTSTAMP:${stamp}`,
          `SEQUENCE:${sequence}`,
          `DTSTART:${start}`,
          'DURATION:PT1H',
          'END:VEVENT',
        ].join('\r\n'),
      );
    const starts = async (files: Record<string, string>): Promise<string[]> =>
      (await reading(files, march)).invites.filter((invite) => !invite.cancelled).map((invite) => short(invite.start));
    const old = event(1, '20260302T090000Z');
    const moved = event(2, '20260302T110000Z');
    assert.deepEqual(await starts({ 'a.ics': old, 'b.ics': moved }), ['2026-03-02T11:00']);
    assert.deepEqual(await starts({ 'a.ics': moved, 'b.ics': old }), ['2026-03-02T11:00']);
    assert.deepEqual(await starts({ 'a.ics': event(1, '20260302T130000Z', '20260102T000000Z'), 'b.ics': old }), [
      '2026-03-02T13:00',
    ]);
  });

  it('removes by METHOD:CANCEL, a series, one instance, and not what was invited again afterwards', async () => {
    const series = calendar(
      'METHOD:REQUEST',
      vevent('a', 'SEQUENCE:1', 'DTSTART:20260302T090000Z', 'DURATION:PT1H', 'RRULE:FREQ=DAILY;COUNT=3'),
    );
    const cancel = (...lines: string[]): string => calendar('METHOD:CANCEL', vevent('a', ...lines));
    const left = async (...files: string[]): Promise<string[]> =>
      (await reading(Object.fromEntries(files.map((text, index) => [`${index}.ics`, text])), march)).invites
        .filter((invite) => !invite.cancelled)
        .map((invite) => short(invite.start));
    const whole = cancel('SEQUENCE:2', 'DTSTART:20260302T090000Z');
    assert.deepEqual(await left(series, whole), []);
    assert.deepEqual(await left(whole, series), []);
    assert.deepEqual(
      await left(series, cancel('SEQUENCE:1', 'RECURRENCE-ID:20260303T090000Z', 'DTSTART:20260303T090000Z')),
      ['2026-03-02T09:00', '2026-03-04T09:00'],
    );
    const again = calendar('METHOD:REQUEST', vevent('a', 'SEQUENCE:3', 'DTSTART:20260305T090000Z', 'DURATION:PT1H'));
    assert.deepEqual(await left(series, whole, again), ['2026-03-05T09:00']);
  });

  it('changes nothing for replies and counter-proposals', async () => {
    const event = calendar('METHOD:REQUEST', vevent('a', 'DTSTART:20260302T090000Z', 'DURATION:PT1H'));
    const reply = calendar('METHOD:COUNTER', vevent('a', 'SEQUENCE:5', 'DTSTART:20260302T150000Z', 'DURATION:PT1H'));
    const { invites } = await reading({ 'a.ics': event, 'b.ics': reply }, march);
    assert.deepEqual(
      invites.map((invite) => short(invite.start)),
      ['2026-03-02T09:00'],
    );
  });

  it('shows an instance whose series is not in the calendar', async () => {
    const text = calendar(
      vevent('a', 'RECURRENCE-ID:20260302T090000Z', 'DTSTART:20260302T100000Z', 'DTEND:20260302T110000Z'),
    );
    const { invites } = await reading({ 'a.ics': text }, march);
    assert.deepEqual(
      invites.map((invite) => [short(invite.start), invite.occurrence]),
      [['2026-03-02T10:00', '20260302T090000Z']],
    );
  });

  it('follows the rules that calendars write', async () => {
    const starts = async (start: string, rule: string, from: string, to: string): Promise<string[]> =>
      (await on(calendar(vevent('a', `DTSTART:${start}`, 'DURATION:PT1H', `RRULE:${rule}`)), { from, to })).map(
        (text) => text.slice(5, 13),
      );
    const autumn = ['2026-10-01T00:00Z', '2027-01-01T00:00Z'] as const;
    assert.deepEqual(await starts('20160105T090000Z', 'FREQ=MONTHLY;BYDAY=-1FR', ...autumn), [
      '10-30T09',
      '11-27T09',
      '12-25T09',
    ]);
    assert.deepEqual(await starts('20160105T090000Z', 'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', ...autumn), [
      '10-30T09',
      '11-30T09',
      '12-31T09',
    ]);
    assert.deepEqual(await starts('20160131T090000Z', 'FREQ=MONTHLY', ...autumn), ['10-31T09', '12-31T09']);
    assert.deepEqual(await starts('20161126T090000Z', 'FREQ=YEARLY;BYMONTH=11;BYDAY=4TH', ...autumn), ['11-26T09']);
    assert.deepEqual(await starts('20261001T090000Z', 'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=SU', ...autumn), [
      '10-01T09',
      '10-13T09',
      '10-15T09',
      '10-27T09',
      '10-29T09',
      '11-10T09',
      '11-12T09',
      '11-24T09',
      '11-26T09',
      '12-08T09',
      '12-10T09',
      '12-22T09',
      '12-24T09',
    ]);
    assert.deepEqual(await starts('20261001T090000Z', 'FREQ=DAILY;INTERVAL=40;COUNT=2', ...autumn), [
      '10-01T09',
      '11-10T09',
    ]);
    assert.deepEqual(await starts('20000229T090000Z', 'FREQ=YEARLY', '2027-01-01T00:00Z', '2029-01-01T00:00Z'), [
      '02-29T09',
    ]);
    assert.deepEqual(await starts('20261222T090000Z', 'FREQ=DAILY;UNTIL=20261224', ...autumn), [
      '12-22T09',
      '12-23T09',
      '12-24T09',
    ]);
  });

  it('ends within milliseconds, with a problem that names the event, for rules without end or sense', async () => {
    const rules = [
      'FREQ=SECONDLY',
      'FREQ=SECONDLY;COUNT=999999999',
      'FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;BYMINUTE=' +
        [...Array(60).keys()].join(',') +
        ';BYSECOND=0,10,20,30,40,50',
      'FREQ=DAILY;INTERVAL=99999999999',
      'FREQ=FORTNIGHTLY',
      'FREQ=WEEKLY;BYDAY=XX',
      'FREQ=DAILY;UNTIL=never',
      'RSCALE=CHINESE;FREQ=YEARLY',
    ];
    await on(calendar(vevent('warm', 'DTSTART:20260101T090000Z', 'RRULE:FREQ=DAILY')), march);
    for (const rule of rules) {
      const text = calendar(
        vevent('hostile', 'DTSTART:20160101T090000Z', 'SUMMARY:Secret', `RRULE:${rule}`),
        vevent('good', 'DTSTART:20260302T090000Z'),
      );
      const before = cpuMs();
      const { invites, problems } = await reading(
        { 'a.ics': text },
        { from: '2026-02-28T00:00Z', to: '2026-03-08T00:00Z' },
      );
      const took = cpuMs() - before;
      assert.ok(took < 250, `${rule.slice(0, 40)} took ${took} ms of CPU`);
      assert.deepEqual(
        invites.map((invite) => invite.uid),
        ['good'],
        rule,
      );
      assert.equal(problems.length, 1, rule);
      assert.match(problems[0] ?? '', /^a\.ics: .*"hostile"/);
      assert.ok(!problems[0]?.includes('Secret'));
    }
  });

  it('ends within milliseconds for rules that never match', async () => {
    const window = { from: '2026-02-28T00:00Z', to: '2026-03-08T00:00Z' };
    await on(calendar(vevent('warm', 'DTSTART:20260101T090000Z', 'RRULE:FREQ=DAILY')), window);
    for (const rule of [
      'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30',
      'FREQ=MONTHLY;BYDAY=MO;BYSETPOS=10',
      'FREQ=YEARLY;BYDAY=20MO;BYMONTH=3',
      'FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=23',
      'FREQ=WEEKLY;BYDAY=MO;BYSETPOS=9',
    ]) {
      const before = cpuMs();
      assert.deepEqual(await on(calendar(vevent('a', 'DTSTART:20160101T090000Z', `RRULE:${rule}`)), window), [], rule);
      assert.ok(cpuMs() - before < 250, rule);
    }
  });

  it('reads ten thousand events a day', async () => {
    const minutely = Array.from({ length: 7 }, (_, index) =>
      vevent(`m${index}`, 'DTSTART:20260301T000000Z', 'DURATION:PT1M', 'RRULE:FREQ=MINUTELY'),
    );
    const { invites, problems } = await reading(
      { 'a.ics': calendar(...minutely) },
      { from: '2026-03-02T00:00Z', to: '2026-03-03T00:00Z' },
    );
    assert.deepEqual(problems, []);
    assert.equal(invites.length, 7 * 1440);
  });
});

describe('time zones of iCalendar @first-run', () => {
  const vtimezone = (tzid: string): string =>
    [
      'BEGIN:VTIMEZONE',
      `TZID:${tzid}`,
      'BEGIN:STANDARD',
      'DTSTART:16010101T030000',
      'TZOFFSETFROM:+0200',
      'TZOFFSETTO:+0100',
      'RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10',
      'END:STANDARD',
      'BEGIN:DAYLIGHT',
      'DTSTART:16010101T020000',
      'TZOFFSETFROM:+0100',
      'TZOFFSETTO:+0200',
      'RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3',
      'END:DAYLIGHT',
      'END:VTIMEZONE',
    ].join('\r\n');
  const in2026 = { from: '2026-01-01T00:00Z', to: '2027-01-01T00:00Z', zone: 'Asia/Tokyo' };
  const at = async (tzid: string, wall: string, zones: string[] = []): Promise<string> => {
    const [found] = await on(calendar(...zones, vevent('a', `DTSTART;TZID=${tzid}:${wall}`)), in2026);
    return found?.slice(0, 16) ?? 'none';
  };

  it('knows the names of Windows and Outlook', async () => {
    assert.equal(await at('W. Europe Standard Time', '20260701T090000'), '2026-07-01T07:00');
    assert.equal(await at('"Pacific Standard Time"', '20260101T090000'), '2026-01-01T17:00');
    assert.equal(await at('GMT Standard Time', '20260701T090000'), '2026-07-01T08:00');
    assert.equal(
      await at('/freeassociation.sourceforge.net/Tzfile/Europe/Oslo', '20260701T090000'),
      '2026-07-01T07:00',
    );
    assert.equal(await at('"(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi"', '20260701T090000'), '2026-07-01T03:30');
    assert.equal(await at('UTC', '20260701T090000'), '2026-07-01T09:00');
  });

  it('follows a zone that the calendar brings along, over its changes', async () => {
    for (const tzid of ['Customized Time Zone', 'Office', 'tzone://Microsoft/Custom']) {
      const zone = [vtimezone(tzid)];
      const name = `"${tzid}"`;
      assert.equal(await at(name, '20260328T090000', zone), '2026-03-28T08:00', tzid);
      assert.equal(await at(name, '20260329T090000', zone), '2026-03-29T07:00');
      assert.equal(await at(name, '20260329T023000', zone), '2026-03-29T01:30');
      assert.equal(await at(name, '20261025T023000', zone), '2026-10-25T00:30');
      assert.equal(await at(name, '20261025T040000', zone), '2026-10-25T03:00');
    }
  });

  it('follows a zone whose rules have ended, and one without any', async () => {
    const fixed = [
      'BEGIN:VTIMEZONE',
      'TZID:Room',
      'BEGIN:STANDARD',
      'DTSTART:19700101T000000',
      'TZOFFSETFROM:+0545',
      'TZOFFSETTO:+0545',
      'END:STANDARD',
      'END:VTIMEZONE',
    ].join('\r\n');
    assert.equal(await at('Room', '20260701T090000', [fixed]), '2026-07-01T03:15');
    const ended = [
      'BEGIN:VTIMEZONE',
      'TZID:Room',
      'BEGIN:DAYLIGHT',
      'DTSTART:20100328T020000',
      'TZOFFSETFROM:+0200',
      'TZOFFSETTO:+0300',
      'RRULE:FREQ=YEARLY;UNTIL=20150329T000000Z;BYDAY=-1SU;BYMONTH=3',
      'END:DAYLIGHT',
      'BEGIN:STANDARD',
      'DTSTART:20101031T030000',
      'TZOFFSETFROM:+0300',
      'TZOFFSETTO:+0200',
      'RRULE:FREQ=YEARLY;UNTIL=20141026T000000Z;BYDAY=-1SU;BYMONTH=10',
      'END:STANDARD',
      'BEGIN:STANDARD',
      'DTSTART:20160907T000000',
      'TZOFFSETFROM:+0300',
      'TZOFFSETTO:+0330',
      'END:STANDARD',
      'END:VTIMEZONE',
    ].join('\r\n');
    assert.equal(await at('Room', '20260701T090000', [ended]), '2026-07-01T05:30');
  });

  it('says so once when a zone is unknown, and reads its times in the zone of the room', async () => {
    const text = calendar(
      vevent('a', 'DTSTART;TZID=Nowhere/Land:20260302T090000'),
      vevent('b', 'DTSTART;TZID=Nowhere/Land:20260302T100000'),
    );
    const { invites, problems } = await reading({ 'a.ics': text }, march);
    assert.deepEqual(
      invites.map((invite) => short(invite.start)),
      ['2026-03-02T08:00', '2026-03-02T09:00'],
    );
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /a\.ics: .*"Nowhere\/Land".*Europe\/Oslo/);
  });

  it('does not follow a zone that changes every second', async () => {
    const hostile = [
      'BEGIN:VTIMEZONE',
      'TZID:Room',
      'BEGIN:STANDARD',
      'DTSTART:19700101T000000',
      'TZOFFSETFROM:+0100',
      'TZOFFSETTO:+0200',
      'RRULE:FREQ=SECONDLY',
      'END:STANDARD',
      'END:VTIMEZONE',
    ].join('\r\n');
    const { problems } = await reading(
      { 'a.ics': calendar(hostile, vevent('a', 'DTSTART;TZID=Room:20260302T090000')) },
      march,
    );
    assert.equal(problems.length, 2);
  });
});
