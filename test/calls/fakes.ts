/** In-memory stand-ins for everything that a call is composed of: each remembers what it was told, in order. */
import { EventEmitter } from 'node:events';
import {
  type Bridge,
  type BridgedCall,
  type BridgedCallEvents,
  type CallAttempt,
  type GateState,
  type LegEnd,
  type MediaSession,
  type PagePort,
  type SipEdge,
  type SipLeg,
  type SipLegEvents,
  type SipReason,
  type StreamStats,
  UnacceptableOffer,
} from '../../media/call.ts';
import type { GuestAdapter, GuestLeg, GuestState, JoinRequest, Outcome } from '../../media/guest/guest.ts';
import type { TokenDirectory, TokenEntry } from '../../src/calls/admission.ts';
import type { CallSlate, SlateScene, Slates } from '../../src/calls/slates.ts';

export const token = 'abcdefghijklmnopqrstuvwxyz';

export class FakeLeg extends EventEmitter<SipLegEvents> implements SipLeg {
  readonly attempt: CallAttempt;
  /** `ring`, `accept`, `reject 404`, `bye SIP 603`, … */
  readonly told: string[] = [];
  session: MediaSession | null = null;
  rejected: { status: number; retryAfterSeconds?: number } | null = null;
  hungUp: SipReason | null = null;
  #ended = false;

  constructor(attempt: Partial<CallAttempt> = {}) {
    super();
    this.attempt = {
      callId: 'call-1',
      user: token.toUpperCase(),
      host: 'usher.example.com',
      from: { uri: 'sip:room@192.0.2.10', displayName: 'Room' },
      source: { transport: 'udp', address: '192.0.2.10', port: 5060 },
      assertedIdentity: null,
      userAgent: 'VTC 1.0',
      ...attempt,
    };
  }

  async ring(): Promise<void> {
    this.told.push('ring');
  }

  async accept(session: MediaSession): Promise<void> {
    this.session = session;
    try {
      await session.answer('v=0\r\nm=audio 1 RTP/AVP 0\r\na=sendrecv\r\n');
    } catch (error) {
      this.told.push('reject 488');
      this.end({ by: 'failure', detail: String(error) });
      throw error;
    }
    this.told.push('accept');
    this.emit('confirmed');
  }

  async reject(status: number, options: { reason?: SipReason; retryAfterSeconds?: number } = {}): Promise<void> {
    const { retryAfterSeconds } = options;
    this.rejected = { status, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
    this.told.push(`reject ${status}`);
    this.end({ by: 'local', reason: options.reason ?? null });
  }

  async requestKeyFrame(): Promise<void> {
    this.told.push('key frame');
  }

  async hangUp(reason: SipReason): Promise<void> {
    if (this.#ended) return;
    this.hungUp = reason;
    this.told.push(`bye ${reason.protocol} ${reason.cause}`);
    this.end({ by: 'local', reason });
  }

  /** The dialog is over, as the port promises: once. */
  end(end: LegEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.emit('ended', end);
  }
}

export class FakeEdge implements SipEdge {
  #handler: (leg: SipLeg) => void = () => {};

  async listen(): Promise<[]> {
    return [];
  }

  onCall(handler: (leg: SipLeg) => void): void {
    this.#handler = handler;
  }

  async close(): Promise<void> {}

  call(leg: SipLeg): void {
    this.#handler(leg);
  }
}

class FakePort implements PagePort {
  closed = false;

  async request(): Promise<null> {
    return null;
  }

  close(): void {
    this.closed = true;
  }
}

export class FakeBridgedCall extends EventEmitter<BridgedCallEvents> implements BridgedCall {
  gate: GateState = 'closed';
  /** Every change of the gate. */
  readonly gates: GateState[] = [];
  closed = false;
  keyFrames = 0;
  guestPorts = 0;
  refuse = false;
  readonly #forget: () => void;

  constructor(forget: () => void) {
    super();
    this.#forget = forget;
  }

  async answer(): Promise<string> {
    if (this.refuse) throw new UnacceptableOffer('no codec in common');
    return 'v=0\r\n';
  }

  async offer(): Promise<string> {
    return 'v=0\r\n';
  }

  async accept(): Promise<void> {}

  async setGate(state: GateState): Promise<void> {
    if (state !== this.gate) this.gates.push(state);
    this.gate = state;
  }

  guestPort(): PagePort {
    this.guestPorts++;
    return new FakePort();
  }

  slatePort(): PagePort {
    return new FakePort();
  }

  requestKeyFrame(): void {
    this.keyFrames++;
  }

  async stats(): Promise<readonly StreamStats[]> {
    const stream = { packets: 100, bytes: 10_000, lost: 1, jitterMs: 2, roundTripMs: 3 };
    return [
      { kind: 'audio', direction: 'from-room', codec: 'G722', ...stream },
      { kind: 'video', direction: 'from-room', codec: 'H264', ...stream },
    ];
  }

  async close(): Promise<void> {
    this.closed = true;
    this.#forget();
  }
}

export class FakeBridge implements Bridge {
  readonly opened: FakeBridgedCall[] = [];
  calls = 0;
  broken = false;
  /** The next call finds nothing in common with its room. */
  refuseNext = false;

  async open(): Promise<BridgedCall> {
    if (this.broken) throw new Error('no worker is alive');
    const call = new FakeBridgedCall(() => {
      this.calls--;
    });
    call.refuse = this.refuseNext;
    this.calls++;
    this.opened.push(call);
    return call;
  }

  async close(): Promise<void> {}
}

export class FakeGuestLeg implements GuestLeg {
  state: GuestState = { state: 'joining' };
  readonly request: JoinRequest;
  readonly #listeners: ((state: GuestState) => void)[] = [];

  constructor(request: JoinRequest) {
    this.request = request;
  }

  onState(listener: (state: GuestState) => void): void {
    this.#listeners.push(listener);
  }

  become(state: GuestState): void {
    this.state = state;
    for (const listener of this.#listeners) listener(state);
  }

  end(outcome: Outcome, detail: string | null = null): void {
    this.become({ state: 'ended', outcome, detail });
  }

  async leave(): Promise<void> {
    if (this.state.state !== 'ended') this.end('left');
  }
}

export class FakeGuests implements GuestAdapter {
  readonly name: string;
  readonly legs: FakeGuestLeg[] = [];
  readonly warmed: number[] = [];

  constructor(name = 'fake') {
    this.name = name;
  }

  get last(): FakeGuestLeg {
    const leg = this.legs.at(-1);
    if (leg === undefined) throw new Error('nobody has joined');
    return leg;
  }

  join(request: JoinRequest): GuestLeg {
    const leg = new FakeGuestLeg(request);
    this.legs.push(leg);
    return leg;
  }

  async warm(pages: number): Promise<void> {
    this.warmed.push(pages);
  }

  async close(): Promise<void> {}
}

export class FakeSlates implements Slates {
  readonly shown: SlateScene[] = [];
  opened = 0;
  live = 0;
  resting = false;
  readonly warmed: number[] = [];
  broken = false;
  lose: (() => void) | null = null;

  async warm(pages: number): Promise<void> {
    this.warmed.push(pages);
  }

  async open(): Promise<CallSlate> {
    if (this.broken) throw new Error('no browser');
    this.opened++;
    this.live++;
    const slates = this;
    return {
      async show(scene) {
        slates.shown.push(scene);
        slates.resting = false;
      },
      async rest() {
        slates.resting = true;
      },
      onGone(listener) {
        slates.lose = () => listener('the page crashed');
      },
      async close() {
        slates.live--;
      },
    };
  }
}

export class FakeDirectory implements TokenDirectory {
  readonly entries = new Map<string, TokenEntry>();
  planned = 0;

  find(wanted: string): TokenEntry | null {
    return this.entries.get(wanted) ?? null;
  }

  upcoming(): number {
    return this.planned;
  }
}

const hour = 3_600_000;

/** A meeting that began at `start` and is open from 10 minutes before it until 2 hours after its end. */
export function tokenEntry(
  start: number,
  change: { room?: Partial<TokenEntry['room']>; id?: string } = {},
): TokenEntry {
  return {
    room: { id: 'board', name: 'Board room', language: 'en', timeZone: 'UTC', callers: null, ...change.room },
    entry: { id: change.id ?? 'usher-entry', title: 'Weekly', start, end: start + hour },
    meeting: {
      url: 'https://teams.example.com/meet/1',
      meetingId: null,
      passcode: null,
      threadId: null,
      messageId: null,
      tenantId: null,
      organizerId: null,
      cloud: null,
      tenancy: null,
      broadcast: false,
      organizerDomain: null,
    },
    window: { from: start - 10 * 60_000, until: start + 3 * hour },
  };
}
