/** Client transactions of our requests inside a dialog, none of which is an INVITE (RFC 3261 section 17.1.2). */
import type { MediaClock } from '../call.ts';
import { type Flow, T1, T2 } from './flow.ts';
import { type SipRequest, type SipResponse, serialiseMessage } from './message.ts';
import { topVia } from './via.ts';

interface Waiting {
  method: string;
  stop: () => void;
  /** Null: nobody answered within 64 × T1 (timer F). */
  done: (response: SipResponse | null) => void;
  provisional: boolean;
}

export class ClientTransactions {
  readonly #clock: MediaClock;
  readonly #byBranch = new Map<string, Waiting>();

  constructor(clock: MediaClock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#byBranch.size;
  }

  /** Sends, repeats over UDP (timer E), and calls `done` exactly once with the final answer or null. */
  send(request: SipRequest, flow: Flow, done: (response: SipResponse | null) => void): void {
    const branch = topVia(request)?.params.get('branch') ?? '';
    const data = serialiseMessage(request);
    let cancelRepeat: (() => void) | null = null;
    const finish = (response: SipResponse | null): void => {
      this.#byBranch.delete(branch);
      waiting.stop();
      done(response);
    };
    const cancelTimeout = this.#clock.after(64 * T1, () => finish(null));
    const waiting: Waiting = {
      method: request.method,
      done: finish,
      provisional: false,
      stop: () => {
        cancelRepeat?.();
        cancelTimeout();
      },
    };
    const repeatAfter = (ms: number): void => {
      cancelRepeat = this.#clock.after(ms, () => {
        flow.send(data);
        repeatAfter(waiting.provisional ? T2 : Math.min(2 * ms, T2));
      });
    };
    this.#byBranch.set(branch, waiting);
    flow.send(data);
    if (flow.transport === 'udp') repeatAfter(T1);
  }

  /** Hands a response to its request; false where it answers nothing of ours (RFC 3261 section 17.1.3). */
  receive(response: SipResponse, method: string): boolean {
    const waiting = this.#byBranch.get(topVia(response)?.params.get('branch') ?? '');
    if (waiting === undefined || waiting.method !== method) return false;
    if (response.status < 200) waiting.provisional = true;
    else waiting.done(response);
    return true;
  }

  close(): void {
    for (const waiting of [...this.#byBranch.values()]) waiting.done(null);
  }
}
