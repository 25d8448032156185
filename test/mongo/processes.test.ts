import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { MongoBackend } from '@agendajs/mongo-backend';
import { type StandIn, startStandIn } from '../../fixtures/mongodb/stand-in.ts';
import { systemClock } from '../../src/clock.ts';
import { startJobs } from '../../src/jobs/jobs.ts';
import { defaultBeatEvery, defaultTtl } from '../../src/rooms/lease.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import { doneJobs, roomIds, times } from './node.ts';

/** Sees who pushes to which room, and refuses nothing: an older fencing token after a newer one is what must not happen. */
class Devices extends EventEmitter {
  readonly fences = new Map<string, number>();
  readonly stale: string[] = [];
  /** When each room was last pushed to, by the process's monotonic clock. */
  readonly lastPush = new Map<string, number>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    super();
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      const lines = createInterface({ input: socket });
      // It passes on what its socket suffers when a process is killed.
      lines.on('error', () => {});
      lines.on('line', (line) => {
        const [room = '', fence = ''] = line.split(' ');
        this.#push(room, Number(fence));
        socket.write('ok\n');
      });
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Resolves when every room has been pushed to after `since`; fails after `within` milliseconds. */
  async allPushedSince(since: number, within: number): Promise<number> {
    const late = AbortSignal.timeout(within);
    const missing = (): string[] => roomIds.filter((room) => (this.lastPush.get(room) ?? 0) < since);
    while (missing().length > 0) {
      await once(this, 'push', { signal: late }).catch(() => {
        throw new Error(`${missing().length} rooms have nobody: ${missing().slice(0, 5).join(', ')}`);
      });
    }
    return performance.now() - since;
  }

  #push(room: string, fence: number): void {
    const newest = this.fences.get(room) ?? 0;
    if (fence < newest) this.stale.push(`${room}: ${fence} after ${newest}`);
    this.fences.set(room, Math.max(fence, newest));
    this.lastPush.set(room, performance.now());
    this.emit('push');
  }
}

describe('three processes on one store, on the wire-protocol stand-in @mongo', () => {
  let folder: string;
  const devices = new Devices();
  const nodes = new Map<string, ChildProcess>();
  let standIn: StandIn;
  let devicePort: number;
  let uri: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'usher-nodes-'));
    standIn = await startStandIn({ folder });
    uri = `${standIn.uri}/usher`;
    devicePort = await devices.listen();
  });
  after(async () => {
    for (const child of nodes.values()) child.kill('SIGKILL');
    await devices.close();
    await standIn.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(name: string): void {
    const script = fileURLToPath(new URL('node.ts', import.meta.url));
    nodes.set(
      name,
      spawn(process.execPath, [script, uri, name, String(devicePort)], { stdio: ['ignore', 'inherit', 'inherit'] }),
    );
  }

  async function end(name: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<unknown> {
    const child = nodes.get(name);
    assert.ok(child);
    nodes.delete(name);
    const exit = once(child, 'exit');
    child.kill(signal);
    return (await exit)[0];
  }

  it('takes a silent process for dead within 30 seconds, by the times that are set', () => {
    assert.ok(defaultTtl + 2 * defaultBeatEvery <= 25_000);
    assert.equal(defaultTtl / times.ttl, defaultBeatEvery / times.beatEvery);
  });

  it('keeps every room served by one of them through kill -9, hand-overs and a store that stops; loses no job', async function () {
    const rounds = process.env['USHER_LONG'] === '1' ? 50 : 4;
    this.timeout(60_000 + rounds * 20_000);
    for (const name of ['a', 'b', 'c']) start(name);
    await devices.allPushedSince(0, 20_000);

    const jobs = await startJobs({
      backend: new MongoBackend({ address: uri }),
      clock: systemClock,
      log: { info() {}, warn() {}, error() {} },
      scanEvery: 3_600_000,
    });
    jobs.define('work', async () => {
      throw new Error('left to the nodes');
    });
    const scheduled: string[] = [];
    for (let round = 0; round < rounds; round++) {
      for (let n = 0; n < 10; n++) {
        scheduled.push(`${round}:${n}`);
        await jobs.once('work', systemClock.now() + 100 * n, `${round}:${n}`);
      }
      const name = ['a', 'b', 'c'][round % 3] ?? 'a';
      const since = performance.now();
      if (round % 4 === 3) {
        await standIn.stop();
        standIn = await startStandIn({ folder, port: standIn.port });
      } else if (round % 4 === 2) {
        assert.equal(await end(name, 'SIGTERM'), 0);
        start(name);
      } else {
        await end(name, 'SIGKILL');
        start(name);
      }
      await devices.allPushedSince(since + times.ttl, 15_000);
      assert.deepEqual(devices.stale, [], `round ${round}`);
    }
    assert.ok([...devices.fences.values()].some((fence) => fence >= 2));

    const store = await openMongoStore({ uri });
    const done = await store.collection(doneJobs);
    const missing = async (): Promise<number> => scheduled.length - (await done.count());
    const deadline = performance.now() + 15_000;
    while ((await missing()) > 0 && performance.now() < deadline) await once(devices, 'push');
    assert.equal(await missing(), 0, 'jobs were lost');
    await store.close();
    await jobs.stop();
    for (const name of [...nodes.keys()]) assert.equal(await end(name, 'SIGTERM'), 0, name);
  });
});
