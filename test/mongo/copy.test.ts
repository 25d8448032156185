import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { SimulatedClock } from '../../src/clock.ts';
import { storeCommand } from '../../src/store/command.ts';
import { copyStore, type RawStore } from '../../src/store/copy.ts';
import { openRawMongo } from '../../src/store/mongo/raw.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import { openRawSqlite } from '../../src/store/sqlite/raw.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { type CollectionSpec, type Store, StoreConflict, StoreUnavailable } from '../../src/store/store.ts';
import { engineName, freshDatabase, stopEngine } from './engine.ts';

const clock = new SimulatedClock(Date.UTC(2026, 0, 5));
const planSchema = z.object({ room: z.string(), at: z.number().nullable(), note: z.string() });
const plans: CollectionSpec<z.infer<typeof planSchema>> = {
  name: 'plans',
  schema: planSchema,
  indexes: { room: (plan) => plan.room, at: (plan) => plan.at },
  unique: ['room'],
};
const empty: CollectionSpec<{ n: number }> = { name: 'empty', schema: z.object({ n: z.number() }), indexes: {} };

interface Kind {
  name: string;
  address(): Promise<string>;
  open(address: string): Promise<Store>;
  raw(address: string): Promise<RawStore>;
}

describe(`copies between stores, MongoDB on ${engineName} @mongo`, () => {
  let folder: string;
  let files = 0;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'usher-copy-'));
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await stopEngine();
  });

  const sqlite: Kind = {
    name: 'SQLite',
    address: async () => join(folder, `${files++}.db`),
    open: (path) => openSqliteStore({ path, clock }),
    raw: (path) => openRawSqlite(path, clock),
  };
  const mongo: Kind = {
    name: 'MongoDB',
    address: freshDatabase,
    open: (uri) => openMongoStore({ uri }),
    raw: (uri) => openRawMongo({ uri }),
  };

  async function fill(kind: Kind, address: string, documents: number): Promise<void> {
    const store = await kind.open(address);
    const collection = await store.collection(plans);
    await store.collection(empty);
    const odd = ['é', '\u{1F4DE}', '\uFFFD', 'Z', 'a.b', '$x'];
    for (let n = 0; n < documents; n++) {
      const key = `${odd[n % odd.length]}${n}`;
      await collection.put(key, { room: `room-${n}`, at: n % 3 === 0 ? null : n, note: 'n'.repeat(n % 50) });
      if (n % 4 === 0) await collection.put(key, { room: `room-${n}`, at: n, note: 'again' });
    }
    await store.close();
  }

  async function everything(kind: Kind, address: string): Promise<unknown[]> {
    const store = await kind.open(address);
    const found = await (await store.collection(plans)).find({ limit: 10_000 });
    await store.close();
    return [...found];
  }

  const said: string[] = [];
  const io = { out: (line: string) => void said.push(line), err: (line: string) => void said.push(line), clock };
  beforeEach(() => said.splice(0));

  for (const [from, to] of [
    [sqlite, mongo],
    [mongo, sqlite],
    [sqlite, sqlite],
  ] as const) {
    describe(`from ${from.name} to ${to.name}`, () => {
      it('brings every document with its version, and every index', async () => {
        const [source, target] = [await from.address(), await to.address()];
        await fill(from, source, 1_203);
        assert.equal(
          await storeCommand(['copy', source, 'env:TARGET'], { ...io, env: { TARGET: target } }),
          0,
          said.join('\n'),
        );
        assert.match(
          said.join('\n'),
          /plans: 1203 documents, the same on both sides \(sha256 [0-9a-f]{16}…\)\nempty: 0|empty: 0 documents/,
        );
        assert.deepEqual(await everything(to, target), await everything(from, source));
        const store = await to.open(target);
        const collection = await store.collection(plans);
        assert.equal((await collection.find({ equal: { room: 'room-7' } })).length, 1);
        assert.equal(await collection.count({ range: { index: 'at', from: 100, to: 103 } }), 2);
        await assert.rejects(collection.insert('new', { room: 'room-7', at: 1, note: '' }), StoreConflict);
        await store.close();
      });

      it('goes on where it was cut off, and is no store until it is done', async () => {
        const [source, target] = [await from.address(), await to.address()];
        await fill(from, source, 1_300);
        const [reading, writing] = [await from.raw(source), await to.raw(target)];
        let writes = 0;
        const write = writing.write.bind(writing);
        writing.write = (...args) => {
          if (++writes === 3) throw new Error('cut off');
          return write(...args);
        };
        await assert.rejects(copyStore(reading, writing), /cut off/);
        await reading.close();
        await writing.close();
        await assert.rejects(
          to.open(target),
          (error) => error instanceof StoreUnavailable && /cut off.*copy again/.test(error.message),
        );

        const other = await from.address();
        await fill(from, other, 1);
        assert.equal(await storeCommand(['copy', other, target], io), 1);
        assert.match(said.join('\n'), /part of a copy of/);
        assert.equal(await storeCommand(['copy', source, target], io), 0, said.join('\n'));
        assert.match(said.join('\n'), /plans: 1300 documents, 500 of them from before/);
        assert.deepEqual(await everything(to, target), await everything(from, source));
      });

      it('goes on where its process was killed with -9, and both sides have the same counts and hashes then', async () => {
        const [source, target] = [await from.address(), await to.address()];
        await fill(from, source, 1_300);
        const script = fileURLToPath(new URL('copier.ts', import.meta.url));
        const copier = spawn(process.execPath, [script, source, target], { stdio: ['ignore', 'pipe', 'inherit'] });
        const killed = once(copier, 'exit');
        await Promise.race([once(copier.stdout, 'data'), killed]);
        copier.kill('SIGKILL');
        assert.deepEqual(await killed, [null, 'SIGKILL']);

        await assert.rejects(to.open(target), /cut off.*copy again/);
        assert.equal(await storeCommand(['copy', source, target], io), 0, said.join('\n'));
        assert.match(
          said.join('\n'),
          /plans: 1300 documents, [1-9]\d* of them from before, the same on both sides \(sha256/,
        );
        assert.deepEqual(await everything(to, target), await everything(from, source));
      });

      it('refuses a target that holds something, and leaves it as it is', async () => {
        const [source, target] = [await from.address(), await to.address()];
        await fill(from, source, 3);
        await fill(to, target, 5);
        assert.equal(await storeCommand(['copy', source, target], io), 1);
        assert.match(said.join('\n'), /holds documents already/);
        assert.equal((await everything(to, target)).length, 5);
      });
    });
  }

  it('notices a source that changes while it is copied', async () => {
    const [source, target] = [await mongo.address(), await sqlite.address()];
    await fill(mongo, source, 20);
    const [reading, writing] = [await mongo.raw(source), await sqlite.raw(target)];
    const index = writing.index.bind(writing);
    writing.index = async (...args) => {
      await index(...args);
      const store = await mongo.open(source);
      await (await store.collection(plans)).put('new', { room: 'new', at: 1, note: '' });
      await store.close();
    };
    await assert.rejects(copyStore(reading, writing), /"plans".*not the same.*20 and 21 documents/s);
    await reading.close();
    await writing.close();
  });

  it('needs both names, a source that exists and a variable that is set, and prints no password', async () => {
    assert.equal(await storeCommand(['copy', 'one'], io), 2);
    assert.equal(await storeCommand(['copy', join(folder, 'none.db'), await sqlite.address()], io), 1);
    assert.equal(existsSync(join(folder, 'none.db')), false);
    const source = await sqlite.address();
    await fill(sqlite, source, 1);
    assert.equal(await storeCommand(['copy', source, 'env:NOT_SET'], { ...io, env: {} }), 1);
    for (const address of [
      'mongodb://user:tr%40ubador@127.0.0.1:1/usher?serverSelectionTimeoutMS=50',
      'mongodb://user:tr@u:bador@127.0.0.1:1',
    ]) {
      assert.equal(await storeCommand(['copy', source, address], io), 1);
    }
    assert.match(said.join('\n'), /NOT_SET.*mongodb.*127\.0\.0\.1:1/s);
    assert.doesNotMatch(said.join('\n'), /u:?bador|tr(%40|@)u/);
  });
});
