/** Which m= lines of the room's SDP the bridge carries, and in which codec. */
import type { types } from 'mediasoup';
import { UnacceptableOffer } from '../../call.ts';
import type { Description, Direction, Feedback, Format, Media } from './description.ts';
import { type H264, pageProfileLevelId, readH264 } from './h264.ts';
import type { Crypto } from './sdes.ts';

export type Kind = 'audio' | 'video';

/** One m= line that the bridge carries, with what was chosen for it. */
export interface Selected {
  /** Place among the m= lines. */
  index: number;
  kind: Kind;
  format: Format;
  /** Video only. */
  h264: H264 | null;
  /** Audio only: the format of RFC 4733 events that goes with the codec. */
  telephoneEvent: Format | null;
  media: Media;
  crypto: Crypto | null;
}

/** RTP profiles that the bridge's transports speak: plain, and SRTP with keys in the SDP. */
const plain = new Set(['RTP/AVP', 'RTP/AVPF']);
const secure = new Set(['RTP/SAVP', 'RTP/SAVPF']);

/** mediasoup's names of the audio codecs, by how SDP spells them in lower case. */
const audioCodecs: ReadonlyMap<string, { name: string; clockRate: number }> = new Map([
  ['pcmu', { name: 'PCMU', clockRate: 8000 }],
  ['pcma', { name: 'PCMA', clockRate: 8000 }],
  // RFC 3551 section 4.5.2: G.722 samples at 16 kHz but its RTP clock is 8 kHz.
  ['g722', { name: 'G722', clockRate: 8000 }],
  ['opus', { name: 'opus', clockRate: 48_000 }],
]);

/**
 * Chooses for a first offer (or an answer): the first audio and the first main video m= line that can be carried; of
 * the audio codecs the one that the room puts first; of H.264 packetization-mode 1 before 0.
 * @throws UnacceptableOffer when there is no audio to be carried
 */
export function select(description: Description): Selected[] {
  const selected: Selected[] = [];
  const reasons: string[] = [];
  description.media.forEach((media, index) => {
    if (media.type !== 'audio' && media.type !== 'video') return;
    if (selected.some(({ kind }) => kind === media.type) || isSecondary(media)) return;
    const choice = choose(media, media.type, index);
    if (typeof choice === 'string') reasons.push(`${media.type}: ${choice}`);
    else selected.push(choice);
  });
  if (!selected.some(({ kind }) => kind === 'audio')) {
    throw new UnacceptableOffer(
      reasons.length > 0 ? reasons.join('; ') : 'audio: no m=audio line, or none with a port',
    );
  }
  return selected;
}

/**
 * Matches a later offer with what a call uses already: a payload type keeps its meaning for the life of a session
 * (RFC 3264 section 8.3.2) and pages cannot change codec, so what was chosen must still be offered. An m= line that is
 * new, or that was refused, stays refused.
 * @throws UnacceptableOffer when the codec in use is not offered any more; the session goes on as it was (RFC 3261 14.2)
 */
export function selectAgain(description: Description, current: readonly Selected[]): Selected[] {
  return current.flatMap((used) => {
    const media = description.media[used.index];
    if (media === undefined || media.type !== used.kind) {
      throw new UnacceptableOffer(`m= line ${used.index + 1} was ${used.kind} and must stay (RFC 3264 section 8)`);
    }
    if (media.port === 0) return [];
    const choice = choose(media, used.kind, used.index, used);
    if (typeof choice === 'string') throw new UnacceptableOffer(`${used.kind}: ${choice}`);
    return [choice];
  });
}

/** A presentation stream: the meeting has one picture to send. */
function isSecondary(media: Media): boolean {
  return media.port === 0 || (media.content !== null && !/\b(main|speaker)\b/.test(media.content));
}

function choose(media: Media, kind: Kind, index: number, used?: Selected): Selected | string {
  const crypto = media.cryptos[0] ?? null;
  if (secure.has(media.protocol)) {
    if (crypto === null) return `${media.protocol} without an a=crypto line of a known suite`;
  } else if (!plain.has(media.protocol)) {
    return `transport ${media.protocol} is not spoken, only ${[...plain, ...secure].join(', ')}`;
  }
  if (media.address === null) return 'no c= line';
  const common = { index, kind, media, crypto };
  const formats = used === undefined ? media.formats : media.formats.filter((format) => isSame(format, used.format));
  if (kind === 'audio') {
    const format = formats.find((candidate) => isSpokenAudio(candidate));
    if (format === undefined) return `no codec in common (offered ${offered(media)}; spoken PCMU, PCMA, G722, opus)`;
    return { ...common, format, h264: null, telephoneEvent: eventsFor(media, format) };
  }
  const video = formats.flatMap((format) => {
    const h264 = format.name.toUpperCase() === 'H264' ? readH264(format.parameters) : null;
    return h264 === null ? [] : [{ format, h264 }];
  });
  const usable = video.filter(
    ({ h264 }) => used?.h264 == null || used.h264.packetizationMode === h264.packetizationMode,
  );
  const best = usable.find(({ h264 }) => h264.packetizationMode === 1) ?? usable[0];
  if (best === undefined) return `no codec in common (offered ${offered(media)}; spoken H264 Baseline)`;
  return { ...common, ...best, telephoneEvent: null };
}

function isSpokenAudio(format: Format): boolean {
  return audioCodecs.get(format.name.toLowerCase())?.clockRate === format.clockRate;
}

function isSame(a: Format, b: Format): boolean {
  return a.payloadType === b.payloadType && a.name.toLowerCase() === b.name.toLowerCase();
}

/** Events share the audio's timestamps, so their clock rate must be the same (RFC 4733 section 2.1). */
function eventsFor(media: Media, audio: Format): Format | null {
  const isEvents = ({ name, clockRate }: Format): boolean =>
    name.toLowerCase() === 'telephone-event' && clockRate === audio.clockRate;
  return media.formats.find(isEvents) ?? null;
}

function offered(media: Media): string {
  return (
    media.formats
      .map(({ name, clockRate }) => `${name}/${clockRate}`)
      .join(', ')
      .slice(0, 300) || 'none'
  );
}

/** Whether the room wants nothing from us now: hold by RFC 3264 section 8.4, or by the older address of zeros. */
export function isUnspecified(address: string | null): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** Whether the room takes what we send. */
export function roomReceives({ media }: Selected): boolean {
  return !isUnspecified(media.address) && (media.direction === 'sendrecv' || media.direction === 'recvonly');
}

/** Whether what the room sends is for the meeting; `sendonly` is a hold, and its music is not. */
export function roomSends({ media }: Selected): boolean {
  return !isUnspecified(media.address) && media.direction === 'sendrecv';
}

/** The direction of our answer (RFC 3264 section 6.1). */
export function answerDirection(selected: Selected): Direction {
  const { direction } = selected.media;
  const takes = direction === 'sendrecv' || direction === 'sendonly';
  const gives = roomReceives(selected);
  if (gives) return takes ? 'sendrecv' : 'sendonly';
  return takes ? 'recvonly' : 'inactive';
}

/**
 * As what DTMF events travel through the router. mediasoup takes `telephone-event` but hands its packets to nobody; it
 * tells formats apart by payload type alone, so they go by the name of a codec that is not otherwise spoken here.
 */
export const eventsMimeType = 'audio/iLBC';

/** What the router must know for this m= line. */
export function routerCodecs(selected: Selected): types.RouterRtpCodecCapability[] {
  const { kind, format, h264, telephoneEvent } = selected;
  if (kind === 'video') {
    return [
      {
        kind,
        mimeType: 'video/H264',
        clockRate: 90_000,
        preferredPayloadType: format.payloadType,
        // Whichever Baseline the room said: pages speak this one.
        parameters: {
          'packetization-mode': h264?.packetizationMode ?? 0,
          'profile-level-id': pageProfileLevelId,
          'level-asymmetry-allowed': 1,
        },
        rtcpFeedback: [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }, { type: 'ccm', parameter: 'fir' }],
      },
    ];
  }
  const { name, clockRate } = audioCodecs.get(format.name.toLowerCase()) ?? { name: format.name, clockRate: 8000 };
  const codecs: types.RouterRtpCodecCapability[] = [
    {
      kind,
      mimeType: `audio/${name}`,
      clockRate,
      ...(name === 'opus' ? { channels: 2 } : {}),
      preferredPayloadType: format.payloadType,
    },
  ];
  if (telephoneEvent !== null) {
    codecs.push({ kind, mimeType: eventsMimeType, clockRate: 8000, preferredPayloadType: telephoneEvent.payloadType });
  }
  return codecs;
}

/** What the room understands of RTCP, as mediasoup writes it. */
export function roomFeedback({ kind, format, media }: Selected): types.RtcpFeedback[] {
  if (kind === 'audio') return [];
  const { nack, pli, fir }: Feedback = media.feedback(format.payloadType);
  const feedback: types.RtcpFeedback[] = [];
  if (nack) feedback.push({ type: 'nack' });
  if (pli) feedback.push({ type: 'nack', parameter: 'pli' });
  if (fir) feedback.push({ type: 'ccm', parameter: 'fir' });
  return feedback;
}
