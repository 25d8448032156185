/** Requests that change something on a device: they say who sends them, and none goes once another process may. */
import { DecoratorHandler, type Dispatcher } from 'undici';
import type { ConnectorClock } from '../calendars/calendar.ts';
import { DeviceError, type Writer } from './device.ts';

/** How long a request that has been sent is waited for once it is no longer wanted, milliseconds. */
const waitedForMs = 2_000;

/** For who shares a device's room with nobody. */
export const sole: Writer = { lease: null, mayWrite: () => true };

/**
 * `User-Agent` of a request: `Usher/1.2.3 (host/…; lease 7)`. Devices ignore it; in their logs and in a proxy's it says which
 * process wrote, and which of two writers came later (RFC 9110, 10.1.5; in comments, section 5.6.5, few characters are free).
 */
export function userAgent(product: string, writer: Writer | undefined): string {
  const lease = writer?.lease ?? null;
  return lease === null ? product : `${product} (${lease.holder.replace(/[^\w.:/-]/g, '-')}; lease ${lease.fence})`;
}

/**
 * One request on its way: asks `writer` when a connection is there and the first byte is about to go, so that neither a slow
 * connection nor a process that stood still meanwhile brings an old list; and once it is sent, does not cut it at once.
 */
export class Sending {
  /** To be given to the request. */
  readonly signal: AbortSignal;
  readonly #cut = new AbortController();
  readonly #release: () => void;
  #sent = false;
  #cancelCut: () => void = () => {};

  constructor(wanted: AbortSignal | undefined, clock: ConnectorClock) {
    this.signal = this.#cut.signal;
    const unwanted = (): void => {
      const reason: unknown = wanted?.reason;
      if (this.#sent) this.#cancelCut = clock.after(waitedForMs, () => this.#cut.abort(reason));
      else this.#cut.abort(reason);
    };
    if (wanted?.aborted) unwanted();
    wanted?.addEventListener('abort', unwanted, { once: true });
    this.#release = () => wanted?.removeEventListener('abort', unwanted);
  }

  /** The same way out, guarded. */
  through(dispatcher: Dispatcher, writer: Writer): Dispatcher {
    const guard = (): void => {
      if (!writer.mayWrite()) throw new DeviceError('refused', "was not written to: its room is another process's now");
      this.#sent = true;
    };
    return dispatcher.compose((dispatch) => (options, handler) => dispatch(options, new Guarded(handler, guard)));
  }

  /** To be called when it is over, however it ended. */
  over(): void {
    this.#release();
    this.#cancelCut();
  }
}

class Guarded extends DecoratorHandler {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #guard: () => void;

  constructor(handler: Dispatcher.DispatchHandler, guard: () => void) {
    super(handler);
    this.#handler = handler;
    this.#guard = guard;
  }

  /** undici calls it right before it writes to the socket; an aborted request is not written. */
  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context);
    if (controller.aborted) return;
    try {
      this.#guard();
    } catch (error) {
      controller.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
