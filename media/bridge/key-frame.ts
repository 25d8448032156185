/** Whether a stream of H.264 packets has had a whole key frame: what its receiver needs before it can show anything. Pure. */
import { beginsIdr, isOlder, type RtpPacket } from './rtp.ts';

export class WholeKeyFrame {
  /** The sequence number that goes on with the key frame that is going by; null while there is none. */
  #next: number | null = null;
  /** It has come past its parameters. */
  #picture = false;
  #seen = false;

  /** One went by from its beginning to the end of its picture, without a gap. */
  get seen(): boolean {
    return this.#seen;
  }

  /**
   * The next packet, in the order in which the receiver is sent it. One that was missing and comes late does not count: it
   * is not known that the receiver waits for it. `begins`: a key frame can be decoded from this packet on.
   */
  see(packet: RtpPacket, begins: boolean): void {
    if (this.#seen) return;
    const { sequenceNumber, payload, marker } = packet;
    if (begins) {
      this.#picture = false;
    } else {
      if (this.#next === null || isOlder(sequenceNumber, this.#next)) return;
      if (sequenceNumber !== this.#next) {
        this.#next = null;
        return;
      }
    }
    this.#next = (sequenceNumber + 1) & 0xffff;
    this.#picture ||= beginsIdr(payload);
    // Some systems set the marker on packets with parameters alone.
    this.#seen = this.#picture && marker;
  }
}
