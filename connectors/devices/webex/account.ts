/**
 * An organisation in the Webex cloud: the token, renewed before and when it ends, and the pauses that Webex asks for, which
 * hold for all devices of the account (developer.webex.com, "Rate Limits": 429 with Retry-After).
 */
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { ConnectorClock } from '../../calendars/calendar.ts';
import { DeviceError, type Writer } from '../device.ts';
import { Sending, userAgent } from '../writing.ts';
import { refusal } from '../xapi/refusal.ts';

export type WebexCredential =
  /** Of a bot, or of an administrator for a trial: it is never renewed. */
  | { kind: 'token'; token: string }
  /** Of an integration. Webex keeps a refresh token alive for 90 days after each use. */
  | { kind: 'refresh'; clientId: string; clientSecret: string; refreshToken: string };

export interface WebexAccountOptions {
  /** Default `https://webexapis.com/v1`. */
  baseUrl?: string;
  credential: WebexCredential;
  clock: ConnectorClock;
  /** Milliseconds for one request, whole. Default 15,000: a device far away answers through the cloud. */
  requestTimeoutMs?: number;
  /** What requests say they are from, as `Usher/1.2.3`. Default `Usher`. */
  product?: string;
}

interface Request {
  method: 'GET' | 'POST';
  path: string;
  body: string | null;
  signal?: AbortSignal | undefined;
  /** Of requests that change a device's list. */
  writer?: Writer | undefined;
}

const tokenAnswer = z.object({ access_token: z.string().min(1), expires_in: z.number().positive().default(3600) });
const errorAnswer = z.object({
  message: z.string().optional(),
  errors: z.array(z.object({ description: z.string().optional() })).optional(),
});

const largestAnswer = 4 * 1024 * 1024;
/** A token is renewed so long before it ends, milliseconds. */
const renewBeforeMs = 5 * 60_000;
/** Where Webex says "later" without saying when, milliseconds. */
const pauseMs = 30_000;
const longestPauseMs = 10 * 60_000;
/** Until credentials that were refused are tried again, milliseconds. */
const refusedForMs = 30 * 60_000;

interface Answer {
  status: number;
  retryAfter: string;
  body: string;
}

export class WebexAccount {
  readonly #options: WebexAccountOptions;
  readonly #base: string;
  readonly #agent = new Agent({ connections: 8, headersTimeout: 0, bodyTimeout: 0, maxResponseSize: largestAnswer });
  #token: { value: string; endsAt: number } | null = null;
  #renewing: Promise<string> | null = null;
  #closedUntil = 0;
  #refused: { until: number; words: string } | null = null;

  constructor(options: WebexAccountOptions) {
    this.#options = options;
    this.#base = (options.baseUrl ?? 'https://webexapis.com/v1').replace(/\/+$/, '');
  }

  /** The JSON that Webex answers with. @throws DeviceError */
  get(path: string, signal?: AbortSignal): Promise<unknown> {
    return this.#ask({ method: 'GET', path, body: null, signal });
  }

  /**
   * @param writer of what changes a device's list: it says who writes, and is not sent where `writer` may no longer
   * @throws DeviceError
   */
  post(path: string, body: object, signal?: AbortSignal, writer?: Writer): Promise<unknown> {
    return this.#ask({ method: 'POST', path, body: JSON.stringify(body), signal, writer });
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #ask(request: Request): Promise<unknown> {
    request.signal?.throwIfAborted();
    for (let tries = 0; ; tries++) {
      this.#mayAsk();
      const token = await this.#current();
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const answer = await this.#send(request, headers);
      if (answer.status === 401 && tries === 0 && this.#options.credential.kind === 'refresh') {
        if (this.#token?.value === token) this.#token = null;
        continue;
      }
      return this.#read(answer);
    }
  }

  #read(answer: Answer): unknown {
    const { status } = answer;
    if (status >= 200 && status < 300) return status === 204 ? {} : parse(answer.body);
    const words = wordsOf(answer.body);
    if (status === 401) throw this.#refuse(`Webex refuses the token (${words}): give a new one`);
    if (status === 429) throw this.#pause(answer.retryAfter);
    if (status === 403) {
      throw new DeviceError(
        'refused',
        `Webex does not allow it (${words}): the token needs spark:xapi_commands, spark:xapi_statuses and spark-admin:devices_read`,
      );
    }
    if (status === 404)
      throw new DeviceError('refused', `is not known to Webex, or not online (${words}): check deviceId`);
    if (status === 400) throw refusal(words);
    throw new DeviceError('unreachable', `cannot be reached through Webex: HTTP ${status} (${words})`);
  }

  /** How long Webex asks us to wait yet, milliseconds; 0 and below: not at all. */
  get pausedForMs(): number {
    return this.#closedUntil - this.#options.clock.monotonic();
  }

  #mayAsk(): void {
    const now = this.#options.clock.monotonic();
    if (this.#refused !== null && now < this.#refused.until) {
      throw new DeviceError('refused-credentials', this.#refused.words);
    }
    const left = this.pausedForMs;
    if (left > 0)
      throw new DeviceError('refused', `Webex asks us to wait ${Math.ceil(left / 1000)} s (too many requests)`);
  }

  #pause(retryAfter: string): DeviceError {
    const seconds = Number(retryAfter);
    const wait = Number.isFinite(seconds) && seconds > 0 ? Math.min(longestPauseMs, seconds * 1000) : pauseMs;
    this.#closedUntil = Math.max(this.#closedUntil, this.#options.clock.monotonic() + wait);
    return new DeviceError('refused', `Webex asks us to wait ${Math.ceil(wait / 1000)} s (too many requests)`);
  }

  #refuse(words: string): DeviceError {
    this.#refused = { until: this.#options.clock.monotonic() + refusedForMs, words };
    return new DeviceError('refused-credentials', words);
  }

  async #current(): Promise<string> {
    const { credential, clock } = this.#options;
    if (credential.kind === 'token') return credential.token;
    if (this.#token !== null && clock.monotonic() < this.#token.endsAt - renewBeforeMs) return this.#token.value;
    this.#renewing ??= this.#renew(credential).finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #renew(credential: Extract<WebexCredential, { kind: 'refresh' }>): Promise<string> {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: credential.clientId,
      client_secret: credential.clientSecret,
      refresh_token: credential.refreshToken,
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await this.#send({ method: 'POST', path: '/access_token', body: form.toString() }, headers);
    if (answer.status === 429) throw this.#pause(answer.retryAfter);
    if (answer.status === 400 || answer.status === 401) {
      throw this.#refuse(
        `Webex renews no token (${wordsOf(answer.body)}): check clientId, clientSecret and refreshToken`,
      );
    }
    const parsed = tokenAnswer.safeParse(answer.status === 200 ? parse(answer.body) : null);
    if (!parsed.success) throw new DeviceError('unreachable', `Webex gave no token: HTTP ${answer.status}`);
    // A token with less than the margin to live is used for half of its life.
    const life = Math.max(parsed.data.expires_in * 1000, 2 * renewBeforeMs);
    this.#token = { value: parsed.data.access_token, endsAt: this.#options.clock.monotonic() + life };
    return this.#token.value;
  }

  async #send({ method, path, body, signal, writer }: Request, headers: Record<string, string>): Promise<Answer> {
    const limit = this.#options.requestTimeoutMs ?? 15_000;
    const late = new AbortController();
    const cancel = this.#options.clock.after(limit, () =>
      late.abort(new DeviceError('unreachable', `Webex did not answer within ${limit / 1000} s`)),
    );
    const sending = new Sending(signal, this.#options.clock);
    const ended = AbortSignal.any([sending.signal, late.signal]);
    try {
      const answer = await request(`${this.#base}${path}`, {
        dispatcher: writer === undefined ? this.#agent : sending.through(this.#agent, writer),
        method,
        headers: { 'user-agent': userAgent(this.#options.product ?? 'Usher', writer), ...headers },
        body,
        signal: ended,
      });
      const retryAfter = String(answer.headers['retry-after'] ?? '');
      return { status: answer.statusCode, retryAfter, body: await answer.body.text() };
    } catch (error) {
      if (ended.aborted) throw ended.reason instanceof Error ? ended.reason : error;
      const why = error instanceof Error ? error.message : String(error);
      if (error instanceof DeviceError) throw error;
      throw new DeviceError('unreachable', `Webex cannot be reached (${why})`, { cause: error });
    } finally {
      cancel();
      sending.over();
    }
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new DeviceError('bad-answer', 'Webex answered with what is not JSON', { cause: error });
  }
}

function wordsOf(body: string): string {
  let json: unknown = null;
  try {
    json = JSON.parse(body);
  } catch {
    // A proxy in between answers with a page.
  }
  const parsed = errorAnswer.safeParse(json);
  const words = parsed.success ? (parsed.data.errors?.[0]?.description ?? parsed.data.message) : undefined;
  return (words ?? 'without a reason').slice(0, 300);
}
