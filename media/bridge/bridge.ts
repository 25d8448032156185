/** The bridge: worker processes, the ports of rooms' media, and one `BridgedCall` for each call. */
import { isIP } from 'node:net';
import type { Bridge, BridgedCall, MediaClock } from '../call.ts';
import { MediasoupCall } from './bridged-call.ts';
import { PortPool, type PortRange } from './ports.ts';
import { isUnspecified } from './sdp/select.ts';
import { WorkerPool } from './workers.ts';

export interface BridgeOptions {
  /** Path of mediasoup-worker; media/setup finds it. */
  workerBin: string;
  /** Worker processes. By default one for each core. */
  workers?: number;
  rtp: {
    /** The address to listen on for rooms' media. */
    listenAddress: string;
    /** The address that rooms are told. By default `listenAddress`. */
    announcedAddress?: string;
    /** UDP ports for rooms' media, inclusive; a call takes two for audio and two for video. */
    portRange: PortRange;
  };
  clock: MediaClock;
  /** After how long without RTP and RTCP a room counts as gone, milliseconds. */
  silenceMs: number;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>): void;
}

/** The bridge of this process, with what tests and measurements look at besides. */
export interface MediasoupBridge extends Bridge {
  /** Process ids of the workers. */
  readonly workerPids: readonly number[];
  /** Routers in use: one for each call that has negotiated. */
  readonly routers: number;
  /** Port pairs in use. */
  readonly portPairs: number;
}

/** @throws Error when the worker cannot be started, or rooms have no address to send to */
export async function createBridge(options: BridgeOptions): Promise<MediasoupBridge> {
  const { rtp, clock, silenceMs, log } = options;
  const announcedAddress = rtp.announcedAddress ?? rtp.listenAddress;
  if (isIP(announcedAddress) === 0 || isUnspecified(announcedAddress)) {
    throw new Error(
      `rooms cannot send media to ${announcedAddress}; set rtp.announcedAddress to the IP address where they reach this machine`,
    );
  }
  const pool = await WorkerPool.start(options);
  const ports = new PortPool(rtp.listenAddress, rtp.portRange);
  const calls = new Set<BridgedCall>();
  return {
    get calls() {
      return calls.size;
    },
    get workerPids() {
      return pool.pids;
    },
    get routers() {
      return pool.routers;
    },
    get portPairs() {
      return ports.taken;
    },
    async open(callId) {
      if (pool.pids.length === 0) throw new Error(`no worker of mediasoup is alive (${options.workerBin})`);
      const call = new MediasoupCall({
        callId,
        createRouter: (codecs) => pool.createRouter(codecs),
        ports,
        listenAddress: rtp.listenAddress,
        announcedAddress,
        clock,
        silenceMs,
        log: (level, message, fields) => log(level, message, { callId, ...fields }),
        onClosed: () => calls.delete(call),
      });
      calls.add(call);
      return call;
    },
    async close() {
      await Promise.all([...calls].map((call) => call.close()));
      await pool.close();
    },
  };
}
