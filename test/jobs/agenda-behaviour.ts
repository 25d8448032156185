/** agenda on top of a backend: part of `backendContract`. It keeps real time, and so do these tests. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agenda, type AgendaBackend, constant, type JobRepository } from 'agenda';
import { sleep, systemClock } from '../../src/clock.ts';
import { ago, type GivenBackend, minute, present } from './given.ts';

export function agendaBehaviour(given: () => GivenBackend): void {
  describe('agenda on top of it', () => {
    let backend: AgendaBackend;
    let jobs: JobRepository;
    const agendas: Agenda[] = [];

    beforeEach(() => {
      backend = given().backend;
      jobs = backend.repository;
    });
    afterEach(async () => {
      for (const agenda of agendas.splice(0)) await agenda.stop(false);
    });

    const start = async (
      options: Partial<ConstructorParameters<typeof Agenda>[0]> = {},
      on = backend,
    ): Promise<Agenda> => {
      const agenda = new Agenda({ backend: on, processEvery: 25, defaultLockLifetime: 3_000, ...options });
      agendas.push(agenda);
      await agenda.ready;
      return agenda;
    };

    it('runs a job with its data, locked while it runs and unlocked afterwards', async () => {
      const agenda = await start({ logging: true });
      let seen: unknown;
      let locked: unknown;
      agenda.define('work', async (job) => {
        seen = job.attrs.data;
        locked = (await agenda.queryJobs({ name: 'work' })).jobs[0]?.lockedAt;
      });
      const complete = once(agenda, 'complete:work');
      await agenda.start();
      await agenda.now('work', { room: 'atrium' });
      await complete;
      assert.deepEqual(seen, { room: 'atrium' });
      assert.ok(locked instanceof Date);
      const after = present((await agenda.queryJobs({ name: 'work' })).jobs[0]);
      assert.equal(after.lockedAt ?? null, null);
      assert.equal(after.nextRunAt, null);
      const { entries } = await agenda.getLogs({ jobName: 'work', sort: 'asc' });
      assert.deepEqual(
        new Set(entries.map((entry) => entry.event)),
        new Set(['locked', 'start', 'success', 'complete']),
      );
    });

    it('repeats a job, at an interval and by cron', async () => {
      const agenda = await start();
      let runs = 0;
      const twice = Promise.withResolvers<void>();
      agenda.define('often', async () => {
        if (++runs === 3) twice.resolve();
      });
      agenda.define('each second', async () => {});
      const cron = once(agenda, 'complete:each second');
      await agenda.every(60, 'often');
      await agenda.every('* * * * * *', 'each second');
      await agenda.start();
      await twice.promise;
      await cron;
      assert.equal((await agenda.queryJobs({ name: 'often' })).total, 1);
    });

    it('tries a failing job again with back-off, counting, and gives up when told to', async () => {
      const agenda = await start();
      let runs = 0;
      agenda.define('fails', async () => Promise.reject(new Error(`attempt ${++runs}`)), {
        backoff: constant({ delay: 30, maxRetries: 2 }),
      });
      const exhausted = once(agenda, 'retry exhausted:fails');
      const delays: number[] = [];
      agenda.on('retry:fails', (_job, details) => delays.push(details.delay));
      const completes = Promise.withResolvers<void>();
      agenda.on('complete:fails', () => runs === 3 && completes.resolve());
      await agenda.now('fails');
      await agenda.start();
      await exhausted;
      await completes.promise;
      assert.deepEqual(delays, [30, 30]);
      const job = present((await agenda.queryJobs({ name: 'fails' })).jobs[0]);
      assert.deepEqual([job.failCount, job.failReason, job.nextRunAt, job.state], [3, 'attempt 3', null, 'failed']);
    });

    it('runs a debounced job once, with the last data, when it has been quiet', async () => {
      const agenda = await start();
      const seen: unknown[] = [];
      agenda.define('quiet', async (job) => void seen.push(job.attrs.data));
      const complete = once(agenda, 'complete:quiet');
      for (let n = 0; n < 4; n++) {
        const before = Date.now();
        const job = await agenda.create('quiet', { key: 'k', n }).unique({ 'data.key': 'k' }).debounce(150).save();
        assert.ok(present(job.attrs.nextRunAt).getTime() >= before + 150);
      }
      await agenda.start();
      await complete;
      assert.deepEqual(seen, [{ key: 'k', n: 3 }]);
      assert.equal((await agenda.queryJobs({ name: 'quiet' })).total, 1);
    });

    it('debounces from the first call when asked to lead, and each key by itself', async () => {
      const agenda = await start();
      const lead = (key: string, n: number) =>
        agenda.create('lead', { key, n }).unique({ 'data.key': key }).debounce(5_000, { strategy: 'leading' }).save();
      const first = await lead('a', 1);
      const second = await lead('a', 2);
      assert.deepEqual(second.attrs.nextRunAt, first.attrs.nextRunAt);
      assert.ok(present(first.attrs.nextRunAt).getTime() <= Date.now());
      assert.notEqual((await lead('b', 1)).attrs._id, first.attrs._id);
      assert.deepEqual((await agenda.queryJobs({ name: 'lead', data: { key: 'a' } })).jobs[0]?.data, {
        key: 'a',
        n: 2,
      });
    });

    it('does not debounce beyond the longest wait', async () => {
      const agenda = await start();
      const wait = () =>
        agenda.create('wait', { key: 'k' }).unique({ 'data.key': 'k' }).debounce(minute, { maxWait: 40 }).save();
      const first = present((await wait()).attrs.debounceStartedAt);
      while (Date.now() < first.getTime() + 45) await new Promise((resolve) => setImmediate(resolve));
      const late = await wait();
      assert.ok(present(late.attrs.nextRunAt).getTime() <= Date.now());
      assert.equal(late.attrs.debounceStartedAt ?? null, null);
    });

    it('removes a one-time job that succeeded when asked to, and no other', async () => {
      const agenda = await start({ removeOnComplete: true });
      agenda.define('done', async () => {});
      agenda.define('failed', async () => Promise.reject(new Error('no')));
      agenda.define('repeated', async () => {});
      const completes = Promise.all(['done', 'failed', 'repeated'].map((name) => once(agenda, `complete:${name}`)));
      await agenda.now('done');
      await agenda.now('failed');
      await agenda.every('1 hour', 'repeated');
      await agenda.start();
      await completes;
      // The removal follows the event.
      while ((await agenda.queryJobs({ name: 'done' })).total > 0)
        await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual((await agenda.db.getDistinctJobNames()).sort(), ['failed', 'repeated']);
    });

    it('gives a job that outlives its lock to somebody else', async () => {
      const agenda = await start();
      let runs = 0;
      const release = Promise.withResolvers<void>();
      const secondRun = Promise.withResolvers<void>();
      const work = async (): Promise<void> => {
        if (++runs === 1) return release.promise;
        secondRun.resolve();
      };
      agenda.define('slow', work, { lockLifetime: 60 });
      const error = once(agenda, 'error');
      await agenda.now('slow');
      await agenda.start();
      await secondRun.promise;
      assert.match(String((await error)[0]), /slow.*60ms/s);
      release.resolve();
    });

    it('keeps a job that touches its lock', async () => {
      const agenda = await start();
      let runs = 0;
      agenda.define(
        'touches',
        async (job) => {
          runs++;
          const end = Date.now() + 2_500;
          while (Date.now() < end) {
            await job.touch(runs);
            await sleep(systemClock, 50);
          }
        },
        { lockLifetime: 1_500 },
      );
      const success = once(agenda, 'success:touches');
      await agenda.now('touches');
      await agenda.start();
      await success;
      assert.equal(runs, 1);
    });

    it('runs no job twice when two processes share the store', async () => {
      const other = await given().another();
      const [one, two] = [await start({ name: 'one' }), await start({ name: 'two' }, other)];
      const runs = new Map<unknown, number>();
      const all = Promise.withResolvers<void>();
      for (const agenda of [one, two]) {
        agenda.define('shared', async (job) => {
          runs.set(job.attrs.data, (runs.get(job.attrs.data) ?? 0) + 1);
          if (runs.size === 30) all.resolve();
        });
      }
      for (let n = 0; n < 30; n++) await one.now('shared', n);
      await Promise.all([one.start(), two.start()]);
      await all.promise;
      assert.deepEqual([...runs.values()], Array(30).fill(1));
    });

    it('finds scheduled jobs again after a restart', async () => {
      const before = await start();
      before.define('later', async () => {});
      await before.schedule(ago(5), 'later', { n: 1 });
      await before.every('1 hour', 'hourly', { n: 2 });
      await before.stop(false);
      const other = await given().another();
      const after = await start({}, other);
      let seen: unknown;
      after.define('later', async (job) => {
        seen = job.attrs.data;
      });
      const complete = once(after, 'complete:later');
      await after.start();
      await complete;
      assert.deepEqual(seen, { n: 1 });
      assert.deepEqual((await after.queryJobs({ name: 'hourly' })).jobs[0]?.data, { n: 2 });
    });

    it('unlocks at its stop what it locked and did not begin', async () => {
      const agenda = await start({ maxConcurrency: 1 });
      const release = Promise.withResolvers<void>();
      agenda.define('one at a time', async () => release.promise);
      const begun = once(agenda, 'start:one at a time');
      for (let n = 0; n < 3; n++) await agenda.now('one at a time');
      await agenda.start();
      await begun;
      await agenda.stop(false);
      assert.equal((await jobs.queryJobs({ state: 'running' })).total, 1);
      const complete = once(agenda, 'complete:one at a time');
      release.resolve();
      await complete;
    });
  });
}
