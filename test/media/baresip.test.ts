import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import { Baresip, type Colour } from '../../fixtures/vtc/baresip.ts';
import { requireExecutables } from '../../fixtures/vtc/executable.ts';
import type { MediasoupBridge } from '../../media/bridge/bridge.ts';
import type { BridgedCall, SipLeg } from '../../media/call.ts';
import { type Rig, startEdge } from '../sip/rig.ts';
import { missing, openSender, type SenderPage, startBridge, startBrowser } from './bridge-harness.ts';
import { until } from './room-peer.ts';

const isGreen = (colour: Colour | null): boolean =>
  colour !== null && colour.green > 120 && colour.red < 90 && colour.blue < 90;
const isBlue = (colour: Colour | null): boolean =>
  colour !== null && colour.blue > 120 && colour.red < 90 && colour.green < 90;

describe('the bridge with baresip as the video system @sgj', function () {
  this.timeout(90_000);
  let bridge: MediasoupBridge;
  let browser: Browser;

  before(async function () {
    requireExecutables(this, 'baresip');
    if (missing !== null) {
      console.log(`      skipped: a part is missing, run \`${missing}\``);
      return this.skip();
    }
    bridge = await startBridge();
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await bridge?.close();
  });

  // Plain RTP with baresip is also what whole guest calls are tested with (test/sgj).
  for (const srtp of process.env['USHER_LONG'] === '1' ? [false, true] : [true]) {
    it(`loses nothing in ${srtp ? 'SRTP' : 'RTP'} when slate and meeting are exchanged, and comes back from hold`, async () => {
      const room = await Baresip.start({ video: 'color=c=red', srtp });
      const call: BridgedCall = await bridge.open('baresip');
      let leg: SipLeg | null = null;
      const rig: Rig = await startEdge((incoming) => {
        leg = incoming;
        incoming.on('keyFrameRequested', () => call.requestKeyFrame());
        call.on('keyFrameNeeded', () => void incoming.requestKeyFrame());
        void incoming.ring().then(() => incoming.accept(call));
      });
      const pages: SenderPage[] = [];
      try {
        await room.call(`sip:abcd2345@${rig.target}`);
        assert.ok(leg !== null);
        pages.push(await openSender(browser, call.slatePort(), { hz: 440, colour: '#0000ff', receive: false }));
        pages.push(
          await openSender(browser, call.guestPort(), { hz: 700, colour: '#00ff00', width: 1280, height: 720 }),
        );
        const [, guest] = pages;
        assert.ok(guest !== undefined);
        await until('the slate', async () => isBlue(await room.receivedColour()), 20_000);
        assert.equal((await guest.heard()).packets, 0);
        for (const state of ['admitted', 'closed', 'admitted'] as const) {
          await call.setGate(state);
          const expected = state === 'admitted' ? isGreen : isBlue;
          await until(state, async () => expected(await room.receivedColour()), 20_000);
        }
        await until('the room in the meeting', async () => {
          const { colour, width } = await guest.heard();
          return width === 1280 && (colour[0] ?? 0) > 120 && (colour[1] ?? 0) < 90;
        });
        await room.hold();
        const held = await guest.heard();
        await room.resume();
        await until('pictures after the hold', async () => (await guest.heard()).frames > held.frames + 10);
        await until('the meeting after the hold', async () => isGreen(await room.receivedColour()), 20_000);
        assert.equal((await guest.heard()).packetsLost, 0, 'the meeting lost nothing of the room');
        await until('reports', () => room.rtcp('audio') !== null && room.rtcp('video') !== null, 20_000);
        for (const kind of ['audio', 'video'] as const) {
          const { rx } = room.rtcp(kind) ?? assert.fail(`no figures of ${kind}`);
          assert.ok(rx.sent > 0);
          assert.equal(rx.lost, 0, `${kind}: the room lost packets`);
        }
        await room.hangUp();
      } finally {
        await Promise.all(pages.map((page) => page.close()));
        await room.close();
        await rig.close();
        await call.close();
      }
    });
  }
});
