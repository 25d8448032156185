import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { mongo } from 'mongoose';
import { type StandIn, startStandIn } from '../../fixtures/mongodb/stand-in.ts';

const hasCode = (code: number) => (error: unknown) => {
  assert.ok(error instanceof mongo.MongoServerError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
};

/** Errors of single writes come in the answer of a command. */
const firstError = (answer: mongo.Document): never => {
  throw new Error(String(answer['writeErrors']?.[0]?.errmsg));
};

/** What the tests write. */
interface Thing {
  _id?: string | number;
  a?: unknown;
  n?: number;
  at?: Date | null;
}

describe('the wire-protocol stand-in @mongo', () => {
  let folder: string;
  let standIn: StandIn;
  let client: mongo.MongoClient;
  let db: mongo.Db;
  let things: mongo.Collection<Thing>;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'usher-mongo-'));
    standIn = await startStandIn({ folder });
    client = await mongo.MongoClient.connect(standIn.uri);
  });
  after(async () => {
    await client.close();
    await standIn.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    db = client.db('things');
    await db.dropDatabase();
    things = db.collection<Thing>('things');
  });

  describe('refuses what it does not know', () => {
    it('a command, and a field of a command that it knows', async () => {
      await assert.rejects(db.command({ mapReduce: 'things' }), hasCode(59));
      await assert.rejects(db.command({ constructor: 1 }), hasCode(59));
      await assert.rejects(db.command({ find: 'things', collation: { locale: 'en' } }), hasCode(40_415));
      await assert.rejects(things.find({}, { hint: { a: 1 } }).toArray(), hasCode(40_415));
      await assert.rejects(things.updateOne({}, { $set: { n: 1 } }, { arrayFilters: [{ x: 1 }] }), hasCode(40_415));
    });

    it('an operator of a filter, at any depth', async () => {
      await things.insertOne({ _id: 1, a: 1 });
      for (const filter of [
        { $where: 'true' },
        { $expr: { $eq: ['$a', 1] } },
        { a: { $near: 1 } },
        { a: { $elemMatch: { $gt: 1 } } },
        { $or: [{ a: 1 }, { a: { $mod: [2, 1] } }] },
      ]) {
        await assert.rejects(things.find(filter).toArray(), hasCode(2), JSON.stringify(filter));
        await assert.rejects(things.deleteMany(filter), hasCode(2), JSON.stringify(filter));
      }
      assert.equal(await things.countDocuments(), 1);
    });

    it('an operator of an update, a pipeline as one, and a change of the id', async () => {
      await things.insertOne({ _id: 1, n: 1 });
      await assert.rejects(things.updateOne({}, { $mul: { n: 2 } }), hasCode(9));
      await assert.rejects(things.updateOne({}, [{ $set: { n: 2 } }]), hasCode(2));
      await assert.rejects(
        db.command({ update: 'things', updates: [{ q: {}, u: { $set: { _id: 2 } } }] }).then(firstError),
        /_id/,
      );
      await assert.rejects(things.findOneAndUpdate({}, { $set: { n: 2 }, $inc: { n: 1 } }), hasCode(40));
      assert.deepEqual(await things.find().toArray(), [{ _id: 1, n: 1 }]);
    });

    it('a stage, an accumulator, a projection and a kind of index', async () => {
      await assert.rejects(things.aggregate([{ $lookup: { from: 'x' } }]).toArray(), hasCode(40_324));
      await assert.rejects(
        things.aggregate([{ $group: { _id: null, all: { $push: '$a' } } }]).toArray(),
        hasCode(15_952),
      );
      await assert.rejects(things.find({}, { projection: { a: { $slice: 1 } } }).toArray(), hasCode(2));
      await assert.rejects(things.createIndex({ a: 'text' }), hasCode(67));
      await assert.rejects(things.createIndex({ at: 1 }, { expireAfterSeconds: 1 }), hasCode(40_415));
      await assert.rejects(things.createIndex({ a: 1 }, { partialFilterExpression: { a: 1 } }), hasCode(40_415));
    });

    it('a transaction, a change stream and a session that retries writes', async () => {
      const session = client.startSession();
      session.startTransaction();
      await assert.rejects(things.insertOne({ _id: 1 }, { session }), hasCode(40_415));
      await session.abortTransaction().catch(() => {});
      await session.endSession();
      const changes = things.watch();
      await assert.rejects(changes.next());
      await changes.close();
    });

    it('bytes that are no messages, by hanging up, and serves the others', async () => {
      for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(64, 0xff), Buffer.alloc(64)]) {
        const socket = connect(standIn.port, '127.0.0.1');
        socket.on('error', () => {});
        socket.write(bytes);
        await once(socket, 'close');
      }
      assert.equal((await db.command({ ping: 1 }))['ok'], 1);
    });
  });

  describe('answers as a server does', () => {
    it('keeps ids and unique values once, naming the key that was taken', async () => {
      await things.createIndex({ a: 1 }, { unique: true, sparse: true });
      await things.insertMany([{ _id: 1, a: 'x' }, { _id: 2 }, { _id: 3 }]);
      const taken = (pattern: object) => (error: unknown) => {
        hasCode(11_000)(error);
        assert.deepEqual(error instanceof mongo.MongoServerError && error['keyPattern'], pattern);
        return true;
      };
      await assert.rejects(things.insertOne({ _id: 1 }), taken({ _id: 1 }));
      await assert.rejects(things.insertOne({ _id: 4, a: 'x' }), taken({ a: 1 }));
      await assert.rejects(things.updateOne({ _id: 2 }, { $set: { a: 'x' } }), taken({ a: 1 }));
      await things.deleteOne({ _id: 1 });
      await things.updateOne({ _id: 2 }, { $set: { a: 'x' } });
      await assert.rejects(things.createIndex({ n: 1 }, { unique: true }), hasCode(11_000));
      assert.equal(await things.countDocuments(), 2);
    });

    it('goes on after an error in an unordered bulk, and stops in an ordered one', async () => {
      const three = [{ _id: 1 }, { _id: 1 }, { _id: 2 }];
      await assert.rejects(things.insertMany(three, { ordered: true }), mongo.MongoBulkWriteError);
      assert.equal(await things.countDocuments(), 1);
      await assert.rejects(things.insertMany(three, { ordered: false }), mongo.MongoBulkWriteError);
      assert.equal(await things.countDocuments(), 2);
    });

    it('compares within one kind of value, missing ones like null', async () => {
      const at = new Date('2026-01-05T08:00:00Z');
      await things.insertMany([{ _id: 1, at }, { _id: 2, at: null }, { _id: 3 }, { _id: 4, a: 5 }, { _id: 5, a: '5' }]);
      const ids = async (filter: mongo.Filter<Thing>): Promise<unknown[]> =>
        (await things.find(filter).sort({ _id: 1 }).toArray()).map(({ _id }) => _id);
      assert.deepEqual(await ids({ at: { $lte: new Date('2027-01-01T00:00:00Z') } }), [1]);
      assert.deepEqual(await ids({ at: null }), [2, 3, 4, 5]);
      assert.deepEqual(await ids({ at: { $ne: null } }), [1]);
      assert.deepEqual(await ids({ a: { $gt: 0 } }), [4]);
      assert.deepEqual(await ids({ a: { $lt: 'x' } }), [5]);
      assert.deepEqual(await ids({ $or: [{ a: 5 }, { at }] }), [1, 4]);
    });

    it('upserts from filter and update, counts what it matched and what it changed', async () => {
      const made = await things.findOneAndUpdate(
        { _id: 'x', a: { $eq: 1 } },
        { $inc: { n: 2 }, $setOnInsert: { at: null } },
        { upsert: true, returnDocument: 'after' },
      );
      assert.deepEqual(made, { _id: 'x', a: 1, n: 2, at: null });
      const same = await things.updateMany({}, { $set: { n: 2 }, $setOnInsert: { a: 9 } });
      assert.deepEqual([same.matchedCount, same.modifiedCount], [1, 0]);
      const changed = await things.updateMany({ n: { $in: [1, 2] } }, { $unset: { at: true }, $max: { n: 7 } });
      assert.deepEqual([changed.matchedCount, changed.modifiedCount], [1, 1]);
      assert.deepEqual(await things.find().toArray(), [{ _id: 'x', a: 1, n: 7 }]);
      const before = await things.findOneAndUpdate({ _id: 'x' }, { $inc: { n: 1 } }, { returnDocument: 'before' });
      assert.equal(before?.n, 7);
    });

    it('gives long results in batches', async () => {
      await things.insertMany(Array.from({ length: 350 }, (_, n) => ({ _id: n, n: -n })));
      const ids: unknown[] = [];
      for await (const { _id } of things
        .find({ _id: { $gte: 10 } })
        .sort({ n: 1 })
        .batchSize(33))
        ids.push(_id);
      assert.deepEqual(
        ids,
        Array.from({ length: 340 }, (_, n) => 349 - n),
      );
      const cursor = things.find().batchSize(10);
      await cursor.next();
      await cursor.close();
      const groups = await things
        .aggregate([{ $match: { _id: { $lt: 5 } } }, { $group: { _id: null, sum: { $sum: '$n' } } }])
        .toArray();
      assert.deepEqual(groups, [{ _id: null, sum: -10 }]);
    });

    it('lists, refuses and drops indexes', async () => {
      await assert.rejects(things.indexes(), hasCode(26));
      await things.createIndex({ a: 1, n: -1 }, { name: 'both' });
      await things.createIndex({ a: 1, n: -1 }, { name: 'both' });
      await assert.rejects(things.createIndex({ a: 1 }, { name: 'both' }), hasCode(86));
      await assert.rejects(things.createIndex({ a: 1, n: -1 }, { name: 'other' }), hasCode(85));
      assert.deepEqual(
        (await things.indexes()).map(({ name }) => name),
        ['_id_', 'both'],
      );
      await things.dropIndex('both');
      await assert.rejects(things.dropIndex('both'), hasCode(27));
    });

    it('says what it is', async () => {
      assert.deepEqual((await db.admin().buildInfo())['modules'], ['usher-stand-in']);
    });
  });

  it('keeps what it acknowledged when it is killed', async () => {
    const own = mkdtempSync(join(tmpdir(), 'usher-mongo-'));
    const processes: ChildProcess[] = [];
    const start = async (): Promise<{ child: ChildProcess; uri: string }> => {
      const script = fileURLToPath(new URL('../../fixtures/mongodb/stand-in.ts', import.meta.url));
      const child = spawn(process.execPath, [script, own], { stdio: ['ignore', 'pipe', 'inherit'] });
      processes.push(child);
      const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
      return { child, uri: String(value) };
    };
    try {
      let acknowledged = 0;
      for (let round = 1; round <= 2; round++) {
        const { child, uri } = await start();
        const writer = new mongo.MongoClient(uri, { serverSelectionTimeoutMS: 200 });
        const collection = writer.db('killed').collection<{ _id: number; n: number }>('things');
        const found = await collection.countDocuments();
        assert.ok(found >= acknowledged, `${acknowledged} were acknowledged, ${found} are there`);
        await collection.createIndex({ n: 1 }, { unique: true });
        const exit = once(child, 'exit');
        await assert.rejects(async () => {
          for (acknowledged = found; ; acknowledged++) {
            if (acknowledged === found + 150) child.kill('SIGKILL');
            await collection.insertOne({ _id: acknowledged, n: acknowledged });
          }
        });
        await exit;
        await writer.close();
      }
      const { uri } = await start();
      const reader = await mongo.MongoClient.connect(uri);
      const collection = reader.db('killed').collection<{ _id: number; n: number }>('things');
      assert.ok((await collection.countDocuments()) >= acknowledged);
      await assert.rejects(collection.insertOne({ _id: -1, n: 5 }), hasCode(11_000));
      await reader.close();
    } finally {
      for (const child of processes) child.kill('SIGKILL');
      rmSync(own, { recursive: true, force: true });
    }
  });
});
