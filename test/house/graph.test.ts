import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GraphSimulator } from '../../fixtures/graph/simulator.ts';
import { systemClock } from '../../src/clock.ts';
import { ConfigError, parseConfig } from '../../src/config/load.ts';
import { openHouse, type RunningHouse } from '../../src/house/house.ts';
import { provisionCommand } from '../../src/house/provision.ts';
import { roomsCommand } from '../../src/rooms/command.ts';
import { createLog } from '../../src/telemetry/log.ts';

const mailbox = 'oslo@example.com';
const html = 'Join: https://teams.microsoft.com/meet/2112223334445?p=abcDEF123';
const start = Math.floor(Date.now() / 60_000) * 60_000;
const times = { start: new Date(start).toISOString(), end: new Date(start + 3_600_000).toISOString() };

/** Resolves when `condition` holds; one that never does is the test's time-out. */
async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('a house whose rooms live in Exchange Online @calendars', function () {
  this.timeout(60_000);
  let data: string;
  let simulator: GraphSimulator;
  let house: RunningHouse;

  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'usher-online-'));
    simulator = await GraphSimulator.start();
    simulator.put(mailbox, {
      id: 'review',
      subject: 'Review',
      ...times,
      html,
    });
    const config = await parseConfig(
      JSON.stringify({
        web: { port: 0 },
        sip: { listen: [{ transport: 'udp', address: '127.0.0.1', port: 0 }] },
        guests: { adapters: [{ module: './none.ts' }] },
        microsoft365: {
          tenant: simulator.options.tenant,
          clientId: simulator.options.clientId,
          secret: simulator.options.secret,
          endpoints: simulator.endpoints,
          ca: simulator.ca,
          notifications: { publicUrl: 'http://127.0.0.1:0', port: 0 },
          writeBack: 'location',
        },
        rooms: [{ id: 'oslo', name: 'Oslo', email: mailbox, calendar: { type: 'graph' } }],
      }),
      join(data, 'usher.yaml'),
      {},
    );
    const log = createLog({ level: 'silent' });
    house = await openHouse({ config, base: data, clock: systemClock, log, mode: 'serve', version: 'test' });
    await house.rooms.settled();
  });

  after(async () => {
    await house?.close();
    await simulator?.close();
    await rm(data, { recursive: true, force: true });
  });

  const entries = () => house.rooms.get('oslo')?.view().entries ?? [];

  it('has a Join button for what is in the mailbox', () => {
    assert.deepEqual(
      entries().map(({ title, route }) => [title, route]),
      [['Review', 'sgj']],
    );
    assert.match(entries()[0]?.dial?.address ?? '', /^sip:[a-z2-7]{26}@127\.0\.0\.1:/);
  });

  it('follows a change by notification', async () => {
    const room = house.rooms.get('oslo');
    assert.ok(room);
    const changed = new Promise<void>((resolve) => room.onChange(resolve));
    simulator.put(mailbox, { id: 'review', subject: 'Review, second part', ...times, html });
    await changed;
    assert.equal(entries()[0]?.title, 'Review, second part');
  });

  it('writes what to dial into the mailbox, where that is configured', async () => {
    const dial = entries()[0]?.dial?.address ?? 'none';
    const written = () => JSON.stringify(simulator.mailbox(mailbox).get('review') ?? null);
    while (!written().includes(dial)) await new Promise(setImmediate);
  });

  it('says in words and numbers how notifications and the budget of requests are', async () => {
    const ask = async (path: string): Promise<string> => (await fetch(`${house.web}${path}`)).text();
    const rooms = async (): Promise<[number, string]> => {
      let out = '';
      const stdout = { write: (text: string) => (out += text) };
      const io = { stdout, stderr: stdout, signal: new AbortController().signal };
      return [await roomsCommand(['--url', house.web], io), out];
    };
    const told = /Microsoft 365:.* of 1,000,000 requests .*1 of 1 mailboxes tell of changes; .* 0 refused\./;
    await eventually(async () => told.test((await rooms())[1]));
    assert.match((await ask('/status')).replace(/<[^>]*>/g, ''), told);
    const metrics = await ask('/metrics');
    assert.match(metrics, /^usher_graph_mailboxes{state="told"} 1$/m);
    assert.match(metrics, /^usher_graph_requests_today [1-9]/m);
    assert.match(metrics, /^usher_graph_notifications_total{kind="change"} [1-9]/m);

    simulator.fail({ times: Number.POSITIVE_INFINITY, match: '^POST /v1.0/subscriptions', status: 403 });
    simulator.subscriptions.lifecycle(simulator.subscriptions.all()[0]?.id ?? '', 'subscriptionRemoved');
    await eventually(async () => {
      const [status, out] = await rooms();
      return (
        status === 1 &&
        /! Calendar: changes are not told at the moment .*HTTP 403/.test(out) &&
        /! 1 mailbox does not tell of changes \(oslo@example\.com\): HTTP 403/.test(out)
      );
    });
    assert.match(await ask('/metrics'), /^usher_graph_mailboxes{state="silent"} 1$/m);
    simulator.faults.length = 0;
    await eventually(async () => !/not tell/.test((await rooms())[1]));
  });

  it('names what a graph calendar lacks, with its line', async () => {
    const text = 'rooms:\n  - id: oslo\n    name: Oslo\n    calendar: { type: graph }\n';
    const error = await parseConfig(text, 'usher.yaml', {}).catch((reason: unknown) => reason);
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /usher\.yaml:4: rooms\[0\]\.calendar\.type: .*microsoft365/);
    assert.match(error.message, /usher\.yaml:4: rooms\[0\]\.calendar\.mailbox: .*email/);
  });
});

describe('usher provision @calendars', function () {
  this.timeout(60_000);

  it('lists the rooms of a tenant by a configuration that has none yet, and says shortly what is wrong', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'usher-provision-'));
    const simulator = await GraphSimulator.start();
    for (let index = 0; index < 50; index++) {
      const emailAddress = `room${index}@example.com`;
      simulator.mailbox(emailAddress, 'W. Europe Standard Time');
      simulator.places.push({ emailAddress, displayName: `Room ${index}` });
    }
    const { tenant, clientId, secret } = simulator.options;
    const file = join(folder, 'usher.yaml');
    const run = async (origin = simulator.origin): Promise<[number, string, string]> => {
      const endpoints = { login: origin, graph: origin };
      await writeFile(
        file,
        JSON.stringify({ microsoft365: { tenant, clientId, secret, endpoints, ca: simulator.ca } }),
      );
      const written = { stdout: '', stderr: '' };
      const status = await provisionCommand(['--config', file], {
        stdout: { write: (text: string) => (written.stdout += text) },
        stderr: { write: (text: string) => (written.stderr += text) },
        signal: new AbortController().signal,
      });
      return [status, written.stdout, written.stderr];
    };
    const [status, rooms, problems] = await run();
    assert.deepEqual([status, problems, rooms.match(/- id: /g)?.length], [0, '', 50]);
    assert.match(rooms, /timeZone: Europe\/Berlin/);
    simulator.fail({ times: 50, match: 'mailboxSettings', status: 403, code: 'ErrorAccessDenied' });
    const [partly, , why] = await run();
    assert.equal(partly, 1);
    assert.match(why, /^usher provision: room0@.* and 47 more rooms: no time zone .*MailboxSettings\.Read.*\n$/);
    await simulator.close();
    await assert.rejects(run(), /Microsoft Entra cannot be reached at https:.*ECONNREFUSED.*proxy/);
    await rm(folder, { recursive: true });
  });

  it('writes the rooms of a table as a configuration has them, and says what it could not read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'usher-provision-'));
    const csv = join(folder, 'rooms.csv');
    await writeFile(csv, 'DisplayName,PrimarySmtpAddress\nOslo,oslo@example.com\nOslo two,oslo@example.org\n');
    let written = '';
    const stdout = { write: (text: string) => (written += text) };
    const status = await provisionCommand(['--csv', csv], {
      stdout,
      stderr: stdout,
      signal: new AbortController().signal,
    });
    await rm(folder, { recursive: true });
    assert.equal(status, 0, written);
    const online = 'microsoft365: { tenant: example.com, clientId: x, secret: y }\n';
    const config = await parseConfig(online + written, 'usher.yaml', {});
    assert.deepEqual(
      config.rooms.map(({ id, name, email }) => [id, name, email]),
      [
        ['oslo', 'Oslo', 'oslo@example.com'],
        ['oslo-2', 'Oslo two', 'oslo@example.org'],
      ],
    );
  });
});
