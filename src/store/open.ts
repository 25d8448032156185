/** Opens the kind of store that a configuration names. */
import { resolve } from 'node:path';
import type { Clock } from '../clock.ts';
import { openSqliteStore } from './sqlite/store.ts';
import type { Store } from './store.ts';

export type StoreChoice = { type: 'sqlite'; path?: string | undefined } | { type: 'mongodb'; uri: string };

/** The store file of a configuration that names none or a relative path. */
export function sqlitePath(dataFolder: string, path: string | undefined): string {
  return resolve(dataFolder, path ?? 'usher.db');
}

/** @throws StoreUnavailable */
export async function openChosenStore(
  choice: StoreChoice,
  dataFolder: string,
  clock: Pick<Clock, 'now'>,
): Promise<Store> {
  if (choice.type === 'sqlite') return openSqliteStore({ path: sqlitePath(dataFolder, choice.path), clock });
  // The driver is large, and who keeps a file never needs it.
  const { openMongoStore } = await import('./mongo/store.ts');
  return openMongoStore({ uri: choice.uri });
}
