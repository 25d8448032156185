import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DoctorFolder } from './run-doctor.ts';
import { ServeProcess } from './serve-process.ts';

const patience = 60_000;
/** Where the whole of 127/8 is this machine's, one that nobody else uses. */
const address = process.platform === 'linux' ? `127.${[1, 2, 3].map(() => randomInt(1, 255)).join('.')}` : '127.0.0.1';

describe('usher doctor beside a running usher serve @first-run', function () {
  this.timeout(4 * patience);
  let folder: DoctorFolder;
  let serve: ServeProcess | null = null;
  let config: object;
  /** The same without guest calls, whose programs take a while to start. */
  let webAlone: object;

  before(async () => {
    folder = await DoctorFolder.make();
    await mkdir(join(folder.path, 'oslo'));
    // Ports below what the system gives to those who ask for any; what else may have one of them, another attempt avoids.
    for (let attempt = 1; serve === null; attempt++) {
      const [web, sip] = [randomInt(20_000, 25_000), randomInt(25_000, 30_000)];
      webAlone = {
        web: { address, port: web, publicUrl: `http://${address}:${web}` },
        rooms: [{ id: 'oslo', name: 'Oslo', calendar: { type: 'folder', path: 'oslo' } }],
      };
      const listen = ['udp', 'tcp'].map((transport) => ({ transport, address, port: sip }));
      config = { ...webAlone, sip: { listen }, guests: { adapters: [{ module: 'teams-web' }] } };
      const started = new ServeProcess(await folder.configure(config));
      try {
        await started.logged('it listens', patience, (lines) => lines.some(({ msg }) => msg === 'web listens'));
        serve = started;
      } catch (error) {
        await started.kill();
        if (attempt === 5) throw error;
      }
    }
  });
  after(async () => {
    await serve?.kill();
    await folder.remove();
  });

  it('knows it by its store and its ports, says that all is well, and disturbs nothing', async () => {
    assert.ok(serve !== null);
    const data = join(folder.path, 'data');
    const before = (await readdir(data)).sort();
    const [one, two] = await Promise.all([folder.examine(config), folder.examine(config)]);
    for (const { status, of, text } of [one, two]) {
      assert.equal(status, 0, text);
      assert.match(of('store'), new RegExp(`^ok: .*usher\\.db, sound, .*in use by process ${serve.pid}$`));
      for (const what of [/^web 127/, /^SIP udp/, /^SIP tcp/]) {
        assert.match(of(what), new RegExp(`^ok: the Usher that runs \\(process ${serve.pid}\\) listens there$`));
      }
      assert.match(of('web address'), /^ok: .* answers$/);
      assert.match(of('media worker'), /^(ok: .* starts|warning: not found.*)$/);
      assert.match(of('Chromium'), /^(ok|warning): (.* starts|not found)/);
      assert.equal(of('guests: teams-web'), 'ok: can be loaded');
    }
    assert.deepEqual((await readdir(data)).sort(), before);
    const event = [
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      'BEGIN:VEVENT',
      'UID:a',
      'SUMMARY:Budget',
      ...soon(),
      'END:VEVENT',
      'END:VCALENDAR',
    ];
    await writeFile(join(folder.path, 'oslo', 'a.ics'), event.join('\r\n'));
    await serve.logged('it goes on', patience, (lines) =>
      lines.some(({ msg, entries }) => msg === 'plan changed' && entries === 1),
    );
    assert.deepEqual(
      serve.lines.filter(({ level, problem }) => level === 'error' && !problem?.includes('MEDIASOUP_WORKER_BIN')),
      [],
    );
  });

  it('says what another configuration could not use while it runs, and what is not as configured', async () => {
    const other = await DoctorFolder.make();
    try {
      const { status, of } = await other.examine(webAlone);
      assert.equal(status, 1);
      const taken =
        /^error: the port is taken by another Usher, process \d+ \(.*\): end that, or choose another port in web$/;
      assert.match(of(/^web 127/), process.platform === 'linux' ? taken : /^error: the port is taken by/);
    } finally {
      await other.remove();
    }
    // Port 1 of an address that nobody else uses: nobody listens there.
    const changed = {
      ...webAlone,
      web: { address, port: randomInt(25_000, 30_000), publicUrl: `https://${address}:1` },
    };
    const { status, of, text } = await folder.examine(changed);
    assert.equal(status, 0, text);
    assert.match(
      of(/^web 127/),
      new RegExp(`^warning: free, though an Usher runs \\(process ${serve?.pid}\\).*Restart it`),
    );
    assert.match(of('web proxy'), /^warning: .*name it in web\.trustedProxies$/);
    assert.match(of('web address'), /^warning: .* does not answer from here \(.*\): see that the proxy runs/);
  });

  it('reads what a killed one left, and finds its port free', async () => {
    await serve?.kill();
    const { status, of, text } = await folder.examine(webAlone);
    assert.equal(status, 0, text);
    assert.match(of('store'), /^ok: .*usher\.db, sound, [\d,]+ KB$/);
    assert.equal(of(/^web 127/), 'ok: free');
    assert.match(of('web address'), /^ok: .*not asked, since no Usher runs$/);
  });
});

function soon(): string[] {
  const stamp = (at: number): string => new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const now = Date.now();
  return [`DTSTAMP:${stamp(now)}`, `DTSTART:${stamp(now + 3_600_000)}`, `DTEND:${stamp(now + 7_200_000)}`];
}
