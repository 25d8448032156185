/** DTMF in RTP (RFC 4733): one digit from the packets of one event. */
import type { RtpPacket } from './rtp.ts';

const digits = '0123456789*#ABCD';

export class DtmfReader {
  #eventTimestamp: number | null = null;

  /** The digit when this packet is the first heard of an event, else null: an event is repeated for as long as it lasts. */
  read({ payload, timestamp }: RtpPacket): string | null {
    const [event] = payload;
    // Event, end bit and volume, duration (section 2.3).
    if (event === undefined || payload.length < 4 || timestamp === this.#eventTimestamp) return null;
    this.#eventTimestamp = timestamp;
    return digits[event] ?? null;
  }
}
