/** Rooms whose calendars change by a seed, written to folders, and what a codec must hold for them. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HeldBooking } from '../../fixtures/codec/bookings.ts';

const minute = 60_000;

/** Numbers in [0, 1): the same sequence for the same seed (mulberry32). */
export function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Meeting {
  uid: string;
  title: string;
  /** Its place in the row of quarters of an hour: no two meetings of a room begin at the same time. */
  quarter: number;
  minutes: number;
  private: boolean;
  cancelled: boolean;
  join: 'sip' | 'teams' | 'none';
}

/** What the room's codec must show of one meeting; id and dial token are Usher's own, and the same for ever. */
export type Expected = Pick<
  HeldBooking,
  'title' | 'start' | 'end' | 'privacy' | 'organizer' | 'startBuffer' | 'endBuffer' | 'protocol'
> & { uid: string; number: string | null };

const mostMeetings = 8;
const quarters = 20;

export class ChangingRoom {
  readonly id: string;
  /** `one`: a calendar in one file; `each`: a file for each meeting. */
  readonly files: 'one' | 'each';
  readonly #folder: string;
  readonly #hides: 'private' | 'all';
  readonly #random: () => number;
  readonly #begin: number;
  readonly #meetings = new Map<string, Meeting>();
  readonly #written = new Map<string, string>();
  #made = 0;

  constructor(options: {
    id: string;
    folder: string;
    files: 'one' | 'each';
    /** The room's `privacy.subject`. */
    hides: 'private' | 'all';
    random: () => number;
    /** Whole minutes; the first quarter of an hour. */
    begin: number;
  }) {
    this.id = options.id;
    this.files = options.files;
    this.#folder = options.folder;
    this.#hides = options.hides;
    this.#random = options.random;
    this.#begin = options.begin;
  }

  async make(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    for (let meetings = 0; meetings < 4; meetings++) this.#add();
    await this.#write();
  }

  /** One change, as an organiser makes it, on disk when it resolves. */
  async change(): Promise<void> {
    const meetings = [...this.#meetings.values()];
    const meeting = meetings[Math.floor(this.#random() * meetings.length)];
    const kind = this.#random();
    if (meeting === undefined || (kind < 0.25 && meetings.length < mostMeetings)) this.#add();
    else if (kind < 0.4) this.#meetings.delete(meeting.uid);
    else if (kind < 0.6) meeting.title = `Meeting ${++this.#made} of ${this.id}`;
    else if (kind < 0.8) meeting.quarter = this.#freeQuarter();
    else if (kind < 0.9) meeting.private = !meeting.private;
    else meeting.cancelled = !meeting.cancelled;
    await this.#write();
  }

  /** In the order of their times. */
  expected(): Expected[] {
    return [...this.#meetings.values()]
      .filter(({ cancelled }) => !cancelled)
      .sort((a, b) => a.quarter - b.quarter)
      .map((meeting) => {
        const start = this.#start(meeting);
        const hidden = this.#hides === 'all' || meeting.private;
        // The organiser is hidden in private meetings alone, and stands in for a subject that is hidden.
        const title = !hidden ? meeting.title : meeting.private ? 'Private meeting' : 'Host';
        return {
          uid: meeting.uid,
          title,
          start,
          end: start + meeting.minutes * minute,
          privacy: meeting.private ? 'Private' : 'Public',
          organizer: meeting.private ? { name: '\u2013', email: '' } : { name: 'Host', email: 'host@example.org' },
          startBuffer: 300,
          endBuffer: 0,
          protocol: meeting.join === 'none' ? 'None' : 'SIP',
          number: { sip: `${meeting.uid}@bridge.example.org`, teams: null, none: '' }[meeting.join],
        };
      });
  }

  #add(): void {
    const uid = `${this.id}-${++this.#made}`;
    const join = (['sip', 'teams', 'teams', 'none'] as const)[Math.floor(this.#random() * 4)] ?? 'sip';
    const minutes = 15 + 15 * Math.floor(this.#random() * 3);
    const quarter = this.#freeQuarter();
    const title = `Meeting ${this.#made} of ${this.id}`;
    this.#meetings.set(uid, { uid, title, quarter, minutes, private: this.#random() < 0.3, cancelled: false, join });
  }

  #freeQuarter(): number {
    const taken = new Set([...this.#meetings.values()].map(({ quarter }) => quarter));
    const free = Array.from({ length: quarters }, (_, quarter) => quarter).filter((quarter) => !taken.has(quarter));
    return free[Math.floor(this.#random() * free.length)] ?? 0;
  }

  #start({ quarter }: Meeting): number {
    return this.#begin + quarter * 15 * minute;
  }

  async #write(): Promise<void> {
    const wanted = new Map<string, string>();
    const meetings = [...this.#meetings.values()];
    if (this.files === 'one') wanted.set('calendar.ics', calendar(meetings.map((meeting) => this.#event(meeting))));
    else for (const meeting of meetings) wanted.set(`${meeting.uid}.ics`, calendar([this.#event(meeting)]));
    for (const [name, text] of wanted) {
      if (this.#written.get(name) === text) continue;
      // Some programs write beside the file and rename, some write into it.
      const path = join(this.#folder, name);
      const inPlace = this.#random() < 0.5;
      await writeFile(inPlace ? path : `${path}.new`, text);
      if (!inPlace) await rename(`${path}.new`, path);
      this.#written.set(name, text);
    }
    for (const name of this.#written.keys()) {
      if (wanted.has(name)) continue;
      await rm(join(this.#folder, name));
      this.#written.delete(name);
    }
  }

  #event(meeting: Meeting): string[] {
    const id = 2_000_000_000_000 + Number(meeting.uid.replace(/\D/g, ''));
    const joins = {
      sip: ['DESCRIPTION:Join by video: sip:%@bridge.example.org'.replace('%', meeting.uid)],
      teams: [`DESCRIPTION:https://teams.microsoft.com/meet/${id}?p=pAssC0deX`],
      none: [],
    };
    return [
      'BEGIN:VEVENT',
      `UID:${meeting.uid}`,
      'DTSTAMP:20260101T000000Z',
      `DTSTART:${stamp(this.#start(meeting))}`,
      `DTEND:${stamp(this.#start(meeting) + meeting.minutes * minute)}`,
      `SUMMARY:${meeting.title}`,
      'ORGANIZER;CN=Host:mailto:host@example.org',
      `CLASS:${meeting.private ? 'PRIVATE' : 'PUBLIC'}`,
      `STATUS:${meeting.cancelled ? 'CANCELLED' : 'CONFIRMED'}`,
      ...joins[meeting.join],
      'END:VEVENT',
    ];
  }
}

function stamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}

function calendar(events: readonly (readonly string[])[]): string {
  return ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Test//EN', ...events.flat(), 'END:VCALENDAR', ''].join('\r\n');
}
