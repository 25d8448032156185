/**
 * Port: the calendar of one room. A calendar is read whole, over a window, again and again; what it tells by itself
 * (a changed file, a webhook) only shortens the wait until the next reading and never carries truth.
 */
import type { Instant, Invite } from '../../parsers/invite.ts';

/** Half-open: items that overlap `[from, to)`. */
export interface Window {
  from: Instant;
  to: Instant;
}

/** One reading of a calendar over a window. */
export interface CalendarReading {
  /** Every instance that overlaps the window, recurrence already expanded; cancelled ones may be included, marked. */
  invites: readonly Invite[];
  /**
   * What could not be read, in words for the administrator (which file, which line, what to do). The rest of the
   * reading holds. Never contains the subject or body of an item.
   */
  problems: readonly string[];
}

/** Thrown by `read` when nothing could be read: the plan of the room stays as it is. The message is for the administrator. */
export class CalendarUnavailable extends Error {
  override name = 'CalendarUnavailable';
  /** Milliseconds that the calendar asked us to wait before the next try, where it said so (`Retry-After`). */
  readonly retryAfterMs: number | null;

  constructor(message: string, options: { cause?: unknown; retryAfterMs?: number | null } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

export interface Calendar {
  /** For logs and status: `folder /srv/rooms/oslo`, `feed https://calendar.example.org/…` (no secrets). */
  readonly description: string;
  /**
   * Reads the whole window.
   * @throws CalendarUnavailable when nothing could be read.
   */
  read(window: Window, signal: AbortSignal): Promise<CalendarReading>;
  /**
   * Calls `changed` soon after the calendar may have changed (too often is fine). Returns the function that stops it.
   * A calendar that cannot tell never calls it and is polled.
   */
  watch(changed: () => void): () => Promise<void>;
  /** What an administrator should know although readings succeed (it cannot tell of changes, why), each a sentence. */
  notices?(): readonly string[];
}

/** The slice of the Clock port (src/clock.ts) that connectors use. */
export interface ConnectorClock {
  now(): number;
  monotonic(): number;
  after(ms: number, run: () => void): () => void;
}
