/** The promises of `Jobs` (`src/jobs/jobs.ts`), as tests that each implementation runs. */
import assert from 'node:assert/strict';
import type { Jobs } from '../../src/jobs/jobs.ts';

export interface JobsContract {
  /** Names the implementation in titles; ends with the tags. */
  name: string;
  /** Starts jobs over an empty store. The tests stop them. */
  start(): Promise<Jobs>;
  now(): number;
  /** Lets time pass until `promise` settles. */
  until<T>(promise: Promise<T>): Promise<T>;
}

export function jobsContract(contract: JobsContract): void {
  describe(`${contract.name}: what jobs promise`, () => {
    let jobs: Jobs;
    beforeEach(async () => {
      jobs = await contract.start();
    });
    afterEach(() => jobs.stop());

    /** Resolves at the call of the given number. */
    function calls(count: number): { run: (data?: unknown) => Promise<void>; seen: unknown[]; reached: Promise<void> } {
      const seen: unknown[] = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      const run = async (data?: unknown): Promise<void> => {
        seen.push(data);
        if (seen.length === count) resolve();
      };
      return { run, seen, reached: promise };
    }

    it('runs a repeating job at once and then again and again', async () => {
      const polls = calls(3);
      await jobs.every('poll', 50, () => polls.run());
      await contract.until(polls.reached);
    });

    it('goes on with a repeating job that failed', async () => {
      const polls = calls(3);
      await jobs.every('poll', 50, async () => {
        await polls.run();
        throw new Error('calendar away');
      });
      await contract.until(polls.reached);
    });

    it('runs the last declaration of a repeating job', async () => {
      const [first, second] = [calls(1), calls(2)];
      await jobs.every('poll', 50, () => first.run());
      await contract.until(first.reached);
      await jobs.every('poll', 40, () => second.run());
      await contract.until(second.reached);
    });

    it('runs a job once at its time, with its data', async () => {
      const renewals = calls(1);
      await jobs.once('renew', contract.now() + 60, { id: 'a', at: [1] }, renewals.run);
      await contract.until(renewals.reached);
      assert.deepEqual(renewals.seen, [{ id: 'a', at: [1] }]);
    });

    it('runs one job for each data, at the time that was set last', async () => {
      const renewals = calls(2);
      jobs.define('renew', renewals.run);
      await jobs.once('renew', contract.now() + 3_600_000, { id: 'a', n: 1 });
      await jobs.once('renew', contract.now() - 5, { n: 1, id: 'a' });
      await jobs.once('renew', contract.now() + 60, { id: 'b', n: 1 });
      await contract.until(renewals.reached);
      assert.deepEqual(renewals.seen, [
        { id: 'a', n: 1 },
        { id: 'b', n: 1 },
      ]);
    });

    it('tries a failed job again until it succeeds', async () => {
      const renewals = calls(2);
      await jobs.once('renew', contract.now(), null, async (data) => {
        await renewals.run(data);
        if (renewals.seen.length === 1) throw new Error('try again');
      });
      await contract.until(renewals.reached);
    });

    it('keeps the time that a job is set to while it runs', async () => {
      const renewals = calls(2);
      await jobs.once('renew', contract.now(), 'x', async (data) => {
        if (renewals.seen.length === 0) await jobs.once('renew', contract.now() + 30, 'x');
        await renewals.run(data);
      });
      await contract.until(renewals.reached);
    });

    it('does not run what was cancelled', async () => {
      const renewals = calls(1);
      const others = calls(1);
      jobs.define('renew', renewals.run);
      await jobs.once('renew', contract.now() + 40, { id: 'a' });
      assert.equal(await jobs.cancel('renew', { id: 'a' }), true);
      assert.equal(await jobs.cancel('renew', { id: 'a' }), false);
      await jobs.once('other', contract.now() + 120, null, others.run);
      await contract.until(others.reached);
      assert.deepEqual(renewals.seen, []);
    });

    it('refuses a kind that nobody defined and an interval of nothing', async () => {
      await assert.rejects(jobs.once('unknown', 0, null), /"unknown" are not defined/);
      for (const interval of [0, -1, Number.NaN])
        await assert.rejects(
          jobs.every('poll', interval, async () => {}),
          TypeError,
        );
    });

    it('tells runs under way to end, waits for them and starts no other', async () => {
      const begun = Promise.withResolvers<void>();
      let ended = false;
      await jobs.every('long', 10, async (signal) => {
        begun.resolve();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await new Promise((resolve) => setImmediate(resolve));
        ended = true;
      });
      await contract.until(begun.promise);
      await jobs.stop();
      assert.equal(ended, true);
      await jobs.stop();
    });
  });
}
