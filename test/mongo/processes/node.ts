/**
 * One of several processes of a house: `node node.ts CONFIGURATION NAME TTL`. It is `usher serve` but for the times of its
 * leases, in the proportion of the real ones, and for jobs of its own beside those of the house: each writes down that it ran. When
 * it is ready it prints the addresses of its panels, by room.
 */
import { dirname } from 'node:path';
import { MongoBackend } from '@agendajs/mongo-backend';
import { z } from 'zod';
import { systemClock } from '../../../src/clock.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { openHouse } from '../../../src/house/house.ts';
import { startJobs } from '../../../src/jobs/jobs.ts';
import { defaultBeatEvery, defaultTtl } from '../../../src/rooms/lease.ts';
import { openMongoStore } from '../../../src/store/mongo/store.ts';
import type { CollectionSpec } from '../../../src/store/store.ts';
import { createLog } from '../../../src/telemetry/log.ts';

const doneSchema = z.object({ by: z.string() });
export const doneJobs: CollectionSpec<z.infer<typeof doneSchema>> = {
  name: 'done_jobs',
  schema: doneSchema,
  indexes: {},
};

async function main(file: string, name: string, ttl: number): Promise<void> {
  const config = await loadConfig(file);
  if (config.store.type !== 'mongodb') throw new Error('several processes need a store of type mongodb');
  const { uri } = config.store;
  const ended = new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()));
  const log = createLog({ level: config.log.level });
  const leases = { name, ttl, beatEvery: ttl * (defaultBeatEvery / defaultTtl) };
  const base = dirname(file);
  const house = await openHouse({ config, base, clock: systemClock, log, mode: 'serve', version: '0', leases });

  const store = await openMongoStore({ uri, patience: 15_000 });
  const done = await store.collection(doneJobs);
  const backend = new MongoBackend({ address: uri });
  const jobs = await startJobs({ backend, clock: systemClock, log, scanEvery: 200, lockLifetime: 2_000 });
  jobs.define('work', async (data) => void (await done.put(String(data), { by: name })));

  const panels = Object.fromEntries(config.rooms.map(({ id }) => [id, house.panelUrl(id)]));
  process.stdout.write(`${JSON.stringify(panels)}\n`);
  await ended;
  await house.close();
  await jobs.stop();
  await store.close();
}

const [, script, file, name, ttl] = process.argv;
if (script === import.meta.filename && file !== undefined && name !== undefined) {
  await main(file, name, Number(ttl));
  // agenda keeps a timer for each run, which would hold the process for some seconds more.
  process.exit(0);
}
