/** One SIP call from a video system: its states, what may happen in each, and why it ends. */
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import {
  type CallAttempt,
  type LegEnd,
  type MediaClock,
  type MediaSession,
  type SipLeg,
  type SipLegEvents,
  type SipReason,
  UnacceptableOffer,
} from '../call.ts';
import { capabilities, makeAnswer, tagOf } from './answer.ts';
import { attemptOf, mergeKeyOf } from './attempt.ts';
import type { ClientTransactions } from './client-transactions.ts';
import { Dialog } from './dialog.ts';
import { type Flow, type Log, T1 } from './flow.ts';
import { keyFrameRequest, mediaControlType, readInfo } from './info.ts';
import { type HeaderField, header, type SipRequest } from './message.ts';
import { OfferAnswer } from './offer-answer.ts';
import { parseReason, serialiseReason } from './reason.ts';
import { checkOffer, checkSupport, cseqNumber } from './request-checks.ts';
import type { ServerTransaction } from './server-transactions.ts';
import { SessionTimer } from './session-timer.ts';
import { answer, SessionWire, sdpOf } from './session-wire.ts';

/**
 * `attempt` → `answering` (the bridge makes its SDP) → `answered` (200 sent, RFC 3261 section 13.3.1.4) → `confirmed`
 * (ACK) → `ended`. Any state may go to `ended`.
 */
type State = 'attempt' | 'answering' | 'answered' | 'confirmed' | 'ended';

/** What a leg needs of the edge. */
export interface LegHost {
  clock: MediaClock;
  log: Log;
  requests: ClientTransactions;
  /** Nothing for this leg is to come any more. */
  release(leg: Leg): void;
}

/** A key frame is asked for at most once in this time, milliseconds. */
const keyFrameInterval = 1_000;

export class Leg extends EventEmitter<SipLegEvents> implements SipLeg {
  readonly attempt: CallAttempt;
  readonly dialog: Dialog;
  /** `Call-ID`, From tag and CSeq of the INVITE: another INVITE with the same is a merged one (RFC 3261 section 8.2.2.2). */
  readonly mergeKey: string;
  readonly #host: LegHost;
  readonly #invite: ServerTransaction;
  readonly #wire: SessionWire;
  readonly #closed = Promise.withResolvers<void>();
  #state: State = 'attempt';
  #description: OfferAnswer | null = null;
  /** Why the session is about to end, once somebody decided it. */
  #end: LegEnd | null = null;
  #cancelAckTimer: (() => void) | null = null;
  readonly #timer: SessionTimer;
  #keyFrameAt = Number.NEGATIVE_INFINITY;
  #keyFrameRefused = false;

  constructor(invite: ServerTransaction, host: LegHost) {
    super();
    this.#invite = invite;
    this.#host = host;
    this.#timer = new SessionTimer(host.clock, (seconds) =>
      this.#fail(`the room did not refresh its session within the ${seconds} s that were agreed (RFC 4028)`),
    );
    this.attempt = attemptOf(invite);
    this.mergeKey = mergeKeyOf(invite.request);
    this.dialog = new Dialog(invite.request, randomBytes(8).toString('hex'));
    this.#wire = new SessionWire({
      dialog: this.dialog,
      callId: this.attempt.callId,
      flow: invite.flow,
      requests: host.requests,
      log: host.log,
      sessionFields: (request) => this.#timer.answer(request),
      onAccepted: (cseq) => this.#startAckTimer(cseq),
      onTerminated: () => this.#onTerminated(),
      onLateAnswer: () => this.#release(),
    });
    // Whoever decides may take longer than 200 ms (RFC 3261 section 17.2.1).
    answer(invite, 100);
  }

  get ended(): boolean {
    return this.#state === 'ended';
  }

  /** Resolves when the peer has answered our BYE, or the call has ended otherwise. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  async ring(): Promise<void> {
    if (this.#state === 'attempt') this.#wire.respond(this.#invite, 180);
  }

  /** Resolves once the 200 is sent; also when the peer cancelled meanwhile: `ended` says so. */
  async accept(session: MediaSession): Promise<void> {
    if (this.#state === 'ended') return;
    if (this.#state !== 'attempt') throw new Error(`The call ${this.attempt.callId} was answered already`);
    this.#state = 'answering';
    const description = new OfferAnswer(session);
    this.#description = description;
    try {
      await description.prepare(sdpOf(this.#invite.request));
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const status = error instanceof UnacceptableOffer ? 488 : 500;
      const warning = `399 usher "${detail.replace(/[^\x20-\x7e]|["\\]/g, ' ')}"`;
      this.#refuse(status, { by: 'failure', detail }, [{ name: 'Warning', value: warning }]);
      throw error;
    }
    if (this.ended) return;
    this.#state = 'answered';
    await this.#begin(description);
  }

  async reject(status: number, options: { reason?: SipReason; retryAfterSeconds?: number } = {}): Promise<void> {
    const { reason, retryAfterSeconds } = options;
    const headers: HeaderField[] = [];
    if (reason !== undefined) headers.push({ name: 'Reason', value: serialiseReason(reason) });
    if (retryAfterSeconds !== undefined)
      headers.push({ name: 'Retry-After', value: String(Math.ceil(retryAfterSeconds)) });
    this.#refuse(status, { by: 'local', reason: options.reason ?? null }, headers);
  }

  async requestKeyFrame(): Promise<void> {
    const now = this.#host.clock.monotonic();
    if (this.#state !== 'confirmed' || this.#keyFrameRefused || now - this.#keyFrameAt < keyFrameInterval) return;
    this.#keyFrameAt = now;
    await this.#wire.info(mediaControlType, keyFrameRequest, (status) => this.#onInfoRejected(status));
  }

  async hangUp(reason: SipReason): Promise<void> {
    if (this.#state === 'attempt' || this.#state === 'answering') {
      this.#refuse(480, { by: 'local', reason }, [{ name: 'Reason', value: serialiseReason(reason) }]);
    } else if (this.#state !== 'ended') this.#bye({ by: 'local', reason }, reason);
    await this.#closed.promise;
  }

  /** Ends it on our side without waiting for the peer any longer: the edge closes. */
  abandon(): void {
    this.#finish(this.#end ?? { by: 'failure', detail: 'the SIP edge was closed' });
    this.#release();
  }

  /** A request inside this dialog that is neither ACK nor CANCEL. */
  receive(transaction: ServerTransaction): void {
    const { request } = transaction;
    if (tagOf(header(request, 'From') ?? '') !== this.dialog.remoteTag) {
      answer(transaction, 481);
      return;
    }
    this.#wire.use(transaction.flow);
    // Our BYE and the peer's crossed on the wire: both get their 200.
    if (this.ended) {
      answer(transaction, request.method === 'BYE' ? 200 : 481);
      return;
    }
    if (request.method === 'REFER') {
      answer(transaction, 603);
      return;
    }
    const refusal = checkSupport(request, transaction.flow.transport === 'tls');
    if (refusal !== null) {
      transaction.respond(makeAnswer(request, refusal.status, refusal));
      return;
    }
    switch (request.method) {
      case 'OPTIONS':
        transaction.respond(makeAnswer(request, 200, { headers: capabilities }));
        return;
      case 'BYE':
        this.#receiveBye(transaction);
        return;
      case 'INFO':
        this.#receiveInfo(transaction);
        return;
      case 'INVITE':
        this.#receiveReinvite(transaction);
        return;
      default:
        answer(transaction, 481);
        return;
    }
  }

  /** The ACK of a 2xx. */
  receiveAck(request: SipRequest, flow: Flow): void {
    if (this.ended || tagOf(header(request, 'From') ?? '') !== this.dialog.remoteTag) return;
    this.#wire.use(flow);
    this.#acknowledge(cseqNumber(request), sdpOf(request));
  }

  /** A CANCEL of the INVITE; the edge has answered it. RFC 3261 section 9.2: without effect once a final answer was given. */
  cancel(request: SipRequest): void {
    if (!this.#invite.pending) return;
    this.#refuse(487, { by: 'remote', how: 'cancel', reason: parseReason(header(request, 'Reason') ?? '') }, []);
  }

  async #begin(description: OfferAnswer): Promise<void> {
    try {
      await this.#wire.open(this.#invite, description);
    } catch (error) {
      if (!this.#invite.pending) throw error;
      answer(this.#invite, 500);
      this.#finish({ by: 'failure', detail: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  #onTerminated(): void {
    const failure = this.#description?.failure;
    this.#finish(this.#end ?? { by: 'failure', detail: failure?.message ?? 'the SIP dialog ended by itself' });
  }

  #onInfoRejected(status: number): void {
    // RFC 3261 section 12.2.1.2: 481 and no answer at all end the dialog.
    if (status === 481 || status === 408) this.#fail('the peer does not know the call any more');
    else this.#keyFrameRefused = true;
  }

  #receiveBye(transaction: ServerTransaction): void {
    this.#end ??= { by: 'remote', how: 'bye', reason: parseReason(header(transaction.request, 'Reason') ?? '') };
    this.#wire.deliver(transaction, null);
    this.#finish(this.#end);
  }

  #receiveInfo(transaction: ServerTransaction): void {
    const meaning = readInfo(transaction.request);
    if (meaning.kind === 'refused') {
      const { status, headers } = meaning;
      transaction.respond(makeAnswer(transaction.request, status, { headers }));
      return;
    }
    this.#wire.deliver(transaction, null);
    if (meaning.kind === 'key-frame') this.emit('keyFrameRequested');
    if (meaning.kind === 'dtmf') this.emit('dtmf', meaning.digit);
  }

  #receiveReinvite(transaction: ServerTransaction): void {
    const { request } = transaction;
    const refusal = checkOffer(request);
    if (refusal !== null) {
      transaction.respond(makeAnswer(request, refusal.status, refusal));
      return;
    }
    // Section 14.2: an INVITE while ours or theirs is not finished. An ended-to-be session takes no offers.
    if (this.#state === 'attempt' || this.#state === 'answering') {
      transaction.respond(makeAnswer(request, 500, { headers: [{ name: 'Retry-After', value: '2' }] }));
      return;
    }
    if (this.#end !== null) {
      answer(transaction, 481);
      return;
    }
    // A re-INVITE that overtook the ACK proves that the 200 arrived; the ACK follows and is then a repetition.
    this.dialog.refreshTarget(request);
    // The bridge takes its time; without it a peer on UDP would repeat the INVITE (section 17.2.1).
    answer(transaction, 100);
    // An ACK that came in the same segment is still being taken up by sip.js, which would say 500 now.
    setImmediate(() => {
      if (this.ended || this.#end !== null) answer(transaction, 487);
      else this.#wire.deliver(transaction, sdpOf(request));
    });
  }

  #acknowledge(cseq: number, sdp: string | null): void {
    const awaitsAnswer = this.#description?.awaitsAnswer === true;
    // An ACK's body counts only as the answer to our offer; some systems repeat their offer in it.
    this.#wire.acknowledge(cseq, awaitsAnswer ? sdp : null);
    this.#cancelAckTimer?.();
    this.#cancelAckTimer = null;
    if (this.#state !== 'answered') return;
    this.#state = 'confirmed';
    this.emit('confirmed');
  }

  /** Section 13.3.1.4: no ACK within 64 × T1 ends the call. The 200 itself is repeated by sip.js. */
  #startAckTimer(cseq: number): void {
    if (this.#cancelAckTimer !== null || this.ended) return;
    this.#cancelAckTimer = this.#host.clock.after(64 * T1, () => {
      this.#cancelAckTimer = null;
      this.#fail('the peer never acknowledged the answer');
      // sip.js sends no BYE before an ACK: it is told of one.
      if (!this.ended) this.#wire.acknowledge(cseq, null);
    });
  }

  #fail(detail: string): void {
    this.#bye({ by: 'failure', detail }, { protocol: 'SIP', cause: 408, text: 'Request Timeout' });
  }

  #refuse(status: number, end: LegEnd, headers: readonly HeaderField[]): void {
    if (this.#state !== 'attempt' && this.#state !== 'answering') return;
    this.#wire.respond(this.#invite, status, headers);
    this.#finish(end);
  }

  #bye(end: LegEnd, reason: SipReason): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#wire.bye(serialiseReason(reason)).catch((error: unknown) => this.#onSessionError(error));
  }

  #onSessionError(error: unknown): void {
    this.#host.log('warn', 'sip.js could not end a session', { callId: this.attempt.callId, error });
    this.#finish(this.#end ?? { by: 'failure', detail: String(error) });
  }

  #finish(end: LegEnd): void {
    if (this.ended) return;
    this.#state = 'ended';
    this.#timer.stop();
    this.#cancelAckTimer?.();
    this.#cancelAckTimer = null;
    this.#wire.finish();
    if (this.#wire.idle) this.#release();
    this.emit('ended', end);
  }

  #release(): void {
    this.#wire.release();
    this.#host.release(this);
    this.#closed.resolve();
  }
}
