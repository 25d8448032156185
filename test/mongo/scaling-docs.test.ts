import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseConfig } from '../../src/config/load.ts';
import { describeUri } from '../../src/store/mongo/store.ts';

const service = z.object({
  image: z.string(),
  environment: z.record(z.string(), z.string()).default({}),
  volumes: z.array(z.string()).default([]),
});
const compose = z.object({ services: z.record(z.string(), service), volumes: z.record(z.string(), z.null()) });

describe('the compose file of docs/scaling.md @mongo', () => {
  it('starts MongoDB and two processes with a configuration that is valid', async () => {
    const text = await readFile('docs/scaling/compose.yaml', 'utf8');
    const { services, volumes } = compose.parse(parse(text, { merge: true }));
    assert.deepEqual(Object.keys(services), ['mongodb', 'usher-1', 'usher-2']);
    const [one, two] = [services['usher-1'], services['usher-2']];
    assert.deepEqual(one?.volumes, two?.volumes);
    for (const volume of one?.volumes ?? []) {
      const [from = ''] = volume.split(':');
      assert.ok(from.startsWith('.') || Object.hasOwn(volumes, from), volume);
    }
    const uri = one?.environment['USHER_STORE'];
    assert.equal(describeUri(uri ?? ''), 'mongodb mongodb/usher');
    const config = await readFile('docs/scaling/usher.yaml', 'utf8');
    const { store } = await parseConfig(config, 'docs/scaling/usher.yaml', { USHER_STORE: uri });
    assert.deepEqual(store, { type: 'mongodb', uri });
  });
});
