import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoBackend } from '@agendajs/mongo-backend';
import { mongo } from 'mongoose';
import { z } from 'zod';
import { sleep, systemClock } from '../../../src/clock.ts';
import { type Jobs, startJobs } from '../../../src/jobs/jobs.ts';
import { defaultBeatEvery, defaultTtl, leaseCollection } from '../../../src/rooms/lease.ts';
import { planCollection, type StoredPlan } from '../../../src/rooms/plan-store.ts';
import { loadSecret } from '../../../src/rooms/secret.ts';
import { openMongoStore } from '../../../src/store/mongo/store.ts';
import type { Collection, Store } from '../../../src/store/store.ts';
import { engineName, freshDatabase, isGiven, stopEngine } from '../engine.ts';
import { doneJobs } from './node.ts';
import { MadeRooms } from './rooms.ts';
import { Running } from './running.ts';

const names = ['a', 'b', 'c'];
const roomCount = 200;
const long = process.env['USHER_LONG'] === '1';
/** What happens in ten rounds; the order is drawn by lot. A server of somebody else's is not stopped. */
const killStore = isGiven ? 'kill a process' : 'kill the store';
const tenRounds = [
  ...['kill a process', 'kill a process', 'kill a process', 'pause a process', 'pause a process', 'end a process'],
  ...[killStore, killStore, isGiven ? 'kill a process' : 'kill a process and the store'],
  isGiven ? 'end a process' : 'pause the store',
] as const;
type Round = (typeof tenRounds)[number];
/**
 * How long leases last, milliseconds: a fifth of what they really do, longer on a machine that is so busy that processes stand
 * still for seconds, since they would take one another for dead again and again.
 */
const ttl = (defaultTtl / 5) * Math.min(5, Math.max(1, (loadavg()[0] ?? 0) / availableParallelism() / 2));
/** How long everything may take to be well again: many times what it takes on an idle machine. */
const patience = 180_000;
const panelsSchema = z.record(z.string(), z.url());

/** The same numbers for the same seed. */
function lottery(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

describe(`three processes of a house on one store, on ${engineName} @mongo`, () => {
  const draw = lottery(20_260_105);
  let folder: string;
  let storeProcess: Running | null = null;
  let uri: string;
  let rooms: MadeRooms;
  let store: Store;
  let plans: Collection<StoredPlan>;
  let jobs: Jobs;
  let client: mongo.MongoClient;
  let over = false;
  const nodes = new Map<string, Running>();
  const scheduled: string[] = [];

  before(async function () {
    this.timeout(patience);
    folder = await mkdtemp(join(tmpdir(), 'usher-nodes-'));
    uri = isGiven ? await freshDatabase() : `${await startStore('0')}/usher`;
    rooms = await MadeRooms.make(folder, roomCount);
    const secretFile = join(folder, 'data-a', 'secret');
    for (const name of names) {
      const dataFolder = `data-${name}`;
      const settings = { dataFolder, log: { level: 'silent' }, web: { port: 0 }, store: { type: 'mongodb', uri } };
      await writeFile(join(folder, `${name}.yaml`), JSON.stringify({ ...settings, rooms: rooms.config() }));
      await loadSecret(join(folder, dataFolder));
      if (name !== 'a') await copyFile(secretFile, join(folder, dataFolder, 'secret'));
    }
    store = await openMongoStore({ uri, patience: 30_000 });
    plans = await store.collection(planCollection);
    const log = { info() {}, warn() {}, error() {} };
    const backend = new MongoBackend({ address: uri });
    jobs = await startJobs({ backend, clock: systemClock, log, scanEvery: 3_600_000 });
    jobs.define('work', async () => {
      throw new Error('left to the nodes');
    });
    client = await mongo.MongoClient.connect(uri);
  });
  after(async function () {
    this.timeout(patience);
    over = true;
    for (const node of nodes.values()) await node.end('SIGKILL');
    await jobs.stop();
    await client.close();
    await store.close();
    await storeProcess?.end('SIGKILL');
    await stopEngine();
    await rooms.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** @returns its address */
  async function startStore(port: string): Promise<string> {
    storeProcess = new Running('../../../fixtures/mongodb/stand-in.ts', [join(folder, 'store'), port]);
    return storeProcess.ready;
  }

  async function restartStore(): Promise<void> {
    await startStore(new URL(uri).port);
  }

  /** As an administrator's supervisor does: one that ends by itself, since its start met a store that was away, is started again. */
  function start(name: string): void {
    const started = new Running('./node.ts', [join(folder, `${name}.yaml`), name, String(ttl)]);
    nodes.set(name, started);
    void started.exit.then(() => {
      if (!started.asked && !over) start(name);
    });
  }

  function node(name: string): Running {
    const found = nodes.get(name);
    assert.ok(found);
    return found;
  }

  /** The addresses of its panels; waits until it has started, at last. */
  async function ready(name: string): Promise<Record<string, string>> {
    for (;;) {
      const started = node(name);
      const line = await started.ready.catch((error: unknown) => {
        if (started === node(name)) throw error;
        return null;
      });
      if (line !== null) return panelsSchema.parse(JSON.parse(line));
    }
  }

  /** Rooms by the name of the process that acts for them now. */
  async function holdings(): Promise<[string, string[]][]> {
    const leases = await store.collection(leaseCollection);
    const held = new Map<string, string[]>(names.map((name) => [name, []]));
    for (const { key, value } of await leases.find({ limit: 1_000 })) {
      held.get(value.holder?.split('/')[0] ?? '')?.push(key);
    }
    return [...held];
  }

  /** Waits for what other processes do and tell nobody of. */
  async function eventually(what: string, lacking: () => Promise<readonly string[]>): Promise<void> {
    const deadline = performance.now() + patience;
    for (;;) {
      const left = await lacking();
      if (left.length === 0) return;
      assert.ok(performance.now() < deadline, `${what}: not within ${patience} ms, ${left.length} left, ${left[0]}`);
      await sleep(systemClock, 50);
    }
  }

  async function plansBehind(): Promise<readonly string[]> {
    const stored = new Map((await plans.find({ limit: 1_000 })).map(({ key, value }) => [key, value]));
    return rooms.ids.flatMap((id) => {
      const planned = String(
        stored
          .get(id)
          ?.planned.map(({ entry }) => entry.title)
          .sort(),
      );
      const wanted = String(rooms.wanted(id));
      return planned === wanted ? [] : [`${id} is stored as "${planned}" and not as "${wanted}"`];
    });
  }

  /** Jobs of the tests that run once, and work for the one that the house does once a day. */
  async function schedule(round: number): Promise<void> {
    for (let n = 0; n < 5; n++) {
      scheduled.push(`${round}:${n}`);
      await jobs.once('work', systemClock.now() + draw(1_500), `${round}:${n}`);
    }
    const left = { roomId: `gone-${round}`, settings: '', revision: 1, readAt: 0, problems: [], planned: [] };
    await plans.put(left.roomId, left);
    await cleanUpNow();
  }

  async function cleanUpNow(): Promise<void> {
    const due = { name: 'clean-up', nextRunAt: { $gt: new Date(Date.now() + 1_000) } };
    await client
      .db()
      .collection('agendaJobs')
      .updateOne(due, { $set: { nextRunAt: new Date() } });
  }

  const changeAll = async (ids: readonly string[]): Promise<void> => {
    for (const id of ids) if (rooms.isWatched(id)) await rooms.change(id);
  };

  /** Changes calendars around a disturbance, so that pushes are under way when it comes. */
  async function disturb(round: Round, name: string, held: readonly string[]): Promise<void> {
    const others = Array.from({ length: 20 }, () => `room-${draw(roomCount)}`);
    const affected = [...new Set([...held, ...others])];
    await changeAll(affected.filter(() => draw(2) === 0));
    await sleep(systemClock, draw(500));
    switch (round) {
      case 'kill a process':
      case 'kill a process and the store':
        await node(name).end('SIGKILL');
        if (round === 'kill a process and the store') await storeProcess?.end('SIGKILL');
        await changeAll(affected);
        if (round === 'kill a process and the store') await restartStore();
        start(name);
        break;
      case 'end a process':
        await changeAll(affected);
        assert.equal(await node(name).end('SIGTERM'), 0);
        start(name);
        break;
      case 'kill the store':
        await storeProcess?.end('SIGKILL');
        await changeAll(affected);
        await restartStore();
        break;
      case 'pause the store':
        // Longer than leases last, so that every process stops acting.
        storeProcess?.pause();
        await changeAll(affected);
        await sleep(systemClock, ttl + draw(1_000));
        storeProcess?.resume();
        break;
      case 'pause a process':
        // Not in the middle of a push: between the question whether it may write and the first byte nobody can keep a process
        // from standing still (docs/scaling.md).
        await rooms.agree(rooms.ids, patience);
        node(name).pause();
        await changeAll(affected);
        await rooms.agree(rooms.ids, patience);
        await changeAll(affected.filter(() => draw(2) === 0));
        node(name).resume();
        break;
    }
  }

  it('takes a silent process for dead within 30 seconds, by the times that are set', () => {
    assert.ok(defaultTtl + 2 * defaultBeatEvery <= 25_000);
  });

  it(`keeps ${roomCount} codecs equal to their plans, pushes nothing twice and loses no job, through kill -9 and store stops`, async function () {
    const rounds = long ? 50 : 10;
    this.timeout(patience * (rounds + 5));
    for (const name of names) start(name);
    for (const name of names) await ready(name);
    await rooms.agree(rooms.ids, patience);
    let bag: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      if (bag.length === 0) bag = [...tenRounds];
      const [what] = bag.splice(draw(bag.length), 1);
      assert.ok(what);
      await schedule(round);
      // One that acts for many rooms: one that has just been started acts for few yet.
      const held = (await holdings()).filter(([, of]) => of.length > 40);
      const [name, of] = held[draw(held.length)] ?? ['a', []];
      await disturb(what, name, of);
      await rooms.agree(rooms.ids, patience);
      assert.deepEqual(rooms.violations(), [], `round ${round}: ${what} ${name}`);
      await eventually('plans in the store', plansBehind);
    }

    const done = await store.collection(doneJobs);
    await eventually('jobs', async () => {
      const ran = new Set((await done.find({ limit: 10_000 })).map(({ key }) => key));
      return scheduled.filter((job) => !ran.has(job));
    });
    await eventually('plans to be cleaned up', async () => {
      await cleanUpNow();
      return (await plans.find({ limit: 1_000 })).map(({ key }) => key).filter((key) => !rooms.ids.includes(key));
    });
    // Polls take up to half a minute; the panels of rooms that another process acts for, some seconds.
    if (long) for (const id of rooms.polled) await rooms.change(id);
    await rooms.agree(rooms.ids, patience);
    for (const name of names) {
      const panels = await ready(name);
      const [id = ''] = long ? rooms.polled : [`room-${draw(roomCount)}`];
      await eventually(`${name}'s panel of ${id}`, async () => {
        const page = await (await fetch(panels[id] ?? '')).text();
        return rooms.wanted(id).filter((title) => !page.includes(title));
      });
    }
    const { unnamed, newestFence } = rooms.writes();
    assert.equal(unnamed, 0);
    assert.ok(newestFence > 2, 'no room changed hands');
    for (const name of names) assert.equal(await node(name).end('SIGTERM'), 0, name);
    assert.deepEqual(rooms.violations(), []);
  });
});
