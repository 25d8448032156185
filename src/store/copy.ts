/**
 * Copies everything from one store to another of any kind, without knowing what the documents mean. A copy that was cut off
 * goes on where it stopped when it is run again; it is done when both sides have the same counts and hashes, and until
 * then nobody can open the target as a store.
 */
import { createHash } from 'node:crypto';
import { type IndexValue, StoreUnavailable } from './store.ts';

/** A stored document as it lies there. */
export interface RawDocument {
  key: string;
  version: number;
  json: string;
  /** Index name → value; null and absent mean the same. */
  indexed: Readonly<Record<string, IndexValue>>;
}

/** Each index of a collection, and whether it is unique. */
export type RawIndexes = Readonly<Record<string, 'plain' | 'unique'>>;

/** A store opened for copying: nobody else uses it meanwhile. */
export interface RawStore {
  readonly description: string;
  collections(): Promise<ReadonlyMap<string, RawIndexes>>;
  /** At most `limit` documents with keys after `after` (and up to `upTo`), in the order of their keys' UTF-8 bytes. */
  read(collection: string, after: string, limit: number, upTo?: string): Promise<readonly RawDocument[]>;
  /** What an unfinished copy into this store comes from; null where there is none. */
  unfinished(): Promise<string | null>;
  /**
   * Marks this store as the target of a copy of `source`.
   * @throws StoreUnavailable where it holds documents that no unfinished copy of the same source brought
   */
  begin(source: string): Promise<void>;
  /** Makes a collection, as yet without indexes. */
  make(collection: string, indexes: RawIndexes): Promise<void>;
  /** Writes documents over whatever has their keys. */
  write(collection: string, documents: readonly RawDocument[]): Promise<void>;
  remove(collection: string, keys: readonly string[]): Promise<void>;
  /** Makes the indexes of a collection whose documents are all there. */
  index(collection: string, indexes: RawIndexes): Promise<void>;
  /** Takes the mark away: the copy is complete. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export interface CopiedCollection {
  name: string;
  documents: number;
  /** Documents that were there already, from a copy that was cut off. */
  kept: number;
  /** SHA-256 over all keys, versions and contents, in the order of keys. */
  hash: string;
}

/** Documents read and written at a time. */
const batch = 500;

/** @throws StoreUnavailable where either side cannot be used, or is not the same as the other in the end */
export async function copyStore(source: RawStore, target: RawStore): Promise<readonly CopiedCollection[]> {
  refuseUnfinished(source.description, await source.unfinished());
  await target.begin(source.description);
  const collections = await source.collections();
  for (const [name, indexes] of collections) await target.make(name, indexes);
  const kept = new Map<string, number>();
  for (const name of collections.keys()) kept.set(name, await copyCollection(source, target, name));
  for (const [name, indexes] of collections) await target.index(name, indexes);
  const copied: CopiedCollection[] = [];
  for (const name of collections.keys()) {
    const [wanted, found] = [await digest(source, name), await digest(target, name)];
    if (wanted.documents !== found.documents || wanted.hash !== found.hash) {
      throw new StoreUnavailable(
        `Collection "${name}" of ${target.description} is not the same as that of ${source.description} (${found.documents} and ${wanted.documents} documents). Is something still writing there? End it and run the copy again.`,
      );
    }
    copied.push({ name, ...found, kept: kept.get(name) ?? 0 });
  }
  await target.finish();
  return copied;
}

/** Makes the target's collection equal to the source's, writing only what differs. @returns how much was there already */
async function copyCollection(source: RawStore, target: RawStore, name: string): Promise<number> {
  let kept = 0;
  for (let after = ''; ; ) {
    const documents = await source.read(name, after, batch);
    const last = documents.at(-1)?.key;
    const there = await readAll(target, name, after, last);
    const found = new Map(there.map((document) => [document.key, contents(document)]));
    const differing = documents.filter((document) => found.get(document.key) !== contents(document));
    kept += documents.length - differing.length;
    const wanted = new Set(documents.map(({ key }) => key));
    await target.remove(
      name,
      there.map(({ key }) => key).filter((key) => !wanted.has(key)),
    );
    await target.write(name, differing);
    if (last === undefined) return kept;
    after = last;
  }
}

/** Everything after `after`, up to `upTo` where it is given. */
async function readAll(store: RawStore, name: string, after: string, upTo: string | undefined): Promise<RawDocument[]> {
  const all: RawDocument[] = [];
  for (let from = after; ; ) {
    const page = await store.read(name, from, batch, upTo);
    all.push(...page);
    const last = page.at(-1);
    if (last === undefined || page.length < batch) return all;
    from = last.key;
  }
}

async function digest(store: RawStore, name: string): Promise<{ documents: number; hash: string }> {
  const hash = createHash('sha256');
  let documents = 0;
  for (let after = ''; ; ) {
    const page = await store.read(name, after, batch);
    for (const document of page) hash.update(`${contents(document)}\n`);
    documents += page.length;
    const last = page.at(-1);
    if (last === undefined) return { documents, hash: hash.digest('hex') };
    after = last.key;
  }
}

/** One line that is the same for the same document, its index values included. */
function contents({ key, version, json, indexed }: RawDocument): string {
  const values = Object.entries(indexed).filter(([, value]) => value !== null);
  return JSON.stringify([key, version, json, values.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** @throws StoreUnavailable for a store whose copy was cut off: it has only part of what it should */
export function refuseUnfinished(store: string, source: string | null): void {
  if (source === null) return;
  throw new StoreUnavailable(
    `${store} holds part of a copy of ${source} that was cut off. Run usher store copy again with the same two stores.`,
  );
}

/** @throws StoreUnavailable unless the store is empty, or holds part of a copy of the same source */
export function refuseFilled(store: string, unfinished: string | null, source: string, isEmpty: boolean): void {
  if (unfinished === source || (unfinished === null && isEmpty)) return;
  throw new StoreUnavailable(
    unfinished === null
      ? `${store} holds documents already: nothing is copied over them. Name an empty store.`
      : `${store} holds part of a copy of ${unfinished}, not of ${source}. Finish that copy, or name an empty store.`,
  );
}
