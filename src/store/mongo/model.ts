/**
 * How a collection lies in MongoDB: one document each, `{ _id: key, version, body, ix }`. `body` is the same JSON text as in a
 * SQLite file (so that a copy is verified byte by byte, and no field name can mean anything to the server); `ix` holds what
 * the spec's indexes compute, without those that are null, so that a sparse unique index leaves them out.
 */
import { type Connection, type Model, Schema } from 'mongoose';
import { z } from 'zod';
import type { IndexValue } from '../store.ts';

export interface Kept {
  _id: string;
  version: number;
  body: string;
  ix: Record<string, string | number>;
}

/** Each index of a collection, and whether it is unique. */
export const catalogueSchema = z.record(z.string(), z.enum(['plain', 'unique']));
export type Catalogue = z.infer<typeof catalogueSchema>;

interface CatalogueEntry {
  _id: string;
  indexes: string;
}

export const keptPrefix = 'store_';
const catalogueName = 'catalogue';

/** A model of its own for each set of indexes: mongoose keeps a schema's indexes with the model. */
export function keptModel(connection: Connection, collection: string, indexes: Catalogue): Model<Kept> {
  const schema = new Schema<Kept>(
    { _id: String, version: Number, body: String, ix: Schema.Types.Mixed },
    { versionKey: false, minimize: false, autoIndex: false, autoCreate: false, strictQuery: false },
  );
  for (const [index, kind] of Object.entries(indexes)) {
    schema.index({ [`ix.${index}`]: 1, _id: 1 }, { name: `ix:${index}` });
    if (kind === 'unique')
      schema.index({ [`ix.${index}`]: 1 }, { name: `unique:${index}`, unique: true, sparse: true });
  }
  return connection.model<Kept>(`${collection}:${JSON.stringify(indexes)}`, schema, `${keptPrefix}${collection}`, {
    overwriteModels: true,
  });
}

export function catalogueModel(connection: Connection): Model<CatalogueEntry> {
  const schema = new Schema<CatalogueEntry>(
    { _id: String, indexes: String },
    { versionKey: false, autoIndex: false, autoCreate: false },
  );
  return connection.model<CatalogueEntry>('catalogue', schema, catalogueName, { overwriteModels: true });
}

export function withoutNull(indexed: ReadonlyMap<string, IndexValue>): Kept['ix'] {
  const ix: Kept['ix'] = {};
  for (const [index, value] of indexed) if (value !== null) ix[index] = value;
  return ix;
}

/** The catalogue's entry that marks the target of a copy that is not complete; no collection can have this name. */
export const unfinishedCopyKey = 'unfinished copy';

/** What an unfinished copy into this database comes from; null where there is none. */
export async function unfinishedCopyOf(connection: Connection): Promise<string | null> {
  const entry = await catalogueModel(connection).findById(unfinishedCopyKey).lean();
  return entry === null ? null : entry.indexes;
}
