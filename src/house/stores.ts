/**
 * The store that a configuration names, and what goes with its kind: whose jobs run where, and whether rooms are shared
 * with other processes.
 */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { z } from 'zod';
import { type Clock, systemClock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import { clockJobs } from '../jobs/clock-jobs.ts';
import { type Jobs, startJobs } from '../jobs/jobs.ts';
import { SqliteAgendaBackend } from '../jobs/sqlite-backend/backend.ts';
import { type LeaseOptions, startLeases } from '../rooms/lease.ts';
import type { RoomsOptions } from '../rooms/rooms.ts';
import type { Secret } from '../rooms/secret.ts';
import { openChosenStore, sqlitePath } from '../store/open.ts';
import { type CollectionSpec, type Store, StoreConflict, StoreUnavailable } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';

export interface OpenedStore {
  store: Store;
  /** Jobs of the house: each runs in one of the processes that share the store. */
  jobs: Jobs;
  /** Jobs of this process alone. */
  ownJobs: Jobs;
  /** How rooms are shared; null where this process has the store to itself. */
  share: NonNullable<RoomsOptions['share']> | null;
}

/** The times must be the same in every process that shares the store. */
export type LeaseSettings = Partial<Pick<LeaseOptions, 'name' | 'ttl' | 'beatEvery'>>;

export interface StoreSurroundings {
  config: Pick<Config, 'store' | 'rooms'>;
  dataFolder: string;
  secret: Secret;
  clock: Clock;
  log: Log;
  leases?: LeaseSettings;
}

/** Opens the store and its jobs; what is to be closed goes to `opened`. @throws StoreUnavailable */
export async function openStore(around: StoreSurroundings, opened: (() => Promise<void>)[]): Promise<OpenedStore> {
  const { config, clock, log, dataFolder } = around;
  const store = await openChosenStore(config.store, dataFolder, clock);
  opened.push(() => store.close());
  if (config.store.type === 'mongodb') return openShared(around, store, config.store.uri, opened);
  const path = sqlitePath(dataFolder, config.store.path);
  // agenda follows the system's clock and no other: on a simulated one, jobs follow that.
  const jobs =
    clock === systemClock
      ? await startJobs({ backend: new SqliteAgendaBackend({ path, clock }), clock, log })
      : clockJobs(clock, log);
  opened.push(() => jobs.stop());
  return { store, jobs, ownJobs: jobs, share: null };
}

async function openShared(
  { config, secret, clock, log, leases }: StoreSurroundings,
  store: Store,
  uri: string,
  opened: (() => Promise<void>)[],
): Promise<OpenedStore> {
  await checkSecret(store, secret);
  const ownJobs = clockJobs(clock, log);
  opened.push(() => ownJobs.stop());
  const jobs = clock === systemClock ? await startSharedJobs(uri, clock, log) : clockJobs(clock, log);
  opened.push(() => jobs.stop());
  const rooms = config.rooms.map(({ id }) => id);
  const share: OpenedStore['share'] = (handlers) =>
    startLeases({ store, clock, log, name: hostname(), rooms, ...leases, ...handlers });
  return { store, jobs, ownJobs, share };
}

async function startSharedJobs(uri: string, clock: Clock, log: Log): Promise<Jobs> {
  const [{ MongoBackend }, { addressWithDatabase }] = await Promise.all([
    import('@agendajs/mongo-backend'),
    import('../store/mongo/store.ts'),
  ]);
  return startJobs({ backend: new MongoBackend({ address: addressWithDatabase(uri) }), clock, log });
}

/** What all processes on a store have in common. */
const houseSchema = z.object({ secret: z.string() });
export const houseCollection: CollectionSpec<z.infer<typeof houseSchema>> = {
  name: 'house',
  schema: houseSchema,
  indexes: {},
};

/** A hash that tells secrets apart and from which none can be had. */
export function secretMark(secret: Secret): string {
  return createHash('sha256')
    .update(secret.entryId('', 'house', null))
    .digest('hex');
}

/** @param store its description */
export function otherSecret(store: string): string {
  return `The other processes on ${store} use another secret file, so that dial tokens and addresses would differ. Copy the file "secret" of their data folder to this one's.`;
}

/**
 * Every process must derive the same dial tokens and addresses: the store keeps a mark of their secret.
 * @throws StoreUnavailable where another process came with another secret
 */
async function checkSecret(store: Store, secret: Secret): Promise<void> {
  const house = await store.collection(houseCollection);
  const own = { secret: secretMark(secret) };
  try {
    await house.insert('house', own);
  } catch (error) {
    if (!(error instanceof StoreConflict)) throw error;
    const found = await house.get('house');
    if (found?.value.secret === own.secret) return;
    throw new StoreUnavailable(otherSecret(store.description));
  }
}
