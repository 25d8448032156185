import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import type { MediasoupBridge } from '../../media/bridge/bridge.ts';
import type { BridgedCall } from '../../media/call.ts';
import { missing, openSender, startBridge, startBrowser } from './bridge-harness.ts';
import { h264, type Kind, pcmu, type Received, RoomPeer, strength, until } from './room-peer.ts';

const green = (colour: number[]): boolean => (colour[1] ?? 0) > 120 && (colour[0] ?? 0) < 90 && (colour[2] ?? 0) < 90;
const blue = (colour: number[]): boolean => (colour[2] ?? 0) > 120 && (colour[0] ?? 0) < 90 && (colour[1] ?? 0) < 90;
const red = (colour: number[]): boolean => (colour[0] ?? 0) > 120 && (colour[1] ?? 0) < 90 && (colour[2] ?? 0) < 90;

/** Whether every packet of the line belongs to one stream in which nothing is missing or out of step. */
function assertContinuous(kind: Kind, packets: readonly Received[]): void {
  const [first] = packets;
  assert.ok(first !== undefined, `${kind}: no packets`);
  packets.forEach((packet, index) => {
    const before = packets[index - 1];
    assert.equal(packet.ssrc, first.ssrc, `${kind}: another SSRC at packet ${index}`);
    assert.equal(packet.payloadType, first.payloadType, `${kind}: another payload type at packet ${index}`);
    if (before === undefined) return;
    assert.equal((packet.sequenceNumber - before.sequenceNumber) & 0xffff, 1, `${kind}: a gap before packet ${index}`);
    const step = (packet.timestamp - before.timestamp) >>> 0;
    if (kind === 'video') assert.ok(step < 90_000 * 5, `${kind}: timestamps go back at packet ${index}`);
    else {
      assert.equal(step % 160, 0, `${kind}: half a packet at ${index}`);
      assert.ok(step >= 160 && step <= 160 * 6, `${kind}: a step of ${step} at packet ${index}`);
    }
  });
}

describe('the bridge @sgj', function () {
  this.timeout(60_000);
  let bridge: MediasoupBridge;
  let browser: Browser;
  let call: BridgedCall;
  let room: RoomPeer;

  before(async function () {
    if (missing !== null) {
      this.test?.parent?.tests.forEach((test) => {
        test.title += ` (skipped: a part is missing, run \`${missing}\`)`;
      });
      return this.skip();
    }
    bridge = await startBridge();
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await bridge?.close();
  });
  beforeEach(async () => {
    call = await bridge.open('test');
    room = await RoomPeer.open({ audio: pcmu, video: h264 });
  });
  afterEach(async () => {
    await room.close();
    await call.close();
  });

  it('shows the room the slate alone, and the meeting nothing, until the gate opens; then both see each other', async () => {
    room.take(await call.answer(room.offer()));
    await room.send({ hz: 1000, colour: 'red' });
    const slate = await openSender(browser, call.slatePort(), { hz: 440, colour: '#0000ff', receive: false });
    // The hostile guest: sends from the start, whatever its meeting says.
    const guest = await openSender(browser, call.guestPort(), { hz: 700, colour: '#00ff00' });
    const closed = await room.watch();
    const began = room.video.received.length;
    await until('the slate in the room', () => room.video.received.length > began + 30);
    const seen = await closed();
    const before = await guest.heard();
    assert.ok(seen.colours.length > 10 && seen.colours.every(blue), `saw ${JSON.stringify(seen.colours.slice(0, 3))}`);
    assert.ok(strength(seen.samples, 440) > 0.1, 'the slate is heard');
    assert.ok(strength(seen.samples, 700) < 0.005, 'the guest is not');
    assert.equal(before.packets, 0);
    assert.equal(before.frames, 0);

    await call.setGate('admitted');
    await until('the room in the meeting', async () => {
      const { colour, hz } = await guest.heard();
      return red(colour) && Math.abs(hz - 1000) < 20;
    });
    const open = await room.watch();
    const at = room.audio.received.length;
    await until('the meeting in the room', () => room.audio.received.length > at + 100);
    const admitted = await open();
    assert.ok(admitted.colours.length > 10 && admitted.colours.every(green), 'the room sees the meeting');
    assert.ok(strength(admitted.samples, 700) > 0.1, 'the room hears the meeting');
    assert.ok(strength(admitted.samples, 440) < 0.005, 'the slate is silent');

    await call.setGate('closed');
    const last = await guest.heard();
    const frames = room.video.received.length;
    const again = await room.watch();
    await until('the slate again', () => room.video.received.length > frames + 25);
    const after = await again();
    assert.ok(after.colours.every(blue), 'nothing but the slate after the gate closed');
    const settled = await guest.heard();
    // What was on its way when the gate closed may still arrive; nothing follows it.
    assert.ok(settled.packets - last.packets <= 3, `${settled.packets - last.packets} packets after the gate closed`);
    await guest.close();
    await slate.close();
  });

  it('cuts the meeting off at once when the gate closes, though the slate has no picture yet', async () => {
    room.take(await call.answer(room.offer()));
    await room.send({ hz: 1000, colour: 'red' });
    const slate = await openSender(browser, call.slatePort(), { framesPerSecond: 0.5, receive: false });
    const guest = await openSender(browser, call.guestPort(), { framesPerSecond: 30, moving: true, receive: false });
    await call.setGate('admitted');
    await until('the meeting', () => room.video.received.length > 100);
    await call.setGate('closed');
    const closedAt = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 800));
    // 50 ms for what the sockets held already.
    const late = room.video.received.filter(({ at }) => at > closedAt + 50);
    assert.ok(
      new Set(late.map(({ timestamp }) => timestamp)).size <= 2,
      `${late.length} packets after the gate closed`,
    );
    await guest.close();
    await slate.close();
  });

  it('sends the room one unbroken stream a kind over every exchange of slate and meeting', async () => {
    room.take(await call.answer(room.offer()));
    await room.send({ hz: 1000, colour: 'red' });
    const slate = await openSender(browser, call.slatePort(), { hz: 440, colour: '#0000ff', receive: false });
    const guest = await openSender(browser, call.guestPort(), { hz: 700, colour: '#00ff00', receive: false });
    await until('the slate', () => room.video.received.length > 10 && room.audio.received.length > 50);
    const finish = await room.watch();
    for (const state of ['admitted', 'closed', 'admitted', 'closed', 'admitted'] as const) {
      const [audio, video] = [room.audio.received.length, room.video.received.length];
      await call.setGate(state);
      await until(`${state}`, () => room.audio.received.length > audio + 40 && room.video.received.length > video + 15);
    }
    const seen = await finish();
    assertContinuous('audio', room.audio.received);
    assertContinuous('video', room.video.received);
    const lost = seen.complaints.filter((line) => /missed|discarding|lost|bad cseq/i.test(line));
    assert.deepEqual(lost, []);
    await guest.close();
    await slate.close();
  });
});
