import assert from 'node:assert/strict';
import { CalendarUnavailable } from '../../connectors/calendars/calendar.ts';
import type { IcsReader } from '../../connectors/calendars/ics/reader.ts';
import { calendar, event } from '../../fixtures/calendars/bad.ts';
import { type CalendarThreads, openCalendarThreads } from '../../src/parsing/calendar-threads.ts';

const slow = new URL('./slow-calendar-worker.ts', import.meta.url);
const now = Date.UTC(2026, 2, 2, 9);
const window = { from: now - 3_600_000, to: now + 3_600_000 };

describe('calendars read in threads @firm', function () {
  this.timeout(120_000);
  let threads: CalendarThreads;
  afterEach(() => threads.close());

  const file = (reader: IcsReader, key: string, title = key) =>
    reader.file(key, Buffer.from(calendar(event(title, now))), { name: `${key}.ics`, timeZone: 'UTC', attendee: null });
  const uids = async (reader: IcsReader, ...keys: string[]): Promise<(string | null)[] | null> => {
    const reading = await reader.reading(keys, window, []);
    return reading === null ? null : reading.invites.map(({ uid }) => uid);
  };

  it('reads what this thread would, keeps calendars apart, and forgets what is not kept', async () => {
    threads = openCalendarThreads();
    const [one, two] = [threads.reader(), threads.reader()];
    assert.deepEqual(await file(one, 'a'), { problems: [], unfinished: false, isCalendar: true });
    await file(two, 'a', 'other');
    await file(one, 'b');
    one.keep(['a', 'b']);
    two.keep(['a']);
    assert.deepEqual(await uids(one, 'a', 'b'), ['a@example.org', 'b@example.org']);
    assert.deepEqual(await uids(two, 'a'), ['other@example.org']);
    one.keep(['a']);
    assert.deepEqual(await uids(one, 'a'), ['a@example.org']);
    assert.equal(await uids(one, 'a', 'b'), null);
  });

  for (const key of ['endless', 'greedy'] as const) {
    it(`says that a file is ${key}, and reads the others`, async () => {
      threads = openCalendarThreads({ worker: slow, quickMs: 500, slowMs: 1_000, memoryMb: 32 });
      const [bad, good] = [threads.reader(), threads.reader()];
      const [summary] = await Promise.all([file(bad, key), file(good, 'fine')]);
      assert.deepEqual(summary.problems, [
        `${key}.ics: takes longer than 1 s to read; export fewer months of the calendar`,
      ]);
      assert.equal(summary.isCalendar, false, 'nobody knows what it says: what it said before holds');
      await file(good, 'fine');
      assert.deepEqual(await uids(good, 'fine'), ['fine@example.org']);
      // Beside it, the calendar's other files are read in the slow lane.
      await file(bad, 'also');
      assert.deepEqual(await uids(bad, key, 'also'), ['also@example.org']);
    });
  }

  it('says that days cannot be worked out, and works out those of the others', async () => {
    threads = openCalendarThreads({ worker: slow, quickMs: 500, slowMs: 1_000 });
    const [bad, good] = [threads.reader(), threads.reader()];
    await file(bad, 'maze');
    await file(good, 'fine');
    const lost = bad.reading(['maze'], window, []);
    await assert.rejects(
      lost,
      (error) => error instanceof CalendarUnavailable && /longer than 1 s/.test(error.message),
    );
    // The thread that was ended knew the good one's file: it has to be read again.
    assert.equal(await uids(good, 'fine'), null);
    await file(good, 'fine');
    assert.deepEqual(await uids(good, 'fine'), ['fine@example.org']);
  });

  it('fails what waits when it is closed', async () => {
    threads = openCalendarThreads({ worker: slow, quickMs: 60_000 });
    const [one, two] = [threads.reader(), threads.reader()];
    const waiting = [file(one, 'endless'), file(two, 'fine')];
    const failed = Promise.allSettled(waiting);
    await threads.close();
    assert.equal((await failed).filter(({ status }) => status === 'rejected').length >= 1, true);
    await assert.rejects(file(two, 'fine'), /not read any more/);
  });
});
