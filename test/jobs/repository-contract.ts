/** A backend's JobRepository: part of `backendContract`. */
import assert from 'node:assert/strict';
import type { JobParameters, JobRepository } from 'agenda';
import { ago, ahead, type GivenBackend, minute, present } from './given.ts';

const newJob = (name: string, more: Partial<JobParameters> = {}): JobParameters => ({
  name,
  priority: 0,
  nextRunAt: ago(minute),
  type: 'normal',
  data: {},
  ...more,
});

export function repositoryContract(given: () => GivenBackend, keepsProcessorFields: boolean): void {
  describe('its repository', () => {
    let jobs: JobRepository;
    beforeEach(() => {
      jobs = given().backend.repository;
    });

    const save = (name: string, more: Partial<JobParameters> = {}): Promise<JobParameters> =>
      jobs.saveJob(newJob(name, more), undefined);
    const read = async (job: JobParameters): Promise<JobParameters> => present(await jobs.getJobById(String(job._id)));
    const next = (name: string, lockDeadline = ago(10 * minute)): Promise<JobParameters | undefined> =>
      jobs.getNextJobToRun(name, ahead(5_000), lockDeadline, undefined, { lastModifiedBy: 'test' });

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
      const other = await given().another();
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
      const handedOut = [...a, ...b, ...c];
      assert.equal(handedOut.length, 20);
      assert.equal(new Set(handedOut).size, 20);
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

    if (keepsProcessorFields) {
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
}
