/**
 * Port between media and the composition: what a SIP leg and a bridged call are to those who conduct them. The conductor
 * (src/calls) admits an attempt, opens a bridge, answers the leg with the bridge's media, starts a guest leg and moves
 * the gate. Nobody but the bridge lets media pass, and it does so in gate state `admitted` alone.
 */

/** The slice of the Clock port (src/clock.ts) that media uses. */
export interface MediaClock {
  now(): number;
  monotonic(): number;
  after(ms: number, run: () => void): () => void;
}

export type SipTransport = 'udp' | 'tcp' | 'tls';

/** An INVITE that starts a dialog, as it came in. */
export interface CallAttempt {
  /** SIP Call-ID. */
  callId: string;
  /** User part of the Request-URI: the dial token. Empty where there is none. */
  user: string;
  /** Host part of the Request-URI, lower case. */
  host: string;
  from: { uri: string; displayName: string | null };
  /** Where the message came from, as the socket saw it. */
  source: { transport: SipTransport; address: string; port: number };
  /** `P-Asserted-Identity`; whoever reads it decides whether the source may assert one. */
  assertedIdentity: string | null;
  userAgent: string | null;
}

/** RFC 3326 Reason header. */
export interface SipReason {
  protocol: 'SIP' | 'Q.850' | 'X-Usher';
  cause: number;
  text: string;
}

/** Answers and makes offers for one call: the bridge's side of SDP (RFC 3264). */
export interface MediaSession {
  /** Takes the peer's offer (first or later) and returns our answer. @throws UnacceptableOffer → 488 */
  answer(offer: string): Promise<string>;
  /** Makes our offer, for an INVITE or re-INVITE that came without one (late offer). */
  offer(): Promise<string>;
  /** Takes the peer's answer to `offer()`. @throws UnacceptableOffer */
  accept(answer: string): Promise<void>;
}

/** Nothing in an SDP body that we can carry, or not SDP at all. The message names what is missing. */
export class UnacceptableOffer extends Error {
  override name = 'UnacceptableOffer';
}

export type LegEnd =
  | { by: 'remote'; how: 'bye' | 'cancel'; reason: SipReason | null }
  | { by: 'local'; reason: SipReason | null }
  | { by: 'failure'; detail: string };

export interface SipLegEvents {
  /** The dialog is confirmed: the peer acknowledged our 200. */
  confirmed: [];
  /** The peer asks for a key frame (INFO with `media_control+xml`, RFC 5168). */
  keyFrameRequested: [];
  /** DTMF by INFO: one of `0-9*#A-D`. */
  dtmf: [digit: string];
  /** Emitted exactly once. */
  ended: [end: LegEnd];
}

/** One SIP dialog with a video system, we being the server. */
export interface SipLeg {
  readonly attempt: CallAttempt;
  on<K extends keyof SipLegEvents>(event: K, listener: (...args: SipLegEvents[K]) => void): this;
  /** Sends 180 Ringing. */
  ring(): Promise<void>;
  /** Answers 200 with the session's SDP, and hands every later offer to it. @throws UnacceptableOffer after having sent 488 */
  accept(session: MediaSession): Promise<void>;
  /** Refuses the attempt. 4xx to 6xx. */
  reject(status: number, options?: { reason?: SipReason; retryAfterSeconds?: number }): Promise<void>;
  /** Asks the peer for a key frame by INFO, for peers that did not negotiate PLI or FIR. */
  requestKeyFrame(): Promise<void>;
  /** BYE with a Reason; CANCEL-safe, idempotent. */
  hangUp(reason: SipReason): Promise<void>;
}

/** The SIP edge: sockets, transactions, dialogs. Calls `onCall` for each new INVITE that is well formed. */
export interface SipEdge {
  /** Starts listening; `port` 0 takes any free one, the same for UDP and TCP. */
  listen(): Promise<readonly { transport: SipTransport; address: string; port: number }[]>;
  onCall(handler: (leg: SipLeg) => void): void;
  /** Stops taking calls; ends live ones with `reason`. */
  close(reason: SipReason): Promise<void>;
}

/**
 * What may pass between room and meeting.
 * `closed`: nothing; the room sees the slate. `admitted`: both ways.
 */
export type GateState = 'closed' | 'admitted';

export interface StreamStats {
  kind: 'audio' | 'video';
  direction: 'from-room' | 'to-room';
  codec: string;
  packets: number;
  bytes: number;
  lost: number;
  /** Milliseconds. */
  jitterMs: number | null;
  roundTripMs: number | null;
}

/** mediasoup's WebRtcTransport parameters as a guest page's mediasoup-client wants them; opaque to everyone between. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * The bridge's side of one web page (a guest page or a slate page): what the page asks for by name, answered by value.
 * How it travels (a binding, a WebSocket) is the page host's matter. Methods: `capabilities`, `createTransport`,
 * `connectTransport`, `produce`, `consume`, `resume`; see media/bridge/page-port.ts for shapes.
 */
export interface PagePort {
  request(method: string, data: Json): Promise<Json>;
  /** Drops every transport and producer that this page made. */
  close(): void;
}

export interface BridgedCallEvents {
  /** No RTP and no RTCP from the room for the configured time. */
  silent: [];
  /** The guest's page asked for, or the room's system sent, DTMF (RFC 4733). */
  dtmf: [digit: string];
  /** The room's system must be asked for a key frame by SIP INFO, because it negotiated neither PLI nor FIR. */
  keyFrameNeeded: [];
  /** The worker died: the call cannot go on. */
  failed: [error: Error];
}

/** One call's media: the room's RTP on one side, pages on the other, the gate between them. */
export interface BridgedCall extends MediaSession {
  on<K extends keyof BridgedCallEvents>(event: K, listener: (...args: BridgedCallEvents[K]) => void): this;
  /** The only switch there is. `closed` shows the slate. Idempotent. */
  setGate(state: GateState): Promise<void>;
  readonly gate: GateState;
  /** The port for the guest page: what it produces reaches the room, and what the room sends reaches it, in `admitted` only. */
  guestPort(): PagePort;
  /** The port for the slate page: what it produces is what the room sees while the gate is closed. */
  slatePort(): PagePort;
  /** The room's system wants a key frame of what it is being shown. */
  requestKeyFrame(): void;
  stats(): Promise<readonly StreamStats[]>;
  close(): Promise<void>;
}

export interface Bridge {
  /** How many calls are open now. */
  readonly calls: number;
  /** @throws Error with the reason when no worker is alive */
  open(callId: string): Promise<BridgedCall>;
  close(): Promise<void>;
}
