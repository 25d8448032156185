/**
 * The SIP edge: sockets in front, transactions in the middle, one leg for each call. Requests outside of a dialog are
 * answered here; an INVITE that nothing is wrong with becomes a leg and is handed to `onCall`.
 */
import type { MediaClock, SipEdge, SipLeg, SipReason, SipTransport } from '../call.ts';
import { capabilities, makeAnswer, tagOf } from './answer.ts';
import { mergeKeyOf } from './attempt.ts';
import { ClientTransactions } from './client-transactions.ts';
import { defaultLimits, type Flow, type Log, type SipLimits } from './flow.ts';
import { Leg } from './leg.ts';
import { type ListenAddress, type Listener, openListeners, type TlsIdentity } from './listeners.ts';
import { header, parseMessage, type SipRequest, type SipResponse, serialiseMessage } from './message.ts';
import { RateLimit } from './rate-limit.ts';
import { checkInvite, checkSupport, checkSyntax, type Refusal } from './request-checks.ts';
import { type ServerTransaction, ServerTransactions, sendResponse } from './server-transactions.ts';
import { stampTopVia } from './via.ts';

export interface SipEdgeOptions {
  /** Where to listen. UDP and TCP with port 0 on the same address share one port. */
  listen: readonly ListenAddress[];
  /** The address that peers reach us at, for Via and Contact. Default: the socket's own. */
  advertisedAddress?: string;
  clock: MediaClock;
  log: Log;
  /** What is not given has its default. */
  limits?: Partial<SipLimits>;
  /** Needed by a `tls` listener. */
  tls?: TlsIdentity;
}

/** How much the edge holds now: what a test or a metric looks at. */
export interface SipEdgeLoad {
  legs: number;
  serverTransactions: number;
  clientTransactions: number;
  /** Messages that were dropped without an answer since the start: no SIP, or over a source's rate. */
  dropped: number;
}

export interface ObservableSipEdge extends SipEdge {
  readonly load: SipEdgeLoad;
  /** One message from a flow: what the listeners call. `stream`: it was cut from a stream, and is not a datagram. */
  receive(data: Buffer, flow: Flow, stream: boolean): void;
}

export function createSipEdge(options: SipEdgeOptions): ObservableSipEdge {
  return new Edge(options);
}

/** How long `close` waits for peers to answer a BYE before it closes the sockets, milliseconds. */
const farewell = 2_000;

class Edge implements ObservableSipEdge {
  readonly #options: SipEdgeOptions;
  readonly #limits: SipLimits;
  readonly #transactions: ServerTransactions;
  readonly #requests: ClientTransactions;
  readonly #rate: RateLimit;
  readonly #byDialog = new Map<string, Leg>();
  readonly #byInvite = new Map<ServerTransaction, Leg>();
  readonly #byMergeKey = new Map<string, Leg>();
  #listeners: readonly Listener[] = [];
  #onCall: (leg: SipLeg) => void = (leg) => void leg.reject(503);
  #closing = false;
  #dropped = 0;

  constructor(options: SipEdgeOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#transactions = new ServerTransactions(options.clock);
    this.#requests = new ClientTransactions(options.clock);
    this.#rate = new RateLimit(options.clock, this.#limits.messagesPerSecond, this.#limits.burst);
  }

  get load(): SipEdgeLoad {
    return {
      legs: this.#byDialog.size,
      serverTransactions: this.#transactions.size,
      clientTransactions: this.#requests.size,
      dropped: this.#dropped,
    };
  }

  async listen(): Promise<readonly { transport: SipTransport; address: string; port: number }[]> {
    this.#listeners = await openListeners(this.#options.listen, {
      clock: this.#options.clock,
      log: this.#options.log,
      limits: this.#limits,
      tls: this.#options.tls ?? null,
      advertisedAddress: this.#options.advertisedAddress ?? null,
      admit: (source) => this.#admit(source),
      onMessage: (data, flow, stream) => this.receive(data, flow, stream),
      onBroken: (head, flow) => this.#refuseBroken(head, flow),
    });
    return this.#listeners.map((listener) => listener.bound);
  }

  onCall(handler: (leg: SipLeg) => void): void {
    this.#onCall = handler;
  }

  async close(reason: SipReason): Promise<void> {
    this.#closing = true;
    const farewells = [...this.#byDialog.values()].map((leg) => leg.hangUp(reason));
    if (farewells.length > 0) {
      const patience = Promise.withResolvers<void>();
      const cancel = this.#options.clock.after(farewell, () => patience.resolve());
      await Promise.race([Promise.allSettled(farewells), patience.promise]);
      cancel();
    }
    for (const leg of [...this.#byDialog.values()]) leg.abandon();
    this.#requests.close();
    this.#transactions.close();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    this.#listeners = [];
  }

  receive(data: Buffer, flow: Flow, stream: boolean): void {
    const parsed = parseMessage(data, stream);
    if (parsed === null) this.#dropped++;
    else if (parsed.message.kind === 'response') {
      if (parsed.malformed === null) this.#receiveResponse(parsed.message);
    } else {
      stampTopVia(parsed.message, flow.remote);
      const refusal = checkSyntax(parsed.message, parsed.malformed);
      if (refusal === null) this.#receiveRequestSafely(parsed.message, flow);
      else this.#refuseStateless(parsed.message, flow, refusal);
    }
  }

  /** One request, or whoever was told of it, may fail; the others' calls go on. */
  #receiveRequestSafely(request: SipRequest, flow: Flow): void {
    try {
      this.#receiveRequest(request, flow);
    } catch (error) {
      this.#options.log('error', 'A SIP request failed', {
        method: request.method,
        callId: header(request, 'Call-ID'),
        error,
      });
      const transaction = this.#transactions.find(request);
      if (transaction === undefined) return;
      void this.#byInvite.get(transaction)?.reject(500);
      if (transaction.pending) refuse(transaction, { status: 500 });
    }
  }

  #admit(source: string): boolean {
    const admitted = this.#rate.take(source);
    if (!admitted) this.#dropped++;
    return admitted;
  }

  #refuseBroken(head: Buffer, flow: Flow): void {
    const parsed = parseMessage(head, true);
    if (parsed?.message.kind !== 'request') return;
    const status = head.length >= this.#limits.messageBytes ? 513 : 400;
    this.#refuseStateless(parsed.message, flow, { status });
  }

  /** Without a transaction: the same request gets the same answer again (RFC 3261 section 8.2.7). */
  #refuseStateless(request: SipRequest, flow: Flow, refusal: Refusal): void {
    // An ACK is never answered (17.1.1.3).
    if (request.method === 'ACK') return;
    sendResponse(request, flow, serialiseMessage(makeAnswer(request, refusal.status, refusal)));
  }

  #receiveResponse(response: SipResponse): void {
    const method = header(response, 'CSeq')?.split(/\s+/)[1] ?? '';
    // What answers nothing of ours is dropped, as a server's strays should be (18.1.2).
    if (!this.#requests.receive(response, method)) this.#dropped++;
  }

  #receiveRequest(request: SipRequest, flow: Flow): void {
    if (request.method === 'ACK') {
      this.#receiveAck(request, flow);
      return;
    }
    const known = this.#transactions.find(request);
    if (known !== undefined) {
      known.receiveRetransmission();
      return;
    }
    if (this.#transactions.size >= this.#limits.transactions) {
      this.#refuseStateless(request, flow, this.#unavailable());
      return;
    }
    const transaction = this.#transactions.open(request, flow);
    if (request.method === 'CANCEL') {
      this.#receiveCancel(transaction);
      return;
    }
    const toTag = tagOf(header(request, 'To') ?? '');
    if (toTag === null) {
      this.#receiveOutsideDialog(transaction);
      return;
    }
    const leg = this.#byDialog.get(dialogKey(header(request, 'Call-ID') ?? '', toTag));
    // 12.2.2: a request for a dialog that we do not know (any more).
    if (leg === undefined) {
      refuse(transaction, { status: 481 });
      return;
    }
    leg.receive(transaction);
  }

  #receiveAck(request: SipRequest, flow: Flow): void {
    const invite = this.#transactions.find(request, 'INVITE');
    if (invite?.receiveAck() === true) return;
    const toTag = tagOf(header(request, 'To') ?? '') ?? '';
    this.#byDialog.get(dialogKey(header(request, 'Call-ID') ?? '', toTag))?.receiveAck(request, flow);
  }

  /** RFC 3261 section 9.2. */
  #receiveCancel(transaction: ServerTransaction): void {
    const invite = this.#transactions.find(transaction.request, 'INVITE');
    if (invite === undefined) {
      refuse(transaction, { status: 481 });
      return;
    }
    const leg = this.#byInvite.get(invite);
    const toTag = leg?.dialog.localTag;
    transaction.respond(makeAnswer(transaction.request, 200, toTag === undefined ? {} : { toTag }));
    leg?.cancel(transaction.request);
  }

  #receiveOutsideDialog(transaction: ServerTransaction): void {
    const { request, flow } = transaction;
    const refusal = checkSupport(request, flow.transport === 'tls');
    if (refusal !== null) {
      refuse(transaction, refusal);
      return;
    }
    switch (request.method) {
      case 'OPTIONS':
        // 11.2: answered as an INVITE would be.
        refuse(transaction, this.#full() ? this.#unavailable() : { status: 200, headers: capabilities });
        return;
      case 'INVITE':
        this.#receiveInvite(transaction);
        return;
      default:
        // BYE and INFO exist in dialogs alone.
        refuse(transaction, { status: 481 });
        return;
    }
  }

  #receiveInvite(transaction: ServerTransaction): void {
    const { request } = transaction;
    const refusal = checkInvite(request);
    if (refusal !== null) {
      refuse(transaction, refusal);
      return;
    }
    // 8.2.2.2: the same INVITE came by two ways.
    if (this.#byMergeKey.has(mergeKeyOf(request))) {
      refuse(transaction, { status: 482 });
      return;
    }
    if (this.#full()) {
      refuse(transaction, this.#unavailable());
      return;
    }
    const leg = new Leg(transaction, {
      clock: this.#options.clock,
      log: this.#options.log,
      requests: this.#requests,
      release: (ended) => this.#release(ended, transaction),
    });
    this.#byDialog.set(dialogKey(leg.dialog.callId, leg.dialog.localTag), leg);
    this.#byInvite.set(transaction, leg);
    this.#byMergeKey.set(leg.mergeKey, leg);
    this.#onCall(leg);
  }

  #release(leg: Leg, invite: ServerTransaction): void {
    this.#byDialog.delete(dialogKey(leg.dialog.callId, leg.dialog.localTag));
    this.#byInvite.delete(invite);
    this.#byMergeKey.delete(leg.mergeKey);
  }

  #full(): boolean {
    return this.#closing || this.#byDialog.size >= this.#limits.legs;
  }

  #unavailable(): Refusal {
    return { status: 503, headers: [{ name: 'Retry-After', value: String(this.#limits.retryAfterSeconds) }] };
  }
}

function dialogKey(callId: string, localTag: string): string {
  return `${callId}|${localTag}`;
}

/** Answers once and for all. */
function refuse(transaction: ServerTransaction, refusal: Refusal): void {
  transaction.respond(makeAnswer(transaction.request, refusal.status, refusal));
}
