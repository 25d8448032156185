/**
 * One `sip.js` UserAgent for one call. It keeps the dialog's state and offer/answer, and never sees the network: what it
 * is given is a request in a plain form of ours (one Via, our own URIs and Call-ID), and of what it sends only the
 * method, status, tag, body and a few headers are taken. So a peer's grammar cannot make it drop a message, its missing
 * transport layer does not matter, and what the peer wrote goes back to it unchanged.
 */
import { EmitterImpl, type Invitation, SessionState, type Transport, TransportState, UserAgent } from 'sip.js';
import type { Log } from './flow.ts';
import { type HeaderField, parseMessage, type SipRequest, type SipResponse, serialiseMessage } from './message.ts';
import type { OfferAnswer } from './offer-answer.ts';
import { topVia } from './via.ts';

const peerUri = 'sip:peer@peer.invalid';
const ownUri = 'sip:leg@usher.invalid';
const ownHost = 'usher.invalid';

/** A request as the agent is told of it. */
export interface PlainRequest {
  method: string;
  /** The server transaction's number. */
  transaction: number;
  cseq: number;
  /** SDP, or null. */
  sdp: string | null;
}

export interface AgentEvents {
  /** The agent answers a request. */
  onResponse(transaction: number, response: SipResponse): void;
  /** The agent sends a request of its own (BYE, INFO). Answer with `receiveResponse`. */
  onRequest(request: SipRequest): void;
  /** The session is over: by a BYE of either side, or because it could not go on. */
  onTerminated(): void;
}

export class Agent {
  readonly #userAgent: UserAgent;
  readonly #wire: AgentWire;
  #invitation: Invitation | null = null;

  constructor(log: Log, describe: () => OfferAnswer, events: AgentEvents) {
    const uri = UserAgent.makeURI(ownUri);
    if (uri === undefined) throw new Error(`sip.js does not take ${ownUri}`);
    this.#userAgent = new UserAgent({
      uri,
      viaHost: ownHost,
      contactName: 'leg',
      transportConstructor: AgentWire,
      transportOptions: { send: (data: Buffer) => route(data, events) },
      sessionDescriptionHandlerFactory: describe,
      sendInitialProvisionalResponse: false,
      // The call's own machine decides how long to wait, never this one. 24 h is below what setTimeout can hold.
      noAnswerTimeout: 24 * 3_600,
      logBuiltinEnabled: false,
      logConfiguration: false,
      logLevel: 'error',
      logConnector: (level, category, _label, content) => {
        if (level === 'error' || level === 'warn') log('debug', 'sip.js', { category, content });
      },
      delegate: { onInvite: (invitation) => this.#invited(invitation, events) },
    });
    const wire = this.#userAgent.transport;
    if (!(wire instanceof AgentWire)) throw new Error('sip.js made no transport of ours');
    this.#wire = wire;
    void this.#userAgent.start();
  }

  /** Begins the session with its INVITE and answers it 200. @throws Error when sip.js does not take it */
  async accept(invite: PlainRequest): Promise<void> {
    this.receive(invite);
    const session = this.#session();
    await session.accept();
    if (session.state !== SessionState.Established) throw new Error('sip.js did not establish the session');
  }

  /** Hands a request to sip.js; what it answers at once has been through `onResponse` when this returns. */
  receive(request: PlainRequest): void {
    const body = Buffer.from(request.sdp ?? '', 'utf8');
    const tag = this.#invitation?.request.toTag;
    const to = tag === undefined ? `<${ownUri}>` : `<${ownUri}>;tag=${tag}`;
    const headers: HeaderField[] = [
      { name: 'Via', value: `SIP/2.0/UDP peer.invalid;branch=${branchOf(request.transaction)}` },
      { name: 'Max-Forwards', value: '70' },
      { name: 'From', value: `<${peerUri}>;tag=peer` },
      { name: 'To', value: to },
      { name: 'Call-ID', value: 'leg' },
      { name: 'CSeq', value: `${request.cseq} ${request.method}` },
      { name: 'Contact', value: `<${peerUri}>` },
    ];
    if (body.length > 0) headers.push({ name: 'Content-Type', value: 'application/sdp' });
    this.#wire.deliver(serialiseMessage({ kind: 'request', method: request.method, uri: ownUri, headers, body }));
  }

  /** Hands on the peer's answer to a request from `onRequest`. */
  receiveResponse(to: SipRequest, status: number, reason: string): void {
    const kept = to.headers.filter((field) => ['Via', 'From', 'To', 'Call-ID', 'CSeq'].includes(field.name));
    this.#wire.deliver(serialiseMessage({ kind: 'response', status, reason, headers: kept, body: Buffer.alloc(0) }));
  }

  /** Ends the session with a BYE; before the ACK has come, as soon as it comes. `reason`: value of the Reason field. */
  async bye(reason: string): Promise<void> {
    await this.#session().bye({ requestOptions: { extraHeaders: [`Reason: ${reason}`] } });
  }

  /** Sends an INFO; `onReject` hears the status of a refusal. */
  async info(contentType: string, content: string, onReject: (status: number) => void): Promise<void> {
    await this.#session().info({
      requestOptions: { body: { contentDisposition: 'render', contentType, content } },
      requestDelegate: { onReject: (response) => onReject(response.message.statusCode ?? 500) },
    });
  }

  #session(): Invitation {
    if (this.#invitation === null) throw new Error('sip.js has no session');
    return this.#invitation;
  }

  #invited(invitation: Invitation, events: AgentEvents): void {
    this.#invitation = invitation;
    invitation.delegate = {
      onBye: (bye) => void bye.accept(),
      onInfo: (info) => void info.accept(),
    };
    invitation.stateChange.addListener((state) => {
      if (state === SessionState.Terminated) events.onTerminated();
    });
  }

  /** Drops every timer and transaction of sip.js. */
  dispose(): void {
    this.#wire.dispose();
    this.#userAgent.userAgentCore.dispose();
  }
}

function branchOf(transaction: number): string {
  return `z9hG4bKt${transaction}`;
}

function agentResponse(response: SipResponse): [transaction: number, response: SipResponse] {
  const branch = topVia(response)?.params.get('branch') ?? '';
  return [Number(branch.slice('z9hG4bKt'.length)), response];
}

function route(data: Buffer, events: AgentEvents): void {
  const message = parseMessage(data, true)?.message;
  if (message === undefined) return;
  if (message.kind === 'request') events.onRequest(message);
  else events.onResponse(...agentResponse(message));
}

/** The transport that sip.js is given: always connected, ends in this process. */
class AgentWire implements Transport {
  readonly protocol = 'UDP';
  state = TransportState.Disconnected;
  onConnect: (() => void) | undefined;
  onDisconnect: ((error?: Error) => void) | undefined;
  onMessage: ((message: string) => void) | undefined;
  readonly stateChange = new EmitterImpl<TransportState>();
  readonly #send: (data: Buffer) => void;

  constructor(_logger: unknown, options: { send: (data: Buffer) => void }) {
    this.#send = options.send;
  }

  deliver(data: Buffer): void {
    this.onMessage?.(data.toString('utf8'));
  }

  isConnected(): boolean {
    return this.state === TransportState.Connected;
  }

  async connect(): Promise<void> {
    this.#become(TransportState.Connected);
    this.onConnect?.();
  }

  async disconnect(): Promise<void> {
    this.#become(TransportState.Disconnected);
  }

  async dispose(): Promise<void> {
    this.onMessage = undefined;
    this.state = TransportState.Disconnected;
  }

  async send(message: string): Promise<void> {
    this.#send(Buffer.from(message, 'utf8'));
  }

  #become(state: TransportState): void {
    if (this.state === state) return;
    this.state = state;
    this.stateChange.emit(state);
  }
}
