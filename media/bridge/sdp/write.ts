/** Writes the bridge's offers and answers from structures. */
import { randomInt } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { type MediaDescription, type SessionDescription, write } from 'sdp-transform';
import type { Description, Direction } from './description.ts';
import { answerParameters, offerParameters } from './h264.ts';
import type { Selected } from './select.ts';

/** Our end of one m= line. */
export interface LocalMedia {
  rtpPort: number;
  rtcpPort: number;
  rtcpMux: boolean;
  /** Our SRTP key, base64; null for plain RTP. */
  srtpKey: string | null;
}

/** Most that a room should send us for 720p30, kbit/s. */
const videoBandwidth = 2048;

/** One side of a session: keeps what RFC 3264 and RFC 8866 want kept over its life. */
export class LocalDescription {
  readonly #address: string;
  readonly #sessionId = randomInt(1, 2 ** 31);
  #version = 0;
  #last = '';

  /** @param address the address where the room reaches our media */
  constructor(address: string) {
    this.#address = address;
  }

  /**
   * The body with the m= lines given. The version in o= rises by one whenever the body changed, and only then (RFC 3264
   * section 8, RFC 8866 section 5.2).
   */
  write(media: readonly MediaDescription[]): string {
    const unversioned = write(this.#session(media, 0));
    if (unversioned !== this.#last) {
      this.#version++;
      this.#last = unversioned;
    }
    return write(this.#session(media, this.#version));
  }

  #session(media: readonly MediaDescription[], sessionVersion: number): SessionDescription {
    const ipVer = isIPv6(this.#address) ? 6 : 4;
    return {
      version: 0,
      origin: {
        username: '-',
        sessionId: this.#sessionId,
        sessionVersion,
        netType: 'IN',
        ipVer,
        address: this.#address,
      },
      name: '-',
      connection: { version: ipVer, ip: this.#address },
      timing: { start: 0, stop: 0 },
      media: [...media],
    };
  }
}

/** The m= lines of an answer: one for each of the offer, port 0 where it is not carried (RFC 3264 section 6). */
export function answerMedia(
  offer: Description,
  carried: ReadonlyMap<number, { selected: Selected; local: LocalMedia; direction: Direction }>,
): MediaDescription[] {
  return offer.media.map((media, index) => {
    const ours = carried.get(index);
    if (ours !== undefined) return carriedMedia(ours.selected, ours.local, ours.direction);
    const refused: MediaDescription = {
      type: media.type,
      port: 0,
      protocol: media.protocol,
      payloads: media.formatList,
      rtp: [],
      fmtp: [],
    };
    if (media.mid !== null) refused.mid = media.mid;
    return refused;
  });
}

/** One m= line of ours in the codec chosen: for an answer, and for a later offer of our own. */
export function carriedMedia(selected: Selected, local: LocalMedia, direction: Direction): MediaDescription {
  const { kind, format, h264, telephoneEvent, media, crypto } = selected;
  const payloads = [format.payloadType];
  const described: MediaDescription = {
    type: kind,
    port: local.rtpPort,
    protocol: media.protocol,
    payloads: '',
    rtp: [
      {
        payload: format.payloadType,
        codec: format.name,
        rate: format.clockRate,
        ...(format.channels > 1 ? { encoding: format.channels } : {}),
      },
    ],
    fmtp: [],
    direction,
  };
  if (h264 !== null) {
    described.fmtp.push({ payload: format.payloadType, config: answerParameters(h264) });
    described.rtcpFb = feedbackLines(selected);
    described.bandwidth = [{ type: 'AS', limit: videoBandwidth }];
  } else {
    if (format.name.toLowerCase() === 'opus')
      described.fmtp.push({ payload: format.payloadType, config: 'useinbandfec=1' });
    if (telephoneEvent !== null) {
      payloads.push(telephoneEvent.payloadType);
      const { payloadType: payload, clockRate: rate } = telephoneEvent;
      described.rtp.push({ payload, codec: 'telephone-event', rate });
      described.fmtp.push({ payload, config: '0-15' });
    }
    described.ptime = 20;
  }
  described.payloads = payloads.join(' ');
  if (media.mid !== null) described.mid = media.mid;
  if (crypto !== null && local.srtpKey !== null) {
    described.crypto = [{ id: crypto.tag, suite: crypto.suite, config: `inline:${local.srtpKey}` }];
  }
  if (local.rtcpMux) described.rtcpMux = 'rtcp-mux';
  else described.rtcp = { port: local.rtcpPort };
  return described;
}

/** Only what the room offered may be in an answer (RFC 4585 section 4.2). */
function feedbackLines({ format, media }: Selected): NonNullable<MediaDescription['rtcpFb']> {
  const { nack, pli, fir } = media.feedback(format.payloadType);
  const payload = format.payloadType;
  const lines: NonNullable<MediaDescription['rtcpFb']> = [];
  if (nack) lines.push({ payload, type: 'nack' });
  if (pli) lines.push({ payload, type: 'nack', subtype: 'pli' });
  if (fir) lines.push({ payload, type: 'ccm', subtype: 'fir' });
  return lines;
}

/** The m= lines of our own first offer, for an INVITE without one: everything the bridge speaks, best first. */
export function offerMedia(audio: LocalMedia, video: LocalMedia): MediaDescription[] {
  const common = { protocol: 'RTP/AVP', direction: 'sendrecv' } as const;
  return [
    {
      ...common,
      type: 'audio',
      port: audio.rtpPort,
      payloads: '96 9 8 0 97 98',
      rtp: [
        { payload: 96, codec: 'opus', rate: 48_000, encoding: 2 },
        { payload: 9, codec: 'G722', rate: 8000 },
        { payload: 8, codec: 'PCMA', rate: 8000 },
        { payload: 0, codec: 'PCMU', rate: 8000 },
        { payload: 97, codec: 'telephone-event', rate: 8000 },
        { payload: 98, codec: 'telephone-event', rate: 48_000 },
      ],
      fmtp: [
        { payload: 96, config: 'useinbandfec=1' },
        { payload: 97, config: '0-15' },
        { payload: 98, config: '0-15' },
      ],
      ptime: 20,
      rtcp: { port: audio.rtcpPort },
      rtcpMux: 'rtcp-mux',
    },
    {
      ...common,
      type: 'video',
      port: video.rtpPort,
      payloads: '99 100',
      bandwidth: [{ type: 'AS', limit: videoBandwidth }],
      rtp: [
        { payload: 99, codec: 'H264', rate: 90_000 },
        { payload: 100, codec: 'H264', rate: 90_000 },
      ],
      fmtp: [
        { payload: 99, config: offerParameters(1) },
        { payload: 100, config: offerParameters(0) },
      ],
      rtcpFb: [99, 100].flatMap((payload) => [
        { payload, type: 'nack', subtype: 'pli' },
        { payload, type: 'ccm', subtype: 'fir' },
      ]),
      rtcp: { port: video.rtcpPort },
      rtcpMux: 'rtcp-mux',
    },
  ];
}
