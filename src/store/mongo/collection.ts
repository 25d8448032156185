/** A collection of documents in MongoDB. Every write is one atomic operation on one document. */
import type { Model } from 'mongoose';
import { type CheckedQuery, checkKey, checkQuery, prepare, restore } from '../checks.ts';
import { type Collection, type CollectionSpec, type Query, StoreConflict, type Stored } from '../store.ts';
import { brokenKey, isInterrupted } from './errors.ts';
import { type Kept, withoutNull } from './model.ts';

/** The connection, as a collection sees it. */
export interface OpenStore {
  readonly description: string;
  /** @throws StoreUnavailable once the store is closed */
  assertOpen(): void;
  /** Puts what went wrong into a sentence. */
  explained(error: unknown): unknown;
}

type Filter = Record<string, unknown>;

/** Upserts of the same new key at the same time collide; the server asks for them to be tried again. */
const upsertAttempts = 50;

export class MongoCollection<T> implements Collection<T> {
  readonly #store: OpenStore;
  readonly #spec: CollectionSpec<T>;
  readonly #model: Model<Kept>;

  constructor(store: OpenStore, spec: CollectionSpec<T>, model: Model<Kept>) {
    this.#store = store;
    this.#spec = spec;
    this.#model = model;
  }

  async get(key: string): Promise<Stored<T> | null> {
    checkKey(this.#spec.name, key);
    const kept = await this.#run(() => this.#model.findById(key).lean());
    return kept === null ? null : this.#stored(kept);
  }

  async insert(key: string, value: T): Promise<Stored<T>> {
    const { json, indexed, value: parsed } = prepare(this.#spec, key, value);
    const kept: Kept = { _id: key, version: 1, body: json, ix: withoutNull(indexed) };
    await this.#write(
      key,
      () => this.#model.insertOne(kept),
      (found) => found?.version === 1 && found.body === json,
    );
    return { key, value: parsed, version: 1 };
  }

  async replace(key: string, value: T, version: number): Promise<Stored<T>> {
    const { json, indexed, value: parsed } = prepare(this.#spec, key, value);
    const update = { $set: { body: json, ix: withoutNull(indexed) }, $inc: { version: 1 } };
    const stored = { key, value: parsed, version: version + 1 };
    const result = await this.#write(
      key,
      () => this.#model.updateOne({ _id: key, version }, update),
      (found) => found?.version === version + 1 && found.body === json,
    );
    if (result === 'done before' || result.matchedCount === 1) return stored;
    throw await this.#notReplaced(key, version);
  }

  async put(key: string, value: T): Promise<Stored<T>> {
    const { json, indexed, value: parsed } = prepare(this.#spec, key, value);
    const update = { $set: { body: json, ix: withoutNull(indexed) }, $inc: { version: 1 } };
    for (let attempt = 1; ; attempt++) {
      try {
        const kept = await this.#write(
          key,
          () =>
            this.#model.findOneAndUpdate({ _id: key }, update, { upsert: true, returnDocument: 'after', lean: true }),
          () => false,
        );
        if (kept !== 'done before' && kept !== null) return { key, value: parsed, version: kept.version };
      } catch (error) {
        if (!(error instanceof StoreConflict) || error.reason !== 'exists' || attempt === upsertAttempts) throw error;
      }
    }
  }

  async remove(key: string, version?: number): Promise<boolean> {
    checkKey(this.#spec.name, key);
    const filter = version === undefined ? { _id: key } : { _id: key, version };
    let interrupted = false;
    const remove = async (): Promise<boolean> => (await this.#model.deleteOne(filter)).deletedCount > 0;
    const removed = await this.#run(async () => {
      try {
        return await remove();
      } catch (error) {
        if (!isInterrupted(error)) throw error;
        interrupted = true;
        return remove();
      }
    });
    // Gone after an interrupted attempt: most likely by it.
    return removed || (interrupted && (await this.get(key)) === null);
  }

  async find(query: Query = {}): Promise<readonly Stored<T>[]> {
    const checked = checkQuery(this.#spec, query);
    const found = await this.#run(() =>
      this.#model.find(filterOf(checked)).sort(sortOf(checked)).limit(checked.limit).lean(),
    );
    return found.map((kept) => this.#stored(kept));
  }

  async count(query: Pick<Query, 'equal' | 'range'> = {}): Promise<number> {
    const filter = filterOf(checkQuery(this.#spec, query));
    return this.#run(() => this.#model.countDocuments(filter));
  }

  async removeMany(query: Query): Promise<number> {
    const checked = checkQuery(this.#spec, query);
    const filter = filterOf(checked);
    return this.#run(async () => {
      const found = await this.#model.find(filter).select('_id').sort(sortOf(checked)).limit(checked.limit).lean();
      // What changed in between so that it no longer matches stays.
      const matches = { $and: [filter, { _id: { $in: found.map((kept) => kept._id) } }] };
      return found.length === 0 ? 0 : (await this.#model.deleteMany(matches)).deletedCount;
    });
  }

  async #run<R>(operation: () => PromiseLike<R>): Promise<R> {
    this.#store.assertOpen();
    try {
      return await operation();
    } catch (error) {
      throw this.#store.explained(error);
    }
  }

  /**
   * Runs a write; where the connection broke and nobody knows whether it happened, looks, and if it did not, runs it once more.
   * @returns what the write answered, or `done before` where the interrupted attempt had happened after all
   */
  async #write<R>(
    key: string,
    write: () => PromiseLike<R>,
    happened: (found: Kept | null) => boolean,
  ): Promise<R | 'done before'> {
    return this.#run(async () => {
      try {
        return await write();
      } catch (error) {
        if (!isInterrupted(error)) throw this.#conflict(key, error);
      }
      if (happened(await this.#model.findById(key).lean())) return 'done before';
      try {
        return await write();
      } catch (error) {
        throw this.#conflict(key, error);
      }
    });
  }

  #conflict(key: string, error: unknown): unknown {
    const broken = brokenKey(error);
    const where = `In collection "${this.#spec.name}" of ${this.#store.description}`;
    if (broken === 'key')
      return new StoreConflict('exists', `${where}, a document ${JSON.stringify(key)} exists already.`);
    if (broken === null) return error;
    const values = this.#spec.unique?.join(', ');
    return new StoreConflict(
      'unique',
      `${where}, another document than ${JSON.stringify(key)} holds a value that must be unique (${values}).`,
    );
  }

  async #notReplaced(key: string, version: number): Promise<StoreConflict> {
    const found = await this.#run(() => this.#model.findById(key).lean());
    const where = `In collection "${this.#spec.name}" of ${this.#store.description}, the document ${JSON.stringify(key)}`;
    return found === null
      ? new StoreConflict('missing', `${where} does not exist.`)
      : new StoreConflict(
          'version',
          `${where} is at version ${found.version}, not ${version}: somebody else wrote it. Read it again.`,
        );
  }

  #stored(kept: Kept): Stored<T> {
    const value = restore(this.#spec, this.#store.description, kept._id, kept.body);
    return { key: kept._id, value, version: kept.version };
  }
}

function filterOf(query: CheckedQuery): Filter {
  const terms: Filter[] = query.equal.map(([index, value]) => ({ [`ix.${index}`]: value }));
  if (query.range !== null) {
    const { index, from, to } = query.range;
    // The server compares within one kind of value only.
    terms.push({ [`ix.${index}`]: { ...(from !== null && { $gte: from }), ...(to !== null && { $lt: to }) } });
  }
  return terms.length === 0 ? {} : { $and: terms };
}

function sortOf(query: CheckedQuery): Record<string, 1 | -1> {
  if (query.orderBy === null) return { _id: 1 };
  return { [`ix.${query.orderBy.index}`]: query.orderBy.descending ? -1 : 1, _id: 1 };
}
