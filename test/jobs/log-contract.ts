/** A backend's JobLogger: part of `backendContract`. */
import assert from 'node:assert/strict';
import { type GivenBackend, present } from './given.ts';

export function logContract(given: () => GivenBackend): void {
  describe('its log', () => {
    const at = (seconds: number): Date => new Date(Date.UTC(2026, 5, 1, 12, 0, seconds));

    beforeEach(async () => {
      const logger = present(given().backend.logger);
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
      const { entries } = await present(given().backend.logger).getLogs({ event: ['success', 'fail'], sort: 'asc' });
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
      const logger = present(given().backend.logger);
      const newest = await logger.getLogs({ limit: 3 });
      assert.deepEqual([newest.total, newest.entries.map((e) => e.event)], [4, ['retry', 'fail', 'success']]);
      const oldest = await logger.getLogs({ sort: 'asc', offset: 1, limit: 2 });
      assert.deepEqual(
        oldest.entries.map((e) => e.event),
        ['success', 'fail'],
      );
    });

    it('filters by job, level, event and time, both ends included', async () => {
      const logger = present(given().backend.logger);
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
      const logger = present(given().backend.logger);
      assert.equal(await logger.clearLogs({ to: at(0) }), 1);
      assert.equal(await logger.clearLogs({ jobName: 'none' }), 0);
      assert.equal(await logger.clearLogs(), 3);
    });
  });
}
