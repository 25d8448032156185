/** A MongoDB store opened for copying. Unlike a file it cannot be locked: its Usher processes have to be stopped by hand. */
import type { Connection, Model } from 'mongoose';
import { type RawDocument, type RawIndexes, type RawStore, refuseFilled } from '../copy.ts';
import { explained } from './errors.ts';
import {
  catalogueModel,
  catalogueSchema,
  type Kept,
  keptModel,
  unfinishedCopyKey,
  unfinishedCopyOf,
  withoutNull,
} from './model.ts';
import { connect, type MongoStoreOptions } from './store.ts';

/** @throws StoreUnavailable as `openMongoStore` does */
export async function openRawMongo(options: MongoStoreOptions): Promise<RawStore> {
  const { connection, description } = await connect(options);
  return new RawMongo(connection, description);
}

class RawMongo implements RawStore {
  readonly description: string;
  readonly #connection: Connection;

  constructor(connection: Connection, description: string) {
    this.#connection = connection;
    this.description = description;
  }

  async collections(): Promise<ReadonlyMap<string, RawIndexes>> {
    return this.#run(async () => {
      const entries = await catalogueModel(this.#connection)
        .find({ _id: { $ne: unfinishedCopyKey } })
        .sort({ _id: 1 })
        .lean();
      return new Map(entries.map(({ _id, indexes }) => [_id, catalogueSchema.parse(JSON.parse(indexes))]));
    });
  }

  async read(collection: string, after: string, limit: number, upTo?: string): Promise<readonly RawDocument[]> {
    return this.#run(async () => {
      const range = { $gt: after, ...(upTo !== undefined && { $lte: upTo }) };
      const found = await this.#model(collection).find({ _id: range }).sort({ _id: 1 }).limit(limit).lean();
      return found.map(({ _id, version, body, ix }) => ({ key: _id, version, json: body, indexed: ix }));
    });
  }

  unfinished(): Promise<string | null> {
    return this.#run(() => unfinishedCopyOf(this.#connection));
  }

  async begin(source: string): Promise<void> {
    const names = [...(await this.collections()).keys()];
    await this.#run(async () => {
      const first = await Promise.all(names.map((name) => this.#model(name).findOne().lean()));
      const isEmpty = first.every((found) => found === null);
      refuseFilled(this.description, await this.unfinished(), source, isEmpty);
      const mark = { $set: { indexes: source } };
      await catalogueModel(this.#connection).updateOne({ _id: unfinishedCopyKey }, mark, { upsert: true });
    });
  }

  async make(collection: string, indexes: RawIndexes): Promise<void> {
    await this.#run(async () => {
      await this.#model(collection).createCollection();
      const entry = { $set: { indexes: JSON.stringify(indexes) } };
      await catalogueModel(this.#connection).updateOne({ _id: collection }, entry, { upsert: true });
    });
  }

  async write(collection: string, documents: readonly RawDocument[]): Promise<void> {
    if (documents.length === 0) return;
    await this.#run(() =>
      this.#model(collection).bulkWrite(
        documents.map(({ key, version, json, indexed }) => {
          const set = { version, body: json, ix: withoutNull(new Map(Object.entries(indexed))) };
          return { updateOne: { filter: { _id: key }, update: { $set: set }, upsert: true } };
        }),
      ),
    );
  }

  async remove(collection: string, keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await this.#run(() => this.#model(collection).deleteMany({ _id: { $in: keys } }));
  }

  async index(collection: string, indexes: RawIndexes): Promise<void> {
    await this.#run(() => keptModel(this.#connection, collection, indexes).syncIndexes());
  }

  async finish(): Promise<void> {
    await this.#run(() => catalogueModel(this.#connection).deleteOne({ _id: unfinishedCopyKey }));
  }

  close(): Promise<void> {
    return this.#connection.destroy();
  }

  #model(collection: string): Model<Kept> {
    return keptModel(this.#connection, collection, {});
  }

  async #run<R>(operation: () => PromiseLike<R>): Promise<R> {
    try {
      return await operation();
    } catch (error) {
      throw explained(error, this.description);
    }
  }
}
