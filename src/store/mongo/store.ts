/**
 * The store for more than one machine: MongoDB 7.0 or newer, through `mongoose`.
 *
 * What is promised: a write is acknowledged when a majority of the server's nodes has it (`w: majority`). Nothing here needs a
 * replica set; with one, a failing node costs a few seconds' wait and nothing else. The driver connects again by itself;
 * operations wait `patience` for that and then answer StoreUnavailable.
 */
import mongoose, { type Connection, type Model } from 'mongoose';
import { checkSpec, prepare, restore } from '../checks.ts';
import { refuseUnfinished } from '../copy.ts';
import { type Collection, type CollectionSpec, type Store, StoreConflict, StoreUnavailable } from '../store.ts';
import { MongoCollection, type OpenStore } from './collection.ts';
import { brokenKey, explained } from './errors.ts';
import {
  type Catalogue,
  catalogueModel,
  catalogueSchema,
  type Kept,
  keptModel,
  unfinishedCopyOf,
  withoutNull,
} from './model.ts';

export interface MongoStoreOptions {
  /** `mongodb://…` or `mongodb+srv://…` with the database's name; without one, the database is `usher`. */
  uri: string;
  /** How long an operation waits for a server, in milliseconds, where `uri` does not say. Default 10,000. */
  patience?: number;
}

const oldestVersion = 7;
export const defaultDatabase = 'usher';

/** @throws StoreUnavailable where the server is away, too old, or refuses */
export async function openMongoStore(options: MongoStoreOptions): Promise<Store> {
  const { connection, description } = await connect(options);
  try {
    refuseUnfinished(description, await unfinishedCopyOf(connection));
    return new MongoStore(connection, description);
  } catch (error) {
    await connection.destroy();
    throw explained(error, description);
  }
}

/** Connects, and sees that the server is new enough. */
export async function connect(options: MongoStoreOptions): Promise<{ connection: Connection; description: string }> {
  const description = describeUri(options.uri);
  let connection: Connection | undefined;
  try {
    connection = mongoose.createConnection(options.uri, {
      ...(databaseOf(options.uri) === null && { dbName: defaultDatabase }),
      appName: 'usher',
      bufferCommands: false,
      maxPoolSize: 20,
      readPreference: 'primary',
      ...(!/[?&]serverSelectionTimeoutMS=/i.test(options.uri) && {
        serverSelectionTimeoutMS: options.patience ?? 10_000,
      }),
      writeConcern: { w: 'majority' },
    });
    await connection.asPromise();
    const info = await connection.getClient().db('admin').command({ buildInfo: 1 });
    const version: unknown = info['version'];
    if (typeof version !== 'string' || Number.parseInt(version, 10) < oldestVersion) {
      throw new StoreUnavailable(
        `${description} is MongoDB ${version}: Usher needs ${oldestVersion}.0 or newer. Upgrade the server.`,
      );
    }
    return { connection, description };
  } catch (error) {
    await connection?.destroy();
    throw explained(error, description);
  }
}

/** `mongodb host:port/database`: no user, no password, no options. */
export function describeUri(uri: string): string {
  const hosts = uri
    .replace(/^mongodb(?:\+srv)?:\/\//, '')
    .replace(/[/?].*$/s, '')
    .replace(/^.*@/s, '');
  return `mongodb ${hosts}/${databaseOf(uri) ?? defaultDatabase}`;
}

/** The same address with the database's name in it, for those who would choose another when it says none. */
export function addressWithDatabase(uri: string): string {
  if (databaseOf(uri) !== null) return uri;
  const [address = '', ...options] = uri.split('?');
  const query = options.length > 0 ? `?${options.join('?')}` : '';
  return `${address.replace(/\/$/, '')}/${defaultDatabase}${query}`;
}

function databaseOf(uri: string): string | null {
  const name = /^mongodb(?:\+srv)?:\/\/[^/?]*\/([^?]+)/.exec(uri)?.[1];
  return name === undefined ? null : name;
}

class MongoStore implements Store, OpenStore {
  readonly description: string;
  readonly #connection: Connection;
  readonly #models = new Map<string, { indexes: Catalogue; model: Promise<Model<Kept>> }>();
  #closed = false;

  constructor(connection: Connection, description: string) {
    this.#connection = connection;
    this.description = description;
  }

  async collection<T>(spec: CollectionSpec<T>): Promise<Collection<T>> {
    checkSpec(spec);
    this.assertOpen();
    const indexes: Catalogue = {};
    for (const index of Object.keys(spec.indexes).sort())
      indexes[index] = spec.unique?.includes(index) ? 'unique' : 'plain';
    const open = this.#models.get(spec.name);
    if (open !== undefined) {
      const [before, now] = [JSON.stringify(open.indexes), JSON.stringify(indexes)];
      if (before !== now)
        throw new TypeError(
          `Collection "${spec.name}" is open with other indexes: ${before}, now ${now}. Share one spec.`,
        );
      return new MongoCollection(this, spec, await open.model);
    }
    const model = this.#ensure(spec, indexes);
    this.#models.set(spec.name, { indexes, model });
    model.catch(() => this.#models.delete(spec.name));
    return new MongoCollection(this, spec, await model);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#connection.destroy();
  }

  assertOpen(): void {
    if (this.#closed) throw new StoreUnavailable(`${this.description} is closed.`);
  }

  explained(error: unknown): unknown {
    return explained(error, this.description);
  }

  /** Makes or checks the indexes, and fills in what a changed spec computes anew. Safe when two processes do it at once. */
  async #ensure<T>(spec: CollectionSpec<T>, indexes: Catalogue): Promise<Model<Kept>> {
    const model = keptModel(this.#connection, spec.name, indexes);
    const catalogue = catalogueModel(this.#connection);
    try {
      const entry = await catalogue.findById(spec.name).lean();
      const found = entry === null ? null : catalogueSchema.parse(JSON.parse(entry.indexes));
      if (found !== null && Object.keys(indexes).some((index) => found[index] === undefined)) {
        await this.#fill(spec, model);
      }
      await model.createCollection();
      await model.syncIndexes();
      await catalogue.updateOne({ _id: spec.name }, { $set: { indexes: JSON.stringify(indexes) } }, { upsert: true });
      return model;
    } catch (error) {
      if (brokenKey(error) === 'unique') {
        throw new StoreConflict(
          'unique',
          `In ${this.description}, documents of collection "${spec.name}" share a value that is to be unique (${spec.unique?.join(', ')}). Remove the doubles first.`,
        );
      }
      throw this.explained(error);
    }
  }

  /** Computes index values of the documents that are there; one that is written meanwhile brings its own. */
  async #fill<T>(spec: CollectionSpec<T>, model: Model<Kept>): Promise<void> {
    for (let after = ''; ; ) {
      const batch = await model
        .find({ _id: { $gt: after } })
        .sort({ _id: 1 })
        .limit(500)
        .lean();
      for (const kept of batch) {
        after = kept._id;
        const { indexed } = prepare(spec, kept._id, restore(spec, this.description, kept._id, kept.body));
        await model.updateOne({ _id: kept._id, version: kept.version }, { $set: { ix: withoutNull(indexed) } });
      }
      if (batch.length === 0) return;
    }
  }
}
