/**
 * Looks at a MongoDB store without opening it as one: no collection of Usher's is made, none of its indexes touched. One document is
 * written to a collection of its own, confirmed as Usher's writes are, and taken away again.
 */
import { randomUUID } from 'node:crypto';
import { mongo } from 'mongoose';
import type { Clock } from '../../clock.ts';
import { restore } from '../checks.ts';
import { refuseUnfinished } from '../copy.ts';
import { type CollectionSpec, StoreUnavailable } from '../store.ts';
import { explained } from './errors.ts';
import { keptModel, unfinishedCopyOf } from './model.ts';
import { connect, type MongoStoreOptions } from './store.ts';

export interface MongoLook {
  description: string;
  version: string;
  topology: { kind: 'single' } | { kind: 'replica-set'; name: string; hosts: number } | { kind: 'sharded' };
  /** Milliseconds that the server's clock is ahead of ours, half the time of the question exact; null where it does not tell. */
  aheadMs: number | null;
  /** What is stored there of a collection; empty where there is none. */
  stored<T>(spec: CollectionSpec<T>): Promise<readonly { key: string; value: T }[]>;
}

/** How long a majority of the nodes may take to confirm, milliseconds. */
const confirmMs = 10_000;
/** Where the document is written; no collection of Usher's has that name. */
const probeName = 'usher_doctor';
const writeConcernFailed = 64;

/** @throws StoreUnavailable where Usher could not use it */
export async function lookAtMongo<R>(
  options: MongoStoreOptions,
  clock: Pick<Clock, 'now'>,
  look: (found: MongoLook) => Promise<R>,
): Promise<R> {
  const { connection, description } = await connect(options);
  try {
    const admin = connection.getClient().db('admin');
    const asked = clock.now();
    const hello = await admin.command({ hello: 1 });
    const answered = clock.now();
    const { version } = await admin.command({ buildInfo: 1 });
    refuseUnfinished(description, await unfinishedCopyOf(connection));
    if (connection.db !== undefined) await tryWriting(connection.db, description);
    const { localTime } = hello;
    return await look({
      description,
      version: String(version),
      topology: topologyOf(hello),
      aheadMs: localTime instanceof Date ? localTime.getTime() - (asked + answered) / 2 : null,
      stored: async (spec) => {
        const found = await keptModel(connection, spec.name, {}).find().limit(1_000).lean();
        return found.map(({ _id, body }) => ({ key: _id, value: restore(spec, description, _id, body) }));
      },
    });
  } catch (error) {
    throw explained(error, description);
  } finally {
    await connection.destroy();
  }
}

async function tryWriting(db: mongo.Db, description: string): Promise<void> {
  const probe = db.collection<{ _id: string }>(probeName, { writeConcern: { w: 'majority', wtimeoutMS: confirmMs } });
  const _id = randomUUID();
  try {
    await probe.insertOne({ _id });
  } catch (error) {
    if (!(error instanceof mongo.MongoServerError) || error.code !== writeConcernFailed) throw error;
    throw new StoreUnavailable(
      `${description} did not confirm a write by a majority of its nodes within ${confirmMs / 1000} s: see which nodes of the replica set are down.`,
      { cause: error },
    );
  } finally {
    await probe.deleteOne({ _id }).catch(() => {});
    // Another doctor may be at it: what it has written goes with the collection, and it has been told by then that it was written.
    await probe.drop().catch(() => {});
  }
}

/** https://www.mongodb.com/docs/manual/reference/command/hello/ */
function topologyOf(hello: mongo.Document): MongoLook['topology'] {
  if (hello['msg'] === 'isdbgrid') return { kind: 'sharded' };
  const { setName, hosts } = hello;
  if (typeof setName !== 'string') return { kind: 'single' };
  return { kind: 'replica-set', name: setName, hosts: Array.isArray(hosts) ? hosts.length : 1 };
}
