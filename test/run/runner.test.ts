import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../run.ts', import.meta.url));

interface Ended {
  status: number | null;
  out: string;
  /** The last line. */
  sum: string | undefined;
}

describe('the runner of the tests @runner', function () {
  this.timeout(120_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'usher-runner-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function file(name: string, text: string): string {
    const path = join(folder, `${name}.test.ts`);
    writeFileSync(path, text);
    return path;
  }

  function run(...args: string[]): Promise<Ended> {
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [script, ...args], { cwd: folder }, (_, out, err) =>
        resolve({ status: child.exitCode, out: out + err, sum: out.trimEnd().split('\n').at(-1) }),
      );
    });
  }

  const good = `it('is good', () => {});`;
  const broken = `
    import assert from 'node:assert/strict';
    it('is broken', () => assert.deepEqual({ rooms: 2 }, { rooms: 3 }));`;

  it('fails with the details of a broken test, and sums up over all files', async () => {
    const skipping = `it.skip('is skipped', () => {});`;
    const files = [file('a', good), file('b', broken), file('c', skipping), file('d', good)];
    const { status, out, sum } = await run('--jobs', '2', ...files);
    assert.match(out, /AssertionError.*\n[\s\S]*rooms: 2[\s\S]*rooms: 3[\s\S]*b\.test\.ts:3/);
    assert.match(out, /Failed \(details above\):\n {2}\S*b\.test\.ts: is broken: /);
    assert.deepEqual({ status, sum }, { status: 1, sum: '2 passed, 1 failed, 1 skipped' });
  });

  it('names the file in which a process died, and runs the others', async () => {
    const killed = `it('dies', () => { console.log('last words'); process.kill(process.pid, 'SIGKILL'); return new Promise(() => {}); });`;
    const { status, out, sum } = await run('--jobs', '2', file('a', killed), file('b', good), file('c', good));
    assert.match(out, /last words\n[\s\S]*a\.test\.ts: the process died \(SIGKILL\) in this file/);
    assert.deepEqual({ status, sum }, { status: 1, sum: '2 passed, 1 failed, 0 skipped' });
  });

  it('fails on a file that cannot be loaded', async () => {
    const { status, out, sum } = await run(file('a', `import './not-there.ts';`), file('b', good));
    assert.match(out, /a\.test\.ts: Cannot find module/);
    assert.deepEqual({ status, sum }, { status: 1, sum: '1 passed, 1 failed, 0 skipped' });
  });

  it('is content with files without a test that is meant, unless all are', async () => {
    const files = [file('a', good), file('b', `it('is better', () => {});`)];
    const some = await run('--grep', 'better', ...files);
    assert.deepEqual({ status: some.status, sum: some.sum }, { status: 0, sum: '1 passed, 0 failed, 0 skipped' });
    const none = await run('--grep', '@nothing', ...files);
    assert.deepEqual({ status: none.status, sum: none.sum }, { status: 1, sum: '0 passed, 0 failed, 0 skipped' });
  });

  it('keeps the output of a file in one piece', async () => {
    // Each says something, waits until the other has, and says more.
    const talking = (name: string, other: string) => `
      import { once } from 'node:events';
      import { existsSync, watch, writeFileSync } from 'node:fs';
      it('talks', async () => {
        const watched = watch(${JSON.stringify(folder)});
        console.log('${name} one');
        writeFileSync(${JSON.stringify(folder)} + '/${name}', '');
        while (!existsSync(${JSON.stringify(folder)} + '/${other}')) await once(watched, 'change');
        watched.close();
        console.error('${name} two');
      });`;
    const { out, sum } = await run('--jobs', '2', file('a', talking('a', 'b')), file('b', talking('b', 'a')));
    assert.match(out, /a one\na two\n[\s\S]*b one\nb two\n|b one\nb two\n[\s\S]*a one\na two\n/);
    assert.equal(sum, '2 passed, 0 failed, 0 skipped');
  });

  // It takes the quarter of a minute of grace.
  if (process.env['USHER_LONG'] === '1') {
    it('says what holds a process open after its tests, and since which file', async () => {
      const open = `import { createServer } from 'node:net'; it('listens', (done) => { createServer().listen(0, '127.0.0.1', done); });`;
      const { status, out } = await run(file('a', open), file('b', good));
      assert.match(out, /left open after the tests: TCPServerWrap \(TCPServerWrap since \S*a\.test\.ts\)/);
      assert.equal(status, 1);
    });
  }
});
