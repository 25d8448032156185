/**
 * Reads calendars in threads, so that no file, however large, and no rule, however mean, holds up a SIP message or another
 * room. There are two lanes: calendars that take long are read in the slow one, where they wait for each other alone.
 */

import type { CalendarReading } from '../../connectors/calendars/calendar.ts';
import { CalendarUnavailable, type Window } from '../../connectors/calendars/calendar.ts';
import type { FileFacts, FileSummary, IcsReader } from '../../connectors/calendars/ics/reader.ts';
import { systemClock } from '../clock.ts';
import { Lane } from './lane.ts';

export interface CalendarThreadsOptions {
  /** Milliseconds that one question may take in the quick lane; default 1,000. A usual one takes less than 10. */
  quickMs?: number;
  /** … and in the slow lane; default 120,000. */
  slowMs?: number;
  /** Memory of one thread in MB; default 512. */
  memoryMb?: number;
  /** The worker's file; tests name their own. */
  worker?: URL;
}

export interface CalendarThreads {
  /** A reader for one calendar. */
  reader(): IcsReader;
  /** Ends the threads; what still waits fails. Idempotent. */
  close(): Promise<void>;
}

/** What a thread is asked. `kept`: the keys that the calendar still needs. */
export type Question = { calendar: number } & (
  | { kind: 'file'; key: string; bytes: Uint8Array; facts: FileFacts }
  | { kind: 'reading'; keys: readonly string[]; kept: readonly string[]; window: Window; problems: readonly string[] }
  | { kind: 'forget' }
);
export type Answer =
  | { kind: 'file'; summary: FileSummary }
  | { kind: 'reading'; reading: CalendarReading | null }
  | { kind: 'forget' };

/** A calendar with a file larger than this is not tried in the quick lane, bytes. */
const largeFile = 512 * 1024;
/** A question that took longer than this moves its calendar to the slow lane, milliseconds. */
const longMs = 200;
/** After so long there, a calendar is tried in the quick lane again: it may have been tidied up. */
const slowForMs = 10 * 60_000;

export function openCalendarThreads(options: CalendarThreadsOptions = {}): CalendarThreads {
  const { quickMs = 1_000, slowMs = 120_000, memoryMb = 512 } = options;
  const worker = options.worker ?? new URL('./calendar-worker.ts', import.meta.url);
  const lanes: Lanes = {
    quick: new Lane<Question, Answer>({ worker, memoryMb, limitMs: quickMs }),
    slow: new Lane<Question, Answer>({ worker, memoryMb, limitMs: slowMs }),
    slowMs,
  };
  let calendars = 0;
  return {
    reader: () => new ThreadReader(calendars++, lanes),
    close: async () => {
      await Promise.all([lanes.quick.close(), lanes.slow.close()]);
    },
  };
}

interface Lanes {
  quick: Lane<Question, Answer>;
  slow: Lane<Question, Answer>;
  slowMs: number;
}

class ThreadReader implements IcsReader {
  readonly #calendar: number;
  readonly #lanes: Lanes;
  #slowUntil = 0;
  #kept: readonly string[] = [];
  /** Files that took too long: they are known, and say nothing. */
  readonly #givenUp = new Set<string>();

  constructor(calendar: number, lanes: Lanes) {
    this.#calendar = calendar;
    this.#lanes = lanes;
  }

  async file(key: string, bytes: Uint8Array, facts: FileFacts): Promise<FileSummary> {
    if (bytes.length > largeFile) this.#goSlow();
    const answer = await this.#ask({ calendar: this.#calendar, kind: 'file', key, bytes, facts });
    if (answer?.kind === 'file') return answer.summary;
    this.#givenUp.add(key);
    const problem = `${facts.name}: takes longer than ${this.#lanes.slowMs / 1000} s to read; export fewer months of the calendar`;
    return { problems: [problem], unfinished: false, isCalendar: false };
  }

  async reading(keys: readonly string[], window: Window, problems: readonly string[]): Promise<CalendarReading | null> {
    const known = keys.filter((key) => !this.#givenUp.has(key));
    if (known.length === 0) return { invites: [], problems: [...problems] };
    const kept = this.#kept;
    const answer = await this.#ask({ calendar: this.#calendar, kind: 'reading', keys: known, kept, window, problems });
    if (answer?.kind === 'reading') return answer.reading;
    const seconds = this.#lanes.slowMs / 1000;
    throw new CalendarUnavailable(
      `the events of this calendar take longer than ${seconds} s to work out; export fewer of them, or fewer series`,
    );
  }

  keep(keys: readonly string[]): void {
    this.#kept = keys;
    for (const key of this.#givenUp) if (!keys.includes(key)) this.#givenUp.delete(key);
  }

  /** `null` where the question took too long even in the slow lane. */
  async #ask(question: Question): Promise<Answer | null> {
    const { quick, slow } = this.#lanes;
    if (systemClock.monotonic() >= this.#slowUntil) {
      const asked = await quick.ask(question);
      if (asked.answer !== null && asked.ms < longMs) return asked.answer;
      this.#goSlow();
      if (asked.answer?.kind === 'reading') return asked.answer;
    }
    return (await slow.ask(question)).answer;
  }

  #goSlow(): void {
    if (systemClock.monotonic() >= this.#slowUntil) {
      void this.#lanes.quick.ask({ calendar: this.#calendar, kind: 'forget' }).catch(() => {});
    }
    this.#slowUntil = systemClock.monotonic() + slowForMs;
  }
}
