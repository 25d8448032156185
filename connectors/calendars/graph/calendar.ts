/** The calendar of one room mailbox in Exchange Online. */
import { DateTime } from 'luxon';
import type { Instant, Invite } from '../../../parsers/invite.ts';
import { inviteFromGraphEvent } from '../../../parsers/read/graph.ts';
import type { Calendar, CalendarReading, Window } from '../calendar.ts';
import { withoutMark } from './mark.ts';
import type { CalendarReader } from './reader.ts';
import type { Recovery } from './recovery.ts';

export interface GraphCalendarOptions {
  mailbox: string;
  /** The room's zone, an IANA name: Graph gives whole days as days, without a zone. */
  timeZone: string;
  reader: CalendarReader;
  recovery: Recovery;
  /** Tells changes of the mailbox; `null` where there are no notifications and the calendar is polled. */
  watch: ((changed: () => void) => () => Promise<void>) | null;
  /** Why changes are not told at the moment, though they should be; `null` where all is well. */
  silence: () => string | null;
}

/** A whole day may begin up to 14 hours before and after that day in UTC, by which Graph selects. */
const zonesMs = 14 * 3_600_000;

export class GraphCalendar implements Calendar {
  readonly description: string;
  readonly #options: GraphCalendarOptions;

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
    const { recovery } = this.#options;
    try {
      const wide = { from: window.from - zonesMs, to: window.to + zonesMs };
      const events = await reader.read(mailbox, wide, signal);
      recovery.succeeded(mailbox);
      return events;
    } catch (error) {
      if (!signal.aborted) recovery.failed(mailbox, error);
      throw error;
    }
  }

  notices(): readonly string[] {
    const why = this.#options.silence();
    return why === null ? [] : [`changes are not told at the moment and it is read more often instead: ${why}`];
  }

  watch(changed: () => void): () => Promise<void> {
    const { recovery, mailbox, watch } = this.#options;
    const forget = recovery.watch(mailbox, changed);
    const stop = watch?.(changed);
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
