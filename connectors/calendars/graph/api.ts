/**
 * Microsoft Graph by its own client library, with everything that keeps within its limits: tokens, at most four requests
 * at a time per mailbox, `Retry-After`, the request budget, and one more try where a try costs nothing.
 */
import {
  AuthenticationHandler,
  Client,
  type Context,
  GraphError,
  type Middleware,
} from '@microsoft/microsoft-graph-client';
import { z } from 'zod';
import { CalendarUnavailable, type ConnectorClock } from '../calendar.ts';
import type { RequestBudget } from './budget.ts';
import type { Gate } from './gate.ts';
import type { Http } from './http.ts';
import type { Tokens } from './tokens.ts';

/** Graph understood and said no. */
export class GraphRefusal extends Error {
  override name = 'GraphRefusal';
  readonly status: number;
  /** `ErrorItemNotFound` and the like; `null` where the answer names none. */
  readonly code: string | null;

  constructor(status: number, code: string | null, message: string) {
    super(`HTTP ${status}${code === null ? '' : ` ${code}`}: ${message.slice(0, 300)}`);
    this.status = status;
    this.code = code;
  }
}

export interface CallOptions {
  /** Whose four places this takes; `''` for what belongs to no mailbox. */
  mailbox: string;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

export interface BatchRequest {
  mailbox: string;
  /** Relative to the version, with a leading slash. */
  url: string;
  headers: Readonly<Record<string, string>>;
}

export type BatchAnswer = { ok: true; body: unknown } | { ok: false; error: Error };

/** `$batch` takes no more (learn.microsoft.com/graph/json-batching). */
export const mostInBatch = 20;
/** A wait that is asked for and no longer than this is waited for; a longer one is passed on. */
const shortWaitMs = 2_000;
const mostTries = 3;

export interface ApiOptions {
  /** `https://graph.microsoft.com`. */
  graph: string;
  http: Http;
  tokens: Tokens;
  gate: Gate;
  budget: RequestBudget;
  clock: ConnectorClock;
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

export class GraphApi {
  readonly #options: ApiOptions;
  readonly #origin: string;
  readonly #client: Client;

  constructor(options: ApiOptions) {
    this.#options = options;
    const base = new URL(options.graph);
    this.#origin = base.origin;
    this.#client = Client.initWithMiddleware({
      baseUrl: `${base.origin}/`,
      defaultVersion: 'v1.0',
      customHosts: new Set([base.hostname]),
      middleware: [new AuthenticationHandler({ getAccessToken: () => options.tokens.get() }), new Sender(options.http)],
    });
  }

  /** @param path relative to the version, or an `@odata.nextLink` */
  get(path: string, options: CallOptions): Promise<unknown> {
    if (/^https?:/i.test(path) && new URL(path).origin !== this.#origin) {
      // A token must not follow a link to anywhere else.
      return Promise.reject(new GraphRefusal(200, null, 'the next page is said to be at another host'));
    }
    return this.#call('GET', path, undefined, options);
  }

  post(path: string, body: unknown, options: CallOptions): Promise<unknown> {
    return this.#call('POST', path, body, options);
  }

  patch(path: string, body: unknown, options: CallOptions): Promise<unknown> {
    return this.#call('PATCH', path, body, options);
  }

  async delete(path: string, options: CallOptions): Promise<void> {
    await this.#call('DELETE', path, undefined, options);
  }

  /** Several readings in one request; what fails fails by itself. At most `mostInBatch`. */
  async batch(requests: readonly BatchRequest[], signal?: AbortSignal): Promise<BatchAnswer[]> {
    // One mailbox that has to wait holds up no other.
    const closed = requests.map(({ mailbox }) => this.#options.gate.closed(mailbox));
    const open = requests.filter((_, index) => closed[index] === null);
    const answers = open.length === 0 ? [] : await this.#batch(open, signal);
    return closed.map(
      (error): BatchAnswer =>
        error !== null
          ? { ok: false, error }
          : (answers.shift() ?? { ok: false, error: new CalendarUnavailable('Microsoft Graph answered too little') }),
    );
  }

  async #batch(requests: readonly BatchRequest[], signal?: AbortSignal): Promise<BatchAnswer[]> {
    const { gate, budget } = this.#options;
    const body = {
      requests: requests.map(({ url, headers }, index) => ({ id: String(index), method: 'GET', url, headers })),
    };
    const leave = await gate.enter(requests.map(({ mailbox }) => mailbox));
    try {
      // The outer request is one more than those inside.
      budget.take(requests.length - 1);
      const answer = batchSchema.parse(
        await this.#call('POST', '/$batch', body, { mailbox: '', ...(signal === undefined ? {} : { signal }) }),
      );
      const byId = new Map(answer.responses.map((response) => [response.id, response]));
      return requests.map(({ mailbox }, index): BatchAnswer => {
        const response = byId.get(String(index));
        if (response === undefined)
          return { ok: false, error: new CalendarUnavailable('Microsoft Graph left a request of a batch unanswered') };
        if (response.status >= 200 && response.status < 300) {
          gate.succeeded(mailbox);
          return { ok: true, body: response.body };
        }
        return {
          ok: false,
          error: this.#refused(mailbox, response.status, lowerCase(response.headers), errorOf(response.body)),
        };
      });
    } finally {
      leave();
    }
  }

  async #call(method: Method, path: string, body: unknown, options: CallOptions): Promise<unknown> {
    const { gate, budget, tokens } = this.#options;
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      options.signal?.throwIfAborted();
      const leave = await gate.enter([options.mailbox]);
      try {
        await tokens.get();
        budget.take(1);
        const answer: unknown = await this.#send(method, path, body, options);
        gate.succeeded(options.mailbox);
        return answer;
      } catch (error) {
        if (options.signal?.aborted) throw options.signal.reason;
        if (!(error instanceof GraphError)) throw error;
        const failure = this.#failure(error, options.mailbox);
        if (failure.status === 401 && !renewed) {
          renewed = true;
          await tokens.renew();
          continue;
        }
        if (attempt >= mostTries || !failure.again || (failure.waitMs ?? 0) > shortWaitMs) throw failure.error;
        leave();
        // Timers fire a little early, and the gate is exact.
        await this.#wait((failure.waitMs ?? 200 * attempt) + 10, options.signal);
      } finally {
        leave();
      }
    }
  }

  #send(method: Method, path: string, body: unknown, options: CallOptions): Promise<unknown> {
    const json = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const request = this.#client.api(path).headers({ ...json, ...options.headers });
    if (options.signal !== undefined) request.option('signal', options.signal);
    switch (method) {
      case 'GET':
        return request.get();
      case 'POST':
        return request.post(body);
      case 'PATCH':
        return request.patch(body);
      case 'DELETE':
        return request.delete();
    }
  }

  #failure(
    error: GraphError,
    mailbox: string,
  ): { status: number; error: Error; again: boolean; waitMs: number | null } {
    const { statusCode: status } = error;
    if (status === -1 || status < 300) {
      const what =
        status === -1
          ? `at ${this.#origin} could not be read: ${error.message}; check network, proxy and certificate authorities (microsoft365.proxy and ca)`
          : 'could not be read: its answer is cut off or no JSON';
      return {
        status,
        error: new CalendarUnavailable(`Microsoft Graph ${what}`, { cause: error }),
        again: true,
        waitMs: null,
      };
    }
    const headers: Record<string, string> = {};
    error.headers?.forEach((value, name) => {
      headers[name] = value;
    });
    const refused = this.#refused(mailbox, status, headers, { code: error.code, message: error.message });
    const waitMs = refused instanceof CalendarUnavailable ? refused.retryAfterMs : null;
    return { status, error: refused, again: status >= 500 || status === 429, waitMs };
  }

  /** Closes the lane where Graph asks to wait. */
  #refused(mailbox: string, status: number, headers: Record<string, string>, error: ErrorBody): Error {
    if (![429, 503, 504, 509].includes(status)) {
      if (status >= 500) return new CalendarUnavailable(`Microsoft Graph answered HTTP ${status}`);
      return new GraphRefusal(status, error.code, error.message);
    }
    const waitMs = this.#options.gate.close(mailbox, retryAfterOf(headers['retry-after'], this.#options.clock));
    const what = status === 429 ? 'throttles requests' : `answered HTTP ${status}`;
    return new CalendarUnavailable(`Microsoft Graph ${what}${mailbox === '' ? '' : ` for ${mailbox}`}`, {
      retryAfterMs: waitMs,
    });
  }

  #wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.#options.clock.after(ms, done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }
}

/** The end of the library's chain: our own way out instead of the global `fetch`. */
class Sender implements Middleware {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  async execute(context: Context): Promise<void> {
    const options = context.options ?? {};
    const headers: Record<string, string> = {};
    new Headers(options.headers).forEach((value, name) => {
      headers[name] = value;
    });
    const answer = await this.#http.send({
      url: typeof context.request === 'string' ? context.request : context.request.url,
      method: methodOf(options.method),
      headers,
      ...(typeof options.body === 'string' ? { body: options.body } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    const empty = answer.status === 204 || answer.status === 304 || answer.body === '';
    context.response = new Response(empty ? null : answer.body, { status: answer.status, headers: answer.headers });
  }
}

function methodOf(method: string | undefined): Method {
  return method === 'POST' || method === 'PATCH' || method === 'DELETE' ? method : 'GET';
}

interface ErrorBody {
  code: string | null;
  message: string;
}

const batchSchema = z.object({
  responses: z.array(
    z.object({
      id: z.string(),
      status: z.number(),
      headers: z.record(z.string(), z.unknown()).nullish(),
      body: z.unknown().optional(),
    }),
  ),
});

const errorSchema = z.object({ error: z.object({ code: z.string().nullish(), message: z.string().nullish() }) });

function errorOf(body: unknown): ErrorBody {
  const parsed = errorSchema.safeParse(body);
  return parsed.success
    ? { code: parsed.data.error.code ?? null, message: parsed.data.error.message ?? '' }
    : { code: null, message: '' };
}

function lowerCase(headers: Record<string, unknown> | null | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

/** Milliseconds; RFC 9110, 10.2.3: seconds or a date. */
function retryAfterOf(value: string | undefined, clock: ConnectorClock): number | null {
  if (value === undefined) return null;
  if (/^\d{1,6}(\.\d+)?$/.test(value.trim())) return Math.ceil(Number(value) * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - clock.now());
}
