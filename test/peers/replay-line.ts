/** One RTP stream of a room that replays a recording: what it sends, and the count of what comes. */
import { createSocket, type Socket } from 'node:dgram';
import { isRtcp, readRtp, writeRtp } from '../../media/bridge/rtp.ts';

export interface LineCounts {
  sent: number;
  /** Of what was sent, by the other side's receiver reports (RFC 3550 section 6.4.2). */
  lostThere: number;
  received: number;
  /** Gaps in the sequence numbers of what came. */
  lostHere: number;
  /** Timestamps of what came: for video, pictures. */
  timestamps: number;
}

export class ReplayLine {
  readonly #rtp: Socket;
  readonly #rtcp: Socket;
  readonly #payloadType: number;
  readonly #ssrc = Math.floor(Math.random() * 2 ** 32);
  readonly #askedForKeyFrame: () => void;
  #to: number | null = null;
  #sequenceNumber = Math.floor(Math.random() * 2 ** 16);
  #first: number | null = null;
  #highest = 0;
  #lastTimestamp: number | null = null;
  readonly counts: Omit<LineCounts, 'lostHere'> = { sent: 0, lostThere: 0, received: 0, timestamps: 0 };

  static async open(payloadType: number, askedForKeyFrame: () => void): Promise<ReplayLine> {
    for (let tries = 0; tries < 20; tries++) {
      const rtp = await bind(0);
      const { port } = rtp.address();
      const rtcp = port % 2 === 0 ? await bind(port + 1).catch(() => null) : null;
      if (rtcp !== null) return new ReplayLine(rtp, rtcp, payloadType, askedForKeyFrame);
      rtp.close();
    }
    throw new Error('no free pair of ports');
  }

  private constructor(rtp: Socket, rtcp: Socket, payloadType: number, askedForKeyFrame: () => void) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    this.#payloadType = payloadType;
    this.#askedForKeyFrame = askedForKeyFrame;
    rtp.on('message', (data) => (isRtcp(data) ? this.#control(data) : this.#media(data)));
    rtcp.on('message', (data) => this.#control(data));
  }

  get port(): number {
    return this.#rtp.address().port;
  }

  /** Where the other side receives, on 127.0.0.1. */
  sendTo(port: number): void {
    this.#to = port;
  }

  send(payload: Buffer, timestamp: number, marker: boolean): void {
    if (this.#to === null) return;
    const sequenceNumber = this.#sequenceNumber++;
    const packet = { payloadType: this.#payloadType, marker, sequenceNumber, timestamp, ssrc: this.#ssrc, payload };
    this.#rtp.send(writeRtp(packet), this.#to, '127.0.0.1');
    this.counts.sent++;
  }

  read(): LineCounts {
    const expected = this.#first === null ? 0 : this.#highest - this.#first + 1;
    return { ...this.counts, lostHere: Math.max(0, expected - this.counts.received) };
  }

  close(): void {
    this.#to = null;
    this.#rtp.close();
    this.#rtcp.close();
  }

  #media(data: Buffer): void {
    const packet = readRtp(data);
    if (packet === null) return;
    this.counts.received++;
    if (this.#first === null) {
      this.#first = packet.sequenceNumber;
      this.#highest = packet.sequenceNumber;
    }
    // Extended by the nearest way round.
    const ahead = ((packet.sequenceNumber - this.#highest + 0x8000) & 0xffff) - 0x8000;
    if (ahead > 0) this.#highest += ahead;
    if (packet.timestamp !== this.#lastTimestamp) this.counts.timestamps++;
    this.#lastTimestamp = packet.timestamp;
  }

  /** A compound of RTCP packets: reports on what we send, and requests for a key frame (PLI, FIR). */
  #control(data: Buffer): void {
    for (let at = 0; at + 8 <= data.length; at += 4 * (data.readUInt16BE(at + 2) + 1)) {
      const [count, type] = [data.readUInt8(at) & 0x1f, data.readUInt8(at + 1)];
      if (type === 206 && (count === 1 || count === 4)) this.#askedForKeyFrame();
      if (type !== 200 && type !== 201) continue;
      const blocks = at + (type === 200 ? 28 : 8);
      for (let block = blocks; block < blocks + 24 * count && block + 24 <= data.length; block += 24) {
        if (data.readUInt32BE(block) === this.#ssrc) this.counts.lostThere = Math.max(0, data.readIntBE(block + 5, 3));
      }
    }
  }
}

async function bind(port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 2 ** 20 });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, resolve);
  });
  return socket;
}
