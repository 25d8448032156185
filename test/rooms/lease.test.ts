import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SimulatedClock } from '../../src/clock.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { leaseContract } from './lease-contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'usher-leases-'));
let files = 0;
after(() => rmSync(folder, { recursive: true, force: true }));

leaseContract({
  name: 'on SQLite @mongo',
  // One process has the file, so all of them share the opened store; it closes with the last.
  open: async () => {
    const store = await openSqliteStore({ path: join(folder, `${files++}.db`), clock: new SimulatedClock(0) });
    let open = 0;
    return async () => {
      open++;
      return {
        ...store,
        description: store.description,
        collection: (spec) => store.collection(spec),
        close: async () => {
          if (--open === 0) await store.close();
        },
      };
    };
  },
});
