/**
 * A room's media without a SIP stack: offers PCMU and H.264 to the bridge, says a tone, and listens. Video is only
 * received, as packets; what is in them is a matter for tests with a real decoder.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { toneShare } from '../../fixtures/vtc/tone.ts';
import type { BridgedCall } from '../../media/call.ts';

const rate = 8000;
const samplesPerPacket = 160;

export interface RtpRoom {
  /** RTP packets received so far. */
  readonly received: { audio: number; video: number };
  /** Share of the last half second that is a tone of `hz`, 0 to 1. */
  hears(hz: number): number;
  /** Every packet that had reached the room's sockets before the call is counted in `received` afterwards. */
  drained(): Promise<void>;
  close(): void;
}

/** Negotiates with the call and starts to speak at once, a tone of `hz`. */
export async function rtpRoom(call: BridgedCall, hz: number): Promise<RtpRoom> {
  const [audio, video] = await Promise.all([bound(), bound()]);
  const received = { audio: 0, video: 0 };
  let heard = new Float64Array(rate / 2);
  audio.on('message', (packet) => {
    if (!isRtp(packet)) return;
    received.audio += 1;
    const samples = Float64Array.from(packet.subarray(payloadAt(packet)), fromMuLaw);
    const next = new Float64Array(heard.length);
    next.set(heard.subarray(samples.length));
    next.set(samples, heard.length - samples.length);
    heard = next;
  });
  video.on('message', (packet) => {
    if (isRtp(packet)) received.video += 1;
  });
  const answer = await call.answer(offer(audio.address().port, video.address().port));
  const to = Number(/^m=audio (\d+)/m.exec(answer)?.[1]);
  let sequence = 0;
  const ssrc = 0x1020_3040;
  const speaking = setInterval(() => {
    const packet = Buffer.alloc(12 + samplesPerPacket);
    packet[0] = 0x80;
    packet.writeUInt16BE(sequence & 0xffff, 2);
    packet.writeUInt32BE((sequence * samplesPerPacket) >>> 0, 4);
    packet.writeUInt32BE(ssrc, 8);
    for (let i = 0; i < samplesPerPacket; i++) {
      const at = (sequence * samplesPerPacket + i) / rate;
      packet[12 + i] = toMuLaw(0.4 * Math.sin(2 * Math.PI * hz * at));
    }
    sequence += 1;
    audio.send(packet, to, '127.0.0.1');
  }, 20);
  return {
    received,
    hears: (tone) => toneShare({ rate, samples: heard }, tone, 0.5),
    drained: async () => void (await Promise.all([audio, video].map(drained))),
    close() {
      clearInterval(speaking);
      audio.close();
      video.close();
    },
  };
}

function offer(audio: number, video: number): string {
  return [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${audio} RTP/AVP 0`,
    'a=rtpmap:0 PCMU/8000',
    `m=video ${video} RTP/AVP 96`,
    'a=rtpmap:96 H264/90000',
    'a=fmtp:96 profile-level-id=42e01f;packetization-mode=1',
    'a=rtcp-fb:96 nack pli',
    '',
  ].join('\r\n');
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** A socket gives out its datagrams in their order: after a marker sent now there is nothing left that came before it. */
async function drained(socket: Socket): Promise<void> {
  const marker = Buffer.from('drained');
  const arrived = new Promise<void>((resolve) => {
    const onMessage = (packet: Buffer): void => {
      if (!packet.equals(marker)) return;
      socket.off('message', onMessage);
      resolve();
    };
    socket.on('message', onMessage);
  });
  socket.send(marker, socket.address().port, '127.0.0.1');
  await arrived;
}

/** Not RTCP, which may come on the same port (RFC 5761 section 4). */
function isRtp(packet: Buffer): boolean {
  const type = (packet[1] ?? 0) & 0x7f;
  return packet.length > 12 && (type < 64 || type > 95);
}

/** After the fixed header, contributing sources and a header extension (RFC 3550, 5.1 and 5.3.1). */
function payloadAt(packet: Buffer): number {
  const first = packet[0] ?? 0;
  const at = 12 + 4 * (first & 0x0f);
  const extended = (first & 0x10) !== 0 && packet.length >= at + 4;
  return extended ? at + 4 + 4 * packet.readUInt16BE(at + 2) : at;
}

/** ITU-T G.711, the segment form. */
function toMuLaw(value: number): number {
  const magnitude = Math.min(32_635, Math.abs(Math.round(value * 32_767))) + 132;
  const exponent = Math.max(0, Math.floor(Math.log2(magnitude)) - 7);
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~((value < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff;
}

function fromMuLaw(byte: number): number {
  const bits = ~byte & 0xff;
  const magnitude = ((((bits & 0x0f) << 3) + 132) << ((bits >> 4) & 7)) - 132;
  return (bits & 0x80 ? -magnitude : magnitude) / 32_768;
}
