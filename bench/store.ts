/** What the stores cost: single operations and queries over 50,000 documents, and opening the file with its check. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { systemClock } from '../src/clock.ts';
import { backupStore } from '../src/store/sqlite/backup.ts';
import { openSqliteStore } from '../src/store/sqlite/store.ts';
import type { CollectionSpec } from '../src/store/store.ts';

const schema = z.object({ room: z.string(), start: z.number(), title: z.string() });
const meetings: CollectionSpec<z.infer<typeof schema>> = {
  name: 'meetings',
  schema,
  indexes: { room: (meeting) => meeting.room, start: (meeting) => meeting.start },
};
const documents = 50_000;
const folder = mkdtempSync(join(tmpdir(), 'usher-bench-'));
const path = join(folder, 'usher.db');

async function measure(what: string, times: number, run: (n: number) => unknown): Promise<void> {
  const begun = performance.now();
  for (let n = 0; n < times; n++) await run(n);
  const ms = performance.now() - begun;
  process.stdout.write(
    `${what.padEnd(58)} ${times === 1 ? `${ms.toFixed(0)} ms` : `${((ms / times) * 1000).toFixed(0)} µs`}\n`,
  );
}

let store = await openSqliteStore({ path, clock: systemClock });
const all = await store.collection(meetings);
const meeting = (n: number) => ({ room: `room-${n % 1_000}`, start: n, title: 'x'.repeat(200) });
await measure(`insert, ${documents} documents with two indexes`, documents, (n) => all.insert(`k${n}`, meeting(n)));
await measure('get', 10_000, (n) => all.get(`k${n * 3}`));
await measure('put over', 10_000, (n) => all.put(`k${n}`, meeting(n)));
await measure('find a room, 50 documents', 1_000, (n) => all.find({ equal: { room: `room-${n}` } }));
await measure('find a range, 10 documents', 1_000, (n) => all.find({ range: { index: 'start', from: n, to: n + 10 } }));
await measure('find the last 10 by an index', 1_000, () =>
  all.find({ orderBy: { index: 'start', direction: 'descending' }, limit: 10 }),
);
await measure('find 10,000 documents at once', 1, () => all.find({ limit: 10_000 }));
await measure('back-up while it is open', 1, () => backupStore(path, join(folder, 'backup.db')));
await store.close();
process.stdout.write(`${'file'.padEnd(58)} ${(statSync(path).size / 1e6).toFixed(1)} MB\n`);
await measure('open, with the check of the whole file', 1, async () => {
  store = await openSqliteStore({ path, clock: systemClock });
});
await store.close();
rmSync(folder, { recursive: true, force: true });
