import { openMongoStore } from '../../src/store/mongo/store.ts';
import type { Store } from '../../src/store/store.ts';
import { storeContract } from '../store/contract.ts';
import { engineName, freshDatabase, stopEngine } from './engine.ts';

const addresses = new WeakMap<Store, string>();

async function open(uri: string): Promise<Store> {
  const store = await openMongoStore({ uri });
  addresses.set(store, uri);
  return store;
}

describe(`the MongoDB store on ${engineName} @mongo`, () => {
  after(stopEngine);

  storeContract({
    name: 'the MongoDB store',
    open: async () => open(await freshDatabase()),
    reopen: (closed) => open(addresses.get(closed) ?? ''),
  });
});
