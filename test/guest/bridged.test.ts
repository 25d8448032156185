import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { hostileTone } from '../../fixtures/meeting/guest/hostility.ts';
import type { HostReport } from '../../fixtures/meeting/host/host.ts';
import { hostTone } from '../../fixtures/meeting/picture.ts';
import { type MeetingServer, startMeetingServer } from '../../fixtures/meeting/server.ts';
import { type StandIn, startTeamsWebStandIn } from '../../fixtures/teams-web/server.ts';
import { createBridge, type MediasoupBridge } from '../../media/bridge/bridge.ts';
import { type SharedBrowser, sharedBrowser } from '../../media/guest/browser.ts';
import type { GuestState } from '../../media/guest/guest.ts';
import { type GuestAdapterChoice, loadGuestAdapter } from '../../media/guest/load.ts';
import { findMediaParts } from '../../media/setup/find.ts';
import { systemClock } from '../../src/clock.ts';
import { rtpPorts } from '../media/rtp-ports.ts';
import { type RtpRoom, rtpRoom } from './rtp-room.ts';
import { addressOf } from './simulated.ts';

/** What the room says; the host says `hostTone`. */
const roomTone = 1100;
const variable = 'USHER_TEST_BRIDGED_ACS';

describe('a guest page between the bridge and the simulated meeting @sgj', function () {
  this.timeout(60_000);
  let server: MeetingServer;
  let shared: SharedBrowser;
  let browser: Browser;
  let bridge: MediasoupBridge;
  let host: Page;
  let standIn: StandIn;

  before(async function () {
    const { chromium, workerBin } = findMediaParts();
    if (chromium === null || workerBin === null) {
      console.log('      skipped: there is no Chromium, or no worker of mediasoup (npm run setup)');
      return this.skip();
    }
    server = await startMeetingServer();
    shared = sharedBrowser();
    browser = await shared.get();
    standIn = await startTeamsWebStandIn({ server: server.url });
    process.env[variable] = `endpoint=${server.url};accesskey=c3RhbmQtaW4=`;
    bridge = await createBridge({
      workerBin,
      workers: 1,
      rtp: { listenAddress: '127.0.0.1', portRange: rtpPorts() },
      clock: systemClock,
      silenceMs: 60_000,
      log: () => {},
    });
    host = await (await browser.newContext()).newPage();
    await host.goto(`${server.host}?width=640&height=360&fps=15`);
    await host.mouse.click(5, 5);
  });

  const cleanUp: (() => Promise<void> | void)[] = [];
  after(async () => {
    for (const run of cleanUp) await run();
    await shared?.close();
    await bridge?.close();
    await standIn?.close();
    await server?.close();
    delete process.env[variable];
  });

  for (const kind of ['simulator', 'hostile', 'acs', 'teams-web'] as const) {
    it(`carries nothing either way before admission, and what it should after it: ${kind}`, async () => {
      const hostile = kind === 'hostile';
      const call = await bridge.open(`call-${kind}`);
      const room = await rtpRoom(call, roomTone);
      cleanUp.push(() => room.close());
      const meetingId = { simulator: '2901', hostile: '2902', acs: '2903', 'teams-web': '2904' }[kind];
      const adapter = await loadGuestAdapter(choice(kind), {
        browser: () => shared.get(),
        clock: systemClock,
        lobbyTimeoutMs: 60_000,
        log: () => {},
      });
      cleanUp.push(() => adapter.close());
      const leg = adapter.join({
        meeting: addressOf(meetingId),
        displayName: `Room ${kind}`,
        media: call.guestPort(),
        audioCodec: 'PCMU',
        video: true,
      });
      const state = new Promise<GuestState>((resolve) => leg.onState(resolve));
      assert.deepEqual(await state, { state: 'lobby' });
      const item = host.getByRole('listitem').filter({ hasText: `Room ${kind}` });
      await item.waitFor();
      if (hostile) await quarantined(server);

      assert.deepEqual(room.received, { audio: 0, video: 0 });
      const before = (await call.stats()).filter(({ direction, packets }) => direction === 'to-room' && packets > 0);
      assert.deepEqual(before, []);

      const admitted = new Promise<void>((resolve) => {
        leg.onState((now) => {
          if (now.state === 'admitted') resolve(call.setGate('admitted'));
        });
      });
      await item.getByRole('button', { name: 'Admit', exact: true }).click();
      await admitted;
      await heard(room, hostile ? hostileTone : hostTone);
      if (!hostile) {
        const seen = await hostReports((report) => {
          const sound = report.guests.find(({ name }) => name === `Room ${kind}`)?.sound;
          return sound != null && Math.abs(sound.peakHz - roomTone) < 20;
        });
        assert.equal(seen.guests[0]?.connection, 'connected');
      }

      await call.setGate('closed');
      // What the worker had sent by then is on the room's sockets once it has answered.
      await call.stats();
      await room.drained();
      const closed = { ...room.received };
      await leg.leave();
      await room.drained();
      assert.deepEqual(room.received, closed, 'not a packet after the gate was closed');
    });
  }

  function choice(kind: 'simulator' | 'hostile' | 'acs' | 'teams-web'): GuestAdapterChoice {
    const fixture = (path: string): string => fileURLToPath(new URL(`../../fixtures/${path}`, import.meta.url));
    if (kind === 'simulator' || kind === 'hostile') {
      const module = fixture(`meeting/${kind === 'hostile' ? 'hostile' : 'guest'}-adapter.ts`);
      return { module, options: { server: server.url, warm: 0 } };
    }
    if (kind === 'teams-web') return { module: kind, options: { standIn: standIn.origin, warm: 0 } };
    const standInModules = { calling: fixture('acs/calling.ts'), identity: fixture('acs/identity.ts') };
    return { module: kind, options: { connectionStringVariable: variable, standIn: standInModules, warm: 0 } };
  }

  /** The room hears the tone, and gets video. */
  async function heard(room: RtpRoom, hz: number): Promise<void> {
    while (room.hears(hz) < 0.8 || room.received.video === 0) await new Promise((resolve) => setImmediate(resolve));
  }

  async function hostReports(wanted: (report: HostReport) => boolean): Promise<HostReport> {
    for (;;) {
      const report = await host.evaluate(() => window.report());
      if (wanted(report)) return report;
    }
  }
});

/** The hostile page's packets have reached the meeting's quarantine, so it had time to reach the room as well. */
async function quarantined(server: MeetingServer): Promise<void> {
  const many = (): boolean =>
    [...server.directory.meetings.values()].some((meeting) =>
      [...meeting.participants.values()].some(({ early }) => early.packets > 20),
    );
  if (many()) return;
  await new Promise<void>((resolve) => {
    const stop = server.directory.onChange(() => {
      if (!many()) return;
      stop();
      resolve();
    });
  });
}
