/** Call records: what became of every call, kept in the store for whoever asks later. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { StreamStats } from '../../media/call.ts';
import { removeOlderThan } from '../store/cleanup.ts';
import type { Collection, CollectionSpec, Stored } from '../store/store.ts';
import { callOutcomes } from './outcomes.ts';
import { callStates } from './states.ts';

const stream = z.object({
  kind: z.enum(['audio', 'video']),
  direction: z.enum(['from-room', 'to-room']),
  codec: z.string(),
  packets: z.number(),
  bytes: z.number(),
  lost: z.number(),
  jitterMs: z.number().nullable(),
  roundTripMs: z.number().nullable(),
});

export const callRecordSchema = z.object({
  id: z.string(),
  /** SIP Call-ID: what the video system's own log names the call by. */
  callId: z.string(),
  roomId: z.string(),
  /** The join entry; no title, since private meetings leak none. */
  entryId: z.string(),
  source: z.object({ transport: z.enum(['udp', 'tcp', 'tls']), address: z.string(), port: z.number() }),
  userAgent: z.string().nullable(),
  startedAt: z.number(),
  endedAt: z.number().nullable(),
  /** In order; `hold` and `resume` are what the room did meanwhile. */
  states: z.array(
    z.object({ state: z.enum([...callStates, 'hold', 'resume']), at: z.number(), detail: z.string().nullable() }),
  ),
  outcome: z.enum(callOutcomes).nullable(),
  /** For the administrator's eyes: why, in the words of whoever found it out. */
  detail: z.string().nullable(),
  /** The guest adapter that was used last. */
  guest: z.string().nullable(),
  /** How often the guest asked to be let in. */
  knocks: z.number(),
  /** As the call ended. */
  streams: z.array(stream),
});
export type CallRecord = z.infer<typeof callRecordSchema>;

export const callCollection: CollectionSpec<CallRecord> = {
  name: 'calls',
  schema: callRecordSchema,
  indexes: { startedAt: (call) => call.startedAt, room: (call) => call.roomId, outcome: (call) => call.outcome },
};

/** More states than this are not kept: a call that was held and resumed a thousand times. */
const maximumStates = 200;

/** The record of one live call. Writing never fails a call: what could not be stored is logged. */
export class RecordKeeper {
  readonly record: CallRecord;
  readonly #collection: Collection<CallRecord>;
  readonly #failed: (error: unknown) => void;
  #writing: Promise<void> = Promise.resolve();
  #dirty = false;

  constructor(
    collection: Collection<CallRecord>,
    about: Pick<CallRecord, 'callId' | 'roomId' | 'entryId' | 'source' | 'userAgent' | 'startedAt'>,
    failed: (error: unknown) => void,
  ) {
    this.#collection = collection;
    this.#failed = failed;
    const empty = { endedAt: null, states: [], outcome: null, detail: null, guest: null, knocks: 0, streams: [] };
    this.record = { id: randomUUID(), ...about, ...empty };
  }

  state(state: CallRecord['states'][number]['state'], at: number, detail: string | null = null): void {
    if (this.record.states.length < maximumStates || state === 'ended') this.record.states.push({ state, at, detail });
    this.#write();
  }

  knock(guest: string): void {
    this.record.knocks++;
    this.record.guest = guest;
  }

  finish(at: number, outcome: CallRecord['outcome'], detail: string | null, streams: readonly StreamStats[]): void {
    Object.assign(this.record, { endedAt: at, outcome, detail, streams: [...streams] });
    this.#write();
  }

  /** Resolves when everything so far is stored, or has failed to be. */
  settled(): Promise<void> {
    return this.#writing;
  }

  /** One write at a time; changes meanwhile go out together with the next. */
  #write(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    this.#writing = this.#writing.then(async () => {
      this.#dirty = false;
      try {
        await this.#collection.put(this.record.id, structuredClone(this.record));
      } catch (error) {
        this.#failed(error);
      }
    });
  }
}

/** Calls that a crash cut off: closed with the outcome `interrupted`, so that none looks live for ever. */
export async function closeInterrupted(collection: Collection<CallRecord>, now: number): Promise<number> {
  const open = await collection.find({ equal: { outcome: null }, limit: 1_000 });
  for (const { key, value } of open) {
    const states = [...value.states, { state: 'ended' as const, at: now, detail: null }];
    const detail = 'Usher ended while the call was on';
    await collection.put(key, { ...value, states, endedAt: now, outcome: 'interrupted', detail });
  }
  return open.length;
}

export interface CallQuery {
  roomId?: string;
  /** Milliseconds since 1970. */
  since?: number;
  /** Default 50, at most 1,000. */
  limit?: number;
}

/** Newest first. */
export async function findCalls(collection: Collection<CallRecord>, query: CallQuery): Promise<readonly CallRecord[]> {
  const found: readonly Stored<CallRecord>[] = await collection.find({
    ...(query.roomId === undefined ? {} : { equal: { room: query.roomId } }),
    range: { index: 'startedAt', from: query.since ?? 0 },
    orderBy: { index: 'startedAt', direction: 'descending' },
    limit: Math.min(1_000, query.limit ?? 50),
  });
  return found.map(({ value }) => value);
}

/** Forgets calls that began before `before`. */
export function forgetCalls(collection: Collection<CallRecord>, before: number): Promise<number> {
  return removeOlderThan(collection, 'startedAt', before);
}
