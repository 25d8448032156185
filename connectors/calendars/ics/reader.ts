/**
 * Reads the files of one calendar and works out its days. Both can take seconds (a file of 20 MB, a thousand series that are
 * hard to work out), so whoever opens a calendar may give it a reader that does it elsewhere; this one does it here.
 */
import type { CalendarReading, Window } from '../calendar.ts';
import { type CalendarFile, readCalendarFile } from './calendar-file.ts';
import { readingOf } from './reading.ts';
import { ianaZone, utc, type Zone } from './zone.ts';

/** What a file is read with. */
export interface FileFacts {
  /** For messages and to compare files by. */
  name: string;
  /** The room's zone, an IANA name. */
  timeZone: string;
  /** The room's address, lower case, to know its own answer by. */
  attendee: string | null;
}

/** What a calendar is told of a file; its events stay with the reader. */
export type FileSummary = Pick<CalendarFile, 'problems' | 'unfinished' | 'isCalendar'>;

export interface IcsReader {
  /** Reads a file and keeps its events under `key`. Never rejects because of what the file holds. */
  file(key: string, bytes: Uint8Array, facts: FileFacts): Promise<FileSummary>;
  /**
   * The days of the files of these keys; `problems` come first in it. `null` where the reader does not know one of them any
   * more: then the files have to be read again.
   * @throws CalendarUnavailable when it takes too long
   */
  reading(keys: readonly string[], window: Window, problems: readonly string[]): Promise<CalendarReading | null>;
  /** Forgets all files but those of these keys. */
  keep(keys: readonly string[]): void;
}

/** The files of one calendar, read and kept in this thread. */
export class CalendarFiles {
  readonly #files = new Map<string, CalendarFile>();
  /** One object for each zone: moments of one zone are compared without asking it. */
  readonly #zones = new Map<string, Zone>();

  file(key: string, bytes: Uint8Array, { name, timeZone, attendee }: FileFacts): FileSummary {
    const floating = this.#zones.get(timeZone) ?? ianaZone(timeZone) ?? utc;
    this.#zones.set(timeZone, floating);
    const read = readCalendarFile(bytes, { name, floating, attendee });
    this.#files.set(key, read);
    const { problems, unfinished, isCalendar } = read;
    return { problems, unfinished, isCalendar };
  }

  reading(keys: readonly string[], window: Window, problems: readonly string[]): CalendarReading | null {
    const files = keys.map((key) => this.#files.get(key));
    if (files.some((file) => file === undefined)) return null;
    return readingOf(
      files.flatMap((file) => file?.events ?? []),
      window,
      problems,
    );
  }

  keep(keys: readonly string[]): void {
    const kept = new Set(keys);
    for (const key of this.#files.keys()) if (!kept.has(key)) this.#files.delete(key);
  }
}

/** Reads in this thread, which does nothing else meanwhile. */
export function readerHere(): IcsReader {
  const files = new CalendarFiles();
  return {
    file: async (key, bytes, facts) => files.file(key, bytes, facts),
    reading: async (keys, window, problems) => files.reading(keys, window, problems),
    keep: (keys) => files.keep(keys),
  };
}
