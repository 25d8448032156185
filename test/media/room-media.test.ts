import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import type { MediasoupBridge } from '../../media/bridge/bridge.ts';
import { beginsKeyFrame } from '../../media/bridge/rtp.ts';
import type { BridgedCall } from '../../media/call.ts';
import { CountingClock, missing, openSender, type SenderPage, startBridge, startBrowser } from './bridge-harness.ts';
import { g722, h264, opus, pcmu, RoomPeer, strength, until } from './room-peer.ts';
import { rtpPortsOfOneCall } from './rtp-ports.ts';

const red = (colour: number[]): boolean => (colour[0] ?? 0) > 120 && (colour[1] ?? 0) < 90 && (colour[2] ?? 0) < 90;

describe("a room's media @sgj", function () {
  this.timeout(60_000);
  let bridge: MediasoupBridge;
  let browser: Browser;
  let call: BridgedCall;
  let room: RoomPeer;
  let pages: SenderPage[];

  before(async function () {
    if (missing !== null) {
      console.log(`      skipped: a part is missing, run \`${missing}\``);
      return this.skip();
    }
    bridge = await startBridge({ silenceMs: 1500 });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await bridge?.close();
  });
  beforeEach(async () => {
    pages = [];
    call = await bridge.open('test');
    room = await RoomPeer.open({ audio: pcmu, video: h264 });
  });
  afterEach(async () => {
    await Promise.all(pages.map((page) => page.close()));
    await room.close();
    await call.close();
  });

  async function guest(options: Parameters<typeof openSender>[2] = {}): Promise<SenderPage> {
    const page = await openSender(browser, call.guestPort(), options);
    pages.push(page);
    return page;
  }

  for (const [name, audio] of Object.entries({ 'G.722': g722, Opus: opus })) {
    it(`carries ${name} both ways`, async () => {
      await room.close();
      room = await RoomPeer.open({ audio, video: null });
      room.take(await call.answer(room.offer()));
      await room.send({ hz: 1000, colour: 'red' });
      const page = await guest({ receive: true });
      await call.setGate('admitted');
      const watched = await room.watch();
      await until('the room is heard', async () => Math.abs((await page.heard()).hz - 1000) < 20);
      await until('the meeting', () => room.audio.received.length > 150);
      assert.ok(strength((await watched()).samples, 700) > 0.1);
      assert.equal((await page.heard()).packetsLost, 0);
    });
  }

  for (const suite of ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'] as const) {
    it(`carries SRTP of ${suite} both ways`, async () => {
      const key = randomBytes(30).toString('base64');
      const answer = await call.answer(
        room.offer({ protocol: 'RTP/SAVP', lines: [`a=crypto:1 ${suite} inline:${key}`] }),
      );
      const ours = [...answer.matchAll(/a=crypto:1 (\S+) inline:(\S+)/g)].map(([, name, theirs]) => ({ name, theirs }));
      assert.equal(ours.length, 2);
      assert.ok(ours.every(({ name }) => name === suite));
      assert.notEqual(ours[0]?.theirs, ours[1]?.theirs, 'a key for each m= line');
      room.take(answer);
      await room.send({ hz: 1000, colour: 'red', srtp: { suite, key } });
      const page = await guest();
      await call.setGate('admitted');
      await until('the room is seen and heard', async () => {
        const { colour, hz } = await page.heard();
        return red(colour) && Math.abs(hz - 1000) < 20;
      });
      // What leaves the bridge is no tone to somebody without the key, and is one to ffmpeg with it.
      const watched = await room.watch(
        { suite, audioKey: ours[0]?.theirs ?? '', videoKey: ours[1]?.theirs ?? '' },
        () => call.requestKeyFrame(),
      );
      const at = room.audio.received.length;
      await until('the meeting', () => room.audio.received.length > at + 100);
      const seen = await watched();
      assert.ok(strength(seen.samples, 700) > 0.1);
      assert.ok(seen.colours.length > 0 && seen.colours.every(([r = 0, g = 0]) => g > 120 && r < 90));
    });
  }

  it('carries audio and video that use one payload type number twice, over RTCP on the same ports', async () => {
    await room.close();
    room = await RoomPeer.open({ audio: opus, video: { ...h264, payloadType: opus.payloadType } });
    room.take(await call.answer(room.offer({ lines: ['a=rtcp-mux'] })));
    await room.send({ hz: 1000, colour: 'red' });
    const page = await guest();
    await call.setGate('admitted');
    await until('the room is seen and heard', async () => {
      const { colour, hz } = await page.heard();
      return red(colour) && Math.abs(hz - 1000) < 20;
    });
    const watched = await room.watch();
    const at = room.audio.received.length;
    await until('the meeting', () => room.audio.received.length > at + 100);
    const seen = await watched();
    assert.ok(strength(seen.samples, 700) > 0.1);
    assert.ok(seen.colours.length > 0 && seen.colours.every(([r = 0, g = 0]) => g > 120 && r < 90));
    const reports = [room.audio, room.video].map(({ rtcpReceived }) => rtcpReceived.some((data) => data[1] === 200));
    assert.deepEqual(reports, [true, true], 'sender reports, by which a room keeps lips and voice together');
  });

  it('sends no picture larger than the level that the room takes', async () => {
    await room.close();
    // Level 1.3: 396 macroblocks, a CIF picture.
    room = await RoomPeer.open({ audio: pcmu, video: { payloadType: 97, fmtp: 'profile-level-id=42800d' } });
    room.take(await call.answer(room.offer()));
    const page = await guest({ width: 1280, height: 720 });
    await until('a picture is sent', async () => (await page.heard()).sentSize > 0);
    const { sentSize } = await page.heard();
    assert.ok(sentSize > 100 && sentSize <= 396, `${sentSize} macroblocks`);
  });

  it('takes video before audio, and payload types that a router would give away', async () => {
    const offer = room.offer().replace('101', '100').replaceAll('rtpmap:101', 'rtpmap:100');
    const [head = '', audio = '', video = ''] = offer.split(/(?=^m=)/m);
    const answer = await call.answer(head + video + audio);
    assert.match(answer, /m=video [1-9]\d* RTP\/AVP 99\r.*m=audio [1-9]\d* RTP\/AVP 0 100\r/s);
  });

  it('learns the SSRC where the SDP has none, and notices when it changes, without the page noticing', async () => {
    room.take(await call.answer(room.offer()));
    const page = await guest();
    await call.setGate('admitted');
    await room.send({ hz: 1000, colour: 'red' });
    await until('the room is seen', async () => red((await page.heard()).colour));
    const before = await page.heard();
    const renumber = (data: Buffer): Buffer => {
      const changed = Buffer.from(data);
      changed.writeUInt32BE((data.readUInt32BE(8) ^ 0x5555_5555) >>> 0, 8);
      return changed;
    };
    room.audio.rewrite = renumber;
    room.video.rewrite = renumber;
    await until('frames of the new stream', async () => (await page.heard()).frames > before.frames + 40);
    const after = await page.heard();
    assert.ok(red(after.colour) && Math.abs(after.hz - 1000) < 20);
    const stats = await call.stats();
    const audio = stats.find(({ kind, direction }) => kind === 'audio' && direction === 'from-room');
    assert.ok((audio?.packets ?? 0) > 50, 'packets of both streams are counted');
  });

  it('believes a=ssrc, and is not led astray by a wrong one', async () => {
    room.take(await call.answer(room.offer({ lines: ['a=ssrc:12345 cname:room'] })));
    const page = await guest();
    await call.setGate('admitted');
    await room.send({ hz: 1000, colour: 'red' });
    await until('the room is seen although its SSRC is another', async () => red((await page.heard()).colour));
  });

  it('holds and resumes by a later offer', async () => {
    room.take(await call.answer(room.offer()));
    await room.send({ hz: 1000, colour: 'red' });
    const page = await guest();
    await call.setGate('admitted');
    await until('both ways', async () => red((await page.heard()).colour) && room.video.received.length > 10);
    for (const hold of [{ direction: 'sendonly' }, { direction: 'inactive' }, { address: '0.0.0.0' }]) {
      const answer = await call.answer(room.offer({ ...hold, version: 2 }));
      assert.match(answer, hold.direction === 'inactive' ? /a=inactive/ : /a=recvonly/);
      // One look at a time when nothing is on its way any more: what is counted from here on came in the hold.
      await new Promise((resolve) => setTimeout(resolve, 150));
      const [audio, video, heard] = [room.audio.received.length, room.video.received.length, await page.heard()];
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.equal(room.audio.received.length, audio, 'no sound on hold');
      assert.equal(room.video.received.length, video, 'no picture on hold');
      assert.equal((await page.heard()).packets, heard.packets, 'nothing of the room while it holds');
      await call.answer(room.offer({ version: 3 }));
      await until('both ways again', async () => (await page.heard()).frames > heard.frames + 5);
      await until('the meeting again', () => room.video.received.length > video + 5);
      assert.ok(beginsKeyFrame(room.video.received[video]?.payload ?? Buffer.alloc(0)), 'begins with a whole picture');
    }
  });

  it('asks for key frames by RTCP, and answers those of the room', async () => {
    room.take(await call.answer(room.offer()));
    await room.send({ hz: 1000, colour: 'red' });
    await guest();
    await call.setGate('admitted');
    await until('a PLI in the room', () =>
      room.video.rtcpReceived.some((data) => data.includes(Buffer.from([0x81, 206]))),
    );
    await until('the meeting', () => room.video.received.length > 30);
    const at = room.video.received.length;
    room.askForKeyFrame();
    await until('a key frame', () => room.video.received.slice(at).some(({ payload }) => beginsKeyFrame(payload)));
  });

  it('asks again for a key frame that does not come', async () => {
    room.take(await call.answer(room.offer()));
    await room.send({ hz: 1000, colour: 'red', keyFrameEvery: 100_000 });
    await guest();
    // Once the only key frame is gone by.
    await until('media', async () =>
      (await call.stats()).some(({ kind, packets }) => kind === 'video' && packets > 10),
    );
    await call.setGate('admitted');
    const requests = () => room.video.rtcpReceived.filter((data) => data.includes(Buffer.from([0x81, 206]))).length;
    await until('four requests', () => requests() >= 4);
  });

  it('asks for a key frame by INFO where the room knows no RTCP feedback', async () => {
    const asked: number[] = [];
    call.on('keyFrameNeeded', () => asked.push(performance.now()));
    room.take(await call.answer(room.offer().replaceAll(/a=rtcp-fb.*\r\n/g, '')));
    await room.send({ hz: 1000, colour: 'red' });
    await guest();
    await call.setGate('admitted');
    await until('the event', () => asked.length > 0);
    asked.forEach((at, index) => {
      assert.ok(index === 0 || at - (asked[index - 1] ?? 0) >= 990, 'at most once a second');
    });
  });

  it('tells DTMF of an admitted room, once a digit', async () => {
    const digits: string[] = [];
    call.on('dtmf', (digit) => digits.push(digit));
    room.take(await call.answer(room.offer()));
    await call.setGate('admitted');
    const send = (payloadType: number, sequenceNumber: number, timestamp: number, payload: number[]): void => {
      const data = Buffer.alloc(12 + payload.length);
      data.writeUInt8(0x80, 0);
      data.writeUInt8(payloadType, 1);
      data.writeUInt16BE(sequenceNumber, 2);
      data.writeUInt32BE(timestamp, 4);
      data.writeUInt32BE(4242, 8);
      Buffer.from(payload).copy(data, 12);
      room.audio.send(data);
    };
    let sequence = 0;
    const speak = (): void => send(0, sequence++, sequence * 160, Array(160).fill(0xff));
    await until('audio', async () => {
      speak();
      return (await call.stats()).some(
        ({ kind, direction, packets }) => kind === 'audio' && direction === 'from-room' && packets > 5,
      );
    });
    for (const [event, at] of [
      [1, 90_000],
      [11, 91_000],
    ] as const) {
      for (let packet = 0; packet < 4; packet++) send(101, sequence++, at, [event, 10, 0, 160]);
      speak();
    }
    await until('two digits', () => digits.length >= 2);
    assert.deepEqual(digits, ['1', '#']);
  });

  it('tells when a room has gone silent, not when it only mutes or holds', async () => {
    let silent = 0;
    call.on('silent', () => silent++);
    room.take(await call.answer(room.offer()));
    await room.send({ hz: 1000, colour: 'red' });
    await until('media', async () => (await call.stats()).some(({ packets }) => packets > 10));
    // Muted: no RTP, but receiver reports go on.
    const mute = (): Buffer => Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 1]);
    room.audio.rewrite = mute;
    room.video.rewrite = mute;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.equal(silent, 0);
    room.audio.bridge = null;
    room.video.bridge = null;
    await until('silence', () => silent > 0, 8000);
    await call.answer(room.offer({ direction: 'inactive', version: 2 }));
    silent = 0;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.equal(silent, 0, 'a held room may be silent');
  });

  it('makes the offer where the room left that to us', async () => {
    const offer = await call.offer();
    assert.match(offer, /m=audio \d+ RTP\/AVP 96 9 8 0/);
    room.take(offer);
    await call.accept(room.offer());
    await room.send({ hz: 1000, colour: 'red' });
    const page = await guest();
    await call.setGate('admitted');
    await until('both ways', async () => red((await page.heard()).colour) && room.video.received.length > 10);
    assert.match(await call.offer(), /m=audio \d+ RTP\/AVP 0 101\r/, 'a later offer says what is in use');
  });

  it('sends to where the SDP says when the room waits to hear something first', async () => {
    await call.answer(room.offer());
    const page = await openSender(browser, call.slatePort(), { receive: false });
    pages.push(page);
    await until('the slate', () => room.audio.received.length > 10 && room.video.received.length > 3);
  });

  it('refuses pages what they may not do', async () => {
    room.take(await call.answer(room.offer()));
    const port = call.slatePort();
    const transport = await port.request('createTransport', { direction: 'recv' });
    const { id } = transport as { id: string };
    await assert.rejects(port.request('consume', { transportId: id, rtpCapabilities: {} }), /may only send/);
    await assert.rejects(port.request('connectTransport', { transportId: id, dtlsParameters: { fingerprints: [] } }));
    await assert.rejects(port.request('produce', { transportId: 'x', kind: 'audio', rtpParameters: {} }));
    await assert.rejects(port.request('produce', { transportId: id, kind: 'data', rtpParameters: {} }));
    await assert.rejects(port.request('rm -rf', null), /no such method/);
    await assert.rejects(port.request('capabilities', 'x'.repeat(200_000)), /too long/);
    for (let more = 0; more < 3; more++) await port.request('createTransport', { direction: 'send' });
    await assert.rejects(port.request('createTransport', { direction: 'send' }), /too many/);
    port.close();
    await assert.rejects(port.request('capabilities', null), /closed/);
  });
});

describe('calls on the bridge @sgj', function () {
  this.timeout(60_000);

  before(function () {
    if (missing !== null) {
      console.log(`      skipped: a part is missing, run \`${missing}\``);
      this.skip();
    }
  });

  it('fails the calls of a worker that dies, and starts another', async () => {
    const bridge = await startBridge();
    const room = await RoomPeer.open({ audio: pcmu, video: h264 });
    try {
      const call = await bridge.open('a');
      await call.answer(room.offer());
      const failed = new Promise<Error>((resolve) => call.on('failed', resolve));
      const [pid] = bridge.workerPids;
      assert.ok(pid !== undefined);
      process.kill(pid, 'SIGKILL');
      assert.match((await failed).message, /worker/);
      await assert.rejects(bridge.open('b'), /no worker/);
      await call.close();
      await until('another worker', () => bridge.workerPids.length === 1);
      const next = await bridge.open('c');
      assert.match(await next.answer(room.offer()), /m=audio [1-9]/);
      await next.close();
    } finally {
      await room.close();
      await bridge.close();
    }
  });

  it('leaves nothing of calls that end while they are being answered', async () => {
    const bridge = await startBridge();
    const room = await RoomPeer.open({ audio: pcmu, video: h264 });
    try {
      for (let turn = 0; turn < 12; turn++) {
        const call = await bridge.open('short');
        const answering = call.answer(room.offer());
        // At another point of the way each time.
        for (let step = 0; step < turn; step++) await new Promise((resolve) => setImmediate(resolve));
        await call.close();
        await answering.catch((error: Error) => assert.match(error.message, /over|closed/i));
      }
      assert.equal(bridge.calls, 0);
      await until('free ports and routers', () => bridge.portPairs === 0 && bridge.routers === 0, 3000);
    } finally {
      await room.close();
      await bridge.close();
    }
  });

  it('leaves nothing after 50 calls: no call, port, descriptor, timer or process', async () => {
    const clock = new CountingClock();
    const bridge = await startBridge({ clock });
    const room = await RoomPeer.open({ audio: pcmu, video: h264 });
    const [pid = 0] = bridge.workerPids;
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const workerDescriptors = () => readdirSync(`/proc/${pid}/fd`).length;
    const one = async (index: number): Promise<void> => {
      const call = await bridge.open(`call ${index}`);
      const ports = [call.guestPort(), call.slatePort()];
      if (index % 5 === 4) await call.offer();
      else await call.answer(room.offer({ lines: index % 2 === 0 ? [] : ['a=rtcp-mux'] }));
      if (index % 5 !== 4) {
        for (const port of ports) await port.request('createTransport', { direction: 'send' });
        await call.setGate('admitted');
      }
      await call.close();
      for (const port of ports) await assert.rejects(port.request('capabilities', null));
    };
    try {
      for (let index = 0; index < 5; index++) await one(index);
      const before = { own: descriptors(), worker: workerDescriptors() };
      for (let index = 0; index < 50; index++) await one(index);
      assert.equal(bridge.calls, 0);
      assert.equal(bridge.portPairs, 0);
      assert.equal(clock.waiting, 0);
      await until('closed descriptors', () => descriptors() <= before.own && workerDescriptors() <= before.worker);
      assert.equal(bridge.routers, 0);
    } finally {
      await room.close();
      await bridge.close();
    }
    assert.throws(() => process.kill(pid, 0), 'the worker is gone');
  });

  it('refuses when every port of the range is taken, and takes them again when they are free', async () => {
    const bridge = await startBridge({
      rtp: {
        listenAddress: '127.0.0.1',
        portRange: rtpPortsOfOneCall(),
      },
    });
    const room = await RoomPeer.open({ audio: pcmu, video: h264 });
    try {
      const first = await bridge.open('a');
      await first.answer(room.offer());
      const second = await bridge.open('b');
      await assert.rejects(second.answer(room.offer()), /no free pair of UDP ports/);
      await first.close();
      assert.match(await second.answer(room.offer()), /m=audio [1-9]/);
      await second.close();
    } finally {
      await room.close();
      await bridge.close();
    }
  });
});
