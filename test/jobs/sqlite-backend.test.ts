import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agenda } from 'agenda';
import { SqliteAgendaBackend } from '../../src/jobs/sqlite-backend/backend.ts';
import { backendContract } from './backend-contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'usher-jobs-'));
let files = 0;

after(() => rmSync(folder, { recursive: true, force: true }));

const open = async (): Promise<SqliteAgendaBackend> => {
  const backend = new SqliteAgendaBackend({ path: join(folder, `${files}.db`) });
  await backend.connect();
  return backend;
};

backendContract({
  name: 'the SQLite backend @firm',
  open: () => {
    files++;
    return open();
  },
  another: open,
  keepsProcessorFields: true,
});

describe('the SQLite backend as the only one to close itself @firm', () => {
  it('answers after agenda closed it, lets a job that still runs write its end, and serves the next agenda', async () => {
    files++;
    const backend = await open();
    const options = { backend, processEvery: 25, defaultLockLifetime: 2_000 };
    const first = new Agenda(options);
    const release = Promise.withResolvers<void>();
    first.define('long', () => release.promise);
    void first.now('long');
    await first.start();
    await once(first, 'start:long');
    await first.stop();
    assert.equal((await first.queryJobs({ name: 'long' })).total, 1);
    const complete = once(first, 'complete:long');
    release.resolve();
    await complete;
    const job = (await backend.repository.queryJobs({ name: 'long' })).jobs[0];
    assert.equal(job?.lockedAt, undefined);
    assert.ok(job?.lastFinishedAt);
    assert.equal(await backend.repository.purgeAllJobs(), 1);

    const second = new Agenda(options);
    second.define('short', async () => {});
    await second.start();
    await second.now('short');
    await once(second, 'complete:short');
    await second.stop();
    assert.equal(second.hasNotificationChannel(), false);
  });

  it('fills ninety places without waiting for as many scans', async () => {
    files++;
    const backend = await open();
    const agenda = new Agenda({
      backend,
      processEvery: 100,
      maxConcurrency: 300,
      lockLimit: 150,
      defaultLockLimit: 20,
      defaultConcurrency: 10,
      defaultLockLifetime: 3_000,
    });
    await agenda.ready;
    const release = Promise.withResolvers<void>();
    const ninety = Promise.withResolvers<void>();
    let running = 0;
    for (let kind = 0; kind < 10; kind++) {
      agenda.define(`kind ${kind}`, async () => {
        if (++running === 90) ninety.resolve();
        await release.promise;
      });
      for (let n = 0; n < 25; n++) void agenda.now(`kind ${kind}`);
    }
    const begun = process.hrtime.bigint();
    await agenda.start();
    await ninety.promise;
    const ms = Number(process.hrtime.bigint() - begun) / 1e6;
    assert.ok(ms < 5_000, `${ms.toFixed(0)} ms`);
    release.resolve();
    await agenda.drain(5_000);
  });
});
