/** Server transactions (RFC 3261 section 17.2, RFC 6026): what absorbs retransmissions and repeats our answers. */
import type { MediaClock } from '../call.ts';
import { tagOf } from './answer.ts';
import { type Flow, T1, T2, T4 } from './flow.ts';
import { header, type SipRequest, type SipResponse, serialiseMessage } from './message.ts';
import { responsePort, topVia } from './via.ts';

type State = 'proceeding' | 'completed' | 'accepted' | 'confirmed' | 'terminated';

/** How long an answered transaction is remembered: timers H, J and L (17.2.1, 17.2.2, RFC 6026 section 8.4). */
const remembered = 64 * T1;

/** A request that was not seen before, and the way to answer it. */
export class ServerTransaction {
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly #clock: MediaClock;
  readonly #forget: () => void;
  #state: State = 'proceeding';
  #last: Buffer | null = null;
  #cancelRepeat: (() => void) | null = null;
  #cancelEnd: (() => void) | null = null;

  constructor(request: SipRequest, flow: Flow, clock: MediaClock, forget: () => void) {
    this.request = request;
    this.flow = flow;
    this.#clock = clock;
    this.#forget = forget;
  }

  get state(): State {
    return this.#state;
  }

  get isInvite(): boolean {
    return this.request.method === 'INVITE';
  }

  /** True until a final answer was given. */
  get pending(): boolean {
    return this.#state === 'proceeding';
  }

  respond(response: SipResponse): void {
    switch (this.#state) {
      case 'proceeding':
        this.#send(response);
        // 17.2.1 and 17.2.2: provisional answers leave the state as it is.
        if (response.status < 200) return;
        if (!this.isInvite) this.#complete(this.flow.transport === 'udp' ? remembered : 0);
        else if (response.status < 300) this.#accept();
        else this.#completeInvite();
        return;
      case 'accepted':
        // RFC 6026 section 8.7: the user repeats its 2xx through the transaction until the ACK comes.
        if (response.status >= 200 && response.status < 300) this.#send(response);
        return;
      case 'completed':
      case 'confirmed':
      case 'terminated':
        // 17.2.2: any further final answer is discarded.
        return;
    }
  }

  /** The same request once more. */
  receiveRetransmission(): void {
    switch (this.#state) {
      case 'proceeding':
      case 'completed':
        // 17.2.1, 17.2.2: the last answer goes out again, if there was one.
        if (this.#last !== null) this.#sendBytes(this.#last);
        return;
      case 'accepted':
      // RFC 6026 section 8.7: absorbed; the 2xx is repeated by its own timer.
      case 'confirmed':
      case 'terminated':
        return;
    }
  }

  /** An ACK with this transaction's key. False: not ours to absorb, it acknowledges a 2xx. */
  receiveAck(): boolean {
    if (this.#state === 'completed') {
      // 17.2.1: `confirmed` absorbs further ACKs for T4 (timer I), on a reliable transport for no time.
      this.#stopTimers();
      this.#state = 'confirmed';
      this.#endAfter(this.flow.transport === 'udp' ? T4 : 0);
      return true;
    }
    return this.#state === 'confirmed' || this.#state === 'terminated';
  }

  /** Ends it at once: the edge closes. */
  dispose(): void {
    this.#stopTimers();
    this.#state = 'terminated';
    this.#forget();
  }

  #accept(): void {
    this.#state = 'accepted';
    this.#endAfter(remembered);
  }

  #completeInvite(): void {
    this.#state = 'completed';
    // Timer H on every transport, timer G where packets get lost.
    this.#endAfter(remembered);
    if (this.flow.transport === 'udp') this.#repeatAfter(T1);
  }

  #complete(ms: number): void {
    this.#state = 'completed';
    this.#endAfter(ms);
  }

  #repeatAfter(ms: number): void {
    this.#cancelRepeat = this.#clock.after(ms, () => {
      if (this.#last !== null) this.#sendBytes(this.#last);
      this.#repeatAfter(Math.min(2 * ms, T2));
    });
  }

  #endAfter(ms: number): void {
    if (ms === 0) this.dispose();
    else this.#cancelEnd = this.#clock.after(ms, () => this.dispose());
  }

  #stopTimers(): void {
    this.#cancelRepeat?.();
    this.#cancelEnd?.();
  }

  #send(response: SipResponse): void {
    this.#last = serialiseMessage(response);
    this.#sendBytes(this.#last);
  }

  #sendBytes(data: Buffer): void {
    sendResponse(this.request, this.flow, data);
  }
}

/** Sends an answer where its request's top Via says (RFC 3261 section 18.2.2). */
export function sendResponse(request: SipRequest, flow: Flow, data: Buffer): void {
  const via = topVia(request);
  (via === null ? flow : flow.toPort(responsePort(via, flow.remote.port))).send(data);
}

/** Finds the transaction that a request belongs to (RFC 3261 section 17.2.3). */
export class ServerTransactions {
  readonly #clock: MediaClock;
  readonly #byKey = new Map<string, ServerTransaction>();

  constructor(clock: MediaClock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** `method` is INVITE to find what an ACK or a CANCEL is about. */
  find(request: SipRequest, method: string = request.method): ServerTransaction | undefined {
    return this.#byKey.get(keyOf(request, method));
  }

  open(request: SipRequest, flow: Flow): ServerTransaction {
    const key = keyOf(request, request.method);
    const transaction = new ServerTransaction(request, flow, this.#clock, () => this.#byKey.delete(key));
    this.#byKey.set(key, transaction);
    return transaction;
  }

  close(): void {
    for (const transaction of [...this.#byKey.values()]) transaction.dispose();
  }
}

const magicCookie = 'z9hG4bK';

/** Whether the branch is one that RFC 3261 guarantees to be unique; a bare cookie is not (RFC 4475 section 3.2.1). */
export function hasUniqueBranch(request: SipRequest): boolean {
  const branch = topVia(request)?.params.get('branch') ?? '';
  return branch.length > magicCookie.length && branch.toLowerCase().startsWith(magicCookie.toLowerCase());
}

function keyOf(request: SipRequest, method: string): string {
  const via = topVia(request);
  const sentBy = `${via?.host ?? ''}:${via?.port ?? ''}`;
  if (hasUniqueBranch(request)) return `${via?.params.get('branch')}|${sentBy}|${method}`;
  // RFC 2543 peers: URI, From tag, Call-ID, CSeq number and top Via. The To tag is left out: an ACK has one, its INVITE not.
  const number = /^[0-9]*/.exec(header(request, 'CSeq') ?? '')?.[0] ?? '';
  const from = tagOf(header(request, 'From') ?? '') ?? '';
  const branch = via?.params.get('branch') ?? '';
  return ['', request.uri, from, header(request, 'Call-ID') ?? '', number, sentBy, branch, method].join('|');
}
