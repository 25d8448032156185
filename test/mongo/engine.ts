/** The engine that the tests run on: the server that MONGODB_URI names, else a stand-in of their own, which they say. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mongo } from 'mongoose';
import { type StandIn, startStandIn } from '../../fixtures/mongodb/stand-in.ts';

const given = process.env['MONGODB_URI'];

/** Whether the tests run on a server of somebody else's: it is not stopped, and nothing is left on it. */
export const isGiven = given !== undefined;
/** For titles of tests. */
export const engineName = isGiven ? 'the server of MONGODB_URI' : 'the wire-protocol stand-in';

let folder: string | undefined;
let standIn: StandIn | undefined;
const made: string[] = [];

/** The address of a new, empty database; on a server that was given, its user needs the right to drop it. */
export async function freshDatabase(): Promise<string> {
  const name = `usher_test_${randomBytes(6).toString('hex')}`;
  if (given !== undefined) {
    const address = withDatabase(given, name);
    made.push(address);
    return address;
  }
  if (standIn === undefined) {
    folder = mkdtempSync(join(tmpdir(), 'usher-mongo-'));
    standIn = await startStandIn({ folder });
  }
  return `${standIn.uri}/${name}`;
}

/** Ends the stand-in; drops what was made on a server that was given. */
export async function stopEngine(): Promise<void> {
  for (const address of made.splice(0)) {
    const client = await mongo.MongoClient.connect(address);
    await client.db().dropDatabase();
    await client.close();
  }
  await standIn?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  standIn = undefined;
  folder = undefined;
}

/** The same server, users known to the same database as before, another database; the address may name several hosts. */
export function withDatabase(address: string, name: string): string {
  const parts = /^(mongodb(?:\+srv)?:\/\/)([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(address);
  if (parts === null) throw new Error('MONGODB_URI is no connection string: it looks like mongodb://127.0.0.1:27017');
  const [, scheme = '', hosts = '', database = '', options = ''] = parts;
  const query = options === '' ? [] : [options];
  // Without it, users are looked for in the database that the address names.
  if (hosts.includes('@') && !/(^|&)authSource=/i.test(options)) query.push(`authSource=${database || 'admin'}`);
  return `${scheme}${hosts}/${name}${query.length > 0 ? `?${query.join('&')}` : ''}`;
}
