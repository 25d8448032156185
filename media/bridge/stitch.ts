/**
 * Makes one continuous RTP stream of several, one after the other: constant SSRC, sequence numbers without a gap that
 * the source did not have, timestamps that go on with the time that passed. Pure: packets in, packets out.
 */
import { randomBytes } from 'node:crypto';
import { isOlder, type RtpPacket } from './rtp.ts';

export interface StitchOptions {
  kind: 'audio' | 'video';
  ssrc: number;
  /** What goes on of the sources' packets. */
  sourcePayloadType: number;
  /** As what it goes on. */
  payloadType: number;
  clockRate: number;
}

export class Stitch {
  readonly #options: StitchOptions;
  #sequenceOffset = 0;
  #timestampOffset = 0;
  /** Of the source: the newest packet that went through. */
  #newest: RtpPacket | null = null;
  /** Of the output. */
  #lastSequenceNumber: number;
  #lastTimestamp: number;
  /** When the newest timestamp went out, milliseconds of a monotonic clock; null before the first packet. */
  #lastAt: number | null = null;
  /** Audio: samples a packet, as seen. */
  #frameSamples: number;
  #midFrame = false;

  constructor(options: StitchOptions) {
    this.#options = options;
    this.#frameSamples = options.clockRate / 50;
    const random = randomBytes(6);
    this.#lastSequenceNumber = random.readUInt16BE(0);
    this.#lastTimestamp = random.readUInt32BE(2);
  }

  /** Video: the last packet that went out was not the last of its picture. */
  get midFrame(): boolean {
    return this.#midFrame;
  }

  /** The next packet comes from another source. */
  changeSource(): void {
    this.#newest = null;
  }

  /** The packet to send for one of the source's; null where there is nothing to send. */
  next(packet: RtpPacket, now: number): RtpPacket | null {
    const fresh = this.#newest === null;
    if (fresh) this.#join(packet, now);
    const newest = this.#newest;
    const old = newest !== null && isOlder(packet.sequenceNumber, newest.sequenceNumber);
    if (packet.payload.length === 0 || packet.payloadType !== this.#options.sourcePayloadType) {
      // Padding, or a format that does not go on: leave no hole where it was.
      if (!old) this.#sequenceOffset = (this.#sequenceOffset - 1) & 0xffff;
      return null;
    }
    const timestamp = (packet.timestamp + this.#timestampOffset) >>> 0;
    const sequenceNumber = (packet.sequenceNumber + this.#sequenceOffset) & 0xffff;
    let marker = packet.marker;
    if (!old) {
      if (newest !== null) this.#learnFrame(newest, packet);
      // A jitter buffer takes the marker of an audio packet as leave to start anew: only after a real pause.
      if (fresh && this.#options.kind === 'audio' && this.#lastAt !== null) {
        marker = (timestamp - this.#lastTimestamp) >>> 0 > this.#frameSamples * 2;
      }
      if (timestamp !== this.#lastTimestamp || this.#lastAt === null) this.#lastAt = now;
      this.#newest = packet;
      this.#lastSequenceNumber = sequenceNumber;
      this.#lastTimestamp = timestamp;
      this.#midFrame = this.#options.kind === 'video' && !packet.marker;
    }
    const { ssrc, payloadType } = this.#options;
    return { ...packet, ssrc, payloadType, marker, sequenceNumber, timestamp };
  }

  /** Lays the first packet of a source right behind what went out. */
  #join(packet: RtpPacket, now: number): void {
    const { kind, clockRate } = this.#options;
    let step = 0;
    if (this.#lastAt !== null) {
      const passed = ((now - this.#lastAt) / 1000) * clockRate;
      // Audio advances by whole packets, so that a receiver hears no fraction of one missing or twice.
      step =
        kind === 'audio'
          ? Math.max(1, Math.round(passed / this.#frameSamples)) * this.#frameSamples
          : Math.max(1, Math.round(passed));
    }
    this.#timestampOffset = (this.#lastTimestamp + step - packet.timestamp) >>> 0;
    this.#sequenceOffset = (this.#lastSequenceNumber + 1 - packet.sequenceNumber) & 0xffff;
  }

  #learnFrame(before: RtpPacket, packet: RtpPacket): void {
    if (this.#options.kind !== 'audio') return;
    if (((packet.sequenceNumber - before.sequenceNumber) & 0xffff) !== 1) return;
    const samples = (packet.timestamp - before.timestamp) >>> 0;
    // 2.5 to 120 ms; anything else is a pause.
    if (samples >= this.#options.clockRate / 400 && samples <= this.#options.clockRate * 0.12) {
      this.#frameSamples = samples;
    }
  }
}
