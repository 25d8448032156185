/** A process that begins two jobs and never ends them; the test kills it: `node cut-off.ts FILE`. */
import { systemClock } from '../../src/clock.ts';
import { startJobs } from '../../src/jobs/jobs.ts';
import { SqliteAgendaBackend } from '../../src/jobs/sqlite-backend/backend.ts';

const [, , path = ''] = process.argv;
const backend = new SqliteAgendaBackend({ path });
const jobs = await startJobs({ backend, clock: systemClock, log: console, scanEvery: 20 });
const begin = (name: string) => async (): Promise<void> => {
  process.stdout.write(`${name}\n`);
  await new Promise(() => {});
};
await jobs.once('renew', 0, { id: 'a' }, begin('renew'));
await jobs.every('poll', 3_600_000, begin('poll'));
