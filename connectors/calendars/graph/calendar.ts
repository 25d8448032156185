/** The calendar of one room mailbox in Exchange Online. */
import { createHash } from 'node:crypto';
import { DateTime } from 'luxon';
import type { Instant, Invite } from '../../../parsers/invite.ts';
import { inviteFromGraphEvent } from '../../../parsers/read/graph.ts';
import type { Calendar, CalendarReading, ConnectorClock, Window } from '../calendar.ts';
import { withoutMark } from './mark.ts';
import type { CalendarReader } from './reader.ts';
import type { Recovery } from './recovery.ts';

export interface GraphCalendarOptions {
  mailbox: string;
  /** The room's zone, an IANA name: Graph gives whole days as days, without a zone. */
  timeZone: string;
  reader: CalendarReader;
  recovery: Recovery;
  clock: ConnectorClock;
  /** Change notifications of the mailbox; `null` where there are none and the calendar is polled. */
  told: {
    watch(changed: () => void): () => Promise<void>;
    /** Why changes are not told at the moment, though they should be; `null` where all is well. */
    problem(): string | null;
    /** A reading found a change since the one that began then, on the monotonic clock. */
    foundChange(since: number): void;
  } | null;
}

/** A whole day may begin up to 14 hours before and after that day in UTC, by which Graph selects. */
const zonesMs = 14 * 3_600_000;

export class GraphCalendar implements Calendar {
  readonly description: string;
  readonly #options: GraphCalendarOptions;
  #last: { digest: string; begun: number } | null = null;

  constructor(options: GraphCalendarOptions) {
    this.description = `mailbox ${options.mailbox}`;
    this.#options = options;
  }

  async read(window: Window, signal: AbortSignal): Promise<CalendarReading> {
    const { reader, mailbox, timeZone } = this.#options;
    const events = await this.#events(reader, mailbox, window, signal);
    const problems: string[] = [];
    const invites: Invite[] = [];
    for (const event of events) {
      const invite = inZone(inviteFromGraphEvent(withoutMark(event)), timeZone);
      if (invite.start === null || invite.end === null)
        problems.push(`${this.description}: an item without readable times is left out`);
      else if (overlaps(invite.start, invite.end, window)) invites.push(invite);
    }
    invites.sort(
      (a, b) => (a.start ?? 0) - (b.start ?? 0) || compare(a.uid, b.uid) || compare(a.occurrence, b.occurrence),
    );
    return { invites, problems: [...new Set(problems)] };
  }

  async #events(reader: CalendarReader, mailbox: string, window: Window, signal: AbortSignal): Promise<unknown[]> {
    const { recovery, clock } = this.#options;
    const begun = clock.monotonic();
    try {
      const wide = { from: window.from - zonesMs, to: window.to + zonesMs };
      const events = await reader.read(mailbox, wide, signal);
      recovery.succeeded(mailbox);
      this.#compare(events, begun);
      return events;
    } catch (error) {
      if (!signal.aborted) recovery.failed(mailbox, error);
      throw error;
    }
  }

  /** What nobody told is a sign that nobody tells. An item that the window has reached looks the same, and does no harm. */
  #compare(events: readonly unknown[], begun: number): void {
    const { told } = this.#options;
    if (told === null) return;
    const digest = createHash('sha1').update(JSON.stringify(events)).digest('base64');
    const last = this.#last;
    this.#last = { digest, begun };
    if (last !== null && last.digest !== digest) told.foundChange(last.begun);
  }

  notices(): readonly string[] {
    const why = this.#options.told?.problem() ?? null;
    return why === null ? [] : [`changes are not told at the moment and it is read more often instead: ${why}`];
  }

  watch(changed: () => void): () => Promise<void> {
    const { recovery, mailbox, told } = this.#options;
    const forget = recovery.watch(mailbox, changed);
    const stop = told?.watch(changed);
    return async () => {
      forget();
      await stop?.();
    };
  }
}

function inZone(invite: Invite, timeZone: string): Invite {
  if (!invite.allDay) return invite;
  const local = (at: Instant | null): Instant | null =>
    at === null ? null : DateTime.fromMillis(at, { zone: 'utc' }).setZone(timeZone, { keepLocalTime: true }).toMillis();
  return { ...invite, start: local(invite.start), end: local(invite.end) };
}

function overlaps(start: Instant, end: Instant, window: Window): boolean {
  return start < window.to && (end > window.from || (start === end && start >= window.from));
}

function compare(a: string | null, b: string | null): number {
  const [left, right] = [a ?? '', b ?? ''];
  return left < right ? -1 : left > right ? 1 : 0;
}
