import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DtmfReader } from '../../media/bridge/dtmf.ts';
import {
  beginsKeyFrame,
  beginsWithParameters,
  isRtcp,
  type RtpPacket,
  readRtp,
  writeRtp,
} from '../../media/bridge/rtp.ts';
import { Stitch } from '../../media/bridge/stitch.ts';

const runs = { numRuns: process.env['USHER_LONG'] === '1' ? 20_000 : 500 };
const packet = (over: Partial<RtpPacket>): RtpPacket => ({
  payloadType: 0,
  marker: false,
  sequenceNumber: 0,
  timestamp: 0,
  ssrc: 1,
  payload: Buffer.from([1]),
  ...over,
});
const word = fc.integer({ min: 0, max: 0xffff });
const long = fc.integer({ min: 0, max: 0xffff_ffff });

describe('one stream out of many @sgj', () => {
  it('goes on without a gap in sequence numbers and in step with time, whatever the sources count from', () => {
    const source = fc.record({
      first: word,
      timestamp: long,
      packets: fc.integer({ min: 1, max: 40 }),
      pause: fc.nat(400),
    });
    fc.assert(
      fc.property(fc.array(source, { minLength: 1, maxLength: 6 }), (sources) => {
        const stitch = new Stitch({ kind: 'audio', ssrc: 77, sourcePayloadType: 0, payloadType: 0, clockRate: 8000 });
        const out: RtpPacket[] = [];
        let now = 1000;
        for (const { first, timestamp, packets, pause } of sources) {
          stitch.changeSource();
          now += pause;
          for (let index = 0; index < packets; index++) {
            const sent = stitch.next(
              packet({
                sequenceNumber: (first + index) & 0xffff,
                timestamp: (timestamp + index * 160) >>> 0,
                ssrc: first,
              }),
              now,
            );
            assert.ok(sent !== null);
            out.push(sent);
            now += 20;
          }
        }
        out.forEach((sent, index) => {
          const before = out[index - 1];
          assert.equal(sent.ssrc, 77);
          if (before === undefined) return;
          assert.equal((sent.sequenceNumber - before.sequenceNumber) & 0xffff, 1);
          const step = (sent.timestamp - before.timestamp) >>> 0;
          assert.ok(step % 160 === 0 && step >= 160 && step <= 160 * 25, `step ${step}`);
        });
      }),
      runs,
    );
  });

  it('keeps loss and reordering of a source as they are', () => {
    const stitch = new Stitch({ kind: 'audio', ssrc: 77, sourcePayloadType: 0, payloadType: 0, clockRate: 8000 });
    const order = [10, 11, 14, 12, 15];
    const out = order.map((sequenceNumber) =>
      stitch.next(packet({ sequenceNumber, timestamp: sequenceNumber * 160 }), 0),
    );
    const first = out[0]?.sequenceNumber ?? 0;
    assert.deepEqual(
      out.map((sent) => ((sent?.sequenceNumber ?? 0) - first) & 0xffff),
      [0, 1, 4, 2, 5],
    );
  });

  it('leaves no hole where padding or another format was', () => {
    const stitch = new Stitch({ kind: 'audio', ssrc: 77, sourcePayloadType: 0, payloadType: 0, clockRate: 8000 });
    const sent = [
      packet({ sequenceNumber: 1 }),
      packet({ sequenceNumber: 2, payload: Buffer.alloc(0) }),
      packet({ sequenceNumber: 3, payloadType: 101 }),
      packet({ sequenceNumber: 4, timestamp: 160 }),
    ].flatMap((one) => stitch.next(one, 0) ?? []);
    assert.equal(sent.length, 2);
    assert.equal(((sent[1]?.sequenceNumber ?? 0) - (sent[0]?.sequenceNumber ?? 0)) & 0xffff, 1);
  });

  it('advances video by the time that passed between two sources', () => {
    const stitch = new Stitch({ kind: 'video', ssrc: 77, sourcePayloadType: 0, payloadType: 0, clockRate: 90_000 });
    const a = stitch.next(packet({ timestamp: 5, marker: true }), 1000);
    stitch.changeSource();
    const b = stitch.next(packet({ timestamp: 4_000_000_000, sequenceNumber: 9 }), 1500);
    assert.equal(((b?.timestamp ?? 0) - (a?.timestamp ?? 0)) >>> 0, 45_000);
  });
});

describe('RTP @sgj', () => {
  it('reads what it writes', () => {
    fc.assert(
      fc.property(
        fc.record({
          payloadType: fc.integer({ min: 0, max: 127 }),
          marker: fc.boolean(),
          sequenceNumber: word,
          timestamp: long,
          ssrc: long,
          payload: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
        }),
        (given) => assert.deepEqual(readRtp(writeRtp(given)), { ...given }),
      ),
      runs,
    );
  });

  it('takes any bytes without failing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const data = Buffer.from(bytes);
        const read = readRtp(data);
        if (read !== null) assert.ok(read.payload.length <= data.length - 12);
        beginsKeyFrame(data);
        isRtcp(data);
        new DtmfReader().read(packet({ payload: data }));
      }),
      runs,
    );
  });

  it('finds the beginning of a key frame in every packetization', () => {
    const rows: [number[], boolean][] = [
      [[0x67, 1], true],
      [[0x65, 1], true],
      [[0x61, 1], false],
      [[0x18, 0, 2, 0x67, 1, 0, 2, 0x68, 1], true],
      [[0x18, 0, 2, 0x61, 1, 0, 2, 0x61, 1], false],
      [[0x7c, 0x85], true],
      [[0x7c, 0x05], false],
      [[0x7c, 0x81], false],
      [[], false],
    ];
    for (const [bytes, expected] of rows) assert.equal(beginsKeyFrame(Buffer.from(bytes)), expected, String(bytes));
  });

  it('tells the beginning of a key frame, with its parameters, from what may be the rest of one', () => {
    const rows: [number[], boolean][] = [
      [[0x67, 1], true],
      [[0x18, 0, 2, 0x67, 1, 0, 2, 0x68, 1], true],
      [[0x68, 1], false],
      [[0x65, 1], false],
      [[0x7c, 0x85], false],
      [[0x7c, 0x87], true],
      [[0x18, 0, 2, 0x68, 1, 0, 2, 0x65, 1], false],
    ];
    for (const [bytes, expected] of rows) {
      assert.equal(beginsWithParameters(Buffer.from(bytes)), expected, String(bytes));
    }
  });

  it('tells a digit once for all packets of its event', () => {
    const reader = new DtmfReader();
    const events = [
      [5, 800],
      [5, 800],
      [11, 1600],
      [5, 2400],
      [200, 3200],
    ].map(([event = 0, timestamp = 0]) =>
      reader.read(packet({ timestamp, payload: Buffer.from([event, 0x0a, 0, 160]) })),
    );
    assert.deepEqual(events, ['5', null, '#', '5', null]);
  });
});
