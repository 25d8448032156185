/** The engine that the tests run on: the server that MONGODB_URI names, else a stand-in of their own, which they say. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type StandIn, startStandIn } from '../../fixtures/mongodb/stand-in.ts';

const given = process.env['MONGODB_URI'];

/** For titles of tests. */
export const engineName = given === undefined ? 'the wire-protocol stand-in' : 'the server of MONGODB_URI';

let folder: string | undefined;
let standIn: StandIn | undefined;
let databases = 0;

/** The address of a new, empty database. */
export async function freshDatabase(): Promise<string> {
  const name = `usher_test_${process.pid}_${databases++}`;
  if (given !== undefined) {
    const url = new URL(given);
    url.pathname = `/${name}`;
    return url.href;
  }
  if (standIn === undefined) {
    folder = mkdtempSync(join(tmpdir(), 'usher-mongo-'));
    standIn = await startStandIn({ folder });
  }
  return `${standIn.uri}/${name}`;
}

/** Ends the stand-in. */
export async function stopEngine(): Promise<void> {
  await standIn?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  standIn = undefined;
  folder = undefined;
}
