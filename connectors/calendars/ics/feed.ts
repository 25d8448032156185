/** A published calendar, read over http(s). */
import {
  type Calendar,
  type CalendarReading,
  CalendarUnavailable,
  type ConnectorClock,
  type Window,
} from '../calendar.ts';
import { type Download, download, type FeedLimits, feedLimits } from './download.ts';
import { type FileSummary, type IcsReader, readerHere } from './reader.ts';
import { ianaZone } from './zone.ts';

export interface IcsFeedOptions {
  /** `http:`, `https:` or `webcal:` (tried as https, then as http). */
  url: string;
  /** The room's zone, an IANA name: whole days and times without a zone are meant in it. */
  timeZone: string;
  clock: ConnectorClock;
  /** Whether the feed, or what it redirects to, may be a private, loopback or link-local address. Default false. */
  allowPrivateAddresses?: boolean;
  /** The room's own address: whose answer to an invite is the room's. */
  attendee?: string;
  /** Basic authentication. */
  auth?: { user: string; password: string };
  limits?: Partial<FeedLimits>;
  /** Where it is read; default: in this thread. It is this calendar's alone. */
  reader?: IcsReader;
}

interface Copy {
  /** What the reader keeps it under. */
  key: string;
  file: FileSummary;
  etag: string | null;
  lastModified: string | null;
}

/** @throws RangeError when the url or the time zone cannot be meant */
export function openIcsFeed(options: IcsFeedOptions): Calendar {
  if (ianaZone(options.timeZone) === null)
    throw new RangeError(`the time zone ${JSON.stringify(options.timeZone)} is unknown; write one like Europe/Oslo`);
  return new IcsFeed(options, addressesOf(options.url));
}

/** The addresses to try, without user and password. */
function addressesOf(url: string): [URL, ...URL[]] {
  const plain = /^webcals?:\/\//i.test(url);
  const address = plain ? url.replace(/^webcals?:/i, 'https:') : url;
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    throw new RangeError(
      `a feed's url begins with https://, http:// or webcal://; found ${JSON.stringify(url.slice(0, 12))}…`,
    );
  }
  const first = new URL(address);
  return /^webcal:/i.test(url) ? [first, new URL(url.replace(/^webcal:/i, 'http:'))] : [first];
}

class IcsFeed implements Calendar {
  readonly description: string;
  readonly #options: IcsFeedOptions;
  readonly #limits: FeedLimits;
  readonly #addresses: [URL, ...URL[]];
  readonly #authorization: string | null;
  readonly #reader: IcsReader;
  #copy: Copy | null = null;
  #copies = 0;

  constructor(options: IcsFeedOptions, addresses: [URL, ...URL[]]) {
    const [{ origin, username, password }] = addresses;
    // The path of a published calendar is its password (Google's "secret address", Outlook's published one).
    this.description = `feed ${origin}/…`;
    this.#options = options;
    this.#limits = { ...feedLimits, ...options.limits };
    this.#reader = options.reader ?? readerHere();
    const auth =
      options.auth ??
      (username === '' ? null : { user: decodeURIComponent(username), password: decodeURIComponent(password) });
    this.#authorization =
      auth === null ? null : `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString('base64')}`;
    for (const address of addresses) {
      address.username = '';
      address.password = '';
    }
    this.#addresses = addresses;
  }

  async read(window: Window, signal: AbortSignal): Promise<CalendarReading> {
    for (let tries = 0; tries < 3; tries++) {
      const answer = await this.#download(signal);
      if (answer.changed) this.#copy = await this.#taken(answer);
      const copy = this.#copy;
      const keys = copy === null ? [] : [copy.key];
      this.#reader.keep(keys);
      const reading = await this.#reader.reading(keys, window, copy?.file.problems ?? []);
      if (reading !== null) return reading;
      // The reader has forgotten what it read before: once more from the feed.
      this.#copy = null;
    }
    throw new CalendarUnavailable(`${this.description} takes too long to read; publish fewer months of the calendar`);
  }

  /** @throws CalendarUnavailable where it is no whole calendar: the copy before it holds */
  async #taken({ body, etag, lastModified }: Download & { changed: true }): Promise<Copy> {
    const key = String(this.#copies++);
    const { timeZone, attendee = null } = this.#options;
    const facts = { name: this.description, timeZone, attendee: attendee?.toLowerCase() ?? null };
    const file = await this.#reader.file(key, body, facts);
    if (!file.isCalendar)
      throw new CalendarUnavailable(file.problems[0] ?? `${this.description} answered something that is no calendar`);
    // Half a feed is no reason to clear half the buttons of a room.
    if (file.unfinished)
      throw new CalendarUnavailable(
        `${this.description} ended in the middle of the calendar; Usher tries again by itself`,
      );
    return { key, file, etag, lastModified };
  }

  async #download(signal: AbortSignal): Promise<Download> {
    const [first, ...others] = this.#addresses;
    try {
      return await this.#from(first, signal);
    } catch (error) {
      const [other] = others;
      // A webcal address does not say whether its server speaks TLS. A password is never tried in the clear.
      if (other === undefined || signal.aborted || this.#authorization !== null || !neverAnswered(error)) throw error;
      const answer = await this.#from(other, signal);
      this.#addresses.splice(0, 2, other);
      return answer;
    }
  }

  #from(url: URL, signal: AbortSignal): Promise<Download> {
    return download({
      url,
      description: this.description,
      authorization: this.#authorization,
      allowPrivateAddresses: this.#options.allowPrivateAddresses ?? false,
      limits: this.#limits,
      clock: this.#options.clock,
      signal,
      etag: this.#copy?.etag ?? null,
      lastModified: this.#copy?.lastModified ?? null,
    });
  }

  /** A feed cannot tell; it is polled. */
  watch(): () => Promise<void> {
    return async () => {};
  }
}

function neverAnswered(error: unknown): boolean {
  const cause = error instanceof CalendarUnavailable ? error.cause : null;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  return /^(ECONNREFUSED|ECONNRESET|ERR_SSL_|EPROTO|UND_ERR_CONNECT_TIMEOUT|UND_ERR_SOCKET)/.test(code);
}
