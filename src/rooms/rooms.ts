/**
 * All rooms: which one is read when, and who pushes to their devices. Changes wait in a queue keyed by room; a crash at
 * any point is healed by the next pass, since every pass starts from the calendar and ends at the device.
 */
import type { BaseLogger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { inDoubtRetryMs, type LeaseOf, type LeaseOptions, type Leases, unshared } from './lease.ts';
import type { PlannedEntry } from './plan.ts';
import { KeyedQueue, RetryAfter } from './queue.ts';
import type { Reconciler } from './reconciler.ts';
import type { Room } from './room.ts';

export interface RoomsOptions {
  rooms: readonly Room[];
  clock: Clock;
  log: BaseLogger;
  reconciler: Reconciler;
  /** Owns the times of safety polls: of this process's rooms, so not shared with other processes. */
  jobs: Jobs;
  /**
   * Takes leases of rooms, where several processes share the store. This process then reads and pushes only the rooms that
   * it holds, and follows what the others store of theirs. Without it, every room is its own.
   */
  share?: (handlers: Pick<LeaseOptions, 'onAcquired' | 'onLost'>) => Promise<Leases>;
  /** Rooms whose calendars are read at the same time. */
  concurrency?: number;
}

export class Rooms {
  readonly #rooms: ReadonlyMap<string, Room>;
  readonly #options: RoomsOptions;
  readonly #queue: KeyedQueue;
  /** Stops watching a room's calendar, by room. */
  readonly #watches = new Map<string, () => Promise<void>>();
  /** Readings under way, by room. */
  readonly #reading = new Map<string, Promise<void>>();
  #leases: Leases | null = null;
  #leaseOf: LeaseOf = unshared;
  /** When each room is read again if nobody tells of a change before, by the monotonic clock. */
  readonly #nextPoll = new Map<string, number>();
  /** Dial token → its room, so that an INVITE is looked up in one step at any number of rooms. */
  readonly #tokens = new Map<string, Room>();
  readonly #tokensOf = new Map<string, readonly string[]>();

  constructor(options: RoomsOptions) {
    this.#options = options;
    this.#rooms = new Map(options.rooms.map((room) => [room.id, room]));
    this.#queue = new KeyedQueue({
      clock: options.clock,
      concurrency: options.concurrency ?? 40,
      firstRetryMs: 5_000,
      longestRetryMs: 5 * 60_000,
      work: (roomId, signal) => this.#refresh(roomId, signal),
      onFailure: (roomId, error, retryInMs) =>
        options.log.warn(
          { room: roomId, retryInMs, problem: messageOf(error) },
          'calendar not read; the plan stays as it is',
        ),
    });
  }

  /** Takes up stored plans, then starts to watch and read every calendar. */
  async start(): Promise<void> {
    for (const room of this.#rooms.values()) {
      await room.restore();
      this.#indexTokens(room);
      room.onChange(() => this.#indexTokens(room));
    }
    const { jobs, reconciler, share } = this.#options;
    if (share !== undefined) this.#leaseOf = (roomId) => this.#leases?.of(roomId) ?? null;
    await reconciler.start(this.all(), this.#leaseOf);
    if (share === undefined) for (const room of this.#rooms.values()) this.#begin(room);
    else {
      this.#leases = await share({
        onAcquired: ({ room }) => this.#takeOver(room),
        onLost: ({ room }) => this.#release(room),
      });
      // What was acquired before the leases could be asked waits in the queue since.
      for (const roomId of this.#leases.rooms()) await this.#takeOver(roomId);
      await jobs.every('follow-rooms', followMs, () => this.#follow());
    }
    await jobs.every('safety-polls', pollScanMs, async () => this.#pollDue());
  }

  all(): readonly Room[] {
    return [...this.#rooms.values()];
  }

  get(roomId: string): Room | null {
    return this.#rooms.get(roomId) ?? null;
  }

  /** The room and entry that a dial token is for. */
  byToken(token: string): { room: Room; planned: PlannedEntry } | null {
    const room = this.#tokens.get(token.toLowerCase());
    const planned = room?.byToken(token) ?? null;
    return room === undefined || planned === null ? null : { room, planned };
  }

  /** Asks for a room's calendar to be read soon. */
  refresh(roomId: string): void {
    if (this.#rooms.has(roomId)) this.#queue.add(roomId);
  }

  /** Resolves when every calendar that was to be read has been read (or has failed and waits to be tried again). */
  settled(): Promise<void> {
    return this.#queue.idle();
  }

  async close(): Promise<void> {
    await this.#leases?.stop();
    await Promise.all([...this.#watches.values()].map((stop) => stop()));
    await this.#queue.close();
    await this.#options.reconciler.close();
  }

  #begin(room: Room): void {
    if (!this.#watches.has(room.id))
      this.#watches.set(
        room.id,
        room.calendar.watch(() => this.#queue.add(room.id)),
      );
    this.#queue.add(room.id);
  }

  async #takeOver(roomId: string): Promise<void> {
    const room = this.#rooms.get(roomId);
    if (room === undefined || this.#leases === null) return;
    await room.follow();
    await this.#options.reconciler.takeOver(room);
    this.#begin(room);
  }

  async #release(roomId: string): Promise<void> {
    const stop = this.#watches.get(roomId);
    this.#watches.delete(roomId);
    this.#nextPoll.delete(roomId);
    await stop?.();
    await this.#reading.get(roomId)?.catch(() => {});
    await this.#options.reconciler.released(roomId);
  }

  /** Shows on this process's panels, and admits to this process's calls, what the others have planned. */
  async #follow(): Promise<void> {
    for (const room of this.#rooms.values()) if (this.#leaseOf(room.id) === null) await room.follow();
  }

  async #refresh(roomId: string, stop: AbortSignal): Promise<void> {
    const room = this.#rooms.get(roomId);
    const lease = this.#leaseOf(roomId);
    if (room === undefined || lease === null) return;
    if (!lease.valid()) throw new RetryAfter(inDoubtRetryMs, { cause: new Error('the store was not reached lately') });
    const reading = this.#read(room, AbortSignal.any([stop, lease.signal]));
    this.#reading.set(roomId, reading);
    try {
      await reading;
    } catch (error) {
      // Cut off because the room is another process's now: nothing to try again.
      if (!lease.signal.aborted) throw error;
    } finally {
      this.#reading.delete(roomId);
    }
  }

  async #read(room: Room, signal: AbortSignal): Promise<void> {
    const roomId = room.id;
    const before = room.plan.revision;
    try {
      await room.refresh(signal);
      const { revision, planned } = room.plan;
      this.#options.log.debug({ room: roomId, entries: planned.length, revision }, 'calendar read');
    } finally {
      this.#nextPoll.set(roomId, this.#options.clock.monotonic() + room.pollMs());
      if (room.plan.revision !== before) {
        const { revision, planned } = room.plan;
        this.#options.log.info({ room: roomId, entries: planned.length, revision }, 'plan changed');
        this.#options.reconciler.planChanged(room);
      }
    }
  }

  #indexTokens(room: Room): void {
    for (const token of this.#tokensOf.get(room.id) ?? []) this.#tokens.delete(token);
    const tokens = [...room.tokens()];
    for (const token of tokens) this.#tokens.set(token, room);
    this.#tokensOf.set(room.id, tokens);
  }

  /** In one batch: the rooms that nobody has told of for long enough. The window moves on, and what tells may fail. */
  #pollDue(): void {
    const now = this.#options.clock.monotonic();
    for (const [roomId, at] of this.#nextPoll) {
      if (at > now) continue;
      this.#nextPoll.delete(roomId);
      this.#queue.add(roomId);
    }
  }
}

/** How often we look which rooms are due, milliseconds: the coarsest grain of a poll interval. */
const pollScanMs = 15_000;
/** How often the rooms of other processes are looked at, milliseconds. */
const followMs = 5_000;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
