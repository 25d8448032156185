/** Ctrl-C with a call up: what the room, the meeting and the record are told, when every process of Usher hears it at once. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type MeetingServer, startMeetingServer } from '../../fixtures/meeting/server.ts';
import { Baresip } from '../../fixtures/vtc/baresip.ts';
import { requireExecutables } from '../../fixtures/vtc/executable.ts';
import { findMediaParts } from '../../media/setup/find.ts';
import { outcomeTable } from '../../src/calls/outcomes.ts';
import { loadSecret } from '../../src/rooms/secret.ts';
import { addressesAnswerSchema } from '../../src/web/status-answer.ts';
import { changed } from '../guest/simulated.ts';
import { ServeProcess } from './serve-process.ts';

/** For each wait: many times what it takes on a quiet machine. */
const deadlineMs = 120_000;
const minute = 60_000;

describe('the end of Usher while a call is up @sgj @firm', function () {
  this.timeout(5 * deadlineMs);
  this.slow(20_000);
  let folder: string;
  let meetings: MeetingServer;
  let usher: ServeProcess | null = null;
  let room: Baresip | null = null;

  before(async function () {
    const { chromium, workerBin } = findMediaParts();
    if (chromium === null || workerBin === null) {
      console.log('      skipped: there is no Chromium, or no worker of mediasoup (npm run setup)');
      return this.skip();
    }
    requireExecutables(this, 'baresip');
    folder = await mkdtemp(join(tmpdir(), 'usher-end-'));
    meetings = await startMeetingServer();
    await mkdir(join(folder, 'oslo'));
    await writeFile(join(folder, 'oslo', 'now.ics'), calendar(Date.now()));
    await writeFile(join(folder, 'usher.yaml'), JSON.stringify(configuration(meetings.url)));
  });

  afterEach(async () => {
    await usher?.kill();
    usher = null;
    await room?.close();
    room = null;
  });

  after(async () => {
    await meetings?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const signals = process.env['USHER_LONG'] === '1' ? (['SIGINT', 'SIGTERM'] as const) : (['SIGINT'] as const);
  for (const signal of signals) {
    it(`${signal} to every process, and again by who passes it on: the room gets BYE with the reason, the guest leaves`, async () => {
      const serve = new ServeProcess(join(folder, 'usher.yaml'), { bridge: true });
      usher = serve;
      const ready = 'guest calls are ready';
      await serve.logged(ready, deadlineMs, (lines) => lines.some(({ msg }) => msg === ready));
      const vtc = await Baresip.start({ lifetimeSeconds: 600, trace: true });
      room = vtc;
      await vtc.call(await dial(serve));
      const { directory } = meetings;
      const guest = await changed(directory, () => {
        const all = [...directory.meetings.values()].flatMap((meeting) => [...meeting.participants.values()]);
        return all.find(({ state }) => state === 'lobby') ?? null;
      });

      serve.signalGroup(signal);
      serve.signal(signal);
      assert.equal(await serve.ended(), 0, serve.story);
      await vtc.event('CALL_CLOSED', deadlineMs);
      const { text = '' } = outcomeTable['shutting-down'].reason;
      assert.ok(await vtc.said(text, deadlineMs), vtc.output.slice(-2_000));
      assert.equal(guest.outcome, 'left', 'the guest said goodbye: its connection was not just gone');
      assert.deepEqual(
        serve.lines.map(({ msg }) => msg).filter((msg) => /worker of mediasoup|lost its media/.test(msg)),
        [],
      );
    });
  }

  async function dial(serve: ServeProcess): Promise<string> {
    const { url } = serve.lines.find(({ msg }) => msg === 'web listens') ?? {};
    const authorization = `Bearer ${(await loadSecret(join(folder, 'usher-data'))).adminSecret()}`;
    const answer: unknown = await (await fetch(`${url}/addresses.json`, { headers: { authorization } })).json();
    const feed = addressesAnswerSchema.parse(answer).rooms[0]?.feed ?? '';
    for (;;) {
      const text = (await (await fetch(feed)).text()).replace(/\r\n /g, '');
      const [found] = /sip:[a-z2-7]{26}@127\.0\.0\.1:\d+/.exec(text) ?? [];
      if (found !== undefined) return found;
    }
  }
});

function configuration(server: string): object {
  const adapter = fileURLToPath(new URL('../../fixtures/meeting/guest-adapter.ts', import.meta.url));
  return {
    web: { address: '127.0.0.1', port: 0 },
    sip: {
      listen: [{ transport: 'udp', address: '127.0.0.1', port: 0 }],
      rtp: { minPort: 44_000, maxPort: 44_998 },
    },
    guests: { adapters: [{ module: adapter, options: { server, warm: 0 } }], warmPages: 0 },
    rooms: [
      {
        id: 'oslo',
        name: 'Oslo',
        calendar: { type: 'folder', path: 'oslo' },
        devices: [{ type: 'panel' }, { type: 'ics-feed' }],
      },
    ],
  };
}

function calendar(now: number): string {
  const stamp = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Test//EN',
    'BEGIN:VEVENT',
    'UID:end-of-calls',
    'DTSTAMP:20260101T000000Z',
    `DTSTART:${stamp(now - 5 * minute)}`,
    `DTEND:${stamp(now + 60 * minute)}`,
    'SUMMARY:Weekly',
    'DESCRIPTION:Join: https://teams.microsoft.com/meet/2912345678901?p=AbCdEfGhIjKlMnOpQr',
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ].join('\r\n');
}
