/**
 * The SQLite backend beside agenda's own for MongoDB: the same operations, chosen at random, on both, and the same answers.
 * What differs on purpose is not asked for: fields of the processor that a save does not name (SQLite keeps them), query
 * operators in unique constraints (refused), dates within data (texts in SQLite), and what MongoDB leaves open (the order of
 * equals). The sequence is made from a seed, which a failure names.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoBackend } from '@agendajs/mongo-backend';
import type {
  AgendaBackend,
  JobLogEntry,
  JobLogQuery,
  JobParameters,
  JobsQueryOptions,
  RemoveJobsOptions,
} from 'agenda';
import { mongo } from 'mongoose';
import { SqliteAgendaBackend } from '../../src/jobs/sqlite-backend/backend.ts';
import { numbersFrom } from '../house/changing-rooms.ts';
import { present } from '../jobs/given.ts';
import { engineName, freshDatabase, stopEngine } from './engine.ts';

const long = process.env['USHER_LONG'] === '1';
const operations = long ? 10_000 : 600;
/** The same sequence every time, but for the long suite, which looks further. */
const seed = Number(process.env['USHER_SEED'] ?? (long ? Math.floor(Math.random() * 2 ** 31) : 2026));
const hour = 3_600_000;
const begun = Date.now();

type Ask = (backend: AgendaBackend, side: Side) => Promise<unknown>;

/** One of the two, with the ids that it gave: the n-th job of one is the n-th of the other. */
class Side {
  readonly backend: AgendaBackend;
  readonly ids: string[] = [];

  constructor(backend: AgendaBackend) {
    this.backend = backend;
  }

  id(number: number): string {
    return present(this.ids[number]);
  }

  /** An answer in words that are the same on both sides: ids by number, times of this test as `now`, nothing as absent. */
  plain(value: unknown): unknown {
    if (value === null || value === undefined) return undefined;
    if (value instanceof Date) {
      const after = value.getTime() - begun;
      return Math.abs(after) < hour / 2 ? 'now' : after > 40_000 * hour ? 'debounced' : value.toISOString();
    }
    if (Array.isArray(value)) return value.map((one) => this.plain(one));
    if (typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, one]) => one !== null && one !== undefined)
        .map(([key, one]) => [key, key === '_id' ? this.#number(String(one)) : this.plain(one)]),
    );
  }

  #number(id: string): string {
    if (!this.ids.includes(id)) this.ids.push(id);
    return `#${this.ids.indexOf(id)}`;
  }
}

describe(`the SQLite backend and agenda’s own on ${engineName} @firm @mongo`, function () {
  this.timeout(operations * 100 + 60_000);
  const random = numbersFrom(seed);
  let folder: string;
  let client: mongo.MongoClient;
  let sides: readonly [Side, Side];
  let uniqueTime = 0;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'usher-alike-'));
    client = await mongo.MongoClient.connect(await freshDatabase());
    const both = [
      new SqliteAgendaBackend({ path: join(folder, 'jobs.db') }),
      new MongoBackend({ mongo: client.db() }),
    ] as const;
    for (const backend of both) await backend.connect();
    sides = [new Side(both[0]), new Side(both[1])];
  });
  afterEach(async () => {
    for (const { backend } of sides) await backend.disconnect();
    await client.close();
    rmSync(folder, { recursive: true, force: true });
  });
  after(stopEngine);

  const below = (count: number): number => Math.floor(random() * count);
  const chance = (share: number): boolean => random() < share;
  function one<T>(values: readonly T[]): T {
    const value = values[below(values.length)];
    if (value === undefined) throw new Error('nothing to choose from');
    return value;
  }
  const maybe = <T>(value: () => T): T | undefined => (chance(0.5) ? value() : undefined);
  /** Never twice the same, and never near now: MongoDB leaves the order of equals open. */
  const time = (): Date => new Date(begun + (chance(0.5) ? -1 : 1) * (2 * hour + ++uniqueTime * 1_000));
  const name = (): string => one(['poll', 'Poll.renew', 'clean-up', 'refill']);
  const number = (): number => below(present(sides[0]).ids.length);

  const data = (): unknown =>
    one<() => unknown>([
      () => ({}),
      () => ({ kind: one(['x', 'y']), n: below(3) }),
      () => ({ kind: 'x', deep: { n: below(3), more: one([null, true, 'z']) } }),
      () => ({ tags: ['a', 'b'].slice(0, below(3)), items: [{ id: below(2) }, { id: 2 }] }),
      () => one(['text', 7, [1, 2], null]),
    ])();
  const dataFilter = (): unknown =>
    one<() => unknown>([
      () => ({}),
      () => ({ kind: one(['x', 'y', 'z']) }),
      () => ({ n: below(3), kind: 'x' }),
      () => ({ deep: { n: below(3) } }),
      () => ({ deep: {} }),
      () => ({ deep: { more: one([null, true]) } }),
      () => ({ tags: one(['a', ['a', 'b']]) }),
      () => ({ items: { id: below(3) } }),
      () => one(['text', 7, 2, null]),
    ])();

  /** Every field of the processor is named, so that both write it. */
  const job = (): JobParameters => {
    const made: Record<keyof JobParameters, unknown> = {
      _id: undefined,
      name: name(),
      priority: below(3) * 10 - 10,
      nextRunAt: chance(0.2) ? null : time(),
      type: chance(0.2) ? 'single' : 'normal',
      data: data(),
      lockedAt: chance(0.2) ? time() : undefined,
      lastFinishedAt: maybe(time),
      failedAt: chance(0.3) ? time() : undefined,
      failCount: maybe(() => below(4)),
      failReason: maybe(() => 'no answer'),
      repeatTimezone: maybe(() => 'Europe/Oslo'),
      lastRunAt: maybe(time),
      repeatInterval: maybe(() => one(['5 minutes', 90_000, '*/5 * * * *'])),
      repeatAt: maybe(() => '3:30pm'),
      disabled: maybe(() => chance(0.5)),
      progress: maybe(() => below(100)),
      debounceStartedAt: undefined,
      lastModifiedBy: undefined,
      fork: maybe(() => chance(0.5)),
      startDate: maybe(time),
      endDate: maybe(time),
      skipDays: maybe(() => [0, 6]),
      unique: undefined,
      uniqueOpts: undefined,
    };
    const { _id, unique, uniqueOpts, ...rest } = made;
    return asJob(rest);
  };

  const unique = (): Pick<JobParameters, 'unique' | 'uniqueOpts'> => {
    const delay = 50_000 * hour;
    const debounce = chance(0.5)
      ? { delay, strategy: one(['leading', 'trailing'] as const), ...(chance(0.5) && { maxWait: 100_000 * hour }) }
      : undefined;
    const uniqueOpts = { ...(chance(0.4) && { insertOnly: true }), ...(debounce && { debounce }) };
    const constraint = one<Record<string, unknown>>([
      { 'data.kind': 'x' },
      { 'data.kind': one(['x', 'y']), 'data.n': below(3) },
      { 'data.deep.n': below(3) },
      { 'data.tags': 'a' },
      { data: 'text' },
    ]);
    return { unique: constraint, ...(chance(0.7) && { uniqueOpts }) };
  };

  const removal = (): ((side: Side) => RemoveJobsOptions) => {
    const known = number();
    const [byId, byIds, byName, byNames, byOthers, byData] = [0.2, 0.2, 0.3, 0.2, 0.1, 0.3].map(chance);
    const [asked, names, filter] = [name(), [name(), name()], dataFilter()];
    return (side) => ({
      ...(byId && { id: side.id(known) }),
      ...(byIds && { ids: [side.id(known), side.id(Math.floor(known / 2))] }),
      ...(byName && { name: asked }),
      ...(byNames && { names }),
      ...(byOthers && { notNames: names }),
      ...(byData && { data: filter }),
    });
  };

  const query = (): ((side: Side) => JobsQueryOptions) => {
    const known = number();
    const [byName, byNames, byId, byIds, bySearch, byData] = [0.3, 0.2, 0.1, 0.1, 0.2, 0.3].map(chance);
    const direction = (): 'asc' | 'desc' => one(['asc', 'desc']);
    // By times that are unique for each job; those without one are equals, so what is left to chance is not asked.
    const state = maybe(() =>
      one(['running', 'scheduled', 'queued', 'completed', 'failed', 'repeating', 'paused'] as const),
    );
    const rest: JobsQueryOptions = {
      ...(byName && { name: name() }),
      ...(byNames && { names: [name(), name(), 'none'] }),
      ...(bySearch && { search: one(['POLL', 'poll.', '.*', 'ill', '']) }),
      ...(byData && { data: dataFilter() }),
      ...(chance(0.3) && { includeDisabled: chance(0.5) }),
      ...(state !== undefined && { state }),
      ...(chance(0.7) && { sort: { lastRunAt: direction(), nextRunAt: direction() } }),
      ...(chance(0.3) && { limit: below(5) }),
      ...(chance(0.3) && { skip: below(5) }),
    };
    return (side) => ({
      ...rest,
      ...(byId && { id: side.id(known) }),
      ...(byIds && { ids: [side.id(known), side.id(Math.floor(known / 2))] }),
    });
  };

  const logger = (backend: AgendaBackend) => present(backend.logger);
  const logEntry = (): Omit<JobLogEntry, '_id'> => ({
    timestamp: time(),
    level: one(['info', 'warn', 'error', 'debug'] as const),
    event: one(['start', 'success', 'fail', 'complete', 'retry', 'locked', 'expired'] as const),
    jobName: name(),
    message: 'm',
    ...(chance(0.5) && { jobId: String(below(3)) }),
    ...(chance(0.5) && { duration: below(1_000), error: 'time-out', failCount: 2, retryDelay: 5, retryAttempt: 1 }),
    ...(chance(0.3) && { agendaName: 'a', meta: { room: 'atrium', n: [1] } }),
  });
  const logQuery = (): JobLogQuery => ({
    ...(chance(0.3) && { jobId: one(['0', '1', '']) }),
    ...(chance(0.3) && { jobName: name() }),
    ...(chance(0.3) && { level: one<JobLogEntry['level'] | JobLogEntry['level'][]>(['info', ['warn', 'error']]) }),
    ...(chance(0.3) && { event: one(['start', 'fail'] as const) }),
    ...(chance(0.3) && { from: time() }),
    ...(chance(0.3) && { to: time() }),
    ...(chance(0.3) && { limit: below(4) }),
    ...(chance(0.3) && { offset: below(4) }),
    ...(chance(0.5) && { sort: one(['asc', 'desc'] as const) }),
  });

  /** What is asked of both, its arguments chosen before. */
  const asks: readonly (() => Ask)[] = [
    ...Array<() => Ask>(6).fill(() => {
      const made = { ...job(), ...(chance(0.3) && unique()) };
      const options = maybe(() => ({ lastModifiedBy: 'me' }));
      return async ({ repository }) => {
        const saved = await repository.saveJob(made, options);
        // Two debounced ones are never of the same millisecond.
        if (made.uniqueOpts?.debounce !== undefined) await new Promise((resolve) => setTimeout(resolve, 2));
        return saved;
      };
    }),
    () => {
      const [made, known] = [job(), number()];
      return async ({ repository }, side) => {
        const before = await repository.getJobById(side.id(known));
        return before === null ? null : repository.saveJob(asJob({ ...made, name: before.name, _id: before._id }), {});
      };
    },
    () => {
      const [made, known] = [job(), number()];
      return async ({ repository }, side) => {
        const found = asJob({ ...made, _id: side.id(known) });
        await repository.saveJobState(found, { lastModifiedBy: 'state' });
        return repository.getJobById(side.id(known));
      };
    },
    ...Array<() => Ask>(8).fill(() => {
      const asked = query();
      return async ({ repository }, side) => {
        const { id, ids, ...shown } = asked(side);
        return { shown, ...ordered(await repository.queryJobs(asked(side)), asked(side)) };
      };
    }),
    () => {
      const known = number();
      return ({ repository }, side) => repository.getJobById(side.id(known));
    },
    () =>
      async ({ repository }) =>
        [...(await repository.getJobsOverview())].sort((a, b) => (a.name < b.name ? -1 : 1)),
    () =>
      async ({ repository }) =>
        [...(await repository.getDistinctJobNames())].sort(),
    () =>
      ({ repository }) =>
        repository.getQueueSize(),
    () => {
      const asked = removal();
      // Most of the time something so narrow that there is something left to ask about.
      const narrow = chance(0.7) ? { name: 'refill' } : {};
      return ({ repository }, side) => repository.removeJobs({ ...asked(side), ...narrow });
    },
    () => {
      const asked = removal();
      return ({ repository }, side) => repository.disableJobs(asked(side));
    },
    () => {
      const asked = removal();
      return ({ repository }, side) => repository.enableJobs(asked(side));
    },
    ...Array<() => Ask>(2).fill(() => {
      const known = number();
      return async ({ repository }, side) => {
        const found = await repository.getJobById(side.id(known));
        return found === null ? null : repository.lockJob(found, { lastModifiedBy: 'lock' });
      };
    }),
    () => {
      const known = number();
      return async ({ repository }, side) => {
        const found = await repository.getJobById(side.id(known));
        if (found !== null) await repository.unlockJob(found);
        return repository.getJobById(side.id(known));
      };
    },
    () => {
      const known = number();
      return async ({ repository }, side) => {
        await repository.unlockJobs([side.id(known), side.id(Math.floor(known / 2))]);
        return repository.getJobById(side.id(known));
      };
    },
    ...Array<() => Ask>(3).fill(() => {
      const [asked, deadline, now] = [name(), chance(0.5) ? time() : new Date(begun - 9_999 * hour), maybe(time)];
      const scan = chance(0.5) ? time() : new Date(begun + hour);
      return ({ repository }) => repository.getNextJobToRun(asked, scan, deadline, now, { lastModifiedBy: 'next' });
    }),
    ...Array<() => Ask>(3).fill(() => {
      const entry = logEntry();
      return (backend) => logger(backend).log(entry);
    }),
    ...Array<() => Ask>(3).fill(() => {
      const asked = maybe(logQuery);
      return async (backend) => {
        const { entries, total } = await logger(backend).getLogs(asked);
        return { total, entries: entries.map(({ _id, ...entry }) => entry) };
      };
    }),
    () => {
      const asked = { ...logQuery(), jobName: 'refill' };
      return (backend) => logger(backend).clearLogs(asked);
    },
  ];

  it(`answer the same to ${operations} operations`, async () => {
    const [sqlite, mongodb] = sides;
    const first = job();
    for (const side of sides) side.plain(await side.backend.repository.saveJob(first, undefined));
    for (let step = 0; step < operations; step++) {
      if (step % 300 === 299) {
        const purged = await Promise.all(sides.map(({ backend }) => backend.repository.purgeAllJobs()));
        assert.equal(purged[0], purged[1]);
      }
      const ask = one(asks)();
      const [ours, theirs] = [await answer(ask, sqlite), await answer(ask, mongodb)];
      assert.deepEqual(ours, theirs, `with USHER_SEED=${seed}: step ${step}`);
      // Whatever a step did besides answering shows here.
      if (step % 10 === 9) {
        const [all, others] = await Promise.all(sides.map(everything));
        assert.deepEqual(all, others, `with USHER_SEED=${seed}: what is stored after step ${step}`);
      }
    }
  });

  async function answer(ask: Ask, side: Side): Promise<unknown> {
    try {
      return side.plain(await ask(side.backend, side));
    } catch {
      return 'refused';
    }
  }

  async function everything(side: Side): Promise<unknown> {
    const { jobs } = await side.backend.repository.queryJobs({});
    const plain = side.plain(jobs);
    assert.ok(Array.isArray(plain));
    return plain.map((one) => JSON.stringify(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))).sort();
  }
});

/** Jobs are made by chance from fields of the right types. */
function asJob(fields: object): JobParameters {
  const made: JobParameters = { name: '', priority: 0, nextRunAt: null, type: 'normal', data: null };
  return Object.assign(made, fields);
}

/** The answer without what MongoDB leaves open: which of those that are equals by the sorting are on a page, and in which order. */
function ordered(
  { jobs, total }: { jobs: readonly JobParameters[]; total: number },
  { limit = 0, skip = 0, sort }: JobsQueryOptions,
): object {
  if (limit > 0 || skip > 0) return { total, count: jobs.length };
  const keys = jobs.map(({ nextRunAt, lastRunAt }) => [nextRunAt, lastRunAt]);
  return { total, keys, sorted: sort !== undefined, names: jobs.map(({ name }) => name).sort() };
}
