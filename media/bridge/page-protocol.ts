/**
 * What a web page and the bridge say to each other, method by method. Types alone, so that pages can import them; the
 * bridge checks what pages send in page-port.ts.
 */
import type { types as client } from 'mediasoup-client';

/** `capabilities`: answered once the SDP exchange with the room is done. */
export interface PageCapabilities {
  /** For mediasoup-client's Device. */
  router: client.RtpCapabilities;
  /** The one audio codec that the room takes and sends: the page must produce it, since nothing is transcoded. */
  audio: client.RtpCodecCapability;
  /** The one video codec; null when the room has no video. */
  video: PageVideo | null;
}

export interface PageVideo {
  codec: client.RtpCodecCapability;
  /** Largest picture that the room's decoder takes, in macroblocks of 16x16 (H.264 level, MaxFS). */
  maxFrameSize: number;
  /** Most macroblocks a second (H.264 level, MaxMBPS). */
  maxMacroblocksPerSecond: number;
  /** Bits a second. */
  maxBitrate: number;
}

/** `createTransport`, data `{ direction }`: what mediasoup-client's createSendTransport or createRecvTransport want. */
export type PageTransport = Pick<client.TransportOptions, 'id' | 'iceParameters' | 'iceCandidates' | 'dtlsParameters'>;

/** `consume`, data `{ rtpCapabilities }`: one for each kind that the room sends. */
export interface PageConsumer {
  id: string;
  producerId: string;
  kind: 'audio' | 'video';
  rtpParameters: client.RtpParameters;
}
