/** The one way out to Microsoft: bounded in time and size, through a proxy where there is one. */
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import type { ConnectorClock } from '../calendar.ts';

export interface HttpOptions {
  clock: ConnectorClock;
  /** `http://proxy.example.org:3128`, with user and password where it wants them. */
  proxy?: string;
  /** PEM of further certificate authorities (a proxy that looks inside, a test tenant). */
  ca?: string;
  /** Milliseconds for one request, whole. Default 30,000. */
  timeoutMs?: number;
  /** Connections at a time. Default 32. */
  connections?: number;
}

export interface HttpRequest {
  url: string;
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  headers: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
}

export interface HttpResponse {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: string;
}

/** No answer of Graph that we ask for comes near. */
const largestBody = 64 * 1024 * 1024;

export class HttpFailure extends Error {
  override name = 'HttpFailure';
}

export class Http {
  readonly #dispatcher: Dispatcher;
  readonly #clock: ConnectorClock;
  readonly #timeoutMs: number;
  /** Milliseconds that the servers' clocks are ahead of ours, as their last answer said. */
  #aheadMs = 0;

  constructor(options: HttpOptions) {
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    const tls = options.ca === undefined ? {} : { ca: options.ca };
    const common = {
      connections: options.connections ?? 32,
      headersTimeout: this.#timeoutMs,
      bodyTimeout: this.#timeoutMs,
    };
    this.#dispatcher =
      options.proxy === undefined
        ? new Agent({ ...common, connect: { ...tls, timeout: 10_000 } })
        : new ProxyAgent({ ...common, uri: options.proxy, requestTls: tls });
  }

  /** @throws HttpFailure when no whole answer came; the reason of the signal when that was aborted */
  async send(wanted: HttpRequest): Promise<HttpResponse> {
    const ended = new AbortController();
    const { signal } = wanted;
    const abort = (): void => ended.abort(signal?.reason);
    signal?.throwIfAborted();
    signal?.addEventListener('abort', abort, { once: true });
    const cancel = this.#clock.after(this.#timeoutMs, () => {
      ended.abort(new HttpFailure(`no whole answer within ${this.#timeoutMs / 1000} s`));
    });
    try {
      const answer = await request(wanted.url, {
        dispatcher: this.#dispatcher,
        method: wanted.method,
        headers: wanted.headers,
        body: wanted.body ?? null,
        signal: ended.signal,
      });
      const body = await collect(answer);
      const headers = flat(answer.headers);
      const date = Date.parse(headers['date'] ?? '');
      // A header of whole seconds: differences of less say nothing.
      if (!Number.isNaN(date))
        this.#aheadMs = Math.abs(date - this.#clock.now()) < 2_000 ? 0 : date - this.#clock.now();
      return { status: answer.statusCode, headers, body };
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const reason = ended.signal.aborted ? ended.signal.reason : error;
      if (reason instanceof HttpFailure) throw reason;
      throw new HttpFailure(reason instanceof Error ? reason.message : String(reason), { cause: reason });
    } finally {
      cancel();
      signal?.removeEventListener('abort', abort);
    }
  }

  /** What the clock of the servers shows, milliseconds since 1970. */
  serverNow(): number {
    return this.#clock.now() + this.#aheadMs;
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }
}

async function collect(answer: Dispatcher.ResponseData): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of answer.body) {
    if (!(piece instanceof Uint8Array)) continue;
    size += piece.byteLength;
    if (size > largestBody) throw new HttpFailure(`the answer is larger than ${largestBody / 1024 / 1024} MiB`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function flat(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) result[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return result;
}
