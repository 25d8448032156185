/**
 * Who acts for which room when several processes share a store: one lease per room. A lease carries a fencing token that
 * grows with every change of holder, so that whatever is written with an older one can be told from the newer.
 *
 * Timeline of a crash with the default times: the last beat at 0; another process sees it at 4 s at the latest and declares
 * the silent one dead at the first look after 16 s more, so by 24 s, and takes its rooms in the same step.
 */
import { createHash } from 'node:crypto';
import type { BaseLogger } from 'pino';
import { z } from 'zod';
import type { Cancel, Clock } from '../clock.ts';
import { type Collection, type CollectionSpec, type Store, StoreConflict, type Stored } from '../store/store.ts';
import { Membership, memberCollection } from './membership.ts';

const leaseSchema = z.object({
  room: z.string(),
  /** Id of the member that acts for the room; null when it was handed over to whoever comes. */
  holder: z.string().nullable(),
  fence: z.number(),
});
type LeaseRecord = z.infer<typeof leaseSchema>;

export const leaseCollection: CollectionSpec<LeaseRecord> = {
  name: 'leases',
  schema: leaseSchema,
  indexes: { holder: (lease) => lease.holder, room: (lease) => lease.room },
};

export interface RoomLease {
  readonly room: string;
  /** Id of this process among those that share the store. */
  readonly holder: string;
  /** Grows by at least 1 whenever the room gets another holder. */
  readonly fence: number;
  /** Aborted when the room is no longer this process's: what is under way for it must end. */
  readonly signal: AbortSignal;
  /** To be asked right before anything is sent on the room's behalf. */
  valid(): boolean;
}

/**
 * Whether this process may act for a room now, and until when; null where another one does. A process that shares its store
 * with nobody needs no token.
 */
export type LeaseOf = (
  roomId: string,
) => (Pick<RoomLease, 'signal' | 'valid'> & Partial<Pick<RoomLease, 'holder' | 'fence'>>) | null;

/**
 * When work for a room is tried again whose lease could not be relied on at the moment, milliseconds: either it is lost soon, and
 * whoever takes the room begins anew, or a beat that came late makes it good again, and nothing else would.
 */
export const inDoubtRetryMs = 500;

/** For a process that shares its store with nobody: every room is its own, for ever. */
export const unshared: LeaseOf = () => always;
const always = { signal: new AbortController().signal, valid: () => true };

export interface LeaseOptions {
  store: Store;
  clock: Clock;
  log: Pick<BaseLogger, 'info' | 'warn' | 'error'>;
  /** For people who read the store: a host name. */
  name: string;
  /** Rooms that this process could act for; the same in every process. */
  rooms: readonly string[];
  /** Begins to act for a room. */
  onAcquired(lease: RoomLease): void | Promise<void>;
  /** Ends what was begun; a hand-over waits for it, a lease that ran out has gone already. */
  onLost(lease: RoomLease): void | Promise<void>;
  /** Milliseconds without a beat after which a process counts as dead. Default 16,000. */
  ttl?: number;
  /** Milliseconds between beats, and between looks at the others. Default 4,000. */
  beatEvery?: number;
}

export const defaultTtl = 16_000;
export const defaultBeatEvery = 4_000;
/** Leases that are written at the same time. */
const concurrency = 16;

interface Held extends RoomLease {
  version: number;
  record: LeaseRecord;
  end: AbortController;
}

/** Joins the processes on this store and takes a fair share of the rooms. @throws StoreUnavailable */
export async function startLeases(options: LeaseOptions): Promise<Leases> {
  const leases = new Leases(
    options,
    await options.store.collection(leaseCollection),
    new Membership({
      members: await options.store.collection(memberCollection),
      clock: options.clock,
      log: options.log,
      name: options.name,
      ttl: options.ttl ?? defaultTtl,
      onExpired: () => leases.expire(),
    }),
  );
  await leases.start();
  return leases;
}

export class Leases {
  readonly #options: LeaseOptions;
  readonly #records: Collection<LeaseRecord>;
  readonly #membership: Membership;
  readonly #held = new Map<string, Held>();
  readonly #rooms: ReadonlySet<string>;
  readonly #cancels = new Set<Cancel>();
  #aliveAtLastScan = '';
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: LeaseOptions, records: Collection<LeaseRecord>, membership: Membership) {
    this.#options = options;
    this.#records = records;
    this.#membership = membership;
    this.#rooms = new Set(options.rooms);
  }

  /** The lease of a room that this process acts for. */
  of(room: string): RoomLease | null {
    return this.#held.get(room) ?? null;
  }

  /** Rooms that this process acts for. */
  rooms(): readonly string[] {
    return [...this.#held.keys()];
  }

  async start(): Promise<void> {
    await this.#membership.beat();
    await inTurn(this.#options.rooms, (room) => this.#ensureRecord(room));
    await this.#look();
    this.#repeat('beat', () => this.#membership.beat());
    this.#repeat('look at the others', () => this.#look());
  }

  /** Hands every room over and leaves: another process takes them at its next look. Calling it twice does nothing. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const cancel of this.#cancels) cancel();
    await this.#looking.catch(() => {});
    try {
      await inTurn([...this.#held.values()], (held) => this.#handOver(held));
      await this.#membership.leave();
    } catch (error) {
      const { log } = this.#options;
      log.warn({ err: error }, 'rooms could not be handed over; others take them when this process is missed');
      this.expire();
    }
  }

  /** Gives everything up at once, because others may have it. */
  expire(): void {
    this.#aliveAtLastScan = '';
    for (const held of [...this.#held.values()]) void this.#lose(held, 'ran out');
  }

  #repeat(what: string, run: () => Promise<void>): void {
    const cancel = this.#options.clock.after(this.#options.beatEvery ?? defaultBeatEvery, () => {
      this.#cancels.delete(cancel);
      run()
        .catch((error: unknown) => this.#options.log.warn({ err: error }, `could not ${what}; tried again soon`))
        .finally(() => {
          if (!this.#stopped) this.#repeat(what, run);
        });
    });
    this.#cancels.add(cancel);
  }

  #look(): Promise<void> {
    this.#looking = this.#takeShare();
    return this.#looking;
  }

  async #takeShare(): Promise<void> {
    const alive = await this.#membership.survey();
    const share = Math.ceil(this.#rooms.size / alive.size);
    const living = JSON.stringify([...alive].sort());
    // Leases of processes that left without a word are found by looking at all, while there is reason to expect some.
    const free = await this.#free(alive, living !== this.#aliveAtLastScan);
    const wanted = this.#preferred(free, ({ key }) => key).slice(0, Math.max(0, share - this.#held.size));
    await inTurn(wanted, (stored) => this.#acquire(stored));
    await inTurn(free, (stored) => this.#disown(stored));
    this.#aliveAtLastScan = free.every(({ key }) => this.#held.has(key)) ? living : '';
    const surplus = this.#preferred([...this.#held.values()], ({ room }) => room).slice(share);
    await inTurn(surplus, (held) => this.#handOver(held));
  }

  /** Leases of nobody: handed over, or of a process that is gone. */
  async #free(alive: ReadonlySet<string>, all: boolean): Promise<Stored<LeaseRecord>[]> {
    const free: Stored<LeaseRecord>[] = [];
    for (let from = ''; ; ) {
      const page = await this.#records.find({
        range: { index: 'room', from },
        orderBy: { index: 'room', direction: 'ascending' },
        ...(!all && { equal: { holder: null } }),
        limit: 1_000,
      });
      const isFree = ({ value: { holder, room } }: Stored<LeaseRecord>): boolean =>
        this.#rooms.has(room) &&
        !this.#held.has(room) &&
        // In this process's name, but it gave the room up when it could not reach the store.
        (holder === null || holder === this.#membership.id || !alive.has(holder));
      free.push(...page.filter(isFree));
      if (page.length < 1_000) break;
      from = `${page.at(-1)?.key}\u0000`;
    }
    return free;
  }

  /** Each process has an order of its own, so that two that take rooms at once seldom want the same. */
  #preferred<T>(items: readonly T[], room: (item: T) => string): T[] {
    const rank = (item: T): string =>
      createHash('sha256')
        .update(`${this.#membership.id} ${room(item)}`)
        .digest('hex');
    return items
      .map((item) => ({ item, rank: rank(item) }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1))
      .map(({ item }) => item);
  }

  async #ensureRecord(room: string): Promise<void> {
    try {
      await this.#records.insert(room, { room, holder: null, fence: 0 });
    } catch (error) {
      if (!(error instanceof StoreConflict)) throw error;
    }
  }

  async #acquire({ key: room, value, version }: Stored<LeaseRecord>): Promise<void> {
    if (this.#stopped || !this.#membership.valid()) return;
    const holder = this.#membership.id;
    const record = { room, holder, fence: value.fence + 1 };
    const stored = await this.#replace(room, record, version);
    // The write may have taken so long that this process was given up meanwhile.
    if (stored === null || this.#membership.id !== holder) return;
    const end = new AbortController();
    const valid = (): boolean => !end.signal.aborted && this.#membership.id === holder && this.#membership.valid();
    const own = { room, holder, fence: record.fence, signal: end.signal, valid };
    const held: Held = { ...own, version: stored.version, record, end };
    this.#held.set(room, held);
    this.#options.log.info({ room, fence: held.fence }, 'acts for the room');
    // Nobody would act for a room whose beginning failed (the store went away in the middle): it is taken anew at the next look.
    if (!(await this.#tell('begin', held, () => this.#options.onAcquired(held)))) await this.#lose(held, 'not begun');
  }

  /** Rooms in this process's name that it gave up without the store, and that are more than its share now, are free for others. */
  async #disown({ key: room, value, version }: Stored<LeaseRecord>): Promise<void> {
    if (value.holder !== this.#membership.id || this.#held.has(room)) return;
    await this.#replace(room, { ...value, holder: null }, version);
  }

  async #handOver(held: Held): Promise<void> {
    await this.#lose(held, 'handed over');
    await this.#replace(held.room, { ...held.record, holder: null }, held.version);
  }

  async #lose(held: Held, how: string): Promise<void> {
    if (this.#held.get(held.room) !== held) return;
    this.#held.delete(held.room);
    held.end.abort();
    this.#options.log.info({ room: held.room, fence: held.fence, how }, 'no longer acts for the room');
    await this.#tell('end', held, () => this.#options.onLost(held));
  }

  /** @returns null where somebody else was faster */
  async #replace(room: string, record: LeaseRecord, version: number): Promise<Stored<LeaseRecord> | null> {
    try {
      return await this.#records.replace(room, record, version);
    } catch (error) {
      if (error instanceof StoreConflict) return null;
      throw error;
    }
  }

  async #tell(what: string, { room }: RoomLease, run: () => void | Promise<void>): Promise<boolean> {
    try {
      await run();
      return true;
    } catch (error) {
      this.#options.log.error({ room, err: error }, `could not ${what} to act for the room`);
      return false;
    }
  }
}

/** Runs `work` for each item, a few at a time. */
async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const next = items.values();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (const item of next) await work(item);
    }),
  );
}
