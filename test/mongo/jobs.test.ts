import { MongoBackend } from '@agendajs/mongo-backend';
import type { AgendaBackend } from 'agenda';
import { mongo } from 'mongoose';
import { systemClock } from '../../src/clock.ts';
import { startJobs } from '../../src/jobs/jobs.ts';
import { backendContract } from '../jobs/backend-contract.ts';
import { jobsContract } from '../jobs/contract.ts';
import { engineName, freshDatabase, stopEngine } from './engine.ts';

describe(`jobs on ${engineName} @mongo`, () => {
  let address: string;
  const clients: mongo.MongoClient[] = [];
  after(stopEngine);
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
  });

  // Over a connection of the test's own: given an address, the backend opens another one each time agenda asks it to.
  const open = async (): Promise<AgendaBackend> => {
    const client = await mongo.MongoClient.connect(address);
    clients.push(client);
    const backend = new MongoBackend({ mongo: client.db() });
    await backend.connect();
    return backend;
  };

  backendContract({
    name: "agenda's own backend",
    open: async () => {
      address = await freshDatabase();
      return open();
    },
    another: open,
    keepsProcessorFields: false,
  });

  jobsContract({
    name: "jobs on agenda's own backend",
    start: async () => {
      const log = { info() {}, warn() {}, error() {} };
      const backend = new MongoBackend({ address: await freshDatabase() });
      return startJobs({ backend, clock: systemClock, log, scanEvery: 20, lockLifetime: 2_000 });
    },
    now: () => systemClock.now(),
    until: (promise) => promise,
  });
});
