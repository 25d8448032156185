import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Calendar, type CalendarReading, CalendarUnavailable } from '../../connectors/calendars/calendar.ts';
import { openIcsFolder } from '../../connectors/calendars/ics/folder.ts';
import { SimulatedClock, systemClock } from '../../src/clock.ts';
import { calendarContract } from './contract.ts';
import { calendar, cpuMs, fromContract, vevent } from './ics-source.ts';

const march = { from: Date.parse('2026-03-01T00:00Z'), to: Date.parse('2026-04-01T00:00Z') };
const event = (uid: string): string =>
  calendar(vevent(uid, 'DTSTART:20260302T090000Z', 'DURATION:PT1H', 'SUMMARY:Secret'));

async function temporary(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'usher-ics-'));
}

calendarContract('a folder of iCalendar files', '@first-run', { tells: true }, async () => {
  const path = await temporary();
  return {
    calendar: openIcsFolder({ path, timeZone: 'UTC', clock: systemClock }),
    put: (events) => writeFile(join(path, 'room.ics'), fromContract(events)),
    fail: (broken) => (broken ? rename(path, `${path}-gone`) : rename(`${path}-gone`, path)),
    secrets: [],
    close: () => rm(path, { recursive: true }),
  };
});

describe('a folder of iCalendar files @first-run', () => {
  let path: string;
  let room: Calendar;
  beforeEach(async () => {
    path = await temporary();
    room = openIcsFolder({ path, timeZone: 'Europe/Oslo', clock: systemClock });
  });
  afterEach(() => rm(path, { recursive: true, force: true }));

  const write = (name: string, content: string | Uint8Array): Promise<void> => writeFile(join(path, name), content);
  const read = (): Promise<CalendarReading> => room.read(march, new AbortController().signal);
  const uids = (reading: CalendarReading): (string | null)[] => reading.invites.map((invite) => invite.uid);

  /** Each file is broken in its own way: it is named, with what to do, and the good one is read all the same. */
  async function oneProblem(pattern: RegExp, also: string[] = []): Promise<void> {
    await write('good.ics', event('good'));
    const reading = await read();
    assert.deepEqual(uids(reading), ['good', ...also]);
    assert.equal(reading.problems.length, 1, reading.problems.join('\n'));
    assert.match(reading.problems[0] ?? '', pattern);
    assert.ok(!reading.problems[0]?.includes('Secret'));
  }

  it('names a file that is larger than the limit', async () => {
    const file = await open(join(path, 'huge.ics'), 'w');
    await file.truncate(50 * 1024 * 1024);
    await file.close();
    await oneProblem(/^huge\.ics: has 52428800 bytes, more than .*; export fewer months/);
  });

  it('names a file that it may not read', async function () {
    if (process.getuid?.() === 0) {
      console.log('      skipped: root may read every file');
      return this.skip();
    }
    await write('locked.ics', event('locked'));
    await chmod(join(path, 'locked.ics'), 0);
    await oneProblem(/^locked\.ics: cannot be read \(EACCES\); let the user/);
  });

  it('names a link that leads to itself, and reads folders that contain each other once', async () => {
    await symlink('loop.ics', join(path, 'loop.ics'));
    await mkdir(join(path, 'a'));
    await symlink('..', join(path, 'a', 'up'));
    await write('a/inner.ics', event('inner'));
    await oneProblem(/^loop\.ics: cannot be read \(ELOOP\); the link leads back to itself/, ['inner']);
  });

  it('names web pages, empty files, zero bytes and other text for what they are', async () => {
    const broken: [string | Uint8Array, RegExp][] = [
      ['<!DOCTYPE html><html><body>Sign in</body></html>', /^x\.ics: is a web page, not a calendar/],
      ['', /^x\.ics: is empty; export/],
      [new Uint8Array(1000), /^x\.ics: holds nothing but blanks or zero bytes/],
      ['Dear all,', /^x\.ics: is no iCalendar: it has no BEGIN:VCALENDAR/],
      [calendar(vevent('x', 'DTSTART:tomorrow')), /^x\.ics: the event "x" has the DTSTART "tomorrow" and is left out/],
      [calendar(vevent('x', 'SUMMARY:Secret')), /^x\.ics: the event "x" has no DTSTART/],
    ];
    for (const [content, pattern] of broken) {
      await write('x.ics', content);
      await oneProblem(pattern);
    }
  });

  it('takes what is no calendar, or cannot be read, for no calendar without meetings', async () => {
    const signIn = '<!DOCTYPE html><html><body>Sign in</body></html>';
    await write('x.ics', signIn);
    await assert.rejects(read(), { name: 'CalendarUnavailable', message: /x\.ics: is a web page, not a calendar/ });
    await write('x.ics', event('x'));
    await write('y.ics', event('y'));
    assert.deepEqual(uids(await read()), ['x', 'y']);
    await write('x.ics', signIn);
    for (let times = 0; times < 2; times++) {
      const { invites, problems } = await read();
      assert.deepEqual([invites.map(({ uid }) => uid), problems.length], [['x', 'y'], 1]);
    }
    await truncate(join(path, 'x.ics'), 50 * 1024 * 1024);
    assert.deepEqual(uids(await read()), ['x', 'y']);
    await rm(join(path, 'x.ics'));
    assert.deepEqual(uids(await read()), ['y']);
    await rm(join(path, 'y.ics'));
    assert.deepEqual(await read(), { invites: [], problems: [] });
  });

  it('reads UTF-16, windows-1252, byte-order marks and stray zero bytes', async () => {
    const named = (uid: string): string => event(uid).replace('Secret', 'Böse Überraschung');
    await write('utf16.ics', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(named('utf16'), 'utf16le')]));
    await write('latin.ics', Buffer.from(named('latin'), 'latin1'));
    await write('mark.ics', `\ufeff${named('mark')}`);
    await write('zeros.ics', named('zeros').replaceAll('\r\n', '\0\r\n'));
    const { invites, problems } = await read();
    assert.deepEqual(problems, []);
    assert.deepEqual(
      invites.map((invite) => [invite.uid, invite.subject]),
      [
        ['latin', 'Böse Überraschung'],
        ['mark', 'Böse Überraschung'],
        ['utf16', 'Böse Überraschung'],
        ['zeros', 'Böse Überraschung'],
      ],
    );
  });

  it('keeps what a file said while it is half written or emptied, and takes what it says once it is whole', async () => {
    const clock = new SimulatedClock(Date.now());
    room = openIcsFolder({ path, timeZone: 'Europe/Oslo', clock });
    /** As if it had been written this very moment, however long the machine took. */
    const writeNow = async (content: string): Promise<void> => {
      await write('room.ics', content);
      await utimes(join(path, 'room.ics'), clock.now() / 1000, clock.now() / 1000);
    };
    await writeNow(event('before'));
    assert.deepEqual(uids(await read()), ['before']);
    const next = event('after');
    await writeNow('');
    const empty = await read();
    assert.deepEqual(
      [uids(empty), empty.problems],
      [['before'], ['room.ics: is empty; export the calendar again, or remove the file']],
    );
    await writeNow(next.slice(0, -30));
    const half = await read();
    assert.deepEqual(uids(half), ['before']);
    assert.match(half.problems.join('\n'), /^room\.ics: the file ends inside VEVENT; write it whole/);
    await writeNow(next);
    assert.deepEqual(await read().then((reading) => [uids(reading), reading.problems]), [['after'], []]);
    await writeNow(event('last').slice(0, -30));
    await clock.advance(59 * 60_000);
    assert.deepEqual(uids(await read()), ['after'], 'what is cut off does not take away what stood behind the cut');
    await clock.advance(2 * 60_000);
    assert.deepEqual(uids(await read()), ['last']);
    await writeNow(next);
    await read();
    await writeNow('');
    await clock.advance(24 * 60 * 60_000);
    assert.deepEqual(uids(await read()), ['after'], 'an empty file is no calendar without meetings');
    room = openIcsFolder({ path, timeZone: 'Europe/Oslo', clock });
    await assert.rejects(read(), CalendarUnavailable);
    await writeNow(calendar());
    assert.deepEqual(uids(await read()), []);
  });

  it('is not read for the first time while a file is half written: what is stored of it still holds', async () => {
    const clock = new SimulatedClock(Date.now());
    room = openIcsFolder({ path, timeZone: 'Europe/Oslo', clock });
    const half = event('after').slice(0, -30);
    const writeNow = async (name: string, content: string): Promise<void> => {
      await write(name, content);
      await utimes(join(path, name), clock.now() / 1000, clock.now() / 1000);
    };
    await write('other.ics', event('other'));
    for (const content of ['', half]) {
      await writeNow('room.ics', content);
      await assert.rejects(
        read(),
        (error) => error instanceof CalendarUnavailable && /room\.ics is being/.test(error.message),
      );
    }
    await write('room.ics', event('after'));
    assert.deepEqual(uids(await read()).sort(), ['after', 'other']);
    await writeNow('new.ics', half);
    assert.deepEqual(uids(await read()).sort(), ['after', 'other'], 'a new one holds nobody up later');
  });

  it('is read as it is in the end, where a file is half written whenever it is looked at', async () => {
    const clock = new SimulatedClock(Date.now());
    room = openIcsFolder({ path, timeZone: 'Europe/Oslo', clock });
    await write('other.ics', event('other'));
    for (let second = 0; second < 20; second++) {
      await write('room.ics', event('after').slice(0, -30));
      await utimes(join(path, 'room.ics'), clock.now() / 1000, clock.now() / 1000);
      await assert.rejects(read(), CalendarUnavailable);
      await clock.advance(1_000);
    }
    await utimes(join(path, 'room.ics'), clock.now() / 1000, clock.now() / 1000);
    assert.deepEqual(uids(await read()).sort(), ['after', 'other']);
  });

  it('ignores hidden and other files, and reads folders within', async () => {
    await mkdir(join(path, 'imports'));
    await write('imports/in.ICS', event('in'));
    await write('.room.ics.swp', 'x');
    await write('.hidden.ics', event('hidden'));
    await write('notes.txt', 'x');
    execFileSync('mkfifo', [join(path, 'pipe.ics')]);
    const reading = await read();
    assert.deepEqual(uids(reading), ['in']);
    assert.match(reading.problems.join('\n'), /^pipe\.ics: is no file/);
  });

  it('reads an invitation that came as mail, with the body of the mail', async () => {
    const part = calendar(
      'METHOD:REQUEST',
      vevent('mail', 'DTSTART:20260302T090000Z', 'DURATION:PT1H', 'SUMMARY:Review'),
    );
    const mail = [
      'From: a@example.com',
      'To: room@example.com',
      'Subject: Review',
      'MIME-Version: 1.0',
      'Content-Type: multipart/alternative; boundary="x"',
      '',
      '--x',
      'Content-Type: text/html; charset=utf-8',
      '',
      '<p>Join <a href="https://example.com/j/1">here</a></p>',
      '--x',
      'Content-Type: text/calendar; method=REQUEST; charset=utf-8',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from(part).toString('base64'),
      '--x--',
      '',
    ].join('\r\n');
    await write('invite.eml', mail);
    const { invites, problems } = await read();
    assert.deepEqual(problems, []);
    assert.deepEqual(
      invites.map((invite) => [invite.uid, invite.source, invite.method, invite.html?.includes('/j/1')]),
      [['mail', 'eml', 'REQUEST', true]],
    );
    await write('plain.eml', 'From: a@example.com\r\nSubject: x\r\n\r\nHello\r\n');
    assert.match((await read()).problems.join('\n'), /^plain\.eml: is a mail without a calendar part/);
  });

  it('tells within a blink that a file was written, replaced at once, or removed', async () => {
    await write('room.ics', event('one'));
    let heard: (at: number) => void = () => {};
    const next = (): Promise<number> =>
      new Promise((resolve) => {
        heard = resolve;
      });
    const stop = room.watch(() => heard(performance.now()));
    // Watching begins by telling what is there already.
    await next();
    const times: number[] = [];
    const change = async (make: () => Promise<unknown>): Promise<void> => {
      const told = next();
      const before = performance.now();
      await make();
      times.push((await told) - before);
    };
    await change(() => write('room.ics', event('two')));
    const replaced = join(path, '..', `${basename(path)}.next.ics`);
    await writeFile(replaced, event('three'));
    await change(() => rename(replaced, join(path, 'room.ics')));
    await change(() => rm(join(path, 'room.ics')));
    await stop();
    assert.ok(Math.max(...times) < 500, `told after ${times.map(Math.round).join(', ')} ms`);
    assert.deepEqual(uids(await read()), []);
  });

  it('reads a calendar of five thousand events in less than a second, and faster when it is unchanged', async () => {
    const events = Array.from({ length: 5000 }, (_, index) => {
      const start = new Date(Date.UTC(2020, 0, 1) + index * 11 * 3_600_000).toISOString().replace(/[-:]|\.\d+Z/g, '');
      const rule = index % 20 === 0 ? ['RRULE:FREQ=WEEKLY;BYDAY=MO,WE'] : [];
      return vevent(
        `e${index}`,
        `DTSTART;TZID=Europe/Oslo:${start}`,
        'DURATION:PT1H',
        'SUMMARY:Meeting',
        `DESCRIPTION:${'Agenda\\n'.repeat(60)}`,
        ...rule,
      );
    });
    await write('year.ics', calendar(...events));
    const before = cpuMs();
    const window = { from: Date.parse('2026-01-05T00:00Z'), to: Date.parse('2026-01-13T00:00Z') };
    const first = await room.read(window, new AbortController().signal);
    const middle = cpuMs();
    // The best of a few: what a process collects of the tests before costs it time at any moment.
    let quickest = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 3; round++) {
      const began = cpuMs();
      const again = await room.read(window, new AbortController().signal);
      quickest = Math.min(quickest, cpuMs() - began);
      assert.deepEqual(again, first);
    }
    assert.ok(first.invites.length > 250, String(first.invites.length));
    assert.ok(middle - before < 1000, `the first reading took ${Math.round(middle - before)} ms of CPU`);
    assert.ok(quickest < middle - before, `an unchanged calendar took ${Math.round(quickest)} ms of CPU`);
  });

  it('reads calendars as Outlook, Google and Apple export them', async () => {
    for (const name of ['outlook.ics', 'google.ics', 'apple.ics']) {
      await write(name, await readFile(new URL(`../../fixtures/calendars/${name}`, import.meta.url)));
    }
    const { invites, problems } = await read();
    assert.deepEqual(problems, []);
    const rows = invites
      .filter((invite) => !invite.cancelled)
      .map((invite) => {
        const start = invite.start === null ? '' : new Date(invite.start).toISOString().slice(0, 16);
        return `${invite.uid?.slice(0, 6)} ${start} ${invite.subject}`;
      });
    assert.deepEqual(rows, [
      'google 2026-03-02T08:15 Daily',
      'outloo 2026-03-02T09:00 Planning',
      'google 2026-03-03T08:15 Daily',
      'apple- 2026-03-03T13:00 Design review',
      'google 2026-03-04T10:00 Daily, later',
      'google 2026-03-06T08:15 Daily',
      'outloo 2026-03-10T12:00 Planning (moved)',
      'apple- 2026-03-10T13:00 Design review',
      'apple- 2026-03-12T23:00 Inventory',
      'apple- 2026-03-18T15:00 Design review, second half',
      'apple- 2026-03-24T13:00 Design review',
      'outloo 2026-03-30T08:00 Planning',
      'apple- 2026-03-31T12:00 Design review',
    ]);
  });
});
