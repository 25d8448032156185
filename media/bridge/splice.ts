/**
 * One outgoing stream, fed from one source at a time. Sources are read and the stream is written on a DirectTransport,
 * so that the stream's receiver, whatever its transport, has one unbroken RTP stream (stitch.ts). When the source is
 * exchanged, the old one goes on until the new one can take over: with its first packet, and for video with a key
 * frame.
 */
import { randomInt } from 'node:crypto';
import type { types } from 'mediasoup';
import type { MediaClock } from '../call.ts';
import { DtmfReader } from './dtmf.ts';
import { WholeKeyFrame } from './key-frame.ts';
import { beginsKeyFrame, beginsWithParameters, type RtpPacket, readRtp, writeRtp } from './rtp.ts';
import { Stitch } from './stitch.ts';

/** Where sources are, or where receivers are. */
export interface Side {
  router: types.Router;
  direct: types.DirectTransport;
  /** The router's codec of the splice's kind. */
  codec: types.RtpCodecCapability;
}

export interface SpliceOptions {
  kind: 'audio' | 'video';
  from: Side;
  /** May be the same; its payload type is the stream's. */
  to: Side;
  /** Payload type of DTMF events on the sources' side: taken out of the stream and handed to `onDigit`. */
  eventsPayloadType: number | null;
  clock: MediaClock;
  onDigit?: (digit: string) => void;
}

/** Packets of a new source that wait at most for the old source's picture to end. */
const mostHeld = 200;
/** Milliseconds. */
const longestHold = 60;
/** Between requests for the first key frame of a source, milliseconds: at first, and at most. */
const askAgainMs = 1000;
const askAtLeastMs = 16_000;
/** Requests to a source that sends, but no key frame that looks whole: it may be of a kind that never does. */
const mostAskedOfSender = 8;
/**
 * How long a source's key frames without parameters are taken for the rest of one that began before we listened,
 * milliseconds. Another one is asked for meanwhile; a source that never repeats its parameters is believed then.
 */
const bareKeyFramesMs = 3000;

interface Source {
  producer: types.Producer;
  consumer: types.Consumer;
  held: { packet: RtpPacket; at: number }[];
  ready: boolean;
  /** Video: of what went on from it. */
  whole: WholeKeyFrame;
  /** When its first key frame without parameters came, by the monotonic clock. */
  bareSince: number | null;
}

export class Splice {
  readonly kind: 'audio' | 'video';
  /** What receivers consume. */
  readonly output: types.Producer;
  readonly #options: SpliceOptions;
  readonly #stitch: Stitch;
  readonly #dtmf = new DtmfReader();
  readonly #keyFrameListeners: (() => void)[] = [];
  #wanted: types.Producer | null = null;
  #current: Source | null = null;
  #next: Source | null = null;
  #turn = 0;
  #stopAsking: () => void = () => {};

  static async open(options: SpliceOptions): Promise<Splice> {
    const ssrc = randomInt(1, 0xffff_ffff);
    const { kind, to } = options;
    const { codec } = to;
    const output = await to.direct.produce({
      kind,
      rtpParameters: {
        codecs: [
          {
            mimeType: codec.mimeType,
            payloadType: codec.preferredPayloadType,
            clockRate: codec.clockRate,
            ...(codec.channels === undefined ? {} : { channels: codec.channels }),
            parameters: codec.parameters ?? {},
            rtcpFeedback: kind === 'video' ? keyFrameFeedback : [],
          },
        ],
        encodings: [{ ssrc }],
        rtcp: { cname: 'usher' },
      },
    });
    // Requests of the receivers arrive here, since nobody else answers for this producer.
    if (kind === 'video') await output.enableTraceEvent(['pli', 'fir']);
    return new Splice(options, output, ssrc);
  }

  private constructor(options: SpliceOptions, output: types.Producer, ssrc: number) {
    this.#options = options;
    this.kind = options.kind;
    this.output = output;
    const { kind, from, to } = options;
    const { preferredPayloadType: payloadType, clockRate } = to.codec;
    const sourcePayloadType = from.codec.preferredPayloadType;
    this.#stitch = new Stitch({ kind, ssrc, sourcePayloadType, payloadType, clockRate });
    output.on('trace', () => this.requestKeyFrame());
  }

  /** Hears each time that a receiver needs a key frame. */
  onKeyFrameNeeded(listener: () => void): void {
    this.#keyFrameListeners.push(listener);
  }

  /** Asks the source for a key frame. */
  requestKeyFrame(): void {
    if (this.kind !== 'video') return;
    const source = this.#next ?? this.#current;
    if (source === null || source.consumer.closed) return;
    ignoreClosed(source.consumer.requestKeyFrame());
    for (const listener of this.#keyFrameListeners) listener();
  }

  /** Stops the stream at once, not one packet later. */
  cut(): void {
    this.#turn++;
    this.#stopAsking();
    this.#wanted = null;
    for (const source of [this.#current, this.#next]) source?.consumer.close();
    this.#current = null;
    this.#next = null;
  }

  /** Feeds the stream from this producer from its first usable packet on; null cuts. */
  async switchTo(producer: types.Producer | null): Promise<void> {
    if (producer === null || producer.closed) return this.cut();
    if (producer === this.#wanted) return;
    this.#wanted = producer;
    const turn = ++this.#turn;
    this.#stopAsking();
    this.#next?.consumer.close();
    this.#next = null;
    if (this.#current?.producer === producer) return;
    const { direct, router } = this.#options.from;
    const consumer = await direct.consume({
      producerId: producer.id,
      rtpCapabilities: { codecs: router.rtpCapabilities.codecs ?? [], headerExtensions: [] },
      paused: true,
    });
    if (turn !== this.#turn || consumer.closed) return consumer.close();
    const source: Source = { producer, consumer, held: [], ready: false, whole: new WholeKeyFrame(), bareSince: null };
    this.#next = source;
    consumer.on('rtp', (data) => this.#take(source, data));
    const gone = (): void => this.#drop(source);
    consumer.on('producerclose', gone);
    consumer.on('transportclose', gone);
    await consumer.resume();
    if (this.#next === source) this.#askUntilWhole(source, 0);
  }

  /**
   * Until there is a key frame nobody downstream gets a packet, and so nobody there asks again; a request may be lost,
   * or come before it is known where to send it. One that lost a packet on its way here leaves some receivers without a
   * picture and without a word. Less and less often, for a source that has nothing to send.
   */
  #askUntilWhole(source: Source, asked: number): void {
    if (this.kind !== 'video' || source.whole.seen) return;
    if (source === this.#current ? asked >= mostAskedOfSender : source !== this.#next) return;
    if (!source.consumer.producerPaused) this.requestKeyFrame();
    this.#askLater(source, asked + 1);
  }

  #askLater(source: Source, asked: number): void {
    const pause = Math.min(askAgainMs * 2 ** Math.max(0, asked - 4), askAtLeastMs);
    this.#stopAsking = this.#options.clock.after(pause, () => this.#askUntilWhole(source, asked));
  }

  #drop(source: Source): void {
    if (this.#current === source) {
      if (this.#next === null) this.#stopAsking();
      this.#current = null;
    }
    if (this.#next === source) {
      this.#stopAsking();
      this.#next = null;
    }
    if (this.#wanted === source.producer) this.#wanted = null;
  }

  #take(source: Source, data: Buffer): void {
    const packet = readRtp(data);
    if (packet === null) return;
    if (packet.payloadType === this.#options.eventsPayloadType) {
      const digit = this.#dtmf.read(packet);
      if (digit !== null) this.#options.onDigit?.(digit);
    }
    if (source === this.#current) {
      this.#send(source, packet);
      if (this.#next?.ready === true && !this.#stitch.midFrame) this.#takeOver(this.#next);
    } else if (source === this.#next) {
      this.#waitTurn(source, packet);
    }
  }

  /** The new source's packets before it takes over: from its first usable one on, held until the old picture is whole. */
  #waitTurn(source: Source, packet: RtpPacket): void {
    if (packet.payloadType !== this.#options.from.codec.preferredPayloadType) return;
    if (!source.ready) {
      if (this.kind === 'video' ? !this.#isDecodable(source, packet) : packet.payload.length === 0) return;
      source.ready = true;
    }
    const now = this.#options.clock.monotonic();
    source.held.push({ packet, at: now });
    const [first] = source.held;
    const waited = first === undefined ? 0 : now - first.at;
    const whole = this.#current === null || !this.#stitch.midFrame;
    if (whole || waited > longestHold || source.held.length >= mostHeld) this.#takeOver(source);
  }

  /** A receiver that is given the middle of a key frame shows a broken picture, and may never say so. */
  #isDecodable(source: Source, { payload }: RtpPacket): boolean {
    if (beginsWithParameters(payload)) return true;
    if (!beginsKeyFrame(payload)) return false;
    const now = this.#options.clock.monotonic();
    source.bareSince ??= now;
    return now - source.bareSince >= bareKeyFramesMs;
  }

  #takeOver(source: Source): void {
    this.#stopAsking();
    this.#current?.consumer.close();
    this.#current = source;
    this.#next = null;
    this.#stitch.changeSource();
    if (this.kind === 'video') this.#askLater(source, 1);
    for (const { packet } of source.held) this.#send(source, packet);
    source.held = [];
  }

  #send(source: Source, packet: RtpPacket): void {
    this.#watch(source, packet);
    const out = this.#stitch.next(packet, this.#options.clock.monotonic());
    if (out !== null && !this.output.closed) this.output.send(writeRtp(out));
  }

  /** Until the first key frame has gone through whole. */
  #watch(source: Source, packet: RtpPacket): void {
    if (this.kind !== 'video' || source.whole.seen) return;
    source.whole.see(packet, this.#isDecodable(source, packet));
    if (source.whole.seen && this.#next === null) this.#stopAsking();
  }
}

const keyFrameFeedback: types.RtcpFeedback[] = [
  { type: 'nack', parameter: 'pli' },
  { type: 'ccm', parameter: 'fir' },
];

/** A source may close while it is being asked: then nobody needs the answer any more. */
export function ignoreClosed(asked: Promise<unknown>): void {
  asked.catch(() => {});
}
