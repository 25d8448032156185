import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../fixtures/vtc/executable.ts';
import { callsCommand } from '../../src/calls/command.ts';
import { type CallRecord, callCollection, forgetCalls } from '../../src/calls/records.ts';
import { systemClock } from '../../src/clock.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';

function call(change: Partial<CallRecord>): CallRecord {
  const at = systemClock.now() - 60_000;
  const stream = { packets: 990, bytes: 1, lost: 10, jitterMs: 1, roundTripMs: 1 };
  return {
    id: 'a',
    callId: 'sip-1',
    roomId: 'board',
    entryId: 'usher-1',
    source: { transport: 'udp', address: '192.0.2.1', port: 5060 },
    userAgent: 'VTC',
    startedAt: at,
    endedAt: at + 61_000,
    states: [{ state: 'attempt', at, detail: null }],
    outcome: 'room-left',
    detail: 'bye',
    guest: 'acs',
    knocks: 2,
    streams: [{ kind: 'audio', direction: 'from-room', codec: 'G722', ...stream }],
    ...change,
  };
}

class Output {
  text = '';

  write(text: string): void {
    this.text += text;
  }
}

async function run(...args: string[]): Promise<{ status: number; out: string }> {
  const [stdout, stderr] = [new Output(), new Output()];
  const status = await callsCommand(args, { stdout, stderr, signal: new AbortController().signal }, {});
  return { status, out: stdout.text };
}

describe('usher calls @sgj', () => {
  let folder: string;
  let config: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'usher-calls-'));
    config = join(folder, 'usher.yaml');
    const room = 'rooms:\n  - id: board\n    name: Board\n    calendar: { type: folder, path: calendars }\n';
    writeFileSync(config, `dataFolder: data\nweb: { port: ${await freePort()} }\n${room}`);
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function keep(...records: CallRecord[]): Promise<void> {
    const store = await openSqliteStore({ path: join(folder, 'data', 'usher.db'), clock: systemClock });
    const collection = await store.collection(callCollection);
    for (const record of records) await collection.put(record.id, record);
    await store.close();
  }

  it('reads the store where no instance runs: a line a call, the newest first', async () => {
    await keep(
      call({}),
      call({
        id: 'b',
        startedAt: systemClock.now(),
        endedAt: null,
        outcome: null,
        states: [{ state: 'lobby', at: 1, detail: null }],
      }),
    );
    const { status, out } = await run('--config', config);
    assert.equal(status, 0);
    const [, first, second] = out.split('\n');
    assert.match(first ?? '', /board +on +lobby \(2 knocks\)/);
    assert.match(second ?? '', /board +1:01 +room-left \(2 knocks\) +G722 +1\.0 % +bye/);
  });

  it('answers 1 when a call ended badly, and speaks JSON', async () => {
    await keep(call({ outcome: 'wrong-link', detail: '\u001b[2J gone' }));
    assert.doesNotMatch((await run('--config', config)).out, /\u001b/);
    const { status, out } = await run('--config', config, '--json', '--room', 'board');
    assert.equal(status, 1);
    assert.equal(JSON.parse(out).calls[0].outcome, 'wrong-link');
    assert.equal((await run('--config', config, '--room', 'other')).out, 'no calls\n');
  });

  it('asks the instance that runs', async () => {
    const server = createServer((request, response) => {
      assert.match(request.url ?? '', /^\/calls\.json\?room=board&since=\d+&limit=7$/);
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ calls: [call({})] }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { out } = await run('--url', `http://127.0.0.1:${port}`, '--room', 'board', '--limit', '7');
    server.closeAllConnections();
    server.close();
    assert.match(out, /room-left/);
  });

  it('says what is wrong with how it was asked', async () => {
    await assert.rejects(run('--limit', 'many'), /--limit: found "many"; give a number from 1 to 1000/);
    await assert.rejects(run('--url', 'http://127.0.0.1:1'), /no answer from http:\/\/127\.0\.0\.1:1/);
  });

  it('forgets old calls', async () => {
    await keep(call({ startedAt: 1 }), call({ id: 'b' }));
    const store = await openSqliteStore({ path: join(folder, 'data', 'usher.db'), clock: systemClock });
    const collection = await store.collection(callCollection);
    assert.equal(await forgetCalls(collection, systemClock.now() - 86_400_000), 1);
    assert.equal(await collection.count(), 1);
    await store.close();
  });
});
