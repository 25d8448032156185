import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mongo } from 'mongoose';
import { type StandIn, type StandInOptions, startStandIn } from '../../fixtures/mongodb/stand-in.ts';
import { SimulatedClock } from '../../src/clock.ts';
import { clockFinding } from '../../src/house/doctor/mongo.ts';
import { openStore } from '../../src/house/stores.ts';
import { Secret } from '../../src/rooms/secret.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { engineName, freshDatabase, stopEngine } from '../mongo/engine.ts';
import { DoctorFolder } from './run-doctor.ts';

describe(`usher doctor and a store on ${engineName} @mongo`, function () {
  this.timeout(60_000);
  let folder: DoctorFolder;
  let uri: string;
  const own = randomBytes(32);

  beforeEach(async () => {
    folder = await DoctorFolder.make();
    await mkdir(join(folder.path, 'data'));
    await writeFile(join(folder.path, 'data', 'secret'), own.toString('hex'), { mode: 0o600 });
    uri = await freshDatabase();
  });
  afterEach(() => folder.remove());
  after(() => stopEngine());

  const examine = () => folder.examine({ store: { type: 'mongodb', uri } });

  /** An Usher that acts on the store until `leave`. */
  async function enter(secret: Secret): Promise<{ leave(): Promise<void> }> {
    const opened: (() => Promise<void>)[] = [];
    const config = { store: { type: 'mongodb' as const, uri }, rooms: [] };
    const around = {
      config,
      dataFolder: folder.path,
      secret,
      clock: new SimulatedClock(0),
      log: createLog({ level: 'silent' }),
    };
    const { share } = await openStore(around, opened);
    const leases = await share?.({ onAcquired: () => {}, onLost: () => {} });
    return {
      async leave() {
        await leases?.stop();
        for (const close of opened.reverse()) await close();
      },
    };
  }

  it('finds it well, and leaves nothing there', async () => {
    const { status, of, text } = await examine();
    assert.equal(status, 0, text);
    assert.match(of('store'), /^ok: mongodb .*, MongoDB \d+\.\d+\.\d+, .*; takes writes; no Usher runs on it$/);
    assert.match(of('store: clock'), /^ok: agrees within \d+ s$/);
    const client = await mongo.MongoClient.connect(uri);
    try {
      assert.deepEqual(await client.db().listCollections().toArray(), []);
    } finally {
      await client.close();
    }
  });

  it('says who shares it, and whether they have the same secret', async () => {
    const usher = await enter(new Secret(own));
    try {
      const same = await examine();
      assert.equal(same.status, 0, same.text);
      assert.match(same.of('store'), /; shared by .+\/[0-9a-f-]{36}$/);
      await writeFile(join(folder.path, 'data', 'secret'), randomBytes(32).toString('hex'));
      const other = await examine();
      assert.equal(other.status, 1);
      assert.match(
        other.of('store: secret'),
        /^error: The other processes on .* use another secret file.*Copy the file "secret"/,
      );
    } finally {
      await usher.leave();
    }
    assert.match((await examine()).of('store'), /no Usher runs on it$/);
  });

  it('says how far the clocks are apart where that matters', () => {
    assert.equal(clockFinding(900).state, 'ok');
    const { state, words } = clockFinding(-90_000);
    assert.equal(state, 'warning');
    assert.match(words, /^the server's clock is 90 s behind this machine's: let NTP set both/);
  });
});

// On the stand-in whatever MONGODB_URI says: a server of somebody else's is neither stopped nor locked here.
describe('usher doctor and a MongoDB server that fails, on the wire-protocol stand-in @mongo', function () {
  this.timeout(60_000);
  let folder: DoctorFolder;
  let standIn: StandIn | null = null;

  beforeEach(async () => {
    folder = await DoctorFolder.make();
  });
  afterEach(async () => {
    await standIn?.stop();
    standIn = null;
    await folder.remove();
  });

  /** What is said of the store, and the exit status. */
  async function told(options: Omit<StandInOptions, 'folder'>, address = 'HOST/usher'): Promise<string> {
    await standIn?.stop();
    standIn = await startStandIn({ folder: join(folder.path, 'engine'), ...options });
    const uri = `mongodb://${address.replace('HOST', `127.0.0.1:${standIn.port}`)}`;
    const { status, of, text } = await folder.examine({ store: { type: 'mongodb', uri } });
    assert.doesNotMatch(text, /s3cret/);
    return `${status} ${of('store')}`;
  }
  const refusing = (name: string, code: number, codeName: string) => ({
    instead: (command: object) => (name in command ? { ok: 0, code, codeName, errmsg: 'refused' } : undefined),
  });

  it('says that it is away, with its address and without the password', async () => {
    const { port, stop } = await startStandIn({ folder: join(folder.path, 'engine') });
    await stop();
    const uri = `mongodb://usher:s3cret@127.0.0.1:${port}/usher?serverSelectionTimeoutMS=200`;
    const { status, of, text } = await folder.examine({ store: { type: 'mongodb', uri } });
    assert.equal(status, 1);
    assert.match(
      of('store'),
      new RegExp(`^error: mongodb 127\\.0\\.0\\.1:${port}/usher cannot be reached.*See that it runs`),
    );
    assert.doesNotMatch(text, /s3cret/);
  });

  it('says that the password is wrong, that a right is missing, that the server is too old', async () => {
    assert.match(
      await told(refusing('saslStart', 18, 'AuthenticationFailed'), 'usher:s3cret@HOST/usher'),
      /^1 error: .* refuses the user name or password\. Correct them in the connection string/,
    );
    assert.match(
      await told(refusing('insert', 13, 'Unauthorized')),
      /^1 error: .* does not let this user read and write its database: give the user the role readWrite/,
    );
    assert.match(await told({ version: '6.0.14' }), /^1 error: .* is MongoDB 6\.0\.14: Usher needs 7\.0 or newer/);
  });

  it('says that no majority confirms a write', async () => {
    const writeConcernError = {
      code: 64,
      codeName: 'WriteConcernTimeout',
      errmsg: 'waiting for replication timed out',
    };
    const instead = (command: object) => ('insert' in command ? { n: 1, ok: 1, writeConcernError } : undefined);
    assert.match(
      await told({ instead }),
      /^1 error: .* did not confirm a write by a majority.*see which nodes of the replica set are down/,
    );
  });

  it('says that it is a replica set, and that its clock is wrong', async () => {
    const instead = (command: object) => {
      if (!('hello' in command || 'ismaster' in command)) return undefined;
      return {
        ...{
          helloOk: true,
          isWritablePrimary: true,
          ismaster: true,
          setName: 'rs0',
          hosts: ['db1:27017', 'db2:27017', 'db3:27017'],
        },
        ...{ maxBsonObjectSize: 16 * 2 ** 20, maxMessageSizeBytes: 48_000_000, maxWriteBatchSize: 100_000 },
        ...{
          localTime: new Date(Date.now() + 3_600_000),
          minWireVersion: 0,
          maxWireVersion: 21,
          readOnly: false,
          ok: 1,
        },
      };
    };
    standIn = await startStandIn({ folder: join(folder.path, 'engine'), instead });
    const uri = `${standIn.uri}/usher?directConnection=true`;
    const { status, of, text } = await folder.examine({ store: { type: 'mongodb', uri } });
    assert.equal(status, 0, text);
    assert.match(of('store'), /^ok: .*, replica set rs0 of 3; takes writes/);
    assert.match(of('store: clock'), /^warning: the server's clock is 3[56]\d\d s ahead of this machine's/);
  });
});
