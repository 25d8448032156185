/**
 * One of several processes on one store: `node node.ts URI NAME DEVICE-PORT [real]`. It takes leases of rooms and, for each room
 * that it holds, tells a device (the test) again and again, with its fencing token; it runs one-time jobs and writes down
 * that it did. Times are about a seventh of the real ones, unless "real" is said.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { MongoBackend } from '@agendajs/mongo-backend';
import { z } from 'zod';
import { sleep, systemClock } from '../../src/clock.ts';
import { startJobs } from '../../src/jobs/jobs.ts';
import { startLeases } from '../../src/rooms/lease.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import type { CollectionSpec } from '../../src/store/store.ts';

export const roomIds = Array.from({ length: 40 }, (_, n) => `room-${n}`);
export const times = { ttl: 2_400, beatEvery: 600 };

const doneSchema = z.object({ by: z.string() });
export const doneJobs: CollectionSpec<z.infer<typeof doneSchema>> = {
  name: 'done_jobs',
  schema: doneSchema,
  indexes: {},
};

async function main(uri: string, name: string, devicePort: number, real: boolean): Promise<void> {
  const log = { info() {}, warn() {}, error() {} };
  const store = await openMongoStore({ uri, patience: 15_000 });
  const done = await store.collection(doneJobs);

  const jobs = await startJobs({
    backend: new MongoBackend({ address: uri }),
    clock: systemClock,
    log,
    scanEvery: 100,
    lockLifetime: 2_000,
  });
  jobs.define('work', async (data) => void (await done.put(String(data), { by: name })));

  const device = connect(devicePort, '127.0.0.1');
  const answers = createInterface({ input: device })[Symbol.asyncIterator]();
  await once(device, 'connect');
  let push = Promise.resolve();
  const leases = await startLeases({
    store,
    clock: systemClock,
    log,
    name,
    rooms: roomIds,
    onAcquired() {},
    // What is under way ends before another process may begin.
    onLost: () => push,
    ...(!real && times),
  });

  let stopping = false;
  process.once('SIGTERM', () => {
    stopping = true;
  });
  while (!stopping) {
    for (const room of leases.rooms()) {
      const lease = leases.of(room);
      if (lease === null || !lease.valid()) continue;
      device.write(`${room} ${lease.fence}\n`);
      push = answers.next().then(() => {});
      await push;
    }
    await sleep(systemClock, 40);
  }
  await leases.stop();
  await jobs.stop();
  await store.close();
  device.end();
}

const [, script, uri, name, port, real] = process.argv;
if (script === import.meta.filename && uri !== undefined && name !== undefined) {
  await main(uri, name, Number(port), real === 'real');
  // agenda keeps a timer for each run, which would hold the process for some seconds more.
  process.exit(0);
}
