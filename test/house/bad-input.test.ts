import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openHouse, type RunningHouse } from '../../src/house/house.ts';
import { roomStatus } from '../../src/house/status.ts';
import { createLog } from '../../src/telemetry/log.ts';

const now = Date.now();
const stamp = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
const event = (title: string, lines: readonly string[] = []): string =>
  [
    'BEGIN:VEVENT',
    `UID:${title}@example.org`,
    'DTSTAMP:20260101T000000Z',
    `DTSTART:${stamp(now)}`,
    `DTEND:${stamp(now + 3_600_000)}`,
    `SUMMARY:${title}`,
    ...lines,
    'END:VEVENT',
  ].join('\r\n');
const calendar = (...events: readonly string[]): string =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Test//EN', ...events, 'END:VCALENDAR', ''].join('\r\n');

interface Bad {
  what: string;
  /** Puts it into the room's folder. */
  make: (folder: string) => Promise<unknown>;
  /** What the administrator is told. */
  told: RegExp;
  /** Entries that the room shows all the same. */
  entries: number;
}

const file = (content: string | Uint8Array) => (folder: string) => writeFile(join(folder, 'bad.ics'), content);
const bad: readonly Bad[] = [
  {
    what: 'HTML instead of iCalendar',
    make: file('<!doctype html><title>Sign in</title>'),
    told: /bad\.ics.*(HTML|web page)/i,
    entries: 0,
  },
  { what: 'a 50 MB file', make: file(Buffer.alloc(50 * 2 ** 20, 'a')), told: /bad\.ics.*52428800 bytes/, entries: 0 },
  {
    what: 'a rule for every second, for ever',
    make: file(calendar(event('bomb', ['RRULE:FREQ=SECONDLY']))),
    told: /bad\.ics.*(RRULE|recurr|repeat)/i,
    entries: -1,
  },
  {
    what: 'dates that are none',
    make: file(calendar(event('fine'), event('broken').replace(/DTSTART:.*/, 'DTSTART:20269999T999999Z'))),
    told: /bad\.ics.*DTSTART/,
    entries: 1,
  },
  { what: 'NUL bytes', make: file('\0'.repeat(4096)), told: /bad\.ics/, entries: 0 },
  {
    what: 'a symbolic link that leads to itself',
    make: (folder) => symlink(join(folder, 'loop.ics'), join(folder, 'loop.ics')),
    told: /loop\.ics.*link/,
    entries: 0,
  },
  {
    what: 'ten thousand events in a day',
    make: file(calendar(...Array.from({ length: 10_000 }, (_, index) => event(`event-${index}`)))),
    told: /^$/,
    entries: 10_000,
  },
  {
    what: 'a folder that is not there',
    make: (folder) => rm(folder, { recursive: true }),
    told: /create it, or correct the path/,
    entries: 0,
  },
];

function writeForEver(response: ServerResponse): void {
  if (!response.destroyed) response.write('X'.repeat(65_536), () => setImmediate(writeForEver, response));
}

/** A server of feeds that go wrong in their own ways. */
function hostileFeeds(): Server {
  return createServer((request, response) => {
    switch (request.url) {
      case '/never-ends':
        response.writeHead(200, { 'content-type': 'text/calendar' });
        response.on('error', () => {});
        response.write(calendar(event('x')).slice(0, -20));
        return writeForEver(response);
      case '/redirects':
        response.writeHead(302, { location: `/redirects` });
        return response.end();
      case '/html':
        response.writeHead(200, { 'content-type': 'text/html' });
        return response.end('<!doctype html><p>hello');
      default:
        response.writeHead(500);
        return response.end();
    }
  });
}

const feeds: readonly { path: string; told: RegExp }[] = [
  { path: '/never-ends', told: /feed .*(bytes|larger|MiB)/i },
  { path: '/redirects', told: /feed .*redirect/i },
  { path: '/html', told: /feed .*(HTML|web page|no calendar)/i },
  { path: '/error', told: /feed .*500/ },
];

describe('bad calendars @firm', function () {
  this.timeout(60_000);
  let data: string;
  let house: RunningHouse;
  let server: Server;

  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'usher-bad-'));
    server = hostileFeeds().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const { port } = address;
    const folders = ['good', ...bad.map((_, index) => `bad-${index}`)];
    for (const folder of folders) await mkdir(join(data, folder));
    await writeFile(join(data, 'good', 'calendar.ics'), calendar(event('Before')));
    for (const [index, { make }] of bad.entries()) await make(join(data, `bad-${index}`));
    const rooms = [
      ...folders.map((id) => ({ id, name: id, calendar: { type: 'folder', path: id } })),
      ...feeds.map(({ path }, index) => ({
        id: `feed-${index}`,
        name: path,
        calendar: { type: 'feed', url: `http://127.0.0.1:${port}${path}`, allowPrivateAddresses: true },
      })),
    ];
    const config = await parseConfig(JSON.stringify({ web: { port: 0 }, rooms }), join(data, 'usher.yaml'), {});
    const log = createLog({ level: 'silent' });
    house = await openHouse({ config, base: data, clock: systemClock, log, mode: 'serve', version: 'test' });
    await house.rooms.settled();
  });

  after(async () => {
    await house?.close();
    server?.closeAllConnections();
    server?.close();
    await rm(data, { recursive: true, force: true });
  });

  function problems(roomId: string): string {
    const room = house.rooms.get(roomId);
    assert.ok(room);
    return roomStatus(room, { now, reconciler: house.reconciler, callState: 'idle' }).problems.join('\n');
  }

  for (const [index, { what, told, entries }] of bad.entries()) {
    it(`says what is wrong with ${what}, and shows what can be read`, () => {
      assert.match(problems(`bad-${index}`), told);
      if (entries >= 0) assert.equal(house.rooms.get(`bad-${index}`)?.view().entries.length, entries);
    });
  }

  for (const [index, { path, told }] of feeds.entries()) {
    it(`says what is wrong with a feed: ${path}`, () => assert.match(problems(`feed-${index}`), told));
  }

  it('goes on with the other rooms', async () => {
    const good = house.rooms.get('good');
    assert.ok(good);
    assert.equal(problems('good'), '');
    const changed = new Promise<void>((resolve) => good.onChange(resolve));
    await writeFile(join(data, 'good', 'calendar.ics'), calendar(event('After')));
    await changed;
    assert.deepEqual(
      good.view().entries.map(({ title }) => title),
      ['After'],
    );
  });
});
