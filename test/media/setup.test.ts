import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackages, PackagesMissing } from '../../media/setup/debian.ts';
import { ensureMediaParts } from '../../media/setup/ensure.ts';
import { findMediaParts, mediasoupFolder } from '../../media/setup/find.ts';
import { changes, subprojectFiles } from '../../media/setup/worker/recipe.ts';

const script = fileURLToPath(new URL('../../media/setup/setup.ts', import.meta.url));

describe('set-up of the bridge @sgj', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'usher-setup-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function runSetup(env: Record<string, string>) {
    const result = spawnSync(process.execPath, [script], { env: { ...process.env, ...env }, encoding: 'utf8' });
    return { status: result.status, out: result.stdout, err: result.stderr };
  }

  it('says that USHER_SETUP=no keeps it from building, and how to go on', () => {
    const { status, err } = runSetup({ USHER_SETUP: 'no', XDG_CACHE_HOME: folder, MEDIASOUP_WORKER_BIN: '' });
    const ownPrebuilt = findMediaParts({ PATH: process.env['PATH'], XDG_CACHE_HOME: folder }).workerBin;
    if (ownPrebuilt !== null) return assert.equal(status, 0);
    assert.equal(status, 1);
    assert.match(err, /^USHER_SETUP=no: .*\b(npm run setup|apt-get install)\b/);
  });

  it('names a variable that points at nothing', () => {
    const { status, err } = runSetup({ MEDIASOUP_WORKER_BIN: join(folder, 'worker') });
    assert.equal(status, 1);
    assert.match(err, /^MEDIASOUP_WORKER_BIN is .*worker, which is not an executable file/);
  });

  it('tells one command when it may not install packages', async () => {
    await assert.rejects(
      installPackages(['chromium', 'sip-tester'], false, () => {}),
      (error: Error) => {
        assert.ok(error instanceof PackagesMissing);
        assert.match(error.message, /chromium sip-tester/);
        return true;
      },
    );
  });

  it('as root installs by apt-get after one update, and shows the last lines of what fails', async function () {
    if (process.getuid?.() !== 0) {
      console.log('      skipped: only root installs packages');
      return this.skip();
    }
    const record = join(folder, 'calls');
    const script = (end: string) => `#!/bin/sh\necho "$@" >> ${record}\necho "Setting up things"\n${end}\n`;
    const path = process.env['PATH'];
    process.env['PATH'] = `${folder}:${path}`;
    try {
      writeFileSync(join(folder, 'apt-get'), script('exit 0'), { mode: 0o755 });
      const heard: string[] = [];
      await installPackages(['chromium'], true, (line) => heard.push(line));
      const calls = readFileSync(record, 'utf8').trim().split('\n');
      assert.equal(calls[0], 'update');
      assert.match(calls[1] ?? '', /^install -y --no-install-recommends .*chromium$/);
      assert.equal(calls.length, 2);
      assert.ok(heard.includes('Setting up things'));
      writeFileSync(join(folder, 'apt-get'), script('echo E: no such mirror >&2; exit 100'), { mode: 0o755 });
      await assert.rejects(
        installPackages(['chromium'], true, () => {}),
        /apt-get update ended with 100:.*no such mirror/s,
      );
    } finally {
      process.env['PATH'] = path;
    }
  });

  it('does nothing, and says nothing, when everything is there', async function () {
    const found = findMediaParts();
    if (found.chromium === null || found.workerBin === null) return this.skip();
    const first = await ensureMediaParts({ parts: ['chromium', 'worker'], say: () => {} });
    const said: string[] = [];
    const again = await ensureMediaParts({ parts: ['chromium', 'worker'], say: ({ message }) => said.push(message) });
    assert.deepEqual(again, first);
    assert.deepEqual(said, []);
  });

  it('has a recipe that fits the installed source of the worker', () => {
    for (const { file, find, replace } of changes) {
      const source = readFileSync(join(mediasoupFolder(), 'worker', file), 'utf8');
      assert.equal(source.split(find).length - 1, 1, `${file}: ${find}`);
      assert.notEqual(find, replace);
    }
    const asked = readFileSync(join(mediasoupFolder(), 'worker', 'meson.build'), 'utf8');
    for (const [, name] of asked.matchAll(/subproject\(\s*'([^']+)'/g)) {
      // Windows' getopt and the worker's own tests are not built here.
      if (name === 'wingetopt' || name === 'catch2') continue;
      assert.ok(subprojectFiles().has(`${name}/meson.build`), `${name} has no stand-in`);
    }
  });
});
