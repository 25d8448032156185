/**
 * Learns the SSRC that a room sends with, where its SDP does not say or is no longer right. mediasoup hands packets to
 * producers by SSRC alone and tells nobody of one that it does not know.
 *
 * For a moment a second socket is bound to the transport's port and connected to the room's address: the kernel gives
 * a datagram to the socket that fits best, so the room's packets come here, while the worker keeps its socket and goes
 * on sending. The SSRC is in the clear even in SRTP.
 */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { MediaClock } from '../call.ts';
import { isRtcp, readRtp } from './rtp.ts';

export interface TapOptions {
  local: { address: string; port: number };
  remote: { address: string; port: number };
  payloadTypes: ReadonlySet<number>;
  clock: MediaClock;
  /** How long to listen, milliseconds. */
  timeoutMs: number;
}

/** The SSRC of the next RTP packet of one of the payload types; null when none came in time or the port is not to be had. */
export function tapSsrc(options: TapOptions): { ssrc: Promise<number | null>; cancel(): void } {
  const { local, remote, payloadTypes, clock, timeoutMs } = options;
  const socket = createSocket({ type: isIPv6(local.address) ? 'udp6' : 'udp4', reuseAddr: true });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  let open = true;
  const done = (ssrc: number | null): void => {
    if (!open) return;
    open = false;
    stopWaiting();
    socket.close(() => resolve(ssrc));
  };
  const stopWaiting = clock.after(timeoutMs, () => done(null));
  socket.on('error', () => done(null));
  socket.on('message', (data) => {
    if (isRtcp(data)) return;
    const packet = readRtp(data);
    if (packet !== null && payloadTypes.has(packet.payloadType)) done(packet.ssrc);
  });
  socket.bind({ port: local.port, address: local.address }, () => {
    if (open) socket.connect(remote.port, remote.address);
  });
  return { ssrc: promise, cancel: () => done(null) };
}
