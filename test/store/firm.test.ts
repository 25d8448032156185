import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { SimulatedClock } from '../../src/clock.ts';
import { type StoreCommandIo, storeCommand } from '../../src/store/command.ts';
import { layoutVersion, migrate, storeMigrations } from '../../src/store/sqlite/layout.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { StoreUnavailable } from '../../src/store/store.ts';
import { counters } from './process.ts';

const clock = new SimulatedClock(Date.UTC(2026, 0, 5, 8));
const unavailable = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StoreUnavailable, String(error));
  assert.match(error.message, pattern);
  return true;
};

describe('the SQLite store file @firm', () => {
  let folder: string;
  let path: string;
  const processes: ChildProcess[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'usher-store-'));
    path = join(folder, 'usher.db');
  });
  afterEach(() => {
    for (const child of processes.splice(0)) child.kill('SIGKILL');
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true, force: true });
  });

  const open = (largestFile?: number) =>
    openSqliteStore(largestFile === undefined ? { path, clock } : { path, clock, largestFile });

  /** Starts a process on the file and gives its lines as they come. */
  function start(role: string): { child: ChildProcess; lines: AsyncIterator<string>; ended: Promise<unknown> } {
    const script = fileURLToPath(new URL('process.ts', import.meta.url));
    const child = spawn(process.execPath, [script, role, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    processes.push(child);
    return {
      child,
      lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](),
      ended: once(child, 'exit'),
    };
  }

  async function fill(documents: number): Promise<void> {
    const store = await open();
    const collection = await store.collection(counters);
    for (let n = 0; n < documents; n++) await collection.put(`k${n}`, { n, padding: 'x'.repeat(300) });
    await store.close();
  }

  async function countOf(file: string): Promise<number> {
    const store = await openSqliteStore({ path: file, clock });
    const count = await (await store.collection(counters)).count();
    await store.close();
    return count;
  }

  describe('in one process at a time', () => {
    it('refuses a second process, naming the file and the process that has it', async () => {
      const { child, lines } = start('hold');
      assert.equal((await lines.next()).value, 'open');
      await assert.rejects(open(), unavailable(new RegExp(`usher\\.db is in use by process ${child.pid}\\b`)));
    });

    it('refuses a second opening in the same process, also by another name of the file', async () => {
      const store = await open();
      await assert.rejects(open(), unavailable(new RegExp(`process ${process.pid}\\b`)));
      symlinkSync(path, join(folder, 'link.db'));
      await assert.rejects(openSqliteStore({ path: join(folder, 'link.db'), clock }), unavailable(/in use by process/));
      await store.close();
      await (await open()).close();
    });

    it('is free again at once when the process that had it is killed', async () => {
      const { child, lines, ended } = start('hold');
      assert.equal((await lines.next()).value, 'open');
      child.kill('SIGKILL');
      await ended;
      await (await open()).close();
    });

    it('loses nothing that was acknowledged before kill -9', async () => {
      const rounds = process.env['USHER_LONG'] === '1' ? 30 : 4;
      let last = -1;
      for (let round = 0; round < rounds; round++) {
        const { child, lines, ended } = start('write');
        const killAfter = 20 + ((round * 7919) % 180);
        for (let seen = 0; ; seen++) {
          const { value, done } = await lines.next();
          if (done) break;
          if (value !== 'open') last = Number(value);
          if (seen === killAfter) child.kill('SIGKILL');
        }
        await ended;
        const store = await open();
        const collection = await store.collection(counters);
        const count = await collection.count();
        assert.ok(count >= last + 1, `round ${round}: ${last} was acknowledged, ${count} documents are there`);
        assert.equal((await collection.get(`k${last}`))?.value.n, last);
        await store.close();
      }
    });
  });

  describe('layout versions', () => {
    // One file per layout that was ever released, as SQL text; a new layout adds its own and never changes these.
    for (let version = 1; version <= storeMigrations.length; version++) {
      it(`opens a file of layout ${version} and finds its documents`, async () => {
        const db = new DatabaseSync(path);
        db.exec(readFileSync(new URL(`layouts/${version}.sql`, import.meta.url), 'utf8'));
        assert.equal(layoutVersion(db, 'store'), version);
        db.close();
        const store = await open();
        const collection = await store.collection(counters);
        assert.deepEqual(await collection.get('k1'), {
          key: 'k1',
          value: { n: 1, padding: 'from an older Usher' },
          version: 3,
        });
        assert.equal((await collection.find({ equal: { n: 2 } }))[0]?.key, 'k2');
        await store.close();
      });
    }

    it('goes on after a migration that was cut off', () => {
      const db = new DatabaseSync(path);
      const one = (target: DatabaseSync): void => target.exec('CREATE TABLE first (a)');
      const broken = (target: DatabaseSync): void => {
        target.exec('CREATE TABLE second (a)');
        throw new Error('cut off');
      };
      assert.throws(() => migrate(db, path, 'store', [one, broken]), /cut off/);
      assert.equal(layoutVersion(db, 'store'), 1);
      migrate(db, path, 'store', [one, (target) => target.exec('CREATE TABLE second (a)')]);
      assert.equal(layoutVersion(db, 'store'), 2);
      db.close();
    });

    it('refuses a file of a newer Usher and leaves it as it is', async () => {
      await fill(1);
      const db = new DatabaseSync(path);
      db.exec('UPDATE layout SET version = 99');
      db.close();
      await assert.rejects(open(), unavailable(/newer Usher.*version 99/));
      const after = new DatabaseSync(path);
      assert.equal(layoutVersion(after, 'store'), 99);
      after.close();
    });

    it("refuses another program's database", async () => {
      const db = new DatabaseSync(path);
      db.exec('CREATE TABLE places (url TEXT)');
      db.close();
      await assert.rejects(open(), unavailable(/usher\.db is a database of another program/));
    });
  });

  describe('when something is wrong with it', () => {
    it('says so of a file that is no database', async () => {
      writeFileSync(path, 'rooms:\n  - atrium\n'.repeat(100));
      await assert.rejects(open(), unavailable(/usher\.db is not a SQLite database.*restore/));
    });

    it('says so of a damaged file, before anything is read from it', async () => {
      await fill(500);
      const file = openSync(path, 'r+');
      for (let at = 4096 * 3; at < statSync(path).size; at += 4096)
        writeSync(file, Buffer.alloc(600, 0xa5), 0, 600, at);
      closeSync(file);
      await assert.rejects(open(), unavailable(/usher\.db is damaged.*usher store restore/s));
    });

    it('says so of a folder, and of a path below a file', async () => {
      await assert.rejects(openSqliteStore({ path: folder, clock }), unavailable(/cannot be opened/));
      writeFileSync(path, '');
      await assert.rejects(openSqliteStore({ path: join(path, 'usher.db'), clock }), StoreUnavailable);
    });

    it('answers a full disk, keeps what it has, and goes on when there is space again', async () => {
      const store = await open(40 * 4096);
      const collection = await store.collection(counters);
      let written = 0;
      const until = async (): Promise<void> => {
        for (; written < 10_000; written++)
          await collection.insert(`k${written}`, { n: written, padding: 'x'.repeat(2_000) });
      };
      await assert.rejects(until(), unavailable(/usher\.db cannot grow: its disk is full.*Free some space/s));
      assert.equal(await collection.count(), written);
      assert.equal(await collection.removeMany({ limit: 20 }), 20);
      await collection.insert('again', { n: -1, padding: '' });
      await store.close();
      assert.equal(await countOf(path), written - 19);
    });

    it('answers a folder that cannot be written', async function () {
      if (process.getuid === undefined) this.skip(); // file modes mean something else on this system
      await fill(1);
      for (const file of [path, `${path}.lock`]) chmodSync(file, 0o444);
      chmodSync(folder, 0o555);
      const { lines } = start('read-only');
      assert.match(
        (await lines.next()).value ?? '',
        /^StoreUnavailable: .*usher\.db.* (cannot be|may not be) .*user that Usher runs as/,
      );
    });

    it('is readable for its owner alone', async () => {
      await fill(1);
      assert.equal(statSync(path).mode & 0o777, 0o600);
    });
  });

  describe('backed up and restored', () => {
    const said: string[] = [];
    const io: StoreCommandIo = { out: (line) => said.push(line), err: (line) => said.push(line), clock };
    beforeEach(() => said.splice(0));
    const command = (...args: string[]): Promise<number> => storeCommand(args, { ...io, store: path });

    it('writes a back-up while the store is in use, and restores it when it is not', async () => {
      await fill(20);
      const backup = join(folder, 'backup.db');
      const store = await open();
      const collection = await store.collection(counters);
      await collection.insert('late', { n: 1_000, padding: '' });
      assert.equal(await command('backup', backup), 0);
      assert.equal(statSync(backup).mode & 0o777, 0o600);
      await collection.removeMany({});
      assert.equal(await command('restore', backup), 1);
      assert.match(said.join('\n'), new RegExp(`in use by process ${process.pid}`));
      await store.close();

      assert.equal(await command('restore', backup), 0);
      assert.equal(await countOf(path), 21);
      assert.equal(await countOf(`${path}.before-2026-01-05T08-00-00-000Z`), 0);
      assert.match(said.join('\n'), /before-2026-01-05T08-00-00-000Z/);
    });

    it('restores over a damaged file and its log, which are kept', async () => {
      await fill(20);
      const backup = join(folder, 'backup.db');
      assert.equal(await command('backup', backup), 0);
      writeFileSync(path, 'not a database');
      writeFileSync(`${path}-wal`, 'not a log');
      assert.equal(await command('restore', backup), 0);
      assert.equal(await countOf(path), 20);
      assert.equal(readFileSync(`${path}.before-2026-01-05T08-00-00-000Z`, 'utf8'), 'not a database');
    });

    it('finds the store by the configuration, and says what to do where it is not a file', async () => {
      await fill(3);
      const config = join(folder, 'usher.yaml');
      const room = 'rooms: [{ id: oslo, name: Oslo, calendar: { type: folder, path: oslo } }]\n';
      writeFileSync(config, `dataFolder: .\n${room}`);
      assert.equal(
        await storeCommand(['backup', '--config', config, join(folder, 'backup.db')], io),
        0,
        said.join('\n'),
      );
      writeFileSync(config, `store: { type: mongodb, uri: "mongodb://127.0.0.1/usher" }\n${room}`);
      assert.equal(await storeCommand(['backup', '--config', config, join(folder, 'other.db')], io), 1);
      assert.match(said.at(-1) ?? '', /mongodump/);
    });

    it('restores to a place where no store was', async () => {
      await fill(3);
      assert.equal(await command('backup', join(folder, 'backup.db')), 0);
      const fresh = join(folder, 'new', 'usher.db');
      assert.equal(await command('restore', '--store', fresh, join(folder, 'backup.db')), 0);
      assert.equal(await countOf(fresh), 3);
    });

    it('refuses a back-up that is damaged, foreign or missing, and leaves the store alone', async () => {
      await fill(7);
      writeFileSync(join(folder, 'text.db'), 'hello '.repeat(1000));
      const foreign = new DatabaseSync(join(folder, 'foreign.db'));
      foreign.exec('CREATE TABLE places (url TEXT)');
      foreign.close();
      for (const file of ['text.db', 'foreign.db', 'missing.db']) {
        assert.equal(await command('restore', join(folder, file)), 1, file);
        assert.match(said.at(-1) ?? '', new RegExp(file));
      }
      assert.equal(await command('restore', path), 1);
      assert.equal(await countOf(path), 7);
    });

    it('never writes a back-up over a file, and leaves no half of one behind', async () => {
      await fill(1);
      writeFileSync(join(folder, 'taken'), 'mine');
      assert.equal(await command('backup', join(folder, 'taken')), 1);
      assert.equal(readFileSync(join(folder, 'taken'), 'utf8'), 'mine');
      assert.equal(await command('backup', join(folder, 'no', 'folder', 'b.db')), 1);
      assert.equal(await command('backup', '--store', join(folder, 'missing.db'), join(folder, 'b.db')), 1);
      assert.equal(existsSync(join(folder, 'b.db')), false);
      assert.equal(existsSync(join(folder, 'missing.db')), false);
    });

    it('answers bad use with its usage', async () => {
      for (const args of [[], ['shrink', 'x'], ['backup'], ['backup', 'a', 'b'], ['backup', '--force', 'x']]) {
        said.splice(0);
        assert.equal(await command(...args), 2, args.join(' '));
        assert.match(said.join('\n'), /usage: usher store backup/);
      }
      assert.equal(await storeCommand(['backup', 'x'], io), 2);
      assert.match(said.at(-1) ?? '', /--store FILE/);
      assert.equal(await command('--help'), 0);
    });
  });
});

describe('a store of 50,000 documents @firm', () => {
  it('finds by index without reading the rest', async function () {
    this.timeout(60_000);
    const folder = mkdtempSync(join(tmpdir(), 'usher-store-'));
    const store = await openSqliteStore({ path: join(folder, 'usher.db'), clock });
    try {
      const collection = await store.collection(counters);
      for (let n = 0; n < 50_000; n++) await collection.insert(`k${n}`, { n, padding: 'x'.repeat(100) });
      const begun = process.hrtime.bigint();
      for (let n = 0; n < 500; n++) {
        assert.equal((await collection.find({ equal: { n: n * 97 } })).length, 1);
        const range = { index: 'n', from: n * 97, to: n * 97 + 10 };
        assert.equal((await collection.find({ range, orderBy: { index: 'n', direction: 'descending' } })).length, 10);
      }
      const each = Number(process.hrtime.bigint() - begun) / 1e6 / 1_000;
      // A scan of the table takes some 15 ms; a look-up by index takes some 0.05 ms.
      assert.ok(each < 3, `${each.toFixed(2)} ms for each query`);
    } finally {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
