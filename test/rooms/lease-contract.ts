/**
 * Leases over a store, as tests that run on every store. The processes are simulated: each has a clock of its own, so that one
 * can be stopped in the middle (killed, or suspended and woken) while the others go on.
 */
import assert from 'node:assert/strict';
import { SimulatedClock } from '../../src/clock.ts';
import { defaultBeatEvery, defaultTtl, type Leases, type RoomLease, startLeases } from '../../src/rooms/lease.ts';
import type { Collection, Store } from '../../src/store/store.ts';
import { StoreUnavailable } from '../../src/store/store.ts';

export interface LeaseContract {
  /** Names the store in titles; ends with the tags. */
  name: string;
  /** Opens an empty store; each call of what it gives is another process's way to it. */
  open(): Promise<() => Promise<Store>>;
}

const silent = { info() {}, warn() {}, error() {} };
const step = 500;

/** A store whose operations can be waited for, and refused as if the way to it were cut. */
function watched(store: Store): { store: Store; busy(): boolean; cut: boolean } {
  let underWay = 0;
  const state = { store, busy: () => underWay > 0, cut: false };
  const watch = <R>(operation: () => Promise<R>): Promise<R> => {
    if (state.cut) return Promise.reject(new StoreUnavailable('The store is away.'));
    underWay++;
    return operation().finally(() => underWay--);
  };
  const collection = <T>(of: Collection<T>): Collection<T> => ({
    get: (key) => watch(() => of.get(key)),
    insert: (key, value) => watch(() => of.insert(key, value)),
    replace: (key, value, version) => watch(() => of.replace(key, value, version)),
    put: (key, value) => watch(() => of.put(key, value)),
    remove: (key, version) => watch(() => of.remove(key, version)),
    find: (query) => watch(() => of.find(query)),
    count: (query) => watch(() => of.count(query)),
    removeMany: (query) => watch(() => of.removeMany(query)),
  });
  state.store = {
    description: store.description,
    collection: async (spec) => collection(await store.collection(spec)),
    close: () => store.close(),
  };
  return state;
}

interface Process {
  name: string;
  clock: SimulatedClock;
  way: ReturnType<typeof watched>;
  leases: Leases;
  /** What it was given, as it was told. */
  acting: Map<string, RoomLease>;
  running: boolean;
  /** So many rooms it fails to begin to act for. */
  state: { failing: number };
}

export function leaseContract(contract: LeaseContract): void {
  describe(`${contract.name}: leases of rooms`, () => {
    let connect: () => Promise<Store>;
    let processes: Process[];
    let now: number;
    /** Every change of holder of each room, in order. */
    let fences: Map<string, number[]>;

    beforeEach(async () => {
      connect = await contract.open();
      processes = [];
      now = Date.UTC(2026, 0, 5);
      fences = new Map();
    });
    afterEach(async () => {
      for (const process of processes) process.way.cut = true;
      for (const process of processes) {
        await process.leases.stop();
        await process.way.store.close();
      }
    });

    const rooms = (count: number): string[] => Array.from({ length: count }, (_, n) => `room-${n}`);

    async function join(name: string, of: readonly string[]): Promise<Process> {
      const clock = new SimulatedClock(now);
      const way = watched(await connect());
      const acting = new Map<string, RoomLease>();
      const state = { failing: 0 };
      const leases = await startLeases({
        store: way.store,
        clock,
        log: silent,
        name,
        rooms: of,
        onAcquired(lease) {
          if (state.failing > 0) {
            state.failing--;
            throw new Error('the store went away');
          }
          acting.set(lease.room, lease);
          fences.set(lease.room, [...(fences.get(lease.room) ?? []), lease.fence]);
        },
        onLost(lease) {
          assert.equal(lease.signal.aborted, true);
          acting.delete(lease.room);
        },
      });
      const process = { name, clock, way, leases, acting, running: true, state };
      processes.push(process);
      return process;
    }

    /** Lets time pass for everybody who runs, and sees at every step that no room has two who may act. */
    async function pass(ms: number): Promise<void> {
      for (let passed = 0; passed < ms; passed += step) {
        now += step;
        for (const process of processes) if (process.running) await process.clock.advance(step);
        for (let quiet = 0; quiet < 3; ) {
          await new Promise((resolve) => setImmediate(resolve));
          quiet = processes.some(({ way }) => way.busy()) ? 0 : quiet + 1;
        }
        oneHolderEach();
      }
    }

    function oneHolderEach(): void {
      const holders = new Map<string, string>();
      for (const { name, acting, running } of processes) {
        if (!running) continue;
        for (const [room, lease] of acting) {
          if (!lease.valid()) continue;
          assert.equal(holders.get(room), undefined, `${room} is acted for by ${holders.get(room)} and ${name}`);
          holders.set(room, name);
        }
      }
      for (const [room, given] of fences) {
        assert.deepEqual(
          given,
          [...new Set(given)].sort((a, b) => a - b),
          `fences of ${room} do not grow`,
        );
      }
    }

    /** A suspended machine goes on: its monotonic clock stood still, its wall clock is set to what it is now. */
    function wake(process: Process): void {
      process.running = true;
      process.clock.set(now);
    }

    const heldBy = (...of: Process[]): number => of.reduce((sum, { acting }) => sum + acting.size, 0);

    it('gives every room to a process that is alone', async () => {
      const only = await join('a', rooms(20));
      assert.equal(only.acting.size, 20);
      assert.deepEqual([...only.leases.rooms()].sort(), rooms(20).sort());
      assert.equal(only.leases.of('room-3')?.valid(), true);
      assert.equal(only.leases.of('room-99'), null);
      await pass(60_000);
      assert.equal(only.acting.size, 20);
      assert.deepEqual(fences.get('room-3'), [1]);
    });

    it('shares the rooms among processes that join, each room with one of them all the time', async () => {
      const a = await join('a', rooms(30));
      const b = await join('b', rooms(30));
      const c = await join('c', rooms(30));
      await pass(20_000);
      assert.deepEqual([a.acting.size, b.acting.size, c.acting.size], [10, 10, 10]);
      const before = new Map(fences);
      await pass(60_000);
      assert.deepEqual(fences, before, 'rooms wander without reason');
    });

    it('takes over the rooms of a process that dies, within 30 seconds', async () => {
      const a = await join('a', rooms(24));
      const b = await join('b', rooms(24));
      const c = await join('c', rooms(24));
      await pass(20_000);
      c.running = false;
      await pass(30_000);
      assert.equal(heldBy(a, b), 24);
      for (const room of c.acting.keys()) assert.ok((fences.get(room)?.length ?? 0) >= 2, room);
    });

    it('lets a process that slept through its leases act for nothing when it wakes, and then join again', async () => {
      const a = await join('a', rooms(12));
      const b = await join('b', rooms(12));
      await pass(16_000);
      const slept = [...b.acting.values()];
      assert.equal(slept.length, 6);
      b.running = false;
      await pass(40_000);
      assert.equal(a.acting.size, 12);
      wake(b);
      for (const lease of slept) assert.equal(lease.valid(), false);
      await pass(20_000);
      for (const lease of slept) assert.equal(lease.signal.aborted, true);
      assert.deepEqual([a.acting.size, b.acting.size], [6, 6]);
    });

    it('hands rooms over at once when a process stops', async () => {
      const a = await join('a', rooms(12));
      const b = await join('b', rooms(12));
      await pass(16_000);
      await b.leases.stop();
      b.running = false;
      assert.equal(b.acting.size, 0);
      await pass(defaultBeatEvery + step);
      assert.equal(a.acting.size, 12);
    });

    it('stops acting before others may begin when the store is out of reach, and goes on when it is back', async () => {
      const a = await join('a', rooms(8));
      const b = await join('b', rooms(8));
      await pass(16_000);
      b.way.cut = true;
      await pass(defaultTtl);
      assert.equal(b.acting.size, 0);
      await pass(14_000);
      assert.equal(a.acting.size, 8);
      b.way.cut = false;
      await pass(20_000);
      assert.deepEqual([a.acting.size, b.acting.size], [4, 4]);
    });

    it('shares what it held when it comes back to fewer rooms than are in its name', async () => {
      const a = await join('a', rooms(12));
      await pass(16_000);
      a.way.cut = true;
      await pass(defaultTtl);
      assert.equal(a.acting.size, 0);
      const b = await join('b', rooms(12));
      a.way.cut = false;
      await pass(20_000);
      assert.deepEqual([a.acting.size, b.acting.size], [6, 6]);
    });

    it('takes a room anew where it could not begin to act for it', async () => {
      const a = await join('a', rooms(4));
      const b = await join('b', rooms(4));
      await pass(16_000);
      b.state.failing = 3;
      await a.leases.stop();
      a.running = false;
      await pass(20_000);
      assert.deepEqual([b.state.failing, b.acting.size], [0, 4]);
    });

    it('goes on with its rooms when the store was out of reach for everybody', async () => {
      const a = await join('a', rooms(8));
      const b = await join('b', rooms(8));
      await pass(16_000);
      for (const { way } of [a, b]) way.cut = true;
      await pass(60_000);
      assert.equal(heldBy(a, b), 0);
      for (const { way } of [a, b]) way.cut = false;
      await pass(60_000);
      assert.equal(heldBy(a, b), 8);
    });

    it('keeps one holder for each room through joins, deaths, sleeps and cut connections at random', async () => {
      let seed = 20_260_105;
      const random = (below: number): number => {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        return Math.floor((seed / 2_147_483_648) * below);
      };
      const rounds = process.env['USHER_LONG'] === '1' ? 120 : 25;
      await join('p0', rooms(30));
      for (let round = 1; round <= rounds; round++) {
        const living = processes.filter(({ running }) => running);
        const some = living[random(living.length)];
        const what = random(5);
        if (what === 0 || living.length < 2) await join(`p${round}`, rooms(30));
        else if (what === 1 && some !== undefined) some.running = false;
        else if (what === 2 && some !== undefined) some.way.cut = !some.way.cut;
        else if (what === 3) for (const sleeper of processes) if (!sleeper.running && random(2) === 0) wake(sleeper);
        await pass(random(20) * 1_000);
      }
      for (const { way } of processes) way.cut = false;
      await pass(60_000);
      assert.equal(heldBy(...processes.filter(({ running }) => running)), 30);
    });
  });
}
