import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SimulatedClock } from '../../src/clock.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { storeContract } from './contract.ts';

const clock = new SimulatedClock(Date.UTC(2026, 0, 5));
const folders: string[] = [];

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

storeContract({
  name: 'the SQLite store @first-run',
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'usher-store-'));
    folders.push(folder);
    return openSqliteStore({ path: join(folder, 'usher.db'), clock });
  },
  reopen: async (closed) => openSqliteStore({ path: closed.description.replace(/^sqlite /, ''), clock }),
});
