import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type StandIn, type StandInOptions, startStandIn } from '../../fixtures/mongodb/stand-in.ts';
import { describeUri, openMongoStore } from '../../src/store/mongo/store.ts';
import { type CollectionSpec, type Store, StoreConflict, StoreUnavailable } from '../../src/store/store.ts';

const counters: CollectionSpec<{ n: number }> = {
  name: 'counters',
  schema: z.object({ n: z.number() }),
  indexes: { n: (counter) => counter.n },
};

const says = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StoreUnavailable, String(error));
  assert.match(error.message, pattern);
  return true;
};

// On the stand-in whatever MONGODB_URI says: a server of somebody else's is not stopped here.
describe('the MongoDB store when the server fails, on the wire-protocol stand-in @mongo', () => {
  let folder: string;
  let standIn: StandIn | undefined;
  let store: Store | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'usher-mongo-'));
  });
  afterEach(async () => {
    await store?.close();
    await standIn?.stop();
    store = undefined;
    standIn = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  const start = async (options: Omit<StandInOptions, 'folder'> = {}): Promise<StandIn> => {
    standIn = await startStandIn({ folder, ...options });
    return standIn;
  };
  const stop = async (): Promise<void> => {
    await standIn?.stop();
    standIn = undefined;
  };

  it('says at the start that the server is away, with its address and without the password', async () => {
    const { port } = await start();
    await stop();
    const uri = `mongodb://usher:s3cret@127.0.0.1:${port}/usher`;
    await assert.rejects(openMongoStore({ uri, patience: 100 }), (error) => {
      says(new RegExp(`mongodb 127\\.0\\.0\\.1:${port}/usher cannot be reached.*See that it runs`))(error);
      assert.doesNotMatch(String(error), /s3cret/);
      return true;
    });
  });

  it('says that the server is too old, whether it or only its protocol is', async () => {
    const old = await start({ version: '6.0.14' });
    await assert.rejects(openMongoStore({ uri: old.uri }), says(/is MongoDB 6\.0\.14: Usher needs 7\.0 or newer/));
    await stop();
    const older = await start({ wireVersion: 6 });
    await assert.rejects(
      openMongoStore({ uri: older.uri, patience: 300 }),
      says(/is too old: Usher needs MongoDB 7\.0/),
    );
  });

  it('says that the connection string is wrong', async () => {
    for (const uri of ['mongodb://', 'mongodb://a:b:c@h', 'mongodb://h/?nonsense=1']) {
      await assert.rejects(
        openMongoStore({ uri, patience: 100 }),
        says(/connection string is not valid.*It looks like/s),
        uri,
      );
    }
  });

  it('answers while the server is away, and goes on by itself when it is back', async () => {
    const { port, uri } = await start();
    store = await openMongoStore({ uri, patience: 1_500 });
    const collection = await store.collection(counters);
    await collection.put('a', { n: 1 });
    await stop();
    await assert.rejects(collection.put('a', { n: 2 }), says(/cannot be reached|broke the connection/));
    await start({ port });
    assert.equal((await collection.get('a'))?.value.n, 1);
    assert.equal((await collection.put('a', { n: 3 })).version, 2);
  });

  it('waits for a server that restarts, losing and doubling nothing', async () => {
    const { port, uri } = await start();
    store = await openMongoStore({ uri, patience: 10_000 });
    const collection = await store.collection(counters);
    await collection.insert('counted', { n: 0 });
    let written = 0;
    let stopping = false;
    const write = async (writer: number): Promise<void> => {
      while (!stopping) {
        await collection.insert(`k${writer}:${written}`, { n: written++ });
        for (;;) {
          const found = await collection.get('counted');
          assert.ok(found);
          try {
            await collection.replace('counted', { n: found.value.n + 1 }, found.version);
            break;
          } catch (error) {
            if (!(error instanceof StoreConflict)) throw error;
          }
        }
      }
    };
    const writers = Promise.all([1, 2, 3].map(write));
    for (let restart = 0; restart < 3; restart++) {
      const until = written + 20;
      while (written < until) await new Promise((resolve) => setImmediate(resolve));
      await stop();
      await start({ port });
    }
    stopping = true;
    await writers;
    assert.equal(await collection.count(), written + 1);
    assert.equal((await collection.get('counted'))?.value.n, written);
  });

  it('describes an address without user, password and options', () => {
    for (const [uri, described] of [
      ['mongodb://h:27017', 'mongodb h:27017/usher'],
      ['mongodb://user:p%40ss@h1:1,h2:2/rooms?replicaSet=rs0', 'mongodb h1:1,h2:2/rooms'],
      ['mongodb+srv://user:pass@cluster.example.com/?w=1', 'mongodb cluster.example.com/usher'],
    ] as const) {
      assert.equal(describeUri(uri), described);
    }
  });
});
