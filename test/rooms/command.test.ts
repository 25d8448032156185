import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SimulatedClock } from '../../src/clock.ts';
import { roomsCommand } from '../../src/rooms/command.ts';
import { loadSecret } from '../../src/rooms/secret.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { statusAnswerSchema } from '../../src/web/status-answer.ts';
import { createWeb, type Web } from '../../src/web/web.ts';
import { entry, hour, TestHouse } from '../web/house.ts';

const now = Date.UTC(2026, 2, 5, 10, 0);

describe('usher rooms @firm', () => {
  let house: TestHouse;
  let web: Web;
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'usher-rooms-'));
    house = new TestHouse()
      .add({
        roomId: 'atrium',
        timeZone: 'Europe/Berlin',
        entries: [entry({ start: now + hour, title: 'Budget \u001b[31mround' })],
      })
      .add({ roomId: 'fjord', roomName: 'Fjord' });
    web = await createWeb({
      house,
      listen: { address: '127.0.0.1', port: 0 },
      clock: new SimulatedClock(now),
      log: createLog({ level: 'silent' }),
      metrics: createMetrics(),
      limits: { drainMs: 50 },
    });
  });

  afterEach(async () => {
    await web.close();
    await rm(folder, { recursive: true });
  });

  const run = (...args: string[]) => runWith({}, ...args);

  async function runWith(
    environment: NodeJS.ProcessEnv,
    ...args: string[]
  ): Promise<{ status: number; out: string; err: string }> {
    const out: string[] = [];
    const err: string[] = [];
    const io = {
      stdout: { write: (text: string) => out.push(text) },
      stderr: { write: (text: string) => err.push(text) },
      signal: new AbortController().signal,
    };
    const status = await roomsCommand(args, io, environment);
    return { status, out: out.join(''), err: err.join('') };
  }

  it('prints each room’s next entry in its own time, and lets no title steer the terminal', async () => {
    const { status, out } = await run('--url', web.url);
    assert.equal(status, 0);
    assert.match(out, /^Atrium \(atrium\) +12:00 Budget {2}\[31mround +sgj +- +never +panel never$/m);
    assert.match(out, /^Fjord \(fjord\) +- +-/m);
    assert.match(out, /^2 rooms, something is wrong with 0$/m);
    assert.ok(!out.includes('\u001b'));
  });

  it('says what is wrong, and that something is by its exit status', async () => {
    house.problems = ['Calendar: folder /srv/rooms cannot be read; give the service user the right to'];
    const { status, out } = await run('--url', web.url, 'fjo');
    assert.equal(status, 1);
    assert.match(out, /^ {4}! Calendar: folder \/srv\/rooms cannot be read/m);
    assert.match(out, /^1 room, something is wrong with 1$/m);
  });

  it('says what is not on a device as it should be, the first five of many', async () => {
    house.differs = Array.from({ length: 7 }, (_, index) => `the meeting at 2026-03-0${index + 1}T09:00Z is missing`);
    const { out } = await run('--url', web.url, 'fjo');
    assert.match(
      out,
      /^ {4}~ panel: the meeting at 2026-03-01T09:00Z is missing; .*-05T09:00Z is missing; and 2 more$/m,
    );
    const { devices } = JSON.parse((await run('--url', web.url, '--json', 'fjo')).out).rooms[0];
    assert.equal(devices[0].differs.length, 7);
    const page = await (await fetch(new URL('/status', web.url))).text();
    assert.match(page, /2026-03-05T09:00Z is missing; and 2 more/);
  });

  it('lists what tenants refused to guests, and has it forgotten by the administrator alone @guests', async () => {
    const until = now + 7 * 24 * hour;
    house.refused = [
      { subject: 'organisers at contoso.example', leg: 'acs', outcome: 'anonymous-join-disabled', at: now, until },
    ];
    const { status, out } = await run('--url', web.url);
    assert.equal(status, 0);
    const line =
      'organisers at contoso\\.example: acs, 2026-03-05, anonymous-join-disabled; tried again from 2026-03-12';
    assert.match(out, new RegExp(`^REFUSED TO GUESTS LATELY\n {4}${line}$`, 'm'));

    house.admin = 'the-secret-of-the-administrator';
    assert.equal((await run('--url', web.url, '--forget-refusals')).status, 1);
    assert.equal(house.refused.length, 1);
    const told = await runWith({ USHER_ADMIN_SECRET: house.admin }, '--url', web.url, '--forget-refusals');
    assert.deepEqual([told.status, told.out], [0, '1 refusal forgotten\n']);
    assert.deepEqual(house.refused, []);
  });

  it('answers as one line of JSON', async () => {
    const { out } = await run('--url', web.url, '--json');
    assert.equal(out.trim().split('\n').length, 1);
    const answer = statusAnswerSchema.parse(JSON.parse(out));
    assert.deepEqual(
      answer.rooms.map(({ id }) => id),
      ['atrium', 'fjord'],
    );
    assert.ok(!out.includes(house.secrets('atrium')[0] ?? '-'));
  });

  it('finds the instance by its configuration', async () => {
    const config = join(folder, 'usher.yaml');
    const port = new URL(web.url).port;
    const room = `  - id: atrium\n    name: Atrium\n    calendar: { type: folder, path: . }\n`;
    await writeFile(config, `web: { port: ${port} }\ndataFolder: data\nrooms:\n${room}`);
    const { status, out, err } = await run('--config', config);
    assert.equal(err, '');
    assert.equal(status, 0);
    assert.match(out, /Atrium/);
  });

  it('prints the administrator secret to who may read the data folder', async () => {
    const config = join(folder, 'usher.yaml');
    await writeFile(config, 'rooms: [{ id: atrium, name: Atrium, calendar: { type: folder, path: . } }]\n');
    const early = await run('--config', config, '--admin-secret');
    assert.deepEqual([early.status, early.out], [1, '']);
    const secret = await loadSecret(join(folder, 'usher-data'));
    assert.equal((await run('--config', config, '--admin-secret')).out, `${secret.adminSecret()}\n`);
    assert.equal((await run('--admin-secret')).status, 2);
  });

  it('tells the addresses of panels and feeds to who has the administrator secret, and makes new ones', async () => {
    house.admin = 'hush-hush';
    const secret = { USHER_ADMIN_SECRET: 'hush-hush' };
    const refused = await run('--url', web.url, '--addresses');
    assert.equal(refused.status, 1);
    assert.match(refused.err, /asks for the administrator secret/);
    const { out } = await runWith(secret, '--url', web.url, '--addresses', 'atr');
    const panel = /^atrium {2}panel {2}(\S+)$/m.exec(out)?.[1] ?? '';
    const feed = /^atrium {2}feed {3}(\S+)$/m.exec(out)?.[1] ?? '';
    assert.ok(!out.includes('fjord'));
    assert.deepEqual([(await fetch(panel)).status, (await fetch(feed)).status], [200, 200]);

    const renewed = await runWith(secret, '--url', web.url, '--new-address', '--grace', '0', 'atrium');
    assert.equal(renewed.err, '');
    const next = /panel {2}(\S+)$/m.exec(renewed.out)?.[1] ?? '';
    assert.notEqual(next, panel);
    assert.deepEqual([(await fetch(panel)).status, (await fetch(next)).status], [404, 200]);
    const nowhere = await runWith(secret, '--url', web.url, '--new-address', 'nowhere');
    assert.deepEqual([nowhere.status, nowhere.err], [1, 'usher rooms: there is no room of that id\n']);
    assert.equal((await run('--new-address')).status, 2);
    assert.equal((await run('--new-address', 'a', '--grace', '721')).status, 2);
  });

  it('says what to do when nothing answers, something else does, or the use is bad', async () => {
    const nobody = await run('--url', 'http://127.0.0.1:9');
    assert.equal(nobody.status, 1);
    assert.match(nobody.err, /no answer from http:\/\/127\.0\.0\.1:9 .*Is Usher running/);
    const other = createServer((_request, response) => response.end('<html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const odd = await run('--url', `http://127.0.0.1:${port}`);
    other.close();
    other.closeAllConnections();
    assert.equal(odd.status, 1);
    assert.match(odd.err, /is not an Usher/);
    for (const args of [['--nonsense'], ['--url', 'here'], ['--config', 'a', '--url', 'http://b']]) {
      const bad = await run(...args);
      assert.equal(bad.status, 2);
      assert.match(bad.err, /usage: usher rooms/);
    }
    assert.equal((await run('--help')).status, 0);
  });
});
