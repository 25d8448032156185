/** One bounded HTTP read of a feed: redirects, sizes and times have limits, and an unchanged feed costs no body. */

import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Agent, type Dispatcher, request } from 'undici';
import { CalendarUnavailable, type ConnectorClock } from '../calendar.ts';
import { AddressRefused, guardedConnector } from './address.ts';

export interface FeedLimits {
  /** Milliseconds until a connection stands, TLS included. Default 5,000. */
  connectMs: number;
  /** Milliseconds from the request to the answer's headers. Default 10,000. */
  headersMs: number;
  /** Milliseconds between two pieces of the body. Default 10,000. */
  bodyMs: number;
  /** Milliseconds for everything, redirects included. Default 30,000. */
  totalMs: number;
  /** Bytes of the body once unpacked. Default 20 MiB. */
  bytes: number;
  /** Default 5. */
  redirects: number;
}

export const feedLimits: FeedLimits = {
  connectMs: 5_000,
  headersMs: 10_000,
  bodyMs: 10_000,
  totalMs: 30_000,
  bytes: 20 * 1024 * 1024,
  redirects: 5,
};

export interface DownloadRequest {
  url: URL;
  /** For messages: says where the feed is without its secrets. */
  description: string;
  /** Value of the Authorization header; sent to the feed's own origin alone. */
  authorization: string | null;
  allowPrivateAddresses: boolean;
  limits: FeedLimits;
  clock: ConnectorClock;
  signal: AbortSignal;
  /** Of the copy we hold. */
  etag: string | null;
  lastModified: string | null;
}

export type Download =
  | { changed: false }
  | { changed: true; body: Uint8Array; contentType: string; etag: string | null; lastModified: string | null };

/** @throws CalendarUnavailable for every way it can fail but an abort of `signal`, whose reason is thrown */
export async function download(wanted: DownloadRequest): Promise<Download> {
  const { limits, signal } = wanted;
  const ended = new AbortController();
  const abort = (): void => ended.abort(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', abort, { once: true });
  const cancel = wanted.clock.after(limits.totalMs, () => {
    ended.abort(
      new CalendarUnavailable(`${wanted.description} did not answer whole within ${limits.totalMs / 1000} s`),
    );
  });
  const agent = new Agent({
    connect: guardedConnector(wanted.allowPrivateAddresses, limits.connectMs),
    headersTimeout: limits.headersMs,
    bodyTimeout: limits.bodyMs,
    pipelining: 0,
  });
  try {
    return await follow(wanted, agent, ended.signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (ended.signal.aborted) throw ended.signal.reason;
    throw unavailable(wanted, error);
  } finally {
    cancel();
    signal.removeEventListener('abort', abort);
    await agent.destroy();
  }
}

async function follow(wanted: DownloadRequest, agent: Agent, signal: AbortSignal): Promise<Download> {
  let url = wanted.url;
  for (let hop = 0; ; hop++) {
    const answer = await request(url, { dispatcher: agent, signal, headers: headersFor(wanted, url) });
    const location = header(answer, 'location');
    if (![301, 302, 303, 307, 308].includes(answer.statusCode) || location === null) return read(wanted, answer);
    discard(answer);
    if (hop === wanted.limits.redirects)
      throw new CalendarUnavailable(`${wanted.description} redirects more than ${hop} times`);
    const next = URL.canParse(location, url) ? new URL(location, url) : null;
    if (next === null || !['http:', 'https:'].includes(next.protocol)) {
      throw new CalendarUnavailable(
        `${wanted.description} redirects to something that is no http(s) address; correct its url`,
      );
    }
    if (url.protocol === 'https:' && next.protocol === 'http:') {
      throw new CalendarUnavailable(
        `${wanted.description} redirects from https to http, which Usher does not follow; correct its url`,
      );
    }
    url = next;
  }
}

function headersFor(wanted: DownloadRequest, url: URL): Record<string, string> {
  const headers: Record<string, string> = {
    accept: 'text/calendar, */*;q=0.1',
    'accept-encoding': 'gzip',
    'user-agent': 'Usher',
  };
  if (wanted.authorization !== null && url.origin === wanted.url.origin)
    headers['authorization'] = wanted.authorization;
  if (wanted.etag !== null) headers['if-none-match'] = wanted.etag;
  else if (wanted.lastModified !== null) headers['if-modified-since'] = wanted.lastModified;
  return headers;
}

async function read(wanted: DownloadRequest, answer: Dispatcher.ResponseData): Promise<Download> {
  if (answer.statusCode === 304 && (wanted.etag !== null || wanted.lastModified !== null)) {
    discard(answer);
    return { changed: false };
  }
  if (answer.statusCode !== 200) {
    discard(answer);
    throw refusal(wanted, answer);
  }
  const declared = Number(header(answer, 'content-length') ?? 0);
  if (declared > wanted.limits.bytes) {
    discard(answer);
    throw tooLarge(wanted);
  }
  const body = await collect(wanted, unpacked(answer));
  return {
    changed: true,
    body,
    contentType: header(answer, 'content-type') ?? '',
    etag: header(answer, 'etag'),
    lastModified: header(answer, 'last-modified'),
  };
}

function unpacked(answer: Dispatcher.ResponseData): Readable {
  const encoding = (header(answer, 'content-encoding') ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return answer.body;
  const unpack = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate, br: createBrotliDecompress }[
    encoding
  ];
  if (unpack === undefined) {
    discard(answer);
    throw new Error(`it is packed as ${JSON.stringify(encoding.slice(0, 20))}, which nobody asked for`);
  }
  const stream = unpack();
  answer.body.on('error', (error) => stream.destroy(error));
  return answer.body.pipe(stream);
}

async function collect(wanted: DownloadRequest, stream: Readable): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of stream) {
    if (!(piece instanceof Uint8Array)) continue;
    size += piece.byteLength;
    if (size > wanted.limits.bytes) {
      stream.destroy();
      throw tooLarge(wanted);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** A body that nobody reads is closed; that it did not end by itself is no news. */
function discard(answer: Dispatcher.ResponseData): void {
  answer.body.on('error', () => {});
  answer.body.destroy();
}

function header(answer: Dispatcher.ResponseData, name: string): string | null {
  const value = answer.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

function tooLarge(wanted: DownloadRequest): CalendarUnavailable {
  const mebibytes = Math.round(wanted.limits.bytes / 1024 / 1024);
  return new CalendarUnavailable(`${wanted.description} is larger than ${mebibytes} MiB; publish fewer months of it`);
}

function refusal(wanted: DownloadRequest, answer: Dispatcher.ResponseData): CalendarUnavailable {
  const status = answer.statusCode;
  const remedy =
    status === 401 || status === 403
      ? 'check the user and password of this feed'
      : status === 404 || status === 410
        ? 'its address is no longer valid: publish it again and correct the url'
        : 'Usher tries again by itself';
  return new CalendarUnavailable(`${wanted.description} answered HTTP ${status}; ${remedy}`, {
    retryAfterMs: retryAfter(header(answer, 'retry-after'), wanted.clock),
  });
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfter(value: string | null, clock: ConnectorClock): number | null {
  if (value === null) return null;
  if (/^\d{1,7}$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - clock.now());
}

function unavailable(wanted: DownloadRequest, error: unknown): CalendarUnavailable {
  if (error instanceof CalendarUnavailable) return error;
  const reason =
    error instanceof Error
      ? error.cause instanceof AddressRefused
        ? error.cause.message
        : error.message
      : String(error);
  return new CalendarUnavailable(`${wanted.description} could not be read: ${reason}`, { cause: error });
}
