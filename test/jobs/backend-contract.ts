/**
 * What agenda expects of a backend, as tests that every backend of Usher's runs: its repository and its log, then agenda
 * itself on top. They ask what agenda's own shared suites ask, and what Usher relies on beyond them.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agenda, type AgendaBackend, constant, type JobParameters, type JobRepository } from 'agenda';

export interface BackendContract {
  /** Names the backend in titles; ends with the tags. */
  name: string;
  /** Opens a backend over a store without jobs, connected. */
  open(): Promise<AgendaBackend>;
  /** Opens another backend over the same store, as a second process would. */
  another(): Promise<AgendaBackend>;
  /** False where saving a job clears the processor's fields, and where a debounce may pass its longest wait. */
  keepsProcessorFields: boolean;
}

const minute = 60_000;
const ago = (ms: number): Date => new Date(Date.now() - ms);
const ahead = (ms: number): Date => new Date(Date.now() + ms);

const newJob = (name: string, more: Partial<JobParameters> = {}): JobParameters => ({
  name,
  priority: 0,
  nextRunAt: ago(minute),
  type: 'normal',
  data: {},
  ...more,
});

/** A value that a test just made sure of. */
function present<T>(value: T | null | undefined): T {
  assert.ok(value !== null && value !== undefined);
  return value;
}

export function backendContract(contract: BackendContract): void {
  describe(`${contract.name}: what agenda expects of a backend`, () => {
    let backend: AgendaBackend;
    let jobs: JobRepository;
    const others: AgendaBackend[] = [];
    const agendas: Agenda[] = [];

    beforeEach(async () => {
      backend = await contract.open();
      jobs = backend.repository;
    });
    afterEach(async () => {
      for (const agenda of agendas.splice(0)) await agenda.stop(false);
      for (const other of [backend, ...others.splice(0)]) await other.disconnect();
    });

    const save = (name: string, more: Partial<JobParameters> = {}): Promise<JobParameters> =>
      jobs.saveJob(newJob(name, more), undefined);
    const read = async (job: JobParameters): Promise<JobParameters> => present(await jobs.getJobById(String(job._id)));
    const next = (name: string, lockDeadline = ago(10 * minute)): Promise<JobParameters | undefined> =>
      jobs.getNextJobToRun(name, ahead(5_000), lockDeadline, undefined, { lastModifiedBy: 'test' });

    describe('its repository', () => {
      it('gives a new job an id and keeps what it was given', async () => {
        const given = newJob('new', {
          priority: 7,
          nextRunAt: new Date('2026-03-29T01:30:00.123Z'),
          data: { room: 'atrium', list: [1, { a: null }], text: 'é\u{1F4DE}' },
          repeatInterval: 90_000,
          repeatTimezone: 'Europe/Oslo',
          skipDays: [0, 6],
          startDate: new Date('2026-01-01T00:00:00Z'),
          endDate: new Date('2027-01-01T00:00:00Z'),
          fork: false,
        });
        const saved = await jobs.saveJob(given, { lastModifiedBy: 'me' });
        const found = await read(saved);
        assert.deepEqual({ ...found, _id: undefined }, { ...saved, _id: undefined });
        for (const field of [
          'priority',
          'nextRunAt',
          'data',
          'repeatInterval',
          'skipDays',
          'startDate',
          'endDate',
        ] as const) {
          assert.deepEqual(found[field], given[field], field);
        }
        assert.equal(found.lastModifiedBy, 'me');
        assert.equal(found.lockedAt ?? null, null);
        assert.equal(found.failReason, undefined);
      });

      it('answers null for a job that is not there', async () => {
        const saved = await save('gone');
        assert.equal(await jobs.removeJobs({ id: String(saved._id) }), 1);
        assert.equal(await jobs.getJobById(String(saved._id)), null);
      });

      it('updates a job by its id, and brings none back that was removed', async () => {
        const saved = await save('job');
        const updated = await jobs.saveJob({ ...saved, priority: 20, data: { version: 2 } }, undefined);
        assert.equal(updated._id, saved._id);
        assert.deepEqual((await read(saved)).data, { version: 2 });
        await jobs.removeJobs({ name: 'job' });
        await jobs.saveJob({ ...saved, priority: 30 }, undefined);
        assert.equal((await jobs.queryJobs()).total, 0);
      });

      it('keeps one repeating job of a name, and its schedule when it is declared again', async () => {
        const first = await save('poll', { type: 'single', nextRunAt: ahead(minute), data: { run: 1 } });
        const again = await save('poll', { type: 'single', nextRunAt: ago(5), data: { run: 2 } });
        assert.equal(again._id, first._id);
        assert.deepEqual(again.nextRunAt, first.nextRunAt);
        assert.deepEqual(again.data, { run: 2 });
        const moved = await save('poll', { type: 'single', nextRunAt: ahead(2 * minute) });
        assert.ok(present(moved.nextRunAt) > present(first.nextRunAt));
        assert.equal((await jobs.queryJobs({ name: 'poll' })).total, 1);
      });

      it('keeps one job for each unique value', async () => {
        const unique = (id: string) => ({ 'data.type': 'renewal', 'data.id': id });
        const one = await save('u', { data: { type: 'renewal', id: 'a', n: 1 }, unique: unique('a') });
        const same = await save('u', { data: { type: 'renewal', id: 'a', n: 2 }, unique: unique('a') });
        assert.equal(same._id, one._id);
        assert.deepEqual((await read(one)).data, { type: 'renewal', id: 'a', n: 2 });
        await save('u', { data: { type: 'renewal', id: 'b' }, unique: unique('b') });
        await save('v', { data: { type: 'renewal', id: 'a' }, unique: unique('a') });
        assert.equal((await jobs.queryJobs({ name: 'u' })).total, 2);
        const kept = await save('u', {
          data: { type: 'renewal', id: 'a', n: 3 },
          unique: unique('a'),
          uniqueOpts: { insertOnly: true },
        });
        assert.equal(kept._id, one._id);
        assert.deepEqual((await read(one)).data, { type: 'renewal', id: 'a', n: 2 });
      });

      it('refuses code in a unique constraint', async () => {
        await save('u');
        await assert.rejects(save('u', { unique: { 'data.id': { $where: 'sleep(1000)' } } }));
      });

      it('queries by name, id, part of the name, data and state, page by page', async () => {
        const a = await save('alpha.poll', { nextRunAt: ahead(minute), data: { kind: 'x', deep: { n: 1 } } });
        await save('Alpha.renew', { nextRunAt: ago(minute), data: { kind: 'x', deep: { n: 2 } } });
        await save('beta', { nextRunAt: null, lastFinishedAt: ago(1), disabled: true, data: { kind: 'y' } });
        await save('beta', { nextRunAt: ahead(2 * minute), repeatInterval: 1_000, data: 'text' });
        const total = async (query: Parameters<JobRepository['queryJobs']>[0]): Promise<number> =>
          (await jobs.queryJobs(query)).total;
        assert.equal(await total({}), 4);
        assert.equal(await total({ name: 'beta' }), 2);
        assert.equal(await total({ names: ['beta', 'alpha.poll', 'none'] }), 3);
        assert.equal(await total({ id: String(a._id) }), 1);
        assert.equal(await total({ ids: [String(a._id)] }), 1);
        assert.equal(await total({ search: 'ALPHA.' }), 2);
        assert.equal(await total({ search: '.*' }), 0);
        assert.equal(await total({ includeDisabled: false }), 3);
        assert.equal(await total({ data: { kind: 'x' } }), 2);
        assert.equal(await total({ data: { deep: { n: 2 } } }), 1);
        assert.equal(await total({ data: 'text' }), 1);
        assert.equal(await total({ state: 'scheduled' }), 1);
        assert.equal(await total({ state: 'queued' }), 1);
        assert.equal(await total({ state: 'repeating' }), 1);
        assert.equal(await total({ state: 'paused' }), 1);
        const byTime = await jobs.queryJobs({ sort: { nextRunAt: 'asc' } });
        assert.deepEqual(
          byTime.jobs.map((job) => job.name),
          ['beta', 'Alpha.renew', 'alpha.poll', 'beta'],
        );
        const page = await jobs.queryJobs({ sort: { nextRunAt: 'asc' }, skip: 1, limit: 2 });
        assert.deepEqual([page.total, page.jobs.map((job) => job.name)], [4, ['Alpha.renew', 'alpha.poll']]);
        const statePage = await jobs.queryJobs({ data: { kind: 'x' }, skip: 1, limit: 5 });
        assert.deepEqual([statePage.total, statePage.jobs.length], [2, 1]);
      });

      it('counts jobs by name and state, and those that are due', async () => {
        await save('a', { nextRunAt: ahead(minute) });
        await save('a', { nextRunAt: ago(minute), disabled: true });
        await save('b', { nextRunAt: null, lastFinishedAt: ago(1) });
        const overview = await jobs.getJobsOverview();
        const a = present(overview.find((job) => job.name === 'a'));
        assert.deepEqual([a.total, a.scheduled, a.queued, a.paused], [2, 1, 1, 1]);
        assert.equal(overview.find((job) => job.name === 'b')?.completed, 1);
        assert.deepEqual((await jobs.getDistinctJobNames()).sort(), ['a', 'b']);
        assert.equal(await jobs.getQueueSize(), 1);
      });

      it('removes what is named, nothing when nothing is, and everything only when told to', async () => {
        const [one, two] = [await save('a'), await save('a', { data: { room: 'atrium' } })];
        await save('b', { data: { room: 'atrium', n: 1 } });
        await save('c');
        await save('d');
        assert.equal(await jobs.removeJobs({}), 0);
        assert.equal(await jobs.removeJobs({ names: [] }), 0);
        assert.equal(await jobs.removeJobs({ name: 'none' }), 0);
        assert.equal(await jobs.removeJobs({ ids: [String(one._id)] }), 1);
        assert.equal(await jobs.removeJobs({ name: 'a', data: { room: 'library' } }), 0);
        assert.equal(await jobs.removeJobs({ data: { room: 'atrium' } }), 2);
        assert.equal(await jobs.removeJobs({ id: String(two._id) }), 0);
        assert.equal(await jobs.removeJobs({ notNames: ['d'] }), 1);
        assert.deepEqual(await jobs.getDistinctJobNames(), ['d']);
        assert.equal(await jobs.purgeAllJobs(), 1);
        assert.equal((await jobs.queryJobs()).total, 0);
      });

      it('switches jobs off and on again', async () => {
        await save('a');
        await save('a');
        await save('b');
        assert.equal(await jobs.disableJobs({}), 0);
        assert.equal(await jobs.disableJobs({ name: 'a' }), 2);
        assert.equal(await next('a'), undefined);
        assert.equal(await jobs.enableJobs({ name: 'a' }), 2);
        assert.ok(await next('a'));
      });

      it('locks a job once, and gives it free', async () => {
        const job = await save('lock');
        const locked = present(await jobs.lockJob(job, { lastModifiedBy: 'me' }));
        assert.ok(locked.lockedAt instanceof Date);
        assert.equal(await jobs.lockJob(job, undefined), undefined);
        await jobs.unlockJob(locked);
        assert.equal((await read(job)).lockedAt ?? null, null);
        assert.ok(await jobs.lockJob(job, undefined));
        await jobs.unlockJobs([String(job._id)]);
        assert.equal((await read(job)).lockedAt ?? null, null);
      });

      it('gives each due job to one asker, also across connections', async () => {
        const other = await contract.another();
        others.push(other);
        for (let n = 0; n < 20; n++) await save('shared', { data: { n } });
        const ask = async (repository: JobRepository): Promise<string[]> => {
          const mine: string[] = [];
          for (;;) {
            const job = await repository.getNextJobToRun('shared', ahead(0), ago(minute), undefined, undefined);
            if (job === undefined) return mine;
            mine.push(String(job._id));
          }
        };
        const [a, b, c] = await Promise.all([ask(jobs), ask(other.repository), ask(jobs)]);
        const given = [...a, ...b, ...c];
        assert.equal(given.length, 20);
        assert.equal(new Set(given).size, 20);
      });

      it('gives the earliest first, and of equals the one of higher priority', async () => {
        const at = ago(minute);
        await save('order', { nextRunAt: at, priority: 5, data: 'second' });
        await save('order', { nextRunAt: at, priority: 10, data: 'first' });
        await save('order', { nextRunAt: ago(1_000), priority: 20, data: 'third' });
        await save('order', { nextRunAt: ahead(minute), data: 'not due' });
        await save('order', { nextRunAt: ago(minute), disabled: true, data: 'switched off' });
        const given: unknown[] = [];
        for (let job = await next('order'); job !== undefined; job = await next('order')) given.push(job.data);
        assert.deepEqual(given, ['first', 'second', 'third']);
      });

      it('gives a job whose lock is too old to somebody else, even when it has no next run', async () => {
        const job = await save('stale');
        present(await next('stale'));
        assert.equal(await next('stale'), undefined);
        await jobs.saveJobState(
          { ...job, nextRunAt: null, lockedAt: ago(20 * minute), lastRunAt: ago(20 * minute) },
          undefined,
        );
        assert.equal((await next('stale'))?._id, job._id);
      });

      it('writes the state of a run and nothing else', async () => {
        const job = await save('state', { data: { a: 1 }, repeatInterval: '5 minutes' });
        const now = new Date();
        const state = {
          progress: 50,
          failCount: 1,
          failReason: 'no answer',
          failedAt: now,
          lastRunAt: now,
          lastFinishedAt: now,
        };
        await jobs.saveJobState({ ...job, ...state, nextRunAt: null, data: { a: 2 } }, { lastModifiedBy: 'me' });
        const found = await read(job);
        for (const [field, value] of Object.entries(state))
          assert.deepEqual(Object.entries(found).find(([f]) => f === field)?.[1], value);
        assert.deepEqual([found.data, found.repeatInterval, found.nextRunAt], [{ a: 1 }, '5 minutes', null]);
        await jobs.removeJobs({ name: 'state' });
        await assert.rejects(jobs.saveJobState(job, undefined), /no longer|not exist/);
      });

      if (contract.keepsProcessorFields) {
        it('leaves a running job locked, and a switched-off one off, when it is declared again', async () => {
          await save('poll', { type: 'single', repeatInterval: 1_000 });
          await jobs.disableJobs({ name: 'poll' });
          await save('poll', { type: 'single', repeatInterval: 1_000 });
          assert.equal((await jobs.queryJobs()).jobs[0]?.disabled, true);
          await jobs.enableJobs({ name: 'poll' });
          const running = present(await next('poll'));
          const again = await save('poll', { type: 'single', repeatInterval: 2_000 });
          assert.deepEqual(again.lockedAt, running.lockedAt);
        });
      }
    });

    describe('its log', () => {
      const at = (seconds: number): Date => new Date(Date.UTC(2026, 5, 1, 12, 0, seconds));

      beforeEach(async () => {
        const logger = present(backend.logger);
        await logger.clearLogs();
        const entry = { level: 'info', jobName: 'a', jobId: '1', message: 'm' } as const;
        await logger.log({ ...entry, timestamp: at(0), event: 'start' });
        await logger.log({
          ...entry,
          timestamp: at(1),
          event: 'success',
          duration: 1_000,
          meta: { room: 'atrium' },
          agendaName: 'n',
        });
        await logger.log({
          ...entry,
          timestamp: at(2),
          event: 'fail',
          level: 'error',
          jobName: 'b',
          jobId: '2',
          error: 'time-out',
          failCount: 3,
        });
        await logger.log({
          ...entry,
          timestamp: at(3),
          event: 'retry',
          level: 'warn',
          jobName: 'b',
          jobId: '2',
          retryDelay: 5_000,
          retryAttempt: 2,
        });
      });

      it('keeps every field of an entry, and leaves out what was not there', async () => {
        const { entries } = await present(backend.logger).getLogs({ event: ['success', 'fail'], sort: 'asc' });
        const [success, fail] = entries;
        assert.deepEqual([success?.duration, success?.meta, success?.agendaName], [1_000, { room: 'atrium' }, 'n']);
        assert.deepEqual(
          [fail?.error, fail?.failCount, fail?.duration, fail?.meta],
          ['time-out', 3, undefined, undefined],
        );
        assert.deepEqual(fail?.timestamp, at(2));
        assert.ok(fail?._id);
      });

      it('answers the newest first unless asked otherwise, page by page', async () => {
        const logger = present(backend.logger);
        const newest = await logger.getLogs({ limit: 3 });
        assert.deepEqual([newest.total, newest.entries.map((e) => e.event)], [4, ['retry', 'fail', 'success']]);
        const oldest = await logger.getLogs({ sort: 'asc', offset: 1, limit: 2 });
        assert.deepEqual(
          oldest.entries.map((e) => e.event),
          ['success', 'fail'],
        );
      });

      it('filters by job, level, event and time, both ends included', async () => {
        const logger = present(backend.logger);
        const total = async (query: Parameters<typeof logger.getLogs>[0]): Promise<number> =>
          (await logger.getLogs(query)).total;
        assert.equal(await total({ jobName: 'a' }), 2);
        assert.equal(await total({ jobId: '2' }), 2);
        assert.equal(await total({ level: 'error' }), 1);
        assert.equal(await total({ level: ['error', 'warn'] }), 2);
        assert.equal(await total({ event: 'start' }), 1);
        assert.equal(await total({ from: at(2) }), 2);
        assert.equal(await total({ to: at(1) }), 2);
        assert.equal(await total({ from: at(1), to: at(2) }), 2);
        assert.equal(await total({ jobName: 'none' }), 0);
      });

      it('clears what a query names, or everything', async () => {
        const logger = present(backend.logger);
        assert.equal(await logger.clearLogs({ to: at(0) }), 1);
        assert.equal(await logger.clearLogs({ jobName: 'none' }), 0);
        assert.equal(await logger.clearLogs(), 3);
      });
    });

    describe('agenda on top of it', () => {
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
            const end = Date.now() + 1_000;
            while (Date.now() < end) {
              await job.touch(runs);
              await new Promise((resolve) => setImmediate(resolve));
            }
          },
          { lockLifetime: 500 },
        );
        const success = once(agenda, 'success:touches');
        await agenda.now('touches');
        await agenda.start();
        await success;
        assert.equal(runs, 1);
      });

      it('runs no job twice when two processes share the store', async () => {
        const other = await contract.another();
        others.push(other);
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
        const other = await contract.another();
        others.push(other);
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
  });
}
