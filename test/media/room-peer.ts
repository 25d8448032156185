/**
 * A room's media for tests: UDP sockets in Node that record every packet from the bridge, with ffmpeg behind them as
 * encoder (what the room sends) and decoder (what the room sees and hears).
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRtcp, type RtpPacket, readRtp } from '../../media/bridge/rtp.ts';

export interface Received extends RtpPacket {
  /** Milliseconds of performance.now(). */
  at: number;
  /** The header has an extension. */
  extended: boolean;
}

export type Kind = 'audio' | 'video';

export interface PeerFormats {
  /** An rtpmap value and payload type for audio, e.g. `0 PCMU/8000`; ffmpeg's encoder and its arguments. */
  audio: { payloadType: number; map: string; encode: string[] };
  video: { payloadType: number; fmtp: string } | null;
}

export const pcmu: PeerFormats['audio'] = {
  payloadType: 0,
  map: 'PCMU/8000',
  encode: ['-c:a', 'pcm_mulaw', '-ar', '8000'],
};
export const g722: PeerFormats['audio'] = {
  payloadType: 9,
  map: 'G722/8000',
  encode: ['-c:a', 'g722', '-ar', '16000'],
};
export const opus: PeerFormats['audio'] = {
  payloadType: 96,
  map: 'opus/48000/2',
  encode: ['-c:a', 'libopus', '-ar', '48000', '-b:a', '48k'],
};
export const h264 = { payloadType: 99, fmtp: 'profile-level-id=42e01f;packetization-mode=1' };

/** The room's RTP and RTCP sockets of one kind. */
class Line extends EventEmitter<{ rtp: [Received]; rtcp: [Buffer] }> {
  readonly rtp: Socket;
  readonly rtcp: Socket;
  readonly received: Received[] = [];
  readonly rtcpReceived: Buffer[] = [];
  /** Where the bridge listens; packets to it go nowhere before it is known. */
  bridge: { rtp: number; rtcp: number } | null = null;
  /** Changes what the encoder sends on its way to the bridge. */
  rewrite: (data: Buffer) => Buffer = (data) => data;
  /** Where the decoder listens. */
  decoder: number | null = null;
  readonly #encoderInputs: Socket[] = [];

  static async open(): Promise<Line> {
    for (let tries = 0; tries < 20; tries++) {
      const rtp = await bind(0);
      const port = rtp.address().port;
      const rtcp = port % 2 === 0 ? await bind(port + 1).catch(() => null) : null;
      if (rtcp !== null) return new Line(rtp, rtcp);
      rtp.close();
    }
    throw new Error('no free pair of ports');
  }

  private constructor(rtp: Socket, rtcp: Socket) {
    super();
    this.rtp = rtp;
    this.rtcp = rtcp;
    rtp.on('message', (data) => (isRtcp(data) ? this.#takeRtcp(data) : this.#takeRtp(data)));
    rtcp.on('message', (data) => this.#takeRtcp(data));
  }

  get port(): number {
    return this.rtp.address().port;
  }

  /** The port to which an encoder sends what goes to the bridge from our own; RTCP comes to the one after it. */
  async encoderPort(): Promise<number> {
    for (;;) {
      const rtp = await bind(0);
      const rtcp = await bind(rtp.address().port + 1).catch(() => null);
      this.#encoderInputs.push(rtp);
      if (rtcp === null) continue;
      this.#encoderInputs.push(rtcp);
      rtp.on('message', (data) => this.send(this.rewrite(data)));
      rtcp.on('message', (data) => this.sendRtcp(data));
      return rtp.address().port;
    }
  }

  send(data: Buffer): void {
    if (this.bridge !== null) this.rtp.send(data, this.bridge.rtp, '127.0.0.1');
  }

  sendRtcp(data: Buffer): void {
    if (this.bridge === null) return;
    // On one port in both directions (RFC 5761 section 3).
    const socket = this.bridge.rtcp === this.bridge.rtp ? this.rtp : this.rtcp;
    socket.send(data, this.bridge.rtcp, '127.0.0.1');
  }

  close(): void {
    for (const socket of [this.rtp, this.rtcp, ...this.#encoderInputs.splice(0)]) socket.close();
  }

  #takeRtp(data: Buffer): void {
    if (this.decoder !== null) this.rtp.send(data, this.decoder, '127.0.0.1');
    const packet = readRtp(data);
    if (packet === null) return;
    const received = { ...packet, at: performance.now(), extended: ((data[0] ?? 0) & 0x10) !== 0 };
    this.received.push(received);
    this.emit('rtp', received);
  }

  #takeRtcp(data: Buffer): void {
    this.rtcpReceived.push(data);
    this.emit('rtcp', data);
  }
}

export interface Seen {
  /** Red, green and blue of each decoded picture's middle. */
  colours: number[][];
  /** 16-bit samples at 8 kHz. */
  samples: Int16Array;
  /** What the decoder complained of. */
  complaints: string[];
}

export class RoomPeer {
  readonly audio: Line;
  readonly video: Line;
  readonly formats: PeerFormats;
  readonly #folder: string;
  readonly #processes = new Set<ChildProcess>();

  static async open(formats: PeerFormats): Promise<RoomPeer> {
    return new RoomPeer(formats, await Line.open(), await Line.open());
  }

  private constructor(formats: PeerFormats, audio: Line, video: Line) {
    this.formats = formats;
    this.audio = audio;
    this.video = video;
    this.#folder = mkdtempSync(join(tmpdir(), 'usher-room-'));
  }

  /** An offer of the room. `lines` are added to each m= line. */
  offer(
    options: { lines?: string[]; protocol?: string; address?: string; direction?: string; version?: number } = {},
  ): string {
    const { lines = [], protocol = 'RTP/AVP', address = '127.0.0.1', direction = 'sendrecv', version = 1 } = options;
    const { audio, video } = this.formats;
    const body = [
      'v=0',
      `o=room 7 ${version} IN IP4 127.0.0.1`,
      's=-',
      `c=IN IP4 ${address}`,
      't=0 0',
      `m=audio ${this.audio.port} ${protocol} ${audio.payloadType} 101`,
      `a=rtpmap:${audio.payloadType} ${audio.map}`,
      `a=rtpmap:101 telephone-event/${audio.map.split('/')[1]}`,
      `a=${direction}`,
      ...lines,
    ];
    if (video !== null) {
      body.push(
        `m=video ${this.video.port} ${protocol} ${video.payloadType}`,
        `a=rtpmap:${video.payloadType} H264/90000`,
        `a=fmtp:${video.payloadType} ${video.fmtp}`,
        `a=rtcp-fb:${video.payloadType} nack pli`,
        `a=${direction}`,
        ...lines,
      );
    }
    return `${body.join('\r\n')}\r\n`;
  }

  /** Takes from the bridge's answer (or offer) where to send. */
  take(sdp: string): void {
    for (const [kind, line] of [
      ['audio', this.audio],
      ['video', this.video],
    ] as const) {
      const port = Number(new RegExp(`^m=${kind} (\\d+)`, 'm').exec(sdp)?.[1] ?? 0);
      const mux = new RegExp(`m=${kind}[^]*?a=rtcp-mux`).test(sdp);
      line.bridge = port === 0 ? null : { rtp: port, rtcp: mux ? port : port + 1 };
    }
  }

  /** Starts to send a tone and a colour, as a room's system would. */
  async send(options: {
    hz: number;
    colour: string;
    size?: string;
    rate?: number;
    /** Pictures from one key frame to the next; the encoder takes no requests. */
    keyFrameEvery?: number;
    srtp?: { suite: string; key: string };
  }): Promise<void> {
    const { size = '640x360', rate = 15, keyFrameEvery = 15 } = options;
    const { audio, video } = this.formats;
    const scheme = options.srtp === undefined ? 'rtp' : 'srtp';
    const secret =
      options.srtp === undefined ? [] : ['-srtp_out_suite', options.srtp.suite, '-srtp_out_params', options.srtp.key];
    const args = ['-re', '-f', 'lavfi', '-i', `sine=frequency=${options.hz}:sample_rate=48000,volume=4`];
    if (video !== null) args.push('-re', '-f', 'lavfi', '-i', `color=${options.colour}:size=${size}:rate=${rate}`);
    args.push('-map', '0:a', ...audio.encode, '-ac', audio.map.endsWith('/2') ? '2' : '1');
    args.push('-payload_type', String(audio.payloadType), '-f', 'rtp', ...secret);
    args.push(`${scheme}://127.0.0.1:${await this.audio.encoderPort()}?pkt_size=332`);
    if (video !== null) {
      args.push(
        '-map',
        '1:v',
        '-c:v',
        'libx264',
        '-preset',
        'ultrafast',
        '-tune',
        'zerolatency',
        '-profile:v',
        'baseline',
      );
      args.push(
        '-pix_fmt',
        'yuv420p',
        '-g',
        String(keyFrameEvery),
        '-payload_type',
        String(video.payloadType),
        '-f',
        'rtp',
        ...secret,
      );
      args.push(`${scheme}://127.0.0.1:${await this.video.encoderPort()}?pkt_size=1200`);
    }
    this.#ffmpeg(args);
  }

  /** Decodes what the bridge sends from now on; the function that it returns ends that and tells what was seen. */
  async watch(
    srtp?: { suite: string; audioKey: string; videoKey: string },
    askForKeyFrame: () => void = () => this.askForKeyFrame(),
  ): Promise<() => Promise<Seen>> {
    const { audio, video } = this.formats;
    const [audioPort, videoPort] = [await freePort(), await freePort()];
    const crypto = (key: string | undefined): string[] =>
      srtp === undefined ? [] : [`a=crypto:1 ${srtp.suite} inline:${key}`];
    const protocol = srtp === undefined ? 'RTP/AVP' : 'RTP/SAVP';
    const path = join(this.#folder, 'watch.sdp');
    const sdp = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'];
    sdp.push(
      `m=audio ${audioPort} ${protocol} ${audio.payloadType}`,
      `a=rtpmap:${audio.payloadType} ${audio.map}`,
      ...crypto(srtp?.audioKey),
    );
    if (video !== null) {
      sdp.push(`m=video ${videoPort} ${protocol} ${video.payloadType}`, `a=rtpmap:${video.payloadType} H264/90000`);
      sdp.push(`a=fmtp:${video.payloadType} ${video.fmtp}`, ...crypto(srtp?.videoKey));
    }
    writeFileSync(path, `${sdp.join('\r\n')}\r\n`);
    const args = [
      '-protocol_whitelist',
      'file,rtp,srtp,udp,crypto',
      '-analyzeduration',
      '500000',
      '-probesize',
      '200000',
    ];
    args.push('-fflags', 'nobuffer', '-reorder_queue_size', '0', '-i', path);
    args.push('-map', '0:a', '-f', 's16le', '-ar', '8000', '-ac', '1', '-flush_packets', '1', 'pipe:1');
    if (video !== null) {
      const frames = [
        '-vf',
        'scale=16:16:flags=area',
        '-pix_fmt',
        'rgb24',
        '-vsync',
        'passthrough',
        '-flush_packets',
        '1',
      ];
      args.push('-map', '0:v', ...frames, '-f', 'rawvideo', 'pipe:3');
    }
    const child = this.#ffmpeg(args, 'warning');
    const sound: Buffer[] = [];
    const pictures: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => sound.push(chunk));
    const third = child.stdio[3];
    if (third !== null && third !== undefined && 'on' in third)
      third.on('data', (chunk: Buffer) => pictures.push(chunk));
    const complaints = collectLines(child);
    this.audio.decoder = audioPort;
    this.video.decoder = videoPort;
    // As a room's system does that has just been switched on: ask until there is a picture.
    await until('the decoder', () => {
      if (video !== null && pictures.length === 0) askForKeyFrame();
      return sound.length > 0 && (video === null || pictures.length > 0);
    });
    return async () => {
      this.audio.decoder = null;
      this.video.decoder = null;
      if (child.exitCode === null) {
        // ffmpeg would wait seconds for more packets; all it decoded is out already.
        child.kill('SIGKILL');
        await once(child, 'close');
      }
      const audioBytes = Buffer.concat(sound);
      const samples = new Int16Array(Math.floor(audioBytes.length / 2));
      for (let index = 0; index < samples.length; index++) samples[index] = audioBytes.readInt16LE(index * 2);
      return { colours: middles(Buffer.concat(pictures)), samples, complaints };
    };
  }

  /** Sends a picture loss indication (RFC 4585 section 6.3.1) for the stream that the bridge sends. */
  askForKeyFrame(): void {
    const last = this.video.received.at(-1);
    if (last === undefined) return;
    const pli = Buffer.alloc(12);
    pli.writeUInt8(0x81, 0);
    pli.writeUInt8(206, 1);
    pli.writeUInt16BE(2, 2);
    pli.writeUInt32BE(last.ssrc, 8);
    // Compound packets begin with a report (RFC 3550 section 6.1).
    const report = Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 0]);
    this.video.sendRtcp(Buffer.concat([report, pli]));
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#processes].map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGKILL');
        await once(child, 'close');
      }),
    );
    this.audio.close();
    this.video.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #ffmpeg(args: string[], level = 'error'): ChildProcess {
    const child = spawn('ffmpeg', ['-hide_banner', '-nostdin', '-loglevel', level, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    // A decoder that does not read its picture pipe yet must not stop.
    this.#processes.add(child);
    child.on('close', () => this.#processes.delete(child));
    return child;
  }
}

/** The middle pixel of each 16x16 picture. */
function middles(data: Buffer): number[][] {
  const size = 16 * 16 * 3;
  const colours: number[][] = [];
  for (let at = 0; at + size <= data.length; at += size) {
    const pixel = at + (8 * 16 + 8) * 3;
    colours.push([...data.subarray(pixel, pixel + 3)]);
  }
  return colours;
}

function collectLines(child: ChildProcess): string[] {
  const lines: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) =>
    lines.push(
      ...chunk
        .toString('utf8')
        .split(/[\r\n]+/)
        .filter(Boolean),
    ),
  );
  return lines;
}

async function bind(port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, resolve);
  });
  return socket;
}

/** An even port whose neighbour, which ffmpeg takes for RTCP, is free too. */
async function freePort(): Promise<number> {
  const line = await Line.open();
  const { port } = line;
  line.close();
  return port;
}

/** How strong a frequency is in samples of 8 kHz, 0 to 1 of full scale (Goertzel). */
export function strength(samples: Int16Array, hz: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / 8000);
  let [one, two] = [0, 0];
  for (const sample of samples) [one, two] = [sample / 32_768 + coefficient * one - two, one];
  const power = one * one + two * two - coefficient * one * two;
  return samples.length === 0 ? 0 : (2 * Math.sqrt(Math.max(0, power))) / samples.length;
}

/** Resolves when `done` holds, looked at on every event of the line; fails after `ms`. */
export async function until(what: string, done: () => boolean | Promise<boolean>, ms = 15_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await done())) {
    assert.ok(performance.now() < end, `${what}: did not happen within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
