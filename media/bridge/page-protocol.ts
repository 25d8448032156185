/**
 * What a web page and the bridge say to each other, method by method. Types alone, so that pages can import them; the
 * bridge checks what pages send in page-port.ts.
 */
import type { types as client } from 'mediasoup-client';

/** The shapes, by the names that either end's library has for the same values. */
export interface PageCapabilitiesOf<Codec, Router> {
  /** For mediasoup-client's Device. */
  router: Router;
  /** The one audio codec that the room takes and sends: the page must produce it, since nothing is transcoded. */
  audio: Codec;
  /** The one video codec; null when the room has no video. */
  video: PageVideoOf<Codec> | null;
}

export interface PageVideoOf<Codec> {
  codec: Codec;
  /** Largest picture that the room's decoder takes, in macroblocks of 16x16 (H.264 level, MaxFS). */
  maxFrameSize: number;
  /** Most macroblocks a second (H.264 level, MaxMBPS). */
  maxMacroblocksPerSecond: number;
  /** Bits a second. */
  maxBitrate: number;
}

export interface PageConsumerOf<Parameters> {
  id: string;
  producerId: string;
  kind: 'audio' | 'video';
  rtpParameters: Parameters;
}

export type PageCapabilities = PageCapabilitiesOf<client.RtpCodecCapability, client.RtpCapabilities>;
export type PageVideo = PageVideoOf<client.RtpCodecCapability>;
export type PageConsumer = PageConsumerOf<client.RtpParameters>;
/** What mediasoup-client's createSendTransport or createRecvTransport want. */
export type PageTransport = Pick<client.TransportOptions, 'id' | 'iceParameters' | 'iceCandidates' | 'dtlsParameters'>;

/** Each method with what it is given and what it answers, as the page sees them. */
export interface PageMethods {
  /** Answered once the SDP exchange with the room is done. */
  capabilities: { data: null; answer: PageCapabilities };
  createTransport: { data: { direction: 'send' | 'recv' }; answer: PageTransport };
  connectTransport: { data: { transportId: string; dtlsParameters: client.DtlsParameters }; answer: null };
  /** Answers the producer's id. */
  produce: {
    data: { transportId: string; kind: 'audio' | 'video'; rtpParameters: client.RtpParameters };
    answer: string;
  };
  /** One consumer, paused, for each kind that the room sends. */
  consume: { data: { transportId: string; rtpCapabilities: client.RtpCapabilities }; answer: PageConsumer[] };
  resume: { data: { consumerId: string }; answer: null };
}
