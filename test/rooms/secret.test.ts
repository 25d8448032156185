import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSecret } from '../../src/rooms/secret.ts';

describe('the secret file @firm', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'usher-secret-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is made once, for its owner alone, whoever comes first', async () => {
    const secrets = await Promise.all(Array.from({ length: 8 }, () => loadSecret(join(folder, 'data'))));
    assert.equal(new Set(secrets.map((secret) => secret.adminSecret())).size, 1);
    const again = await loadSecret(join(folder, 'data'));
    assert.equal(again.adminSecret(), secrets[0]?.adminSecret());
    assert.deepEqual(await readdir(join(folder, 'data')), ['secret']);
    assert.equal((await stat(join(folder, 'data', 'secret'))).mode & 0o777, 0o600);
  });

  it('is never replaced: a damaged one is told', async () => {
    await writeFile(join(folder, 'secret'), 'not hexadecimal');
    await assert.rejects(loadSecret(folder), /does not hold a secret.*Restore it from a back-up/);
    assert.equal(await readFile(join(folder, 'secret'), 'utf8'), 'not hexadecimal');
  });
});
