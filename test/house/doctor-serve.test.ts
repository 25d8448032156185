import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DoctorFolder } from './run-doctor.ts';
import { ServeProcess } from './serve-process.ts';

const patience = 60_000;

describe('usher doctor beside a running usher serve @first-run', function () {
  this.timeout(4 * patience);
  let folder: DoctorFolder;
  let serve: ServeProcess | null = null;
  let config: object;

  before(async () => {
    folder = await DoctorFolder.make();
    await mkdir(join(folder.path, 'oslo'));
    // Below what the system gives to those who ask for any port; what else may have one of them, another attempt avoids.
    for (let attempt = 1; serve === null; attempt++) {
      const [web, sip] = [randomInt(20_000, 25_000), randomInt(25_000, 30_000)];
      config = {
        web: { port: web, publicUrl: `http://127.0.0.1:${web}` },
        sip: {
          listen: ['udp', 'tcp'].map((transport) => ({ transport, address: '127.0.0.1', port: sip })),
        },
        guests: { adapters: [{ module: 'teams-web' }] },
        rooms: [{ id: 'oslo', name: 'Oslo', calendar: { type: 'folder', path: 'oslo' } }],
      };
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

  it('says what another configuration could not use while it runs', async () => {
    const other = await DoctorFolder.make();
    try {
      const { status, of } = await other.examine(config);
      assert.equal(status, 1);
      assert.match(
        of(/^web 127/),
        /^error: the port is taken by another Usher, process \d+ \(.*\): end that, or choose another port in web$/,
      );
    } finally {
      await other.remove();
    }
  });

  it('reads what a killed one left, and finds its ports free', async () => {
    await serve?.kill();
    const { status, of, text } = await folder.examine(config);
    assert.equal(status, 0, text);
    assert.match(of('store'), /^ok: .*usher\.db, sound, [\d,]+ KB$/);
    assert.match(of(/^SIP udp/), /^ok: free$/);
    assert.match(of('web address'), /^ok: .*not asked, since no Usher runs$/);
  });
});

function soon(): string[] {
  const stamp = (at: number): string => new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const now = Date.now();
  return [`DTSTAMP:${stamp(now)}`, `DTSTART:${stamp(now + 3_600_000)}`, `DTEND:${stamp(now + 7_200_000)}`];
}
