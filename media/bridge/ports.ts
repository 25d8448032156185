/**
 * The UDP ports of rooms' media: pairs of an even port for RTP and the odd one after it for RTCP, since many video
 * systems expect RTCP there whatever a=rtcp says (RFC 3550 section 11).
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

export interface PortRange {
  /** Inclusive. */
  min: number;
  max: number;
}

/** A pair that nobody else on this machine has. */
export interface PortPair {
  readonly rtp: number;
  readonly rtcp: number;
  /** Lets go of the sockets that hold the pair until media is set up, so that the worker can bind the ports. */
  release(): Promise<void>;
  /** Gives the pair back. Idempotent. */
  free(): Promise<void>;
}

export class PortPool {
  readonly #address: string;
  readonly #first: number;
  readonly #pairs: number;
  readonly #taken = new Set<number>();
  #next = 0;

  constructor(address: string, range: PortRange) {
    this.#address = address;
    this.#first = range.min + (range.min % 2);
    this.#pairs = Math.max(0, Math.floor((range.max - this.#first + 1) / 2));
  }

  /** How many pairs the range has. */
  get pairs(): number {
    return this.#pairs;
  }

  /** How many pairs are taken. */
  get taken(): number {
    return this.#taken.size;
  }

  /** @throws Error when every pair of the range is taken */
  async take(): Promise<PortPair> {
    for (let tried = 0; tried < this.#pairs; tried++) {
      const rtp = this.#first + 2 * (this.#next++ % this.#pairs);
      if (this.#taken.has(rtp)) continue;
      this.#taken.add(rtp);
      const sockets = await this.#bindBoth(rtp);
      if (sockets !== null) return this.#pair(rtp, sockets);
      this.#taken.delete(rtp);
    }
    throw new Error(
      `no free pair of UDP ports on ${this.#address} from ${this.#first} (${this.#pairs} pairs, ${this.#taken.size} in use here); widen the RTP port range`,
    );
  }

  #pair(rtp: number, sockets: Socket[]): PortPair {
    const release = async (): Promise<void> => {
      await Promise.all(sockets.splice(0).map(closed));
    };
    return {
      rtp,
      rtcp: rtp + 1,
      release,
      free: async () => {
        await release();
        this.#taken.delete(rtp);
      },
    };
  }

  /** Bound without address reuse, so that a port which anything else has bound is refused. */
  async #bindBoth(rtp: number): Promise<Socket[] | null> {
    const sockets: Socket[] = [];
    for (const port of [rtp, rtp + 1]) {
      const socket = createSocket(isIPv6(this.#address) ? 'udp6' : 'udp4');
      sockets.push(socket);
      const bound = await new Promise<boolean>((resolve) => {
        socket.once('error', () => resolve(false));
        socket.bind({ port, address: this.#address, exclusive: true }, () => resolve(true));
      });
      if (bound) continue;
      await Promise.all(sockets.map(closed));
      return null;
    }
    // What arrives before media is set up is nobody's.
    for (const socket of sockets) socket.on('error', () => {});
    return sockets;
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    try {
      socket.close(() => resolve());
    } catch {
      resolve();
    }
  });
}
