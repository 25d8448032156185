/**
 * The HTTPS connection to one device: one request at a time, a session of the XML API while there is work
 * (`/xmlapi/session/begin` and `/end`, CE API guide, "HTTP XMLAPI Session Authentication"), and a password that was
 * refused is not tried again and again, since devices lock accounts.
 */
import { Client, type Dispatcher } from 'undici';
import type { XmlElement } from '../../../parsers/read/xml.ts';
import { parseXml } from '../../../parsers/read/xml.ts';
import type { ConnectorClock } from '../../calendars/calendar.ts';
import { DeviceError, type Writer } from '../device.ts';
import { Sending, sole, userAgent } from '../writing.ts';
import { type CiscoTls, deviceConnector, isCertificateProblem } from './tls.ts';

export interface ConnectionOptions {
  /** Name or IP address. */
  address: string;
  port: number;
  username: string;
  password: string;
  tls: CiscoTls;
  clock: ConnectorClock;
  /** Milliseconds for one request, whole; of these, four fifths for a new connection. Default 10,000. */
  requestTimeoutMs?: number;
  /** What requests say they are from, as `Usher/1.2.3`. Default `Usher`. */
  product?: string;
}

interface Request {
  method: 'GET' | 'POST';
  path: string;
  body: string | null;
  signal?: AbortSignal | undefined;
  /** Of requests that change the list. */
  writer?: Writer | undefined;
}

interface Answer {
  status: number;
  headers: Dispatcher.ResponseData['headers'];
  body: string;
}

const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8"?>';
/** The longest lists of bookings have some hundred kilobytes. */
const largestAnswer = 4 * 1024 * 1024;
/** Sessions are few and never time out by themselves (CE API guide): one is given back when nothing was asked so long. */
const sessionIdleMs = 30_000;
/** How long the end of a session may take when Usher ends, milliseconds. */
const closeWithinMs = 1_500;
/** Until the same password is tried again, milliseconds; twice as long each time, since an account may be locked. */
const firstLockMs = 60 * 60_000;
const longestLockMs = 24 * 60 * 60_000;

export class CiscoConnection {
  readonly #options: ConnectionOptions;
  readonly #client: Client;
  readonly #origin: string;
  readonly #basic: string;
  /** `null`: none open; `'none'`: the device has no sessions, each request carries the password. */
  #session: string | 'none' | null = null;
  #sessionsTaken = false;
  #queue: Promise<unknown> = Promise.resolve();
  #cancelIdle: (() => void) | null = null;
  #refusals = 0;
  #refusedUntil = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const host = options.address.includes(':') ? `[${options.address}]` : options.address;
    this.#origin = `https://${host}:${options.port}`;
    this.#client = new Client(this.#origin, {
      connect: deviceConnector(options.tls, 0.8 * requestTimeoutOf(options)),
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: largestAnswer,
    });
    this.#basic = `Basic ${Buffer.from(`${options.username}:${options.password}`).toString('base64')}`;
  }

  /** Name or IP address of the device. */
  get address(): string {
    return this.#options.address;
  }

  /** `/getxml?location=…`: a part of the status. @throws DeviceError */
  status(path: string, signal?: AbortSignal): Promise<XmlElement> {
    return this.#xml({ method: 'GET', path: `/getxml?location=${encodeURI(path)}`, body: null, signal });
  }

  /**
   * `POST /putxml`, or another endpoint that takes XML. Everything but a `Dial` may be sent a second time, where the device
   * closed the connection or forgot the session.
   * @throws DeviceError; `unsupported` where there is no such endpoint
   */
  post(path: '/putxml' | '/bookingsputxml', xml: string, signal?: AbortSignal): Promise<XmlElement> {
    return this.#xml({ method: 'POST', path, body: xmlDeclaration + xml, signal });
  }

  /**
   * As `post`, for what changes the list: it says who writes, and is not sent where `writer` may no longer. It is never sent a
   * second time: a device that was restarted has another list by then than the one that this was made from.
   * @throws DeviceError
   */
  write(
    path: '/putxml' | '/bookingsputxml',
    xml: string,
    signal: AbortSignal,
    writer: Writer = sole,
  ): Promise<XmlElement> {
    return this.#xml({ method: 'POST', path, body: xmlDeclaration + xml, signal, writer });
  }

  async close(): Promise<void> {
    this.#cancelIdle?.();
    // A device that hangs does not hold up the end of Usher.
    const cancel = this.#options.clock.after(closeWithinMs, () => void this.#client.destroy());
    await this.#inTurn(() => this.#endSession()).catch(() => {});
    cancel();
    this.#cancelIdle?.();
    if (!this.#client.destroyed) await this.#client.destroy();
  }

  async #xml(request: Request): Promise<XmlElement> {
    const { path } = request;
    const answer = await this.#inTurn(() => this.#authenticated(request));
    if (answer.status === 403) {
      throw new DeviceError(
        'refused',
        `lets ${this.#options.username} do nothing here: the account needs the role Admin`,
      );
    }
    if (answer.status === 404) throw new DeviceError('unsupported', `has no ${path.replace(/\?.*/, '')}`);
    if (answer.status !== 200)
      throw new DeviceError('bad-answer', `answered ${path.replace(/\?.*/, '')} with HTTP ${answer.status}`);
    try {
      return parseXml(answer.body, { whole: true });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new DeviceError(
        'bad-answer',
        `answered ${path.replace(/\?.*/, '')} with what is not the XML of its API (${why})`,
        {
          cause: error,
        },
      );
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work, work);
    this.#queue = done.catch(() => {});
    return done;
  }

  async #authenticated(request: Request): Promise<Answer> {
    const { signal } = request;
    signal?.throwIfAborted();
    const wait = this.#refusedUntil - this.#options.clock.monotonic();
    if (wait > 0) throw this.#credentials(wait);
    this.#cancelIdle?.();
    try {
      for (;;) {
        const fresh = this.#session === null;
        if (fresh) await this.#beginSession(signal);
        const session = this.#session ?? 'none';
        const by = session === 'none' ? { authorization: this.#basic } : { cookie: session };
        const answer = await this.#send(request, by);
        if (answer.status !== 401) {
          this.#refusals = 0;
          return answer;
        }
        if (session === 'none') throw this.#refused();
        this.#sessionGone(fresh, request);
      }
    } finally {
      this.#cancelIdle = this.#options.clock.after(sessionIdleMs, () => {
        void this.#inTurn(() => this.#endSession()).catch(() => {});
      });
    }
  }

  /**
   * A session that is gone tells of a reboot and says nothing of the password. One that is gone at once is not begun again:
   * the device is asked without, until it has rested.
   */
  #sessionGone(fresh: boolean, { writer }: Request): void {
    this.#session = fresh ? 'none' : null;
    this.#sessionsTaken = fresh;
    if (writer === undefined) return;
    throw new DeviceError('unreachable', 'ended our session while its list was written (was it restarted?)');
  }

  async #beginSession(signal?: AbortSignal): Promise<void> {
    const begin: Request = { method: 'POST', path: '/xmlapi/session/begin', body: null, signal };
    const answer = await this.#send(begin, { authorization: this.#basic });
    if (answer.status === 401) throw this.#refused();
    if (answer.status === 403) {
      throw new DeviceError(
        'refused',
        `does not let ${this.#options.username} in: the account is locked or lacks the role Admin`,
      );
    }
    if (answer.status === 503) {
      // All are taken, by processes that were killed perhaps: it goes without, and asks again when it has rested.
      this.#session = 'none';
      this.#sessionsTaken = true;
      return;
    }
    if (answer.status >= 500) throw new DeviceError('bad-answer', `begins no session: HTTP ${answer.status}`);
    const cookies = answer.headers['set-cookie'];
    const cookie = (Array.isArray(cookies) ? cookies : [cookies ?? '']).map((text) => /^[^;]+/.exec(text)?.[0] ?? '');
    this.#session = cookie.find((pair) => /^[^=\s]+=[^\s]+$/.test(pair)) ?? 'none';
  }

  async #endSession(): Promise<void> {
    const session = this.#session;
    if (session === 'none' && this.#sessionsTaken) this.#session = null;
    this.#sessionsTaken = false;
    if (session === null || session === 'none') return;
    this.#session = null;
    await this.#send({ method: 'POST', path: '/xmlapi/session/end', body: null }, { cookie: session });
  }

  #refused(): DeviceError {
    const wait = Math.min(longestLockMs, firstLockMs * 2 ** Math.min(this.#refusals, 10));
    this.#refusals++;
    this.#refusedUntil = this.#options.clock.monotonic() + wait;
    return this.#credentials(wait);
  }

  #credentials(waitMs: number): DeviceError {
    return new DeviceError(
      'refused-credentials',
      `refuses the password of ${this.#options.username}. So that the account is not locked, it is not tried again for ` +
        `${Math.ceil(waitMs / 60_000)} min: correct username or password and restart Usher`,
    );
  }

  async #send({ method, path, body, signal, writer }: Request, authorization: Record<string, string>): Promise<Answer> {
    const limit = requestTimeoutOf(this.#options);
    const late = new AbortController();
    const cancel = this.#options.clock.after(limit, () =>
      late.abort(new DeviceError('unreachable', `did not answer ${path.replace(/\?.*/, '')} within ${limit / 1000} s`)),
    );
    const sending = new Sending(signal, this.#options.clock);
    const client = writer === undefined ? this.#client : sending.through(this.#client, writer);
    const ended = AbortSignal.any([sending.signal, late.signal]);
    const headers = {
      'user-agent': userAgent(this.#options.product ?? 'Usher', writer),
      ...authorization,
      ...(body === null ? {} : { 'content-type': 'text/xml' }),
    };
    const request = async (): Promise<Answer> => {
      const answer = await client.request({ origin: this.#origin, method, path, body, headers, signal: ended });
      return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
    };
    const answered = request().catch((error: unknown) => {
      // The device closed the kept connection (it was restarted, it tidies up): once more on a new one.
      const once = writer !== undefined || body?.includes('<Dial ');
      if (ended.aborted || once || !isClosedConnection(error)) throw error;
      return request();
    });
    try {
      return await orAborted(answered, ended);
    } catch (error) {
      if (ended.aborted) throw ended.reason instanceof Error ? ended.reason : error;
      throw deviceError(error, this.#options);
    } finally {
      cancel();
      sending.over();
    }
  }
}

function requestTimeoutOf({ requestTimeoutMs }: ConnectionOptions): number {
  return requestTimeoutMs ?? 10_000;
}

function deviceError(error: unknown, { address, port }: ConnectionOptions): DeviceError {
  if (error instanceof DeviceError) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof DeviceError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const why = cause instanceof Error ? cause.message : String(cause);
  if (isCertificateProblem(code)) {
    return new DeviceError(
      'certificate',
      `shows a certificate that is not trusted (${why}): give tls.ca, or pin it with tls.fingerprint`,
      { cause: error },
    );
  }
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
    return new DeviceError('bad-answer', `answers with more than ${largestAnswer / 1024 / 1024} MiB`, { cause: error });
  }
  return new DeviceError('unreachable', `cannot be reached at ${address}:${port} (${why})`, { cause: error });
}

/** undici hears of an abort only once it is connected, which a device that hangs in TLS never lets it be. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function isClosedConnection(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'UND_ERR_SOCKET' || error.code === 'ECONNRESET');
}
