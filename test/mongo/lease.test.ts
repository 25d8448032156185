import { openMongoStore } from '../../src/store/mongo/store.ts';
import { leaseContract } from '../rooms/lease-contract.ts';
import { engineName, freshDatabase, stopEngine } from './engine.ts';

describe(`leases on ${engineName} @mongo`, () => {
  after(stopEngine);

  leaseContract({
    name: 'on MongoDB',
    open: async () => {
      const uri = await freshDatabase();
      return () => openMongoStore({ uri });
    },
  });
});
