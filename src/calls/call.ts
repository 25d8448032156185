/** One call: the room's SIP leg, the bridge with its gate, the slate, and the guest leg into the meeting. */
import type { BridgedCall, LegEnd, MediaClock, SipLeg } from '../../media/call.ts';
import { UnacceptableOffer } from '../../media/call.ts';
import { chooseLegs, mayFallBack, type Refusal } from '../../media/guest/choose.ts';
import type { GuestAdapter, GuestLeg, GuestState, Outcome } from '../../media/guest/guest.ts';
import type { MeetingTarget } from '../rooms/plan.ts';
import type { TokenDirectory, TokenEntry } from './admission.ts';
import type { CallLog } from './call-log.ts';
import { HoldWatch } from './hold-watch.ts';
import { type CallOutcome, outcomeTable } from './outcomes.ts';
import type { RecordKeeper } from './records.ts';
import { SlateKeeper } from './slate-keeper.ts';
import type { SlateScene, Slates } from './slates.ts';
import { type CallState, mayFollow } from './states.ts';

/** What tenants refused lately (src/rooms/refusals.ts). None of it rejects. */
export interface RefusalMemory {
  of(meeting: MeetingTarget): readonly Refusal[];
  remember(meeting: MeetingTarget, leg: string, outcome: Outcome): Promise<void>;
  forget(meeting: MeetingTarget, leg: string): Promise<void>;
}

export interface CallParts {
  leg: SipLeg;
  found: TokenEntry;
  /** Opens this call's bridge. */
  openBridge: () => Promise<BridgedCall>;
  slates: Slates;
  /** Ways into the meeting, tried in order when one fails for technical reasons. At least one. */
  guests: readonly GuestAdapter[];
  refusals: RefusalMemory;
  directory: Pick<TokenDirectory, 'find'>;
  record: RecordKeeper;
  clock: MediaClock;
  log: CallLog;
  /** How often the guest may ask to be let in, in all. */
  maxKnocks: number;
  /** How long the slate says why before BYE, milliseconds; null: as the outcome's row says. */
  farewellMs: number | null;
  /** Told of every state, and at the end with the outcome. */
  onState: (state: CallState, outcome: CallOutcome | null) => void;
}

/** Pause before knocking again, milliseconds; longer each time. */
const knockPause = 2_000;
/** How long an answer to BYE is waited for; the SIP edge goes on repeating it by itself, milliseconds. */
const byePatience = 1_500;
/** How long parts may take to close before the call counts as over, milliseconds. */
const closingPatience = 10_000;
/** A room that waits for its window is told of a changed meeting within this time, milliseconds. */
const lookAgain = 30_000;

export class Call {
  readonly found: TokenEntry;
  readonly #parts: CallParts;
  /** Those of the ways that lead into this meeting, in order. */
  #ways: readonly GuestAdapter[] = [];
  /** Somebody in the meeting may have seen this guest wait: what they decide counts, for every way in. */
  #reachedLobby = false;
  readonly #done = Promise.withResolvers<void>();
  readonly #slate: SlateKeeper;
  #state: CallState = 'attempt';
  #bridged: BridgedCall | null = null;
  #guest: GuestLeg | null = null;
  #adapter = 0;
  #knocks = 0;
  #stopTimer: () => void = () => {};
  /** Set once: from then on nothing but the end follows. */
  #over: { outcome: CallOutcome; detail: string | null } | null = null;
  /** What the farewell is about: a room that hangs up while it reads has still been told that. */
  #farewellOf: { outcome: CallOutcome; detail: string | null } | null = null;
  #legFailure: string | null = null;
  #finishing = false;

  constructor(parts: CallParts) {
    this.#parts = parts;
    this.found = parts.found;
    const { room, entry } = parts.found;
    this.#slate = new SlateKeeper(
      parts.slates,
      { room: room.name, title: entry.title, language: room.language },
      parts.log,
    );
  }

  get state(): CallState {
    return this.#state;
  }

  /** Resolves when the call is over and nothing of it is left. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** Answers and conducts the call. Never rejects; see `done`. */
  async start(): Promise<void> {
    const { leg, record, clock } = this.#parts;
    record.state('attempt', clock.now());
    leg.on('ended', (end) => this.#legEnded(end));
    try {
      await leg.ring();
      await this.#answer();
    } catch (error) {
      this.#crashed(error);
    }
  }

  /** Ends it from our side. */
  end(outcome: CallOutcome, detail: string | null = null): void {
    this.#finish(outcome, detail);
  }

  async #answer(): Promise<void> {
    const { leg, openBridge, log } = this.#parts;
    let bridged: BridgedCall;
    try {
      bridged = await openBridge();
    } catch (error) {
      log('error', 'No bridge for a call', { callId: leg.attempt.callId, error });
      await leg.reject(503, { reason: outcomeTable['bridge-failed'].reason, retryAfterSeconds: 60 });
      this.#finish('bridge-failed', words(error));
      return;
    }
    this.#bridged = bridged;
    this.#listen(bridged);
    if (this.#over !== null) return;
    try {
      await leg.accept(new HoldWatch(bridged, (held) => this.#held(held)));
    } catch (error) {
      // The leg has ended already; why is known here alone.
      this.#finish(error instanceof UnacceptableOffer ? 'no-common-media' : 'bridge-failed', words(error));
      return;
    }
    if (this.#legFailure !== null) this.#finish('signalling-failed', this.#legFailure);
    if (this.#over !== null || !this.#to('answered')) return;
    this.#slate.open(() => bridged.slatePort());
    this.#waitOrJoin();
  }

  #listen(bridged: BridgedCall): void {
    const { leg } = this.#parts;
    leg.on('keyFrameRequested', () => bridged.requestKeyFrame());
    bridged.on('keyFrameNeeded', () => void leg.requestKeyFrame().catch((error: unknown) => this.#ignored(error)));
    bridged.on('silent', () => this.#finish('silent', 'no RTP and no RTCP from the room'));
    bridged.on('failed', (error) => this.#finish('bridge-failed', error.message));
  }

  /** Docs, "Dial tokens": earlier than the window, the room sees when it can be joined, and is joined then. */
  #waitOrJoin(): void {
    const { clock, directory, leg } = this.#parts;
    // The plan may have changed meanwhile: the window is always the one of now.
    const found = this.#state === 'early' ? directory.find(leg.attempt.user.toLowerCase()) : this.found;
    const now = clock.now();
    if (found === null || now >= found.window.until) {
      this.#farewell('withdrawn', 'the meeting was cancelled or moved while the room waited');
      return;
    }
    const wait = found.window.from - now;
    if (wait <= 0) {
      this.#join(false);
      return;
    }
    if (this.#state !== 'early') this.#to('early');
    this.#show({ kind: 'early', startsAt: timeOfDay(found.window.from, found.room), remainingMs: wait });
    this.#stopTimer = clock.after(Math.min(wait, lookAgain), () => this.#waitOrJoin());
  }

  #join(again: boolean): void {
    if (this.#over !== null || !this.#to('joining')) return;
    if (!again && !this.#chooseWays()) return;
    this.#show({ kind: again ? 'reconnecting' : 'joining' });
    this.#askToJoin().catch((error: unknown) => this.#crashed(error));
  }

  /** By what is known when the room joins, which may be long after it has dialled. False where no way leads in. */
  #chooseWays(): boolean {
    const { guests, refusals } = this.#parts;
    const { meeting } = this.found;
    const refused = refusals.of(meeting);
    const { legs, reasons } = chooseLegs({ ...meeting, configured: guests.map(({ name }) => name), refused });
    this.#ways = [...new Set(legs)].flatMap((leg) => guests.filter(({ name }) => name === leg));
    if (this.#ways.length > 0) return true;
    const why = reasons.map(({ leg, why }) => (leg === '' ? why : `${leg}: ${why}`)).join('; ');
    this.#farewell(refused[0]?.outcome ?? 'failed', `no way leads into this meeting: ${why}`);
    return false;
  }

  async #askToJoin(): Promise<void> {
    const { record, log } = this.#parts;
    const bridged = this.#bridged;
    const adapter = this.#ways[this.#adapter];
    if (bridged === null || adapter === undefined) {
      this.#farewell('failed', 'there is no further way into this meeting');
      return;
    }
    const { audioCodec, video } = await mediaOf(bridged);
    if (this.#over !== null) return;
    this.#knocks++;
    record.knock(adapter.name);
    const media = bridged.guestPort();
    const guest = adapter.join({
      meeting: this.found.meeting,
      displayName: this.found.room.name,
      media,
      audioCodec,
      video,
    });
    this.#guest = guest;
    guest.onState((state) => this.#guestIs(guest, state));
    log('debug', 'The guest asks to be let in', {
      roomId: this.found.room.id,
      adapter: adapter.name,
      knock: this.#knocks,
    });
    if (guest.state.state !== 'joining') this.#guestIs(guest, guest.state);
  }

  #guestIs(guest: GuestLeg, state: GuestState): void {
    // A guest that was replaced has nothing to say any more.
    if (guest !== this.#guest || this.#over !== null) return;
    switch (state.state) {
      case 'joining':
        return;
      case 'lobby':
        this.#cameIn();
        if (this.#to('lobby')) this.#show({ kind: 'lobby', waitedMs: 0 });
        return;
      case 'admitted':
        this.#admitted().catch((error: unknown) => this.#crashed(error));
        return;
      case 'ended':
        this.#guest = null;
        this.#guestEnded(state.outcome, state.detail).catch((error: unknown) => this.#crashed(error));
        return;
    }
  }

  /** From here on people decide, and no policy of the tenant stands in this way. */
  #cameIn(): void {
    if (this.#reachedLobby) return;
    this.#reachedLobby = true;
    const leg = this.#ways[this.#adapter]?.name;
    if (leg !== undefined) void this.#parts.refusals.forget(this.found.meeting, leg);
  }

  /** The one place that opens the gate. */
  async #admitted(): Promise<void> {
    this.#cameIn();
    if (!this.#to('admitted')) return;
    const bridged = this.#bridged;
    const guest = this.#guest;
    await bridged?.setGate('admitted');
    // The host may have thought better of it while the gate was opening.
    if (this.#over !== null || this.#guest !== guest) {
      await bridged?.setGate('closed');
      return;
    }
    bridged?.requestKeyFrame();
    this.#show({ kind: 'admitted' });
    this.#slate.rest();
  }

  async #guestEnded(outcome: Outcome, detail: string | null): Promise<void> {
    // First of all nothing may pass any more; the room sees the slate from now on.
    await this.#bridged?.setGate('closed');
    if (this.#over !== null) return;
    const { maxKnocks, clock, log, refusals } = this.#parts;
    const leg = this.#ways[this.#adapter]?.name;
    if (!this.#reachedLobby && leg !== undefined) void refusals.remember(this.found.meeting, leg, outcome);
    // A way in that never came as far as the lobby is given up for the next; one that worked is tried again.
    const next = mayFallBack(outcome, this.#reachedLobby) && this.#adapter + 1 < this.#ways.length;
    if ((!outcomeTable[outcome].knockAgain && !next) || this.#knocks >= maxKnocks) {
      this.#farewell(outcome, detail);
      return;
    }
    if (next) this.#adapter++;
    log('warn', 'The guest leg was lost and is tried again', { roomId: this.found.room.id, outcome, detail });
    this.#show({ kind: 'reconnecting' });
    this.#stopTimer();
    this.#stopTimer = clock.after(knockPause * this.#knocks, () => this.#join(true));
  }

  /** Says why on the slate, then BYE. */
  #farewell(outcome: CallOutcome, detail: string | null): void {
    const row = outcomeTable[outcome];
    if (this.#over !== null) return;
    if (row.slate === null || row.slateMs === 0 || !this.#to('farewell', outcome)) {
      this.#finish(outcome, detail);
      return;
    }
    this.#show({ kind: 'ended', outcome: row.slate });
    this.#stopTimer();
    this.#stopTimer = this.#parts.clock.after(this.#parts.farewellMs ?? row.slateMs, () =>
      this.#finish(outcome, detail),
    );
    this.#farewellOf = { outcome, detail };
  }

  #legEnded(end: LegEnd): void {
    if (this.#farewellOf !== null && end.by === 'remote')
      this.#finish(this.#farewellOf.outcome, this.#farewellOf.detail);
    else if (end.by === 'remote')
      this.#finish('room-left', end.reason === null ? end.how : `${end.how}: ${end.reason.text}`);
    else if (end.by === 'failure' && this.#state === 'attempt') this.#legFailure = end.detail;
    else if (end.by === 'failure') this.#finish('signalling-failed', end.detail);
  }

  #finish(outcome: CallOutcome, detail: string | null): void {
    if (this.#over !== null) return;
    this.#over = { outcome, detail };
    this.#stopTimer();
    this.#close(outcome, detail).catch((error: unknown) => this.#ignored(error));
  }

  /** Takes everything down, whatever of it fails. */
  async #close(outcome: CallOutcome, detail: string | null): Promise<void> {
    if (this.#finishing) return;
    this.#finishing = true;
    const { leg, record, clock, log } = this.#parts;
    const bridged = this.#bridged;
    await bridged?.setGate('closed').catch((error: unknown) => this.#ignored(error));
    const streams = (await bridged?.stats().catch(() => [])) ?? [];
    const bye = within(clock, byePatience, leg.hangUp(outcomeTable[outcome].reason));
    const goodbyes = [this.#guest?.leave(), bye, this.#slate.close()];
    this.#to('ended', detail);
    record.finish(clock.now(), outcome, detail, streams);
    await within(clock, closingPatience, Promise.allSettled(goodbyes));
    await within(clock, closingPatience, Promise.allSettled([bridged?.close(), record.settled()]));
    log('info', 'A call is over', { roomId: this.found.room.id, callId: leg.attempt.callId, outcome, detail });
    this.#parts.onState('ended', outcome);
    this.#done.resolve();
  }

  #crashed(error: unknown): void {
    this.#parts.log('error', 'A call failed', { roomId: this.found.room.id, error });
    this.#finish('bridge-failed', words(error));
  }

  #ignored(error: unknown): void {
    this.#parts.log('debug', 'A part of a call could not be told', { roomId: this.found.room.id, error });
  }

  #held(held: boolean): void {
    this.#parts.record.state(held ? 'hold' : 'resume', this.#parts.clock.now());
  }

  #show(scene: SlateScene): void {
    this.#slate.show(scene);
  }

  /** False, and nothing happens, where the table has no such way. */
  #to(state: CallState, detail: string | null = null): boolean {
    if (!mayFollow(this.#state, state)) return false;
    this.#state = state;
    this.#parts.record.state(state, this.#parts.clock.now(), detail);
    if (state !== 'ended') this.#parts.onState(state, null);
    return true;
  }
}

/** What was negotiated with the room. */
async function mediaOf(bridged: BridgedCall): Promise<{ audioCodec: string; video: boolean }> {
  const streams = await bridged.stats();
  const audio = streams.find(({ kind }) => kind === 'audio');
  return { audioCodec: audio?.codec ?? 'PCMU', video: streams.some(({ kind }) => kind === 'video') };
}

function timeOfDay(at: number, room: TokenEntry['room']): string {
  return new Intl.DateTimeFormat(room.language, { timeZone: room.timeZone, hour: '2-digit', minute: '2-digit' }).format(
    at,
  );
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Waits for `work`, but not longer than `ms`. */
async function within(clock: MediaClock, ms: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  await Promise.race([work, promise]);
  cancel();
}
