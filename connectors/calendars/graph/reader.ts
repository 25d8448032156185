/**
 * Readings of `calendarView`: a room's window, whole, page by page. Readings that are asked for at the same time, as
 * safety polls are, share `$batch` requests.
 */
import { z } from 'zod';
import { CalendarUnavailable, type ConnectorClock, type Window } from '../calendar.ts';
import { type BatchAnswer, type GraphApi, GraphRefusal, mostInBatch } from './api.ts';
import { markPropertyId } from './mark.ts';

/** GUID of the property set PublicStrings, where Exchange keeps what an iCalendar file said in X-properties. */
const publicStrings = '{00020329-0000-0000-C000-000000000046}';
/** These keep Teams' ids when Exchange has taken the body away (`DeleteComments`). */
const named = [
  'SkypeTeamsMeetingUrl',
  'SkypeTeamsProperties',
  'SchedulingServiceUpdateUrl',
  'OnlineMeetingConfLink',
  'OnlineMeetingExternalLink',
  'ConferenceTelURI',
];
export const namedPropertyIds = [...named.map((name) => `String ${publicStrings} Name ${name}`), markPropertyId];

export const eventFields = [
  'id',
  'iCalUId',
  'type',
  'originalStart',
  'seriesMasterId',
  'subject',
  'body',
  'bodyPreview',
  'isCancelled',
  'isAllDay',
  'isOnlineMeeting',
  'onlineMeeting',
  'onlineMeetingProvider',
  'onlineMeetingUrl',
  'location',
  'locations',
  'organizer',
  'start',
  'end',
  'sensitivity',
  'showAs',
  'responseStatus',
];

const headers = {
  Prefer: ['outlook.timezone="UTC"', 'outlook.body-content-type="html"', 'IdType="ImmutableId"'].join(', '),
};
const pageSize = 100;
/** 50,000 items in a room's week are not meetings. */
const mostPages = 500;
/** Readings within this long of each other travel together. */
const gatherMs = 5;

interface Wanted {
  mailbox: string;
  url: string;
  done(answer: BatchAnswer): void;
}

const pageSchema = z.object({ value: z.array(z.unknown()), '@odata.nextLink': z.string().nullish() });
const idSchema = z.object({ id: z.string() });

export class CalendarReader {
  readonly #api: GraphApi;
  readonly #clock: ConnectorClock;
  #gathered: Wanted[] = [];

  constructor(api: GraphApi, clock: ConnectorClock) {
    this.#api = api;
    this.#clock = clock;
  }

  /**
   * Graph's `event` resources that overlap the window, as JSON, each once.
   * @throws CalendarUnavailable
   */
  async read(mailbox: string, window: Window, signal: AbortSignal): Promise<unknown[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#pages(mailbox, window, signal);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        // 410: the pages have moved on beneath us (a link of theirs has expired); they are read again from the first.
        if (error instanceof GraphRefusal && error.status === 410 && attempt === 1) continue;
        throw unavailable(mailbox, error);
      }
    }
  }

  async #pages(mailbox: string, window: Window, signal: AbortSignal): Promise<unknown[]> {
    signal.throwIfAborted();
    const events = new Map<string, unknown>();
    let page = pageSchema.parse(await this.#first(mailbox, urlOf(mailbox, window), signal));
    for (let pages = 1; ; pages++) {
      for (const event of page.value) {
        const { success, data } = idSchema.safeParse(event);
        // Items move between pages while they are read; the later one is the newer.
        events.set(success ? data.id : `${events.size}`, event);
      }
      const next = page['@odata.nextLink'];
      if (next == null) return [...events.values()];
      if (pages >= mostPages)
        throw new CalendarUnavailable(`${mailbox} has more than ${mostPages * pageSize} items in the days read`);
      page = pageSchema.parse(await this.#api.get(next, { mailbox, headers, signal }));
    }
  }

  /** The first page, by itself or in a batch with the other rooms' that are wanted now. */
  #first(mailbox: string, url: string, signal: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      // The request may be others' as well: it goes on, and nobody waits for this part of its answer.
      const abort = (): void => reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      const done = (answer: BatchAnswer): void => {
        signal.removeEventListener('abort', abort);
        if (answer.ok) resolve(answer.body);
        else reject(answer.error);
      };
      this.#gathered.push({ mailbox, url, done });
      if (this.#gathered.length === 1) this.#clock.after(gatherMs, () => this.#flush());
      else if (this.#gathered.length === mostInBatch) this.#flush();
    });
  }

  #flush(): void {
    const wanted = this.#gathered.splice(0);
    if (wanted.length > 0) void this.#ask(wanted);
  }

  async #ask(wanted: readonly Wanted[]): Promise<void> {
    try {
      const [only, ...others] = wanted;
      if (only === undefined) return;
      if (others.length === 0) {
        only.done({ ok: true, body: await this.#api.get(only.url, { mailbox: only.mailbox, headers }) });
        return;
      }
      const answers = await this.#api.batch(wanted.map(({ mailbox, url }) => ({ mailbox, url, headers })));
      for (const [index, { done }] of wanted.entries()) {
        done(
          answers[index] ?? { ok: false, error: new CalendarUnavailable('Microsoft Graph left a reading unanswered') },
        );
      }
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      for (const { done } of wanted) done({ ok: false, error: failure });
    }
  }
}

function urlOf(mailbox: string, window: Window): string {
  const query = new URLSearchParams({
    startDateTime: new Date(window.from).toISOString(),
    endDateTime: new Date(window.to).toISOString(),
    $select: eventFields.join(','),
    $expand: `singleValueExtendedProperties($filter=${namedPropertyIds.map((id) => `id eq '${id}'`).join(' or ')})`,
    $top: String(pageSize),
  });
  // The library reads a query itself and would take a plus sign for one.
  return `/users/${encodeURIComponent(mailbox)}/calendarView?${query.toString().replaceAll('+', '%20')}`;
}

/** What an administrator can do about it. */
function unavailable(mailbox: string, error: unknown): CalendarUnavailable {
  if (error instanceof CalendarUnavailable) return error;
  if (error instanceof z.ZodError)
    return new CalendarUnavailable(`Microsoft Graph answered for ${mailbox} with something that is no page of events`, {
      cause: error,
    });
  if (!(error instanceof GraphRefusal))
    return new CalendarUnavailable(`${mailbox} could not be read: ${String(error)}`, { cause: error });
  const said = `Microsoft Graph refuses the calendar of ${mailbox} (${error.message})`;
  switch (error.status) {
    case 401:
      return new CalendarUnavailable(`${said}; check that the app belongs to this tenant and has admin consent`, {
        cause: error,
      });
    case 403:
      // learn.microsoft.com/graph/auth-limit-mailbox-access
      if (/\bRAOP\b|AppOnly AccessPolicy/.test(error.message))
        return new CalendarUnavailable(
          `${said}; an application access policy of Exchange keeps the app from this mailbox: put it into the group that the policy names (it may take an hour to work)`,
          { cause: error },
        );
      return new CalendarUnavailable(
        `${said}; grant the app Calendars.Read, or the role "Application Calendars.Read" with a scope that contains this mailbox (it may take an hour to work)`,
        { cause: error },
      );
    case 404:
      return new CalendarUnavailable(
        `${said}; the mailbox does not exist or is not in Exchange Online: correct its address (Graph knows it by its user principal name)`,
        { cause: error },
      );
    default:
      return new CalendarUnavailable(said, { cause: error });
  }
}
