/**
 * What every implementation of the calendar port keeps, as a suite that each of them runs. The suite speaks of events in
 * its own few words; the implementation under test puts them wherever it reads from.
 */
import assert from 'node:assert/strict';
import { type Calendar, CalendarUnavailable } from '../../connectors/calendars/calendar.ts';
import type { Invite } from '../../parsers/invite.ts';

export interface ContractEvent {
  uid: string;
  subject: string;
  /** UTC, `2026-03-02T09:00:00Z`; of a whole day its midnight, in UTC too. */
  start: string;
  end: string;
  allDay?: boolean;
  cancelled?: boolean;
  /** Every day at this time, this often. */
  daily?: number;
}

export interface CalendarUnderTest {
  /** Its room's zone is UTC. */
  calendar: Calendar;
  /** Replaces everything that the calendar holds. */
  put(events: readonly ContractEvent[]): Promise<void>;
  /** Makes the whole calendar unreadable, or readable again. */
  fail(broken: boolean): Promise<void>;
  /** Texts that must not show in descriptions and messages. */
  secrets: readonly string[];
  close(): Promise<void>;
}

const at = (text: string): number => Date.parse(text);
const window = { from: at('2026-03-02T00:00:00Z'), to: at('2026-03-04T00:00:00Z') };
const subject = 'Nobody may read this in a problem';

/** @param tells whether the calendar tells changes by itself; one that cannot is polled */
export function calendarContract(
  name: string,
  tag: string,
  { tells }: { tells: boolean },
  open: () => Promise<CalendarUnderTest>,
): void {
  describe(`the calendar contract: ${name} ${tag}`, () => {
    let test: CalendarUnderTest;
    beforeEach(async () => {
      test = await open();
    });
    afterEach(() => test.close());

    const read = async (over = window): Promise<readonly Invite[]> =>
      (await test.calendar.read(over, new AbortController().signal)).invites;

    it('reads every item that overlaps the window and no other: the window is half-open', async () => {
      const event = (uid: string, start: string, end: string): ContractEvent => ({ uid, subject, start, end });
      await test.put([
        event('ends-at-from', '2026-03-01T23:00:00Z', '2026-03-02T00:00:00Z'),
        event('runs-into', '2026-03-01T23:00:00Z', '2026-03-02T00:30:00Z'),
        event('inside', '2026-03-03T09:00:00Z', '2026-03-03T10:00:00Z'),
        event('runs-out', '2026-03-03T23:30:00Z', '2026-03-04T00:30:00Z'),
        event('starts-at-to', '2026-03-04T00:00:00Z', '2026-03-04T01:00:00Z'),
        event('spans', '2026-02-20T00:00:00Z', '2026-03-20T00:00:00Z'),
      ]);
      const uids = (await read()).map((invite) => invite.uid).sort();
      assert.deepEqual(uids, ['inside', 'runs-into', 'runs-out', 'spans']);
    });

    it('tells subject, start and end of an item, and that a whole day is one', async () => {
      await test.put([
        { uid: 'timed', subject, start: '2026-03-02T09:00:00Z', end: '2026-03-02T09:45:00Z' },
        { uid: 'day', subject: '', start: '2026-03-03T00:00:00Z', end: '2026-03-04T00:00:00Z', allDay: true },
      ]);
      const [timed, whole] = await read();
      assert.equal(timed?.subject, subject);
      assert.deepEqual([timed?.start, timed?.end], [at('2026-03-02T09:00:00Z'), at('2026-03-02T09:45:00Z')]);
      assert.deepEqual([timed?.allDay, timed?.occurrence], [false, null]);
      assert.deepEqual([whole?.start, whole?.end, whole?.allDay], [at('2026-03-03'), at('2026-03-04'), true]);
    });

    it('gives each instance of a series its own occurrence, the same from whichever window it is read', async () => {
      await test.put([
        { uid: 'series', subject, start: '2026-03-01T09:00:00Z', end: '2026-03-01T10:00:00Z', daily: 10 },
      ]);
      const both = await read();
      assert.deepEqual(
        both.map((invite) => [invite.occurrence, invite.start]),
        [
          ['20260302T090000Z', at('2026-03-02T09:00:00Z')],
          ['20260303T090000Z', at('2026-03-03T09:00:00Z')],
        ],
      );
      const [third] = await read({ from: at('2026-03-03T00:00:00Z'), to: at('2026-03-03T12:00:00Z') });
      assert.deepEqual([third?.uid, third?.occurrence], [both[1]?.uid, '20260303T090000Z']);
    });

    it('marks what is cancelled, or leaves it out', async () => {
      await test.put([
        { uid: 'off', subject, start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z', cancelled: true },
      ]);
      assert.deepEqual(
        (await read()).filter((invite) => !invite.cancelled),
        [],
      );
    });

    it('reads the same from an unchanged calendar, and what is new from a changed one', async () => {
      const event = { uid: 'one', subject, start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' };
      await test.put([event]);
      const before = await read();
      assert.deepEqual(await read(), before);
      await test.put([{ ...event, start: '2026-03-02T11:00:00Z', end: '2026-03-02T12:00:00Z' }]);
      assert.deepEqual(
        (await read()).map((invite) => [invite.uid, invite.start]),
        [['one', at('2026-03-02T11:00:00Z')]],
      );
      await test.put([]);
      assert.deepEqual(await read(), []);
    });

    it('says CalendarUnavailable when nothing can be read, without secrets, and heals', async () => {
      await test.put([{ uid: 'one', subject, start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' }]);
      await test.fail(true);
      await assert.rejects(read(), (error: unknown) => {
        assert.ok(error instanceof CalendarUnavailable, String(error));
        for (const secret of test.secrets) assert.ok(!error.message.includes(secret), error.message);
        return error.message.length > 10;
      });
      await test.fail(false);
      assert.equal((await read()).length, 1);
    });

    it('describes itself without secrets', () => {
      assert.ok(test.calendar.description.length > 5);
      for (const secret of test.secrets) assert.ok(!test.calendar.description.includes(secret));
    });

    it('ends a reading that is aborted', async () => {
      await test.put([]);
      await assert.rejects(test.calendar.read(window, AbortSignal.abort(new Error('enough'))));
    });

    if (!tells) return;

    it('tells a change until it is stopped', async () => {
      let heard: () => void = () => {};
      const told = new Promise<void>((resolve) => {
        heard = resolve;
      });
      const stop = test.calendar.watch(() => heard());
      await test.put([{ uid: 'new', subject, start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' }]);
      await told;
      await stop();
      await stop();
    });
  });
}
