/** Takes calls from the SIP edge: admission, limits, the calls that are on, and warm pages before they are needed. */
import type { Bridge, SipEdge, SipLeg } from '../../media/call.ts';
import type { GuestAdapter } from '../../media/guest/guest.ts';
import type { Clock } from '../clock.ts';
import type { Collection, Store } from '../store/store.ts';
import { type Admission, admit, type TokenDirectory, type TokenEntry } from './admission.ts';
import { Call, type RefusalMemory } from './call.ts';
import type { CallLog } from './call-log.ts';
import { type CallOutcome, outcomeTable } from './outcomes.ts';
import {
  type CallQuery,
  type CallRecord,
  callCollection,
  closeInterrupted,
  findCalls,
  RecordKeeper,
} from './records.ts';
import type { Slates } from './slates.ts';
import type { CallState } from './states.ts';
import { WarmPages } from './warm-pages.ts';

export interface CallLimits {
  /** Calls at once. Default 20. */
  maxCalls: number;
  /** Calls of one room at once. Default 2. */
  maxCallsPerRoom: number;
  /** `Retry-After` of a 503 for want of capacity, seconds. Default 60. */
  retryAfterSeconds: number;
  /** How often the guest of one call may ask to be let in, in all. Default 3. */
  maxKnocks: number;
  /** How long the slate says why a call ends, before BYE, milliseconds. Default null: 4 to 8 s, by the outcome. */
  farewellMs: number | null;
  /** Blank pages kept ready when nothing is planned. Default 2. */
  warmPages: number;
  /** Most blank pages kept ready, bounded by memory. Default 6. */
  maxWarmPages: number;
}

const defaultLimits: CallLimits = {
  maxCalls: 20,
  maxCallsPerRoom: 2,
  retryAfterSeconds: 60,
  maxKnocks: 3,
  farewellMs: null,
  warmPages: 2,
  maxWarmPages: 6,
};

/** A live call, for status pages and panels. */
export interface LiveCall {
  id: string;
  roomId: string;
  entryId: string;
  state: CallState;
  startedAt: number;
}

/** What a room's call has come to; `outcome` once it has ended. */
export interface CallChange extends LiveCall {
  outcome: CallOutcome | null;
}

export interface CallsOptions {
  edge: SipEdge;
  bridge: Bridge;
  slates: Slates;
  /** Ways into meetings, tried in order. */
  guests: readonly GuestAdapter[];
  /** Default: nothing is remembered. */
  refusals?: RefusalMemory;
  directory: TokenDirectory;
  store: Store;
  clock: Clock;
  log: CallLog;
  /** What is not given has its default. */
  limits?: Partial<CallLimits>;
  /** Told of every change of every call: for panels and metrics. */
  onChange?: (change: CallChange) => void;
  /** Told of every attempt that was not let in. `unknown`: no such token, its time is over, or the caller is not the room. */
  onRefused?: (why: 'unknown' | 'busy', found: TokenEntry | null) => void;
}

export interface Calls {
  live(): readonly LiveCall[];
  /** Newest first. */
  records(query: CallQuery): Promise<readonly CallRecord[]>;
  /** Takes no more calls, ends the live ones with `shutting-down`, and waits until nothing is left of them. */
  close(): Promise<void>;
}

/** Takes the edge's calls from now on. The edge is the caller's: listen after this, and close it after these. */
export async function createCalls(options: CallsOptions): Promise<Calls> {
  const collection = await options.store.collection(callCollection);
  const interrupted = await closeInterrupted(collection, options.clock.now());
  if (interrupted > 0) options.log('warn', 'Calls were cut off when Usher last ended', { calls: interrupted });
  return new Dispatch(options, collection);
}

interface Live {
  call: Call;
  record: RecordKeeper;
}

const forgetful: RefusalMemory = { of: () => [], remember: async () => {}, forget: async () => {} };

class Dispatch implements Calls {
  readonly #options: CallsOptions;
  readonly #limits: CallLimits;
  readonly #collection: Collection<CallRecord>;
  readonly #live = new Set<Live>();
  readonly #warm: WarmPages;
  #closing = false;

  constructor(options: CallsOptions, collection: Collection<CallRecord>) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#collection = collection;
    const { guests, slates, directory, clock, log } = options;
    this.#warm = new WarmPages({ guests, slates, directory, clock, log, limits: this.#limits });
    options.edge.onCall((leg) => this.#take(leg));
  }

  live(): readonly LiveCall[] {
    return [...this.#live].map((live) => liveCall(live));
  }

  records(query: CallQuery): Promise<readonly CallRecord[]> {
    return findCalls(this.#collection, query);
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#warm.close();
    const calls = [...this.#live].map(({ call }) => call);
    for (const call of calls) call.end('shutting-down');
    await Promise.all(calls.map((call) => call.done));
  }

  #take(leg: SipLeg): void {
    const { log, directory, clock } = this.#options;
    const { source, callId } = leg.attempt;
    const { maxCalls, maxCallsPerRoom, retryAfterSeconds } = this.#limits;
    const admission: Admission = admit(
      leg.attempt,
      directory,
      {
        live: this.#closing ? maxCalls : this.#live.size,
        liveOfRoom: (roomId) => [...this.#live].filter(({ call }) => call.found.room.id === roomId).length,
        maxCalls,
        maxCallsPerRoom,
        retryAfterSeconds,
      },
      clock.now(),
    );
    switch (admission.verdict) {
      case 'not-found':
        log('info', 'A caller was refused', { callId, source: source.address, why: admission.why });
        this.#options.onRefused?.('unknown', admission.found);
        this.#refuse(leg, 404);
        return;
      case 'busy':
        log('warn', 'No call is free', { callId, roomId: admission.found.room.id, limit: admission.scope });
        this.#options.onRefused?.('busy', admission.found);
        this.#keepRefusal(leg, admission.found, admission.scope);
        this.#refuse(leg, 503, { reason: outcomeTable.busy.reason, retryAfterSeconds: admission.retryAfterSeconds });
        return;
      case 'admit':
      case 'early':
        this.#conduct(leg, admission.found);
        return;
    }
  }

  #refuse(leg: SipLeg, status: number, options: Parameters<SipLeg['reject']>[1] = {}): void {
    leg
      .reject(status, options)
      .catch((error: unknown) => this.#options.log('warn', 'A refusal could not be sent', { error }));
  }

  #record(leg: SipLeg, found: TokenEntry): RecordKeeper {
    const { clock, log } = this.#options;
    const { callId, source, userAgent } = leg.attempt;
    const about = { callId, source, userAgent, roomId: found.room.id, entryId: found.entry.id, startedAt: clock.now() };
    return new RecordKeeper(this.#collection, about, (error) =>
      log('error', 'A call record could not be stored', { callId, error }),
    );
  }

  /** A room that was turned away for want of capacity is one that somebody will ask about. */
  #keepRefusal(leg: SipLeg, found: TokenEntry, scope: string): void {
    const record = this.#record(leg, found);
    const now = this.#options.clock.now();
    record.state('attempt', now);
    record.finish(
      now,
      'busy',
      scope === 'room' ? "the room's calls are at their limit" : 'all calls are at their limit',
      [],
    );
  }

  #conduct(leg: SipLeg, found: TokenEntry): void {
    const { bridge, slates, guests, refusals, directory, clock, log, onChange } = this.#options;
    const record = this.#record(leg, found);
    const call = new Call({
      leg,
      found,
      openBridge: () => bridge.open(record.record.id),
      slates,
      guests,
      refusals: refusals ?? forgetful,
      directory,
      record,
      clock,
      log,
      maxKnocks: this.#limits.maxKnocks,
      farewellMs: this.#limits.farewellMs,
      onState: (state, outcome) => {
        if (state === 'ended') this.#live.delete(live);
        onChange?.({ ...liveCall(live), state, outcome });
      },
    });
    const live: Live = { call, record };
    this.#live.add(live);
    void call.start();
  }
}

function liveCall({ call, record: { record } }: Live): LiveCall {
  const { id, roomId, entryId, startedAt } = record;
  return { id, roomId, entryId, state: call.state, startedAt };
}
