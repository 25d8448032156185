import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Codec } from '../../fixtures/codec/codec.ts';
import { doctorCommand } from '../../src/house/doctor.ts';

describe('usher doctor @devices', function () {
  this.timeout(120_000);
  let data: string;
  let codec: Codec;
  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'usher-doctor-'));
    await mkdir(join(data, 'oslo'));
    codec = await Codec.start();
  });
  after(async () => {
    await codec.close();
    await rm(data, { recursive: true, force: true });
  });

  const run = async (config: object | string, ...more: string[]): Promise<{ status: number; text: string }> => {
    const file = join(data, 'usher.yaml');
    await writeFile(file, typeof config === 'string' ? config : JSON.stringify(config));
    let text = '';
    const out = { write: (piece: string) => (text += piece) };
    const io = { stdout: out, stderr: out, signal: new AbortController().signal };
    return { status: await doctorCommand(['--config', file, ...more], io), text };
  };
  const rooms = (device: object = {}, path = 'oslo') => {
    const { port, ca } = codec;
    const account = { username: 'usher', password: 'simulated', tls: { ca } };
    const devices = [{ type: 'cisco', address: '127.0.0.1', port, ...account, ...device }];
    return {
      dataFolder: '.',
      web: { port: 0 },
      rooms: [{ id: 'oslo', name: 'Oslo', calendar: { type: 'folder', path }, devices }],
    };
  };

  it('says a line for each thing that is well, and changes nothing', async () => {
    const { status, text } = await run(rooms());
    assert.equal(status, 0, text);
    assert.match(text, /^ok {7}configuration: 1 rooms$/m);
    assert.match(text, /^ok {7}oslo: calendar: 0 meetings$/m);
    assert.match(text, /^ok {7}oslo: .* at 127\.0\.0\.1: clock: /m);
    assert.deepEqual(codec.bookings, []);
  });

  it('names what is wrong with a device, with the remedy, and ends with 1', async () => {
    const { status, text } = await run(rooms({ password: 'wrong' }), '--json');
    const { ok, findings } = JSON.parse(text);
    assert.deepEqual([status, ok], [1, false]);
    const words = findings
      .filter(({ state }: { state: string }) => state === 'error')
      .map((one: object) => JSON.stringify(one));
    assert.match(words.join(), /refuses the password of usher/);
    assert.doesNotMatch(text, /wrong"/);
  });

  it('warns where a certificate is not checked', async () => {
    const { status, text } = await run(rooms({ tls: { verify: false } }));
    assert.equal(status, 0, text);
    assert.match(text, /^warning {2}oslo: .*certificate: not checked/m);
  });

  it('looks at rooms together, and tells of them in their order: none waits for the dead one before it', async () => {
    const ids = ['a', 'b', 'c', 'd'];
    const asked: (() => void)[] = [];
    const server = createServer((_, response) => {
      asked.push(() => response.writeHead(404).end());
      if (asked.length === ids.length) for (const answer of asked.toReversed()) answer();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const feed = (id: string) => ({
      type: 'feed',
      url: `http://127.0.0.1:${port}/${id}.ics`,
      allowPrivateAddresses: true,
    });
    try {
      const { text } = await run({
        dataFolder: '.',
        web: { port: 0 },
        rooms: ids.map((id) => ({ id, name: id, calendar: feed(id) })),
      });
      assert.deepEqual(
        [...text.matchAll(/^error {4}(\w): calendar/gm)].map(([, id]) => id),
        ids,
        text,
      );
    } finally {
      server.close();
    }
  });

  it('names the line of a configuration that is wrong', async () => {
    const { status, text } = await run('rooms:\n  - id: oslo\n    nmae: Oslo\n');
    assert.equal(status, 1);
    assert.match(text, /^error {4}configuration: .*usher\.yaml:/m);
  });

  it('needs a configuration', async () => {
    const out = { write: () => true };
    const io = { stdout: out, stderr: out, signal: new AbortController().signal };
    await assert.rejects(doctorCommand([], io), /name a configuration/);
  });
});
