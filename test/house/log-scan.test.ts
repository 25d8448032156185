import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SimulatedClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openHouse } from '../../src/house/house.ts';
import { loadSecret } from '../../src/rooms/secret.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { lists, off } from './memory-device.ts';

const minute = 60_000;
const now = Date.UTC(2026, 2, 5, 10, 0);

/** What no line may hold: each stands where one could slip through. */
const titles = ['Merger with Tailspin', 'Redundancy round', 'Feed of the board', 'Broken-file title'];
const people = ['Quiet sponsor', 'sponsor@example.com'];
const secrets = ['feed-query-token', 'feed-password', 'pAssC0deX'];

function event(uid: string, at: string, ...lines: string[]): string[] {
  return [
    'BEGIN:VEVENT',
    `UID:${uid}`,
    'DTSTAMP:20260101T000000Z',
    `DTSTART:${at}Z`,
    'DURATION:PT30M',
    ...lines,
    'END:VEVENT',
  ];
}

function calendar(...events: string[][]): string {
  return ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Test//EN', ...events.flat(), 'END:VCALENDAR', ''].join('\r\n');
}

const folder = calendar(
  event(
    'a@example.org',
    '20260305T100500',
    `SUMMARY:${titles[0]}`,
    'CLASS:PRIVATE',
    `ORGANIZER;CN=${people[0]}:mailto:${people[1]}`,
  ),
  event(
    'b@example.org',
    '20260305T110000',
    `SUMMARY:${titles[1]}`,
    `DESCRIPTION:https://teams.microsoft.com/meet/2112223334445?p=${secrets[2]}`,
  ),
);
const feed = calendar(event('c@example.org', '20260305T103000', `SUMMARY:${titles[2]}`, 'CLASS:CONFIDENTIAL'));

describe('the log of a running house @firm', () => {
  let data: string;
  let server: Server;
  let answers: (() => { status: number; body: string })[];

  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'usher-log-'));
    answers = [];
    server = createServer((_request, response) => {
      const { status, body } = (answers.length > 1 ? answers.shift() : answers[0])?.() ?? { status: 500, body: '' };
      response.writeHead(status, { 'content-type': 'text/calendar' }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    server.close();
    server.closeAllConnections();
    lists.clear();
    off.clear();
    await rm(data, { recursive: true, force: true });
  });

  it('holds no secret and no title over good and bad readings, failing devices, presses and renewals', async () => {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    answers = [
      () => ({ status: 200, body: feed }),
      () => ({ status: 200, body: `<html><title>${titles[2]}</title>` }),
      () => ({ status: 403, body: `no entry for ${secrets[0]}` }),
    ];
    await mkdir(join(data, 'atrium'));
    await writeFile(join(data, 'atrium', 'calendar.ics'), folder);
    const module = fileURLToPath(new URL('./memory-device.ts', import.meta.url));
    const url = `http://127.0.0.1:${port}/board.ics?token=${secrets[0]}`;
    const login = { username: 'reader', password: secrets[1] };
    const rooms = [
      {
        id: 'atrium',
        name: 'Atrium',
        calendar: { type: 'folder', path: 'atrium' },
        devices: [{ type: 'panel' }, { type: 'module', module }],
      },
      {
        id: 'fjord',
        name: 'Fjord',
        calendar: { type: 'feed', url, ...login, allowPrivateAddresses: true, pollMinutes: 1 },
      },
    ];
    const config = await parseConfig(JSON.stringify({ web: { port: 0 }, rooms }), join(data, 'usher.yaml'), {});
    const lines: string[] = [];
    const log = createLog({ level: 'trace', destination: { write: (line) => void lines.push(line) } });
    const clock = new SimulatedClock(now);
    const house = await openHouse({ config, base: data, clock, log, mode: 'serve', version: 'test' });
    const settled = async (): Promise<void> => {
      await house.rooms.settled();
      await house.reconciler.settled();
    };
    try {
      await settled();
      assert.deepEqual(
        house.rooms.all().map((room) => room.view().entries.length),
        [2, 1],
        lines.join(''),
      );
      const admin = (await loadSecret(join(data, config.dataFolder))).adminSecret();
      const bearer = { authorization: `Bearer ${admin}` };
      const known = await (await fetch(`${house.web}/addresses.json`, { headers: bearer })).text();
      const panel = house.panelUrl('atrium');
      assert.ok(known.includes(panel));
      for (const path of [
        panel,
        panel.replace(/panel$/, 'view'),
        panel.replace(/panel$/, 'feed.ics'),
        `${panel}x`,
        `${house.web}/status`,
      ]) {
        await (await fetch(path)).text();
      }
      // A press that dials nothing: without guest calls this meeting has no way to join.
      const headers = { origin: house.web, 'content-type': 'application/json' };
      const entry = house.rooms.all()[0]?.view().entries[0]?.id ?? '';
      await (
        await fetch(panel.replace(/panel$/, 'join'), { method: 'POST', headers, body: JSON.stringify({ entry }) })
      ).text();
      const post = { method: 'POST', headers: { ...bearer, ...headers }, body: '{"room":"atrium","graceHours":1}' };
      assert.equal((await fetch(`${house.web}/new-address`, post)).status, 200);

      // The device fails, the calendar folder gets a broken file, the feed answers nonsense and then refuses.
      off.add('atrium/1');
      await writeFile(
        join(data, 'atrium', 'broken.ics'),
        `BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:${titles[3]}\r\nDTSTART:never\r\n`,
      );
      await writeFile(join(data, 'atrium', 'calendar.ics'), folder.replace('T110000', 'T113000'));
      for (let i = 0; i < 20; i++) {
        await clock.advance(minute);
        await settled();
      }
      const text = lines.join('');
      const own = [
        admin,
        ...(known.match(/[a-z2-7]{26}/g) ?? []),
        (await readFile(join(data, config.dataFolder, 'secret'), 'utf8')).trim(),
      ];
      assert.ok(own.length >= 4);
      for (const hidden of [...titles, ...people, ...secrets, ...own, house.panelUrl('atrium').split('/')[5] ?? '?']) {
        assert.ok(!text.includes(hidden), `${hidden} stands in ${lines.find((line) => line.includes(hidden))}`);
      }
      const parsed = lines.map((line) => JSON.parse(line));
      const has = (what: (line: Record<string, unknown>) => boolean): boolean => parsed.some(what);
      assert.ok(
        has((line) => line['room'] === 'atrium' && line['msg'] === 'plan changed'),
        text,
      );
      assert.ok(
        has((line) => line['room'] === 'fjord' && typeof line['problem'] === 'string'),
        text,
      );
      assert.ok(
        has((line) => line['device'] === 'atrium/1' && line['problem'] === 'no answer'),
        text,
      );
      assert.ok(
        has((line) => line['entry'] === entry && line['outcome'] === 'unknown-entry'),
        text,
      );
      assert.ok(
        has((line) => line['msg'] === 'the room has new addresses'),
        text,
      );
    } finally {
      await house.close();
    }
  });
});
