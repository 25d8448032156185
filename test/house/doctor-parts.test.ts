import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { testAuthority } from '../../fixtures/graph/certificates.ts';
import { SimulatedClock, systemClock } from '../../src/clock.ts';
import { sip } from '../../src/config/sip.ts';
import { checkCertificate } from '../../src/house/doctor/certificate.ts';
import { diskFinding } from '../../src/house/doctor/data.ts';
import { checkMedia } from '../../src/house/doctor/media.ts';
import { checkSip } from '../../src/house/doctor/sip.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { DoctorFolder } from './run-doctor.ts';

const day = 24 * 60 * 60_000;

/** Without the programs of calls, which take a while to start. */
async function examineSip(given: object): Promise<{ of(what: string): string }> {
  const findings = await checkSip(sip.parse(given), null, Date.now());
  return {
    of(wanted) {
      const found = findings.find(({ what }) => what === wanted);
      return `${found?.state}: ${found?.words}`;
    },
  };
}

describe('usher doctor, of the ground that Usher stands on @first-run', function () {
  this.timeout(60_000);
  let folder: DoctorFolder;
  let data: string;
  let store: string;

  beforeEach(async () => {
    folder = await DoctorFolder.make();
    data = join(folder.path, 'data');
    store = join(data, 'usher.db');
    await mkdir(data);
  });
  afterEach(() => folder.remove());

  const fill = async (): Promise<void> =>
    (await openSqliteStore({ path: store, clock: new SimulatedClock(0) })).close();
  const run = (sql: string): void => {
    const db = new DatabaseSync(store);
    db.exec(sql);
    db.close();
  };

  it('is content with a store at rest, and leaves every byte as it was', async () => {
    await fill();
    await writeFile(join(data, 'secret'), '0'.repeat(64), { mode: 0o600 });
    const before = { names: (await readdir(data)).sort(), file: await readFile(store) };
    const { status, of, text } = await folder.examine();
    assert.equal(status, 0, text);
    assert.match(of('store'), /^ok: .*usher\.db, sound, 16 KB$/);
    assert.match(of('secret'), /^ok: /);
    assert.match(of('disk'), /^(ok|warning): .* MB are free/);
    assert.deepEqual({ names: (await readdir(data)).sort(), file: await readFile(store) }, before);
  });

  it('says that an older layout will be brought up to date, and that a newer one cannot be used', async () => {
    await fill();
    run('UPDATE layout SET version = version + 7');
    const newer = await folder.examine();
    assert.equal(newer.status, 1);
    assert.match(newer.of('store'), /^error: .*written by a newer Usher.*Run that version, or restore a backup/);
    await writeFile(store, '');
    assert.match((await folder.examine()).of('store'), /^ok: .*layout 0: the next usher serve brings it to 1/);
  });

  it('says that a file is damaged, of another program, or half a copy', async () => {
    await writeFile(store, 'no database at all, but long enough to be one '.repeat(100));
    assert.match((await folder.examine()).of('store'), /^error: .*is not a SQLite database, or it is damaged.*restore/);
    await writeFile(store, '');
    run('CREATE TABLE recipes (name TEXT)');
    assert.match((await folder.examine()).of('store'), /^error: .*database of another program\. Name another file/);
    await writeFile(store, '');
    await fill();
    run("CREATE TABLE copying (source TEXT); INSERT INTO copying VALUES ('mongodb db1/usher')");
    assert.match(
      (await folder.examine()).of('store'),
      /^error: .*part of a copy of mongodb db1\/usher.*Run usher store copy again/,
    );
  });

  it('looks at the secret file: gone, damaged, open to everybody', async () => {
    await fill();
    const secret = join(data, 'secret');
    assert.match((await folder.examine()).of('secret'), /^warning: .*not there, but the store is: restore it/);
    await writeFile(secret, 'not hexadecimal', { mode: 0o600 });
    const damaged = await folder.examine();
    assert.equal(damaged.status, 1);
    assert.match(damaged.of('secret'), /^error: .*does not hold a secret.*Restore it/);
    await writeFile(secret, '0'.repeat(64));
    await chmod(secret, 0o644);
    assert.match((await folder.examine()).of('secret'), /^warning: .*chmod 600/);
  });

  it('says how much of the disk is free, and when that is little or a network disk', () => {
    const ext4 = 0xef53;
    const nfs = 0x6969;
    assert.match(diskFinding('/data', 5_000 * 2 ** 20, ext4).words, /^5,000 MB are free where \/data lies$/);
    assert.deepEqual(diskFinding('/data', 5_000 * 2 ** 20, ext4).state, 'ok');
    const little = diskFinding('/data', 100 * 2 ** 20, ext4);
    assert.deepEqual([little.state, /free some space/.test(little.words)], ['warning', true]);
    const network = diskFinding('/data', 5_000 * 2 ** 20, nfs);
    assert.deepEqual([network.state, /keep the store on a local disk/.test(network.words)], ['warning', true]);
  });

  it('says who has a port, and which addresses this machine has', async function () {
    if (process.platform !== 'linux') {
      console.log('      skipped: who has a port is looked up in /proc, which only Linux has');
      this.skip();
    }
    const udp = createSocket('udp4');
    const tcp = createServer();
    try {
      await once(udp.bind(0, '127.0.0.1'), 'listening');
      await once(tcp.listen(0, '127.0.0.1'), 'listening');
      const at = tcp.address();
      const web = { address: '127.0.0.1', port: typeof at === 'object' ? at?.port : 0 };
      const listen = [
        { transport: 'udp', address: '127.0.0.1', port: udp.address().port },
        { transport: 'tcp', address: '192.0.2.77', port: 5060 },
      ];
      const { status, of, text } = await folder.examine({ web, sip: { listen } });
      assert.equal(status, 1);
      const taken = new RegExp(
        `^error: the port is taken by process ${process.pid} \\(.*\\): end that, or choose another port in`,
      );
      assert.match(of(/^web /), taken, text);
      assert.match(of(/^SIP udp/), taken);
      assert.match(
        of(/^SIP tcp/),
        /^error: 192\.0\.2\.77 is not an address of this machine \(it has .*127\.0\.0\.1.*\): correct sip\.listen$/,
      );
      assert.match(of('guests'), /^error: no way into meetings is configured.*guests\.adapters/);
    } finally {
      udp.close();
      tcp.close();
    }
  });

  it('says where devices could not dial or send, and how many calls the media ports are enough for', async () => {
    const listen = [{ transport: 'udp', address: '0.0.0.0', port: 0 }];
    const rtp = { minPort: 40_000, maxPort: 40_009 };
    const wrong = await examineSip({ listen, rtp, maxCalls: 5, advertisedAddress: 'sip.example.org' });
    assert.match(
      wrong.of('media address'),
      /^error: rooms cannot send media to sip\.example\.org: set sip\.rtp\.announcedAddress/,
    );
    const here = await examineSip({ listen, rtp, maxCalls: 5, advertisedAddress: '127.0.0.1' });
    assert.match(here.of('SIP address'), /^warning: .* 127\.0\.0\.1, which only this machine reaches/);
    assert.match(
      wrong.of('media ports'),
      /^warning: UDP 40000 to 40009: enough for 2 calls, but sip\.maxCalls is 5: set sip\.rtp\.maxPort to 40019 or more/,
    );
    const right = await examineSip({ listen, rtp, maxCalls: 2, advertisedAddress: '192.0.2.1' });
    assert.match(right.of('SIP address'), /^ok: devices are told to dial 192\.0\.2\.1$/);
    assert.match(right.of('media address'), /^ok: rooms send media to 192\.0\.2\.1$/);
    assert.match(right.of('media ports'), /^ok: /);
  });

  it('looks at the certificate of SIP over TLS: pair, dates, name', async () => {
    const { server } = await testAuthority();
    const wanted = { what: 'SIP/TLS certificate', setting: 'sip.tls', host: '127.0.0.1', ...server };
    const now = Date.now();
    const says = (changes: Partial<typeof wanted>, at = now): string => {
      const { state, words } = checkCertificate({ ...wanted, ...changes }, at);
      return `${state}: ${words}`;
    };
    assert.match(says({}), /^ok: valid until \d{4}-/);
    assert.match(says({ host: 'sip.example.org' }), /^warning: is not for sip\.example\.org/);
    const [, until = ''] = /until (.*)$/.exec(says({})) ?? [];
    assert.match(says({}, Date.parse(until) - 10 * day), /^warning: expires on .*, in 1?\d days: renew it/);
    assert.match(says({}, Date.parse(until) + day), /^error: expired on .*: renew it/);
    assert.match(says({}, now - 10 * 365 * day), /^error: is valid from .* only/);
    assert.match(
      says({ certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' }),
      /^error: cannot be read/,
    );
    assert.match(
      says({ key: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' }),
      /^error: its private key cannot be read/,
    );
    const { generate } = await import('selfsigned');
    const { private: other } = await generate([{ name: 'commonName', value: 'other' }], { keyType: 'ec' });
    assert.match(says({ key: other }), /^error: key and certificate do not belong together/);
    const listen = [{ transport: 'tls', address: '127.0.0.1', port: 0 }];
    const { of } = await examineSip({ listen, tls: server });
    assert.match(of('SIP/TLS certificate'), /^ok: /);
  });

  it('tells a program that is missing, which Usher sets up itself, from one that does not start', async () => {
    const parts = { chromium: null, workerBin: null, baresip: null, sipp: null, ffmpeg: null };
    const { signal } = new AbortController();
    for (const { state, words } of await checkMedia(systemClock, signal, parts)) {
      assert.equal(state, 'warning');
      assert.match(words, /^not found: usher serve sets it up.*npm run setup does it now$/);
    }
    const broken = { ...parts, chromium: '/bin/false', workerBin: '/bin/false' };
    for (const { state, words } of await checkMedia(systemClock, signal, broken)) {
      assert.equal(state, 'error');
      assert.match(words, /^\/bin\/false does not start \(.*\): /);
    }
  });
});
