/**
 * A room that costs next to nothing: a SIP user agent that dials once and replays a recording. It decodes nothing of
 * what comes but counts it. On loopback UDP, where no request is lost, it retransmits none.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { type HeaderField, header, parseMessage, type SipMessage, serialiseMessage } from '../../media/sip/message.ts';
import { framesPerSecond, type Recording } from './recording.ts';
import { type LineCounts, ReplayLine } from './replay-line.ts';

export interface ReplayCounts {
  audio: LineCounts;
  video: LineCounts;
  /** Pictures sent. */
  pictures: number;
}

const tickMs = 5;
const audioMs = 20;
/** A room's encoder answers many requests with one key frame, milliseconds. */
const keyFrameEvery = 500;

const field = (name: string, value: string): HeaderField => ({ name, value });
const random = (): string => randomBytes(8).toString('hex');

export class ReplayRoom {
  readonly #recording: Recording;
  readonly #sip: Socket;
  readonly #audio: ReplayLine;
  readonly #video: ReplayLine;
  readonly #uri: string;
  readonly #port: number;
  readonly #callId = random();
  readonly #from: string;
  readonly #answered = Promise.withResolvers<void>();
  #to: string;
  #target: string;
  #pictures = 0;
  #next = 0;
  #keyFrameAt = 0;
  #sounds = 0;
  #timer: NodeJS.Timeout | null = null;

  /** Resolves when the call is answered and the recording runs; `uri` is `sip:user@127.0.0.1:port`. */
  static async dial(uri: string, recording: Recording, timeoutMs = 20_000): Promise<ReplayRoom> {
    const sip = createSocket('udp4');
    await new Promise<void>((resolve) => sip.bind(0, '127.0.0.1', resolve));
    let asked = (): void => {};
    const audio = await ReplayLine.open(0, () => {});
    const video = await ReplayLine.open(99, () => asked());
    const room = new ReplayRoom({ uri, recording, sip, audio, video });
    asked = () => room.#keyFrame();
    const late = setTimeout(() => room.#answered.reject(new Error(`${uri}: no answer in ${timeoutMs} ms`)), timeoutMs);
    try {
      await room.#answered.promise;
    } catch (error) {
      room.close();
      throw error;
    } finally {
      clearTimeout(late);
    }
    room.#play();
    return room;
  }

  private constructor(parts: {
    uri: string;
    recording: Recording;
    sip: Socket;
    audio: ReplayLine;
    video: ReplayLine;
  }) {
    this.#recording = parts.recording;
    this.#sip = parts.sip;
    this.#audio = parts.audio;
    this.#video = parts.video;
    this.#uri = parts.uri;
    this.#target = parts.uri;
    this.#port = Number(parts.uri.split(':').at(-1));
    this.#from = `<sip:room@127.0.0.1:${this.#sip.address().port}>;tag=${random()}`;
    this.#to = `<${parts.uri}>`;
    this.#sip.on('message', (data) => {
      const parsed = parseMessage(data, false);
      if (parsed !== null) this.#take(parsed.message);
    });
    this.#request('INVITE', 1, this.#offer());
  }

  counts(): ReplayCounts {
    return { audio: this.#audio.read(), video: this.#video.read(), pictures: this.#pictures };
  }

  /** BYE, and silence. */
  hangUp(): void {
    this.#request('BYE', 2, '');
    this.close();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#audio.close();
    this.#video.close();
    // What was just sent goes out first.
    setImmediate(() => this.#sip.close());
  }

  #take(message: SipMessage): void {
    if (message.kind === 'request') {
      if (message.method === 'ACK') return;
      const kept = ['Via', 'From', 'To', 'Call-ID', 'CSeq'];
      const headers = message.headers.filter(({ name }) => kept.includes(name));
      this.#send({ kind: 'response', status: 200, reason: 'OK', headers, body: Buffer.alloc(0) });
      return;
    }
    if (header(message, 'CSeq') !== '1 INVITE' || message.status < 200) return;
    if (message.status >= 300) {
      this.#answered.reject(new Error(`${this.#uri}: ${message.status} ${message.reason}`));
      return;
    }
    this.#to = header(message, 'To') ?? this.#to;
    this.#target = /<([^>]+)>/.exec(header(message, 'Contact') ?? '')?.[1] ?? this.#uri;
    this.#request('ACK', 1, '');
    const answer = message.body.toString('utf8');
    this.#audio.sendTo(Number(/^m=audio (\d+)/m.exec(answer)?.[1]));
    this.#video.sendTo(Number(/^m=video (\d+)/m.exec(answer)?.[1]));
    this.#answered.resolve();
  }

  #request(method: string, sequence: number, body: string): void {
    const own = `127.0.0.1:${this.#sip.address().port}`;
    const headers = [
      field('Via', `SIP/2.0/UDP ${own};branch=z9hG4bK${random()};rport`),
      field('Max-Forwards', '70'),
      field('From', this.#from),
      field('To', this.#to),
      field('Call-ID', this.#callId),
      field('CSeq', `${sequence} ${method}`),
      field('Contact', `<sip:room@${own}>`),
      ...(body === '' ? [] : [field('Content-Type', 'application/sdp')]),
    ];
    this.#send({ kind: 'request', method, uri: this.#target, headers, body: Buffer.from(body) });
  }

  #send(message: SipMessage): void {
    this.#sip.send(serialiseMessage(message), this.#port, '127.0.0.1');
  }

  #offer(): string {
    const lines = ['v=0', 'o=room 7 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'];
    lines.push(`m=audio ${this.#audio.port} RTP/AVP 0`, 'a=rtpmap:0 PCMU/8000', 'a=sendrecv');
    lines.push(`m=video ${this.#video.port} RTP/AVP 99`, 'a=rtpmap:99 H264/90000');
    lines.push('a=fmtp:99 profile-level-id=42e01f;packetization-mode=1', 'a=rtcp-fb:99 nack pli', 'a=sendrecv', '');
    return lines.join('\r\n');
  }

  #keyFrame(): void {
    const now = performance.now();
    if (now - this.#keyFrameAt < keyFrameEvery) return;
    this.#keyFrameAt = now;
    this.#next = 0;
  }

  /** Sends what is due by the time since the start, so that a late timer changes no rate. */
  #play(): void {
    const start = performance.now();
    const { pictures, sound } = this.#recording;
    const bytes = audioMs * 8;
    this.#timer = setInterval(() => {
      const passed = performance.now() - start;
      for (; this.#sounds * audioMs <= passed; this.#sounds++) {
        const at = (this.#sounds * bytes) % sound.length;
        this.#audio.send(sound.subarray(at, at + bytes), this.#sounds * bytes, this.#sounds === 0);
      }
      for (; (this.#pictures * 1000) / framesPerSecond <= passed; this.#pictures++) {
        const payloads = pictures[this.#next] ?? [];
        this.#next = (this.#next + 1) % pictures.length;
        const timestamp = (this.#pictures * 90_000) / framesPerSecond;
        payloads.forEach((payload, at) => {
          this.#video.send(payload, timestamp, at === payloads.length - 1);
        });
      }
    }, tickMs);
  }
}
