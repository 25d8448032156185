import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SimulatedClock, systemClock } from '../../src/clock.ts';
import { clockJobs } from '../../src/jobs/clock-jobs.ts';
import { type Jobs, startJobs } from '../../src/jobs/jobs.ts';
import { SqliteAgendaBackend } from '../../src/jobs/sqlite-backend/backend.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { StoreUnavailable } from '../../src/store/store.ts';
import { jobsContract } from './contract.ts';

const silent = { info() {}, warn() {}, error() {} };
const folder = mkdtempSync(join(tmpdir(), 'usher-jobs-'));
let files = 0;
after(() => rmSync(folder, { recursive: true, force: true }));

const startOn = (path: string): Promise<Jobs> =>
  startJobs({
    backend: new SqliteAgendaBackend({ path }),
    clock: systemClock,
    log: silent,
    scanEvery: 20,
    lockLifetime: 2_000,
  });

jobsContract({
  name: 'jobs on agenda and SQLite @firm',
  start: () => startOn(join(folder, `${files++}.db`)),
  now: () => systemClock.now(),
  until: (promise) => promise,
});

const clock = new SimulatedClock(Date.UTC(2026, 2, 28));
jobsContract({
  name: 'jobs on the clock port @firm',
  start: async () => clockJobs(clock, silent),
  now: () => clock.now(),
  until: async (promise) => {
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    for (let steps = 0; !settled && steps < 1_000; steps++) await clock.advance(10);
    return promise;
  },
});

describe('jobs over restarts @firm', () => {
  let path: string;
  beforeEach(() => {
    path = join(folder, `${files++}.db`);
  });

  it('runs at its time what an earlier process scheduled, and keeps the rhythm of repeating jobs', async () => {
    const first = await startOn(path);
    let polls = 0;
    const polled = Promise.withResolvers<void>();
    await first.every('poll', 3_600_000, async () => {
      polls++;
      polled.resolve();
    });
    await first.once('renew', systemClock.now() + 1_500, { id: 'a' }, async () => assert.fail('too early'));
    await polled.promise;
    await first.stop();

    const second = await startOn(path);
    const renewed = Promise.withResolvers<unknown>();
    await second.every('poll', 3_600_000, async () => void polls++);
    second.define('renew', async (data) => renewed.resolve(data));
    assert.deepEqual(await renewed.promise, { id: 'a' });
    assert.equal(polls, 1);
    await second.stop();
  });

  it('shortens the rhythm of a repeating job when its interval became shorter', async () => {
    const first = await startOn(path);
    const polled = Promise.withResolvers<void>();
    await first.every('poll', 3_600_000, async () => polled.resolve());
    await polled.promise;
    await first.stop();
    const second = await startOn(path);
    const again = Promise.withResolvers<void>();
    await second.every('poll', 50, async () => again.resolve());
    await again.promise;
    await second.stop();
  });

  it('runs again at once what kill -9 cut off', async () => {
    const script = fileURLToPath(new URL('cut-off.ts', import.meta.url));
    const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const begun = new Set([(await lines.next()).value, (await lines.next()).value]);
    assert.deepEqual(begun, new Set(['poll', 'renew']));
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;

    const jobs = await startOn(path);
    const [polled, renewed] = [Promise.withResolvers<void>(), Promise.withResolvers<unknown>()];
    await jobs.every('poll', 3_600_000, async () => polled.resolve());
    jobs.define('renew', async (data) => renewed.resolve(data));
    await polled.promise;
    assert.deepEqual(await renewed.promise, { id: 'a' });
    await jobs.stop();
  });

  it('renews the lock of a run that takes longer than its lock', async () => {
    const jobs = await startJobs({
      backend: new SqliteAgendaBackend({ path }),
      clock: systemClock,
      log: { ...silent, error: (problem: unknown) => assert.fail(String(problem)) },
      scanEvery: 20,
      lockLifetime: 600,
    });
    let runs = 0;
    const ended = Promise.withResolvers<void>();
    await jobs.once('long', 0, null, async () => {
      runs++;
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      ended.resolve();
    });
    await ended.promise;
    await jobs.stop();
    assert.equal(runs, 1);
  });

  it('shares the file of the store', async () => {
    const store = await openSqliteStore({ path, clock: systemClock });
    const jobs = await startOn(path);
    const ran = Promise.withResolvers<void>();
    await jobs.once('renew', 0, null, async () => ran.resolve());
    await ran.promise;
    await jobs.stop();
    await store.close();
    await (await openSqliteStore({ path, clock: systemClock })).close();
  });

  it('says at its start when the file cannot be used', async () => {
    await assert.rejects(startOn(join(folder)), StoreUnavailable);
  });
});

describe('a simulated week of jobs @firm', () => {
  it('keeps intervals over a change to summer time and a clock that is set back an hour', async () => {
    const week = new SimulatedClock(Date.UTC(2026, 2, 26));
    const jobs = clockJobs(week, silent);
    let polls = 0;
    await jobs.every('poll', 60_000, async () => void polls++);
    await week.advance(3 * 86_400_000);
    week.set(week.now() - 3_600_000);
    await week.advance(4 * 86_400_000);
    assert.equal(polls, 7 * 24 * 60 + 1);
    await jobs.stop();
  });
});
