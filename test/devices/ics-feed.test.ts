import assert from 'node:assert/strict';
import ical from 'node-ical';
import type { JoinEntry, RoomView } from '../../connectors/devices/device.ts';
import { IcsFeedDevice, writeFeed } from '../../connectors/devices/ics-feed/ics-feed.ts';
import { entry } from '../web/house.ts';

const start = Date.UTC(2026, 2, 5, 9, 0);

function viewOf(entries: readonly JoinEntry[], revision = 1): RoomView {
  return { roomId: 'atrium', roomName: 'Atrium; north, "4"', timeZone: 'UTC', language: 'en', entries, revision };
}

function events(text: string): ical.VEvent[] {
  return Object.values(ical.sync.parseICS(text)).filter((part): part is ical.VEvent => part?.type === 'VEVENT');
}

describe('the iCalendar feed @first-run', () => {
  it('gives the dial string in LOCATION, as a line of DESCRIPTION and as CONFERENCE', () => {
    const one = entry({
      start,
      dial: { address: 'sip:abcdefghijklmnopqrstuvwxyz@usher.example.net', protocol: 'sip' },
    });
    const text = writeFeed(viewOf([one]));
    const [event] = events(text);
    assert.equal(event?.uid, one.id);
    assert.equal(event?.location, 'sip:abcdefghijklmnopqrstuvwxyz@usher.example.net');
    assert.ok(String(event?.description).split('\n').includes('sip:abcdefghijklmnopqrstuvwxyz@usher.example.net'));
    assert.match(
      text.replaceAll('\r\n ', ''),
      /^CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO;LABEL="Join":sip:abcdefghijklmnopqrstuvwxyz@usher\.example\.net\r$/m,
    );
    assert.equal(event?.start.getTime(), one.start);
    assert.equal(event?.end?.getTime(), one.end);
  });

  it('comes back as it was through another reader: escapes, lines, scripts, a colon in a name', () => {
    const title = 'Plan; a, b \\ c: "Früh" 会議室の予約と長い長い長い題名 👩‍💻👩‍💻👩‍💻\nsecond line';
    const one = entry({ start, title, organizer: { name: 'Team: "A", B; C ^', email: 'team@example.com' } });
    const [event] = events(writeFeed(viewOf([one])));
    assert.equal(event?.summary, title);
    assert.match(JSON.stringify(event?.organizer), /mailto:team@example\.com/);
  });

  it('folds at 75 octets and never within a character', () => {
    const one = entry({ start, title: `x${'長い題名👩‍💻é'.repeat(40)}`, note: 'n'.repeat(500) });
    const text = writeFeed(viewOf([one]));
    for (const line of text.split('\r\n')) {
      assert.ok(Buffer.byteLength(line) <= 75, line);
      assert.ok(!line.includes('\ufffd'));
    }
    assert.equal(events(text)[0]?.summary, one.title);
  });

  it('lets nothing in a title, name or address begin a line of its own', () => {
    const hostile = 'x\r\nATTENDEE:mailto:evil@example.com\u0000\u0007\r\nBEGIN:VALARM';
    const one = entry({
      start,
      title: hostile,
      note: hostile,
      organizer: { name: hostile, email: 'a@example.com\r\nX:1' },
      dial: { address: 'sip:a@example.com\r\nX:1', protocol: 'sip' },
    });
    const lines = writeFeed(viewOf([one]))
      .replaceAll('\r\n ', '')
      .split('\r\n');
    assert.ok(!lines.some((line) => /^(ATTENDEE|BEGIN:VALARM|X:1)/.test(line)));
    assert.equal(lines.filter((line) => line.startsWith('BEGIN:')).length, 2);
  });

  it('gives the same bytes for the same entries, in whatever order and revision, and other bytes for others', () => {
    const a = entry({ start });
    const b = entry({ start: start + 1 });
    assert.equal(writeFeed(viewOf([a, b], 1)), writeFeed(viewOf([b, a], 9)));
    assert.notEqual(writeFeed(viewOf([a, b])), writeFeed(viewOf([a, { ...b, title: 'Moved' }])));
  });

  it('lists a meeting that cannot be joined without an address, and a private one as private', () => {
    const note = 'No video address in this invite.';
    const text = writeFeed(viewOf([entry({ start, dial: null, note, privacy: 'private', organizer: null })]));
    assert.ok(!/LOCATION|CONFERENCE|ORGANIZER|sip:/.test(text));
    assert.match(text, /CLASS:PRIVATE/);
    assert.equal(events(text)[0]?.description, note);
  });

  it('answers 304 to a reader that has it, and remembers who read what', () => {
    const feed = new IcsFeedDevice({ id: 'atrium-feed' });
    assert.equal(feed.lastRead(), null);
    const view = viewOf([entry({ start })], 7);
    const first = feed.feed(view, { now: start, ifNoneMatch: null });
    const etag = first.headers['etag'] ?? '';
    assert.equal(first.status, 200);
    assert.equal(feed.feed(view, { now: start, ifNoneMatch: etag }).status, 304);
    assert.equal(feed.feed(view, { now: start, ifNoneMatch: `"other", W/${etag}` }).status, 304);
    assert.equal(feed.feed(viewOf([]), { now: start + 1, ifNoneMatch: etag }).status, 200);
    assert.deepEqual(feed.lastRead(), { at: start + 1, revision: 1 });
  });
});
