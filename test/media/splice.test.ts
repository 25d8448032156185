import assert from 'node:assert/strict';
import { createWorker, type types } from 'mediasoup';
import { WholeKeyFrame } from '../../media/bridge/key-frame.ts';
import { type RtpPacket, readRtp, writeRtp } from '../../media/bridge/rtp.ts';
import { type Side, Splice } from '../../media/bridge/splice.ts';
import { findMediaParts } from '../../media/setup/find.ts';
import { SimulatedClock } from '../../src/clock.ts';

const parameters = Buffer.from([0x18, 0, 2, 0x67, 1, 0, 2, 0x68, 1]);
const idrStart = Buffer.from([0x7c, 0x85, 1]);
const idrMiddle = Buffer.from([0x7c, 0x05, 2]);
const idrEnd = Buffer.from([0x7c, 0x45, 3]);
const change = Buffer.from([0x61, 4]);
const keyFrame = [parameters, idrStart, idrMiddle, idrEnd] as const;

const payloadType = 96;
/** The packets of one picture, in order; which of them are left out is counted from 0. */
function picture(payloads: readonly Buffer[], first: number, timestamp: number, lost: readonly number[] = []) {
  const packets = payloads.map(
    (payload, index): RtpPacket => ({
      payloadType,
      marker: index === payloads.length - 1,
      sequenceNumber: (first + index) & 0xffff,
      timestamp,
      ssrc: 1,
      payload,
    }),
  );
  return packets.filter((_, index) => !lost.includes(index));
}

describe('a whole key frame @sgj', () => {
  const seen = (packets: readonly RtpPacket[]): boolean => {
    const whole = new WholeKeyFrame();
    for (const packet of packets) whole.see(packet, packet.payload === parameters);
    return whole.seen;
  };

  it('is one from its parameters to the end of its picture, over the end of the numbers as well', () => {
    for (const first of [1, 65_533, 65_535]) assert.equal(seen(picture(keyFrame, first, 0)), true, String(first));
    const marked = picture(keyFrame, 1, 0).map((packet) => ({
      ...packet,
      marker: packet.marker || packet.payload === parameters,
    }));
    assert.equal(seen(marked), true, 'with a marker on the parameters');
    assert.equal(seen(picture([change, change], 1, 0)), false);
    assert.equal(seen(marked.slice(0, 1)), false, 'parameters are no picture');
  });

  it('is none that lacks a packet, or had one that came late; the next one counts', () => {
    for (const lost of [0, 1, 2, 3]) {
      const broken = picture(keyFrame, 1, 0, [lost]);
      const changes = picture([change], 5, 3000);
      assert.equal(seen([...broken, ...changes]), false, `without ${lost}`);
      const late = picture(keyFrame, 1, 0).slice(lost, lost + 1);
      if (lost < 3) assert.equal(seen([...broken, ...late, ...changes]), false, `${lost} came late`);
      assert.equal(seen([...broken, ...changes, ...picture(keyFrame, 6, 6000)]), true);
    }
  });
});

describe('a stream with another source @sgj', function () {
  this.timeout(60_000);
  let worker: types.Worker;

  before(async function () {
    const { workerBin } = findMediaParts();
    if (workerBin === null) {
      console.log('      skipped: there is no worker of mediasoup (npm run setup)');
      return this.skip();
    }
    worker = await createWorker({ workerBin, logLevel: 'none' });
  });
  after(() => worker?.close());

  it('asks for key frames until one has gone through whole, and then no more', async () => {
    const clock = new SimulatedClock(0);
    const { side, source, asked, put, arrived } = await setting();
    const splice = await Splice.open({ kind: 'video', from: side, to: side, eventsPayloadType: null, clock });
    const through = await arrived(splice);
    await splice.switchTo(source);
    await asked(1);
    // It lost the beginning of its picture: nothing that a receiver must notice.
    for (const packet of picture(keyFrame, 1, 0, [1])) put(packet);
    for (const packet of picture([change], 5, 3000)) put(packet);
    await through((packets) => packets.at(-1)?.payload.equals(change) === true);

    await clock.advance(1000);
    await asked(2);
    for (const packet of picture(keyFrame, 6, 6000)) put(packet);
    await through((packets) => packets.at(-1)?.payload.equals(idrEnd) === true && packets.length === 8);
    await clock.advance(600_000);
    // A request by hand is the next one there is.
    splice.requestKeyFrame();
    await asked(3);
    for (const packet of picture(keyFrame, 10, 9000)) put(packet);
    await through((packets) => packets.length === 12);
    assert.equal(await asked(3), 3);
  });

  it('does not ask for ever where no key frame is ever whole', async () => {
    const clock = new SimulatedClock(0);
    const { side, source, asked, put, arrived } = await setting();
    const splice = await Splice.open({ kind: 'video', from: side, to: side, eventsPayloadType: null, clock });
    const through = await arrived(splice);
    await splice.switchTo(source);
    for (const [round, seconds] of [1, 1, 1, 1, 2, 4, 8, 600].entries()) {
      await asked(round + 1);
      for (const packet of picture(keyFrame, 1 + round * 4, round * 3000, [1])) put(packet);
      await through((packets) => packets.length === (round + 1) * 3);
      await clock.advance(seconds * 1000);
    }
    splice.requestKeyFrame();
    assert.equal(await asked(9), 9);
  });

  /** A router with a source of H.264 whose packets are put in by hand, and what is asked of it. */
  async function setting() {
    const router = await worker.createRouter({
      mediaCodecs: [
        {
          kind: 'video',
          mimeType: 'video/H264',
          clockRate: 90_000,
          preferredPayloadType: payloadType,
          parameters: { 'packetization-mode': 1, 'profile-level-id': '42e01f', 'level-asymmetry-allowed': 1 },
          rtcpFeedback: [
            { type: 'nack', parameter: 'pli' },
            { type: 'ccm', parameter: 'fir' },
          ],
        },
      ],
    });
    const codec = router.rtpCapabilities.codecs?.find(({ mimeType }) => mimeType === 'video/H264');
    assert.ok(codec);
    const direct = await router.createDirectTransport();
    const side: Side = { router, direct, codec };
    const sending = await router.createDirectTransport();
    const source = await sending.produce({
      kind: 'video',
      rtpParameters: {
        codecs: [
          {
            mimeType: codec.mimeType,
            payloadType,
            clockRate: 90_000,
            parameters: codec.parameters ?? {},
            rtcpFeedback: [{ type: 'nack', parameter: 'pli' }],
          },
        ],
        encodings: [{ ssrc: 1 }],
        rtcp: { cname: 'source' },
      },
    });
    const put = (packet: RtpPacket): void => source.send(writeRtp(packet));
    // From the first packet on it is known where to ask.
    for (const packet of picture([change], 0, 0)) put(packet);
    let requests = 0;
    const waiting = new Set<() => void>();
    const changed = (): void => {
      for (const look of [...waiting]) look();
    };
    const once = (done: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!done()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      });
    // Payload-specific feedback of format 1: PLI (RFC 4585 section 6.3.1).
    sending.on('rtcp', (data) => {
      if (data.readUInt8(1) === 206 && (data.readUInt8(0) & 0x1f) === 1) requests++;
      changed();
    });
    return {
      side,
      source,
      put,
      /** Once so many key frames were asked for, how many they are. */
      async asked(count: number): Promise<number> {
        await once(() => requests >= count);
        return requests;
      },
      /** What a receiver of the stream is sent. */
      async arrived(splice: Splice): Promise<(done: (packets: readonly RtpPacket[]) => boolean) => Promise<void>> {
        const packets: RtpPacket[] = [];
        const consumer = await direct.consume({
          producerId: splice.output.id,
          rtpCapabilities: { codecs: [codec], headerExtensions: [] },
        });
        consumer.on('rtp', (data) => {
          const packet = readRtp(data);
          if (packet !== null) packets.push(packet);
          changed();
        });
        return (done) => once(() => done(packets));
      },
    };
  }
});
