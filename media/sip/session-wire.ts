/**
 * Between one dialog's messages on the wire and sip.js's session, which sees each request under a number of ours and
 * writes answers and requests that go out with the dialog's own fields.
 */
import { Agent } from './agent.ts';
import { allowedMethods, makeAnswer } from './answer.ts';
import type { ClientTransactions } from './client-transactions.ts';
import type { Dialog } from './dialog.ts';
import type { Flow, Log } from './flow.ts';
import { type HeaderField, type SipRequest, type SipResponse, textOf } from './message.ts';
import type { OfferAnswer } from './offer-answer.ts';
import { cseqNumber } from './request-checks.ts';
import type { ServerTransaction } from './server-transactions.ts';

export interface SessionWireOptions {
  dialog: Dialog;
  callId: string;
  /** Where the peer is; held until `release`. */
  flow: Flow;
  requests: ClientTransactions;
  log: Log;
  /** Fields of a 2xx to an INVITE besides the dialog's. */
  sessionFields(invite: SipRequest): readonly HeaderField[];
  /** A 2xx to the INVITE with this CSeq is out: its ACK is to come. */
  onAccepted(cseq: number): void;
  /** sip.js has ended the session. */
  onTerminated(): void;
  /** The answer to a request of ours came after `finish`. */
  onLateAnswer(): void;
}

export class SessionWire {
  readonly #options: SessionWireOptions;
  readonly #transactions = new Map<number, ServerTransaction>();
  #lastTransaction = 0;
  #flow: Flow;
  #releaseFlow: () => void;
  #agent: Agent | null = null;
  #outstanding = 0;
  #finished = false;

  constructor(options: SessionWireOptions) {
    this.#options = options;
    this.#flow = options.flow;
    this.#releaseFlow = options.flow.hold();
  }

  /** No request of ours waits for its answer. */
  get idle(): boolean {
    return this.#outstanding === 0;
  }

  /** From here on sip.js keeps the session; resolves once it has answered. Before, an attempt costs no more than its transaction. */
  async open(invite: ServerTransaction, description: OfferAnswer): Promise<void> {
    const agent = new Agent(this.#options.log, () => description, {
      onResponse: (number, response) => this.#onResponse(number, response),
      onRequest: (request) => this.#onRequest(request),
      onTerminated: () => this.#options.onTerminated(),
    });
    this.#agent = agent;
    const transaction = this.#number(invite);
    const { request } = invite;
    await agent.accept({ method: 'INVITE', transaction, cseq: cseqNumber(request), sdp: sdpOf(request) });
  }

  /** Hands a request to sip.js under a number of its own. */
  deliver(transaction: ServerTransaction, sdp: string | null): void {
    const { request } = transaction;
    const number = this.#number(transaction);
    try {
      this.#agent?.receive({ method: request.method, transaction: number, cseq: cseqNumber(request), sdp });
    } catch (error) {
      const { log, callId } = this.#options;
      log('error', 'sip.js failed on a request', { callId, method: request.method, error });
      if (transaction.pending) answer(transaction, 500);
    }
    // sip.js drops what does not fit its state; whoever asked must still get an answer.
    if (transaction.pending && request.method !== 'INVITE') answer(transaction, request.method === 'BYE' ? 200 : 500);
  }

  /** Tells sip.js of the ACK of a 2xx. */
  acknowledge(cseq: number, sdp: string | null): void {
    this.#agent?.receive({ method: 'ACK', transaction: ++this.#lastTransaction, cseq, sdp });
  }

  /** Answers with what the dialog adds (RFC 3261 section 12.1.1). */
  respond(transaction: ServerTransaction, status: number, headers: readonly HeaderField[] = [], body?: Buffer): void {
    const { dialog, sessionFields } = this.#options;
    const forming = transaction.isInvite && status > 100 && status < 300;
    const added: HeaderField[] = forming
      ? [...dialog.recordRoute, dialog.contact(transaction.flow), { name: 'Allow', value: allowedMethods }]
      : [];
    if (forming && status >= 200) added.push(...sessionFields(transaction.request));
    const options = {
      toTag: dialog.localTag,
      headers: [...added, ...headers],
      ...(body === undefined ? {} : { body }),
    };
    transaction.respond(makeAnswer(transaction.request, status, options));
  }

  /** Sends an INFO; `rejected` is told the status of a refusal. */
  async info(type: string, body: string, rejected: (status: number) => void): Promise<void> {
    await this.#agent?.info(type, body, rejected);
  }

  /** Sends BYE with this Reason. */
  async bye(reason: string): Promise<void> {
    // sip.js writes UTF-8 itself, so the text goes to it as people write it.
    await this.#agent?.bye(textOf(reason));
  }

  /** The peer has been heard from there: what goes to it takes that way. */
  use(flow: Flow): void {
    if (flow === this.#flow) return;
    this.#releaseFlow();
    this.#flow = flow;
    this.#releaseFlow = this.#finished ? () => {} : flow.hold();
  }

  /** The session is over; answers to requests of ours may still come. */
  finish(): void {
    this.#finished = true;
    // sip.js is still in the middle of its own transition.
    queueMicrotask(() => this.#agent?.dispose());
  }

  release(): void {
    this.#releaseFlow();
  }

  #number(transaction: ServerTransaction): number {
    const number = ++this.#lastTransaction;
    this.#transactions.set(number, transaction);
    return number;
  }

  /** sip.js answers: the same answer goes out with the wire's own fields. */
  #onResponse(number: number, response: SipResponse): void {
    const transaction = this.#transactions.get(number);
    // 100 was sent when the request came.
    if (transaction === undefined || response.status === 100) return;
    const kept = ['Reason', 'Retry-After', ...(response.body.length > 0 ? ['Content-Type'] : [])];
    const headers = response.headers.filter((field) => kept.includes(field.name));
    this.respond(transaction, response.status, headers, response.body);
    if (response.status < 200) return;
    if (transaction.isInvite && response.status < 300) this.#options.onAccepted(cseqNumber(transaction.request));
    else this.#transactions.delete(number);
  }

  /** sip.js sends BYE or INFO: it goes out with the dialog's own identifiers. */
  #onRequest(plain: SipRequest): void {
    const { dialog, requests, onLateAnswer } = this.#options;
    const flow = dialog.flowTo(this.#flow);
    const request = dialog.makeRequest(plain, flow);
    this.#outstanding++;
    requests.send(request, flow, (response) => {
      this.#outstanding--;
      if (this.#finished) onLateAnswer();
      else this.#agent?.receiveResponse(plain, response?.status ?? 408, response?.reason ?? 'Request Timeout');
    });
  }
}

/** An answer without anything of the dialog's. */
export function answer(transaction: ServerTransaction, status: number): void {
  transaction.respond(makeAnswer(transaction.request, status));
}

export function sdpOf(request: SipRequest): string | null {
  return request.body.length === 0 ? null : request.body.toString('utf8');
}
