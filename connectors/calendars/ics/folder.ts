/** A folder of `.ics` and `.eml` files as the calendar of a room. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { watch } from 'chokidar';
import {
  type Calendar,
  type CalendarReading,
  CalendarUnavailable,
  type ConnectorClock,
  type Window,
} from '../calendar.ts';
import { type FileSummary, type IcsReader, readerHere } from './reader.ts';
import { ianaZone } from './zone.ts';

export interface IcsFolderOptions {
  path: string;
  /** The room's zone, an IANA name: whole days and times without a zone are meant in it. */
  timeZone: string;
  clock: ConnectorClock;
  /** The room's own address: whose answer to an invite is the room's. */
  attendee?: string;
  /** Bytes of one file. Default 20 MiB. */
  largestFile?: number;
  /** Where its files are read; default: in this thread. It is this calendar's alone. */
  reader?: IcsReader;
}

/** Folders within folders, deeper than this, are not read. */
const deepest = 4;
const mostFiles = 10_000;
/** A burst of changes (an editor's, a copied folder's) is told once. */
const debounceMs = 50;
/** A file that is empty or ends in the middle and is younger than this is taken to be still in the writing. */
const writingMs = 2_000;
/** So long what a file said whole holds against one that is cut off: a full disk leaves such files. */
const cutOffMs = 60 * 60_000;
/** So long a calendar that has not been read yet waits for files that are in the writing whenever it looks. */
const firstReadingMs = 20_000;

/** A file that the reader keeps under `key`. */
interface ReadFile extends FileSummary {
  key: string;
}

interface Known {
  version: string;
  /** As last read whole: stands in while the file is unreadable or half written. */
  good: ReadFile | null;
  shown: ReadFile;
  /** Whether it is half written now, and nothing is known that could stand in. */
  halfKnown: boolean;
}

/** @throws RangeError when the time zone is unknown */
export function openIcsFolder(options: IcsFolderOptions): Calendar {
  if (ianaZone(options.timeZone) === null)
    throw new RangeError(`the time zone ${JSON.stringify(options.timeZone)} is unknown; write one like Europe/Oslo`);
  return new IcsFolder(options);
}

class IcsFolder implements Calendar {
  readonly description: string;
  readonly #options: IcsFolderOptions;
  readonly #reader: IcsReader;
  readonly #largest: number;
  #known = new Map<string, Known>();
  readonly #watchers = new Set<() => void>();
  #watchProblem: string | null = null;
  #firstAsked: number | null = null;
  #hasBeenRead = false;

  constructor(options: IcsFolderOptions) {
    this.description = `folder ${options.path}`;
    this.#options = options;
    this.#reader = options.reader ?? readerHere();
    this.#largest = options.largestFile ?? 20 * 1024 * 1024;
  }

  async read(window: Window, signal: AbortSignal): Promise<CalendarReading> {
    for (let tries = 0; tries < 3; tries++) {
      const reading = await this.#read(window, signal);
      if (reading !== null) return reading;
      // The reader has forgotten what it read before: once more from the files.
      this.#known = new Map();
    }
    throw new CalendarUnavailable(`${this.description} takes too long to read; export fewer months of the calendar`);
  }

  async #read(window: Window, signal: AbortSignal): Promise<CalendarReading | null> {
    signal.throwIfAborted();
    const problems: string[] = this.#watchProblem === null ? [] : [this.#watchProblem];
    const paths = await this.#list(problems);
    const known = new Map<string, Known>();
    for (const path of paths) {
      signal.throwIfAborted();
      const file = await this.#file(path, signal, problems);
      if (file !== null) known.set(path, file);
    }
    this.#expectFirst(known);
    this.#known = known;
    const files = [...known.values()];
    // A sign-in page saved over the calendar says nothing of the meetings: it is not taken for a calendar without any.
    const lost = paths.length - known.size + files.filter(({ shown }) => saysNothing(shown)).length;
    if (lost > 0 && lost === paths.length) {
      const why = [...problems, ...files.flatMap(({ shown }) => shown.problems)];
      if (why.length > 0) throw new CalendarUnavailable(`${this.description}: ${why.slice(0, 3).join('; ')}`);
    }
    this.#reader.keep(files.flatMap(({ shown, good }) => (good === null ? [shown.key] : [shown.key, good.key])));
    for (const { shown } of files) problems.push(...shown.problems);
    return this.#reader.reading(
      files.map(({ shown }) => shown.key),
      window,
      problems,
    );
  }

  /**
   * Before the first reading only the store knows what the calendar said: meetings that are missing from a file in the
   * writing would lose their buttons until it is whole.
   */
  #expectFirst(known: ReadonlyMap<string, Known>): void {
    if (this.#hasBeenRead) return;
    const now = this.#options.clock.monotonic();
    this.#firstAsked ??= now;
    const [half] = [...known].find(([, { halfKnown }]) => halfKnown) ?? [];
    if (half !== undefined && now - this.#firstAsked < firstReadingMs) {
      const name = this.#name(half);
      throw new CalendarUnavailable(`${this.description}: ${name} is being written, and is read once it is whole`);
    }
    this.#hasBeenRead = true;
  }

  /** Every calendar file, by name, so that two readings of the same folder are the same. */
  async #list(problems: string[]): Promise<string[]> {
    const found: string[] = [];
    const seen = new Set<string>();
    const enter = async (folder: string, depth: number): Promise<void> => {
      const real = await realpath(folder);
      if (seen.has(real)) return;
      seen.add(real);
      const entries = await readdir(folder, { withFileTypes: true });
      for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
        // Hidden names are what editors and copying programs write to before they rename.
        if (entry.name.startsWith('.')) continue;
        const path = join(folder, entry.name);
        if (isCalendarName(entry.name) && !entry.isDirectory()) found.push(path);
        else if ((entry.isDirectory() || entry.isSymbolicLink()) && depth < deepest) await into(path, depth + 1);
      }
    };
    const into = async (path: string, depth: number): Promise<void> => {
      try {
        if ((await stat(path)).isDirectory()) await enter(path, depth);
      } catch (error) {
        if (codeOf(error) !== 'ENOENT')
          problems.push(`${this.#name(path)}: cannot be opened (${codeOf(error)}); ${remedyFor(codeOf(error))}`);
      }
    };
    try {
      await enter(this.#options.path, 0);
    } catch (error) {
      const code = codeOf(error);
      throw new CalendarUnavailable(`${this.description} cannot be read (${code}); ${folderRemedyFor(code)}`, {
        cause: error,
      });
    }
    if (found.length <= mostFiles) return found;
    problems.push(
      `${this.description} holds ${found.length} calendar files; only the first ${mostFiles} are read: remove old ones`,
    );
    return found.slice(0, mostFiles);
  }

  async #file(path: string, signal: AbortSignal, problems: string[]): Promise<Known | null> {
    const before = this.#known.get(path);
    const name = this.#name(path);
    try {
      const info = await stat(path, { bigint: true });
      if (!info.isFile()) {
        problems.push(`${name}: is no file; only files are read`);
        return null;
      }
      if (info.size > BigInt(this.#largest)) {
        problems.push(
          `${name}: has ${info.size} bytes, more than ${this.#largest}; export fewer months of the calendar`,
        );
        return before ?? null;
      }
      const version = `${info.dev}:${info.ino}:${info.size}:${info.mtimeNs}:${info.ctimeNs}`;
      if (before?.version === version && !before.shown.unfinished) return before;
      const key = `${path}\0${version}`;
      const facts = { name, timeZone: this.#options.timeZone, attendee: this.#attendee };
      const shown = { key, ...(await this.#reader.file(key, await readFile(path, { signal }), facts)) };
      return this.#judged(shown, before?.good ?? null, {
        version,
        ageMs: Math.abs(this.#options.clock.now() - Number(info.mtimeMs)),
      });
    } catch (error) {
      if (signal.aborted) throw error;
      const code = codeOf(error);
      // Gone between the listing and now: as if it had never been listed.
      if (code === 'ENOENT') return null;
      problems.push(`${name}: cannot be read (${code}); ${remedyFor(code)}`);
      return before ?? null;
    }
  }

  /** What the file says now, or, where it is damaged, what it said before. */
  #judged(now: ReadFile, good: ReadFile | null, { version, ageMs }: { version: string; ageMs: number }): Known {
    const inTheWriting = now.unfinished && ageMs < writingMs;
    if (inTheWriting) this.#options.clock.after(writingMs, () => this.#tell());
    if (!now.unfinished && now.isCalendar) return { version, good: now, shown: now, halfKnown: false };
    const holds = saysNothing(now) || ageMs < cutOffMs;
    if (good === null || !holds) return { version, good: null, shown: now, halfKnown: inTheWriting };
    // Read again whenever the folder is, until it is whole.
    return { version, good, shown: { ...good, problems: now.problems, unfinished: now.unfinished }, halfKnown: false };
  }

  get #attendee(): string | null {
    return this.#options.attendee?.toLowerCase() ?? null;
  }

  watch(changed: () => void): () => Promise<void> {
    let cancel: (() => void) | null = null;
    const tell = (): void => {
      cancel ??= this.#options.clock.after(debounceMs, () => {
        cancel = null;
        changed();
      });
    };
    this.#watchers.add(tell);
    // Links are not followed: a loop of them has no end. What they lead to is seen by polling. Files that are there
    // already are told as well: one that came while the watcher was being set up would otherwise go unnoticed.
    const watcher = watch(this.#options.path, { followSymlinks: false, depth: deepest });
    watcher.on('all', tell);
    watcher.on('error', (error) => {
      this.#watchProblem = `${this.description}: changes are not told at once (${codeOf(error)}), only found by polling`;
      tell();
    });
    return async () => {
      this.#watchers.delete(tell);
      cancel?.();
      await watcher.close();
    };
  }

  #tell(): void {
    for (const tell of this.#watchers) tell();
  }

  #name(path: string): string {
    return relative(this.#options.path, path) || path;
  }
}

/** Whether a file is there, but is no calendar: a page of a proxy, or empty, as a full disk leaves it. */
function saysNothing({ isCalendar }: FileSummary): boolean {
  return !isCalendar;
}

function isCalendarName(name: string): boolean {
  return ['.ics', '.ical', '.eml'].includes(extname(name).toLowerCase());
}

function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code;
  return error instanceof Error ? error.message : String(error);
}

function remedyFor(code: string): string {
  if (code === 'EACCES' || code === 'EPERM') return 'let the user that Usher runs as read it';
  if (code === 'ELOOP') return 'the link leads back to itself: remove it';
  return 'copy it into the folder again';
}

function folderRemedyFor(code: string): string {
  if (code === 'ENOENT') return 'create it, or correct the path in the configuration';
  if (code === 'ENOTDIR') return 'it is no folder: correct the path in the configuration';
  if (code === 'EACCES' || code === 'EPERM') return 'let the user that Usher runs as read and enter it';
  return 'correct the path in the configuration';
}
