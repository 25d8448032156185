/**
 * baresip as the video system of a meeting room. Its configuration is made at run time in a temporary folder, it is
 * driven over its control socket, and what it received can be measured: audio from its decoder's recording, video from
 * snapshots, packets and loss from its RTCP events.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { findExecutable, freePort } from './executable.ts';
import { type Recording, readWav, writeTone } from './tone.ts';

const run = promisify(execFile);

export type AudioCodec = 'PCMU' | 'PCMA' | 'G722' | 'opus';

/** As baresip names them, with the rate and channels that its source must have. */
const audioCodecs: Record<AudioCodec, { name: string; rate: number; channels: number }> = {
  PCMU: { name: 'PCMU/8000/1', rate: 8_000, channels: 1 },
  PCMA: { name: 'PCMA/8000/1', rate: 8_000, channels: 1 },
  G722: { name: 'G722/16000/1', rate: 16_000, channels: 1 },
  opus: { name: 'opus/48000/2', rate: 48_000, channels: 2 },
};

export interface BaresipOptions {
  /** Default PCMU. */
  audioCodec?: AudioCodec;
  /** What the room's microphone hears, hertz. Default 440. */
  toneHz?: number;
  /**
   * What the room's camera sees: an ffmpeg lavfi source such as `color=c=red` (720p30 is added). Null: no video.
   * Keep it clean: baresip 1.0 aborts when x264 gets noisy 720p. Default `testsrc2`.
   */
  video?: string | null;
  /** Writes every SIP message to `output`. Default false. */
  trace?: boolean;
  /** SDES. Default false. */
  srtp?: boolean;
  /** Further lines for its configuration file. */
  config?: readonly string[];
  /** Seconds after which it ends by itself, whatever happens. Default 120. */
  lifetimeSeconds?: number;
}

const controlMessage = z.looseObject({
  event: z.boolean().optional(),
  response: z.boolean().optional(),
  type: z.string().optional(),
  param: z.string().optional(),
  ok: z.boolean().optional(),
  data: z.string().optional(),
  token: z.string().optional(),
  rtcp_stats: z
    .object({
      tx: z.object({ sent: z.number(), lost: z.number(), jit: z.number() }),
      rx: z.object({ sent: z.number(), lost: z.number(), jit: z.number() }),
      rtt: z.number(),
    })
    .optional(),
});
export type BaresipEvent = z.infer<typeof controlMessage>;

/** One side's colour, 0 to 255 each. */
export interface Colour {
  red: number;
  green: number;
  blue: number;
}

export class Baresip {
  /** Everything it said, for failing tests. */
  output = '';
  /** Every control event so far, oldest first. */
  readonly events: BaresipEvent[] = [];
  readonly sipPort: number;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #control: Socket;
  readonly #emitter = new EventEmitter();
  #received = Buffer.alloc(0);
  #tokens = 0;

  private constructor(folder: string, child: ChildProcess, control: Socket, sipPort: number) {
    this.#folder = folder;
    this.#child = child;
    this.#control = control;
    this.sipPort = sipPort;
    this.#emitter.setMaxListeners(50);
    child.stdout?.on('data', (data: Buffer) => this.#log(data));
    child.stderr?.on('data', (data: Buffer) => this.#log(data));
    control.on('error', () => {});
    control.on('data', (data) => this.#onData(data));
  }

  /** Makes its folder, media and configuration, starts it and waits until it takes commands. */
  static async start(options: BaresipOptions = {}): Promise<Baresip> {
    const binary = findExecutable('baresip');
    if (binary === null) throw new Error('baresip not found on PATH');
    const folder = mkdtempSync(join(tmpdir(), 'usher-baresip-'));
    try {
      const sipPort = await freePort();
      const controlPort = await freePort();
      await prepare(folder, options, sipPort, controlPort);
      const args = ['-4', '-v', '-f', folder, '-t', String(options.lifetimeSeconds ?? 120)];
      if (options.trace === true) args.push('-s');
      const child = spawn(binary, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
      const control = await connectWhenUp(controlPort, child);
      return new Baresip(folder, child, control, sipPort);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Starts a call; `CALL_ESTABLISHED` or `CALL_CLOSED` follows. */
  dial(uri: string): Promise<string> {
    return this.command('dial', uri);
  }

  /** Dials and waits until the call is up. @throws Error with the reason when it is refused */
  async call(uri: string): Promise<BaresipEvent> {
    const settled = this.nextEvent(
      (event) => event.type === 'CALL_ESTABLISHED' || event.type === 'CALL_CLOSED',
      'answer',
    );
    await this.dial(uri);
    const event = await settled;
    if (event.type === 'CALL_CLOSED') throw new Error(`baresip: the call was refused: ${event.param ?? ''}`);
    return event;
  }

  hangUp(): Promise<string> {
    return this.command('hangup');
  }

  hold(): Promise<string> {
    return this.command('hold');
  }

  resume(): Promise<string> {
    return this.command('resume');
  }

  /** One of baresip's long commands; resolves with its output. @throws Error when it says no */
  async command(command: string, params = ''): Promise<string> {
    const token = String(++this.#tokens);
    const answered = this.#next(
      (message) => message.response === true && message.token === token,
      `answer to ${command}`,
    );
    const json = JSON.stringify({ command, params, token });
    this.#control.write(`${Buffer.byteLength(json)}:${json},`);
    const answer = await answered;
    if (answer.ok !== true) throw new Error(`baresip refused "${command} ${params}": ${answer.data ?? ''}`);
    return answer.data ?? '';
  }

  /** The first event of this type, waited for if it has not come yet. @throws Error after `timeoutMs` (15 s) */
  async event(type: string, timeoutMs = 15_000): Promise<BaresipEvent> {
    const past = this.events.find((event) => event.type === type);
    return past ?? this.#next((message) => message.type === type, `event ${type}`, timeoutMs);
  }

  /** The next event that `wanted` takes, from now on. */
  nextEvent(wanted: (event: BaresipEvent) => boolean, what = 'event', timeoutMs = 15_000): Promise<BaresipEvent> {
    return this.#next((message) => message.event === true && wanted(message), what, timeoutMs);
  }

  /** The last RTCP figures of `audio` or `video`; jitter in microseconds. */
  rtcp(kind: 'audio' | 'video'): NonNullable<BaresipEvent['rtcp_stats']> | null {
    const last = this.events.findLast((event) => event.type === 'CALL_RTCP' && event.param === kind);
    return last?.rtcp_stats ?? null;
  }

  /** Everything that its audio decoder has put out so far in the newest call. */
  receivedAudio(): Recording {
    const newest = this.#newest(/^dump-.*-dec\.wav$/);
    return newest === null ? { rate: 8_000, samples: new Float64Array(0) } : readWav(newest);
  }

  /** The mean colour of the picture that it shows now; null where no picture has come. Needs ffmpeg. */
  async receivedColour(): Promise<Colour | null> {
    const before = this.output.length;
    await this.command('snapshot');
    // It is taken from the next decoded frame: no frame, no file.
    const path = await this.#outputMatch(/png: wrote (snapshot-recv-\S+\.png)/, before, 3_000);
    if (path === null) return null;
    return meanColour(join(this.#folder, path));
  }

  /** Ends it without a word, as a power cut would. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Quits, and removes its folder. */
  async close(): Promise<void> {
    const exited = this.#child.exitCode !== null || this.#child.signalCode !== null;
    if (!exited) {
      const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
      this.command('quit').catch(() => {});
      const deadline = setTimeout(() => this.#child.kill('SIGKILL'), 3_000);
      await gone;
      clearTimeout(deadline);
    }
    this.#control.destroy();
    this.#emitter.emit('closed');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #log(data: Buffer): void {
    // Its running line of bit rates would bury everything else.
    const text = data.toString('latin1').replace(/\[\d+:\d\d:\d\d\] [^[\n]*/g, '');
    this.output = (this.output + text).slice(-200_000);
    this.#emitter.emit('output');
  }

  #newest(name: RegExp): string | null {
    const found = readdirSync(this.#folder).filter((file) => name.test(file));
    const path = found.map((file) => join(this.#folder, file));
    return path.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0] ?? null;
  }

  #outputMatch(pattern: RegExp, from: number, timeoutMs: number): Promise<string | null> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = pattern.exec(this.output.slice(Math.min(from, this.output.length)))?.[1];
        if (found !== undefined) finish(found);
      };
      const finish = (result: string | null): void => {
        clearTimeout(timer);
        this.#emitter.off('output', look);
        resolve(result);
      };
      const timer = setTimeout(() => finish(null), timeoutMs);
      this.#emitter.on('output', look);
      look();
    });
  }

  /** Control messages are netstrings of JSON: `length:{…},`. */
  #onData(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    for (;;) {
      const colon = this.#received.indexOf(0x3a);
      if (colon < 0) return;
      const length = Number(this.#received.toString('latin1', 0, colon));
      if (this.#received.length < colon + 1 + length + 1) return;
      const json: unknown = JSON.parse(this.#received.toString('utf8', colon + 1, colon + 1 + length));
      this.#received = this.#received.subarray(colon + length + 2);
      const message = controlMessage.parse(json);
      if (message.event === true) this.events.push(message);
      this.#emitter.emit('message', message);
    }
  }

  #next(wanted: (message: BaresipEvent) => boolean, what: string, timeoutMs = 15_000): Promise<BaresipEvent> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        stop();
        reject(new Error(`baresip: no ${what}: ${why}\n${this.output.slice(-3_000)}`));
      };
      const onMessage = (message: BaresipEvent): void => {
        if (!wanted(message)) return;
        stop();
        resolve(message);
      };
      const onExit = (): void => fail('it ended');
      const timer = setTimeout(() => fail(`not within ${timeoutMs} ms`), timeoutMs);
      const stop = (): void => {
        clearTimeout(timer);
        this.#emitter.off('message', onMessage);
        this.#child.off('exit', onExit);
      };
      this.#emitter.on('message', onMessage);
      this.#child.on('exit', onExit);
    });
  }
}

async function prepare(folder: string, options: BaresipOptions, sipPort: number, controlPort: number): Promise<void> {
  const codec = audioCodecs[options.audioCodec ?? 'PCMU'];
  const lifetime = options.lifetimeSeconds ?? 120;
  writeTone(join(folder, 'tone.wav'), options.toneHz ?? 440, lifetime, codec.rate, codec.channels);
  const video = options.video === undefined ? 'testsrc2' : options.video;
  if (video !== null) await makeVideo(join(folder, 'camera.mkv'), video);
  const account = [
    '<sip:vtc@127.0.0.1>;regint=0;answermode=auto',
    `audio_codecs=${codec.name}`,
    ...(video === null ? ['video_codecs='] : ['video_codecs=h264']),
    ...(options.srtp === true ? ['mediaenc=srtp-mand'] : []),
  ];
  writeFileSync(join(folder, 'accounts'), `${account.join(';')}\n`);
  writeFileSync(join(folder, 'contacts'), '');
  const modules = ['opus', 'g722', 'g711', 'aufile', 'sndfile', 'srtp'];
  if (video !== null) modules.push('avcodec', 'avformat', 'fakevideo', 'snapshot');
  const lines = [
    `sip_listen 127.0.0.1:${sipPort}`,
    'net_interface 127.0.0.1',
    `audio_source aufile,${join(folder, 'tone.wav')}`,
    `audio_player aufile,${join(folder, 'player.wav')}`,
    'audio_alert aufile,/dev/null',
    ...(video === null ? [] : [`video_source avformat,${join(folder, 'camera.mkv')}`, 'video_display fakevideo,nil']),
    'video_size 1280x720',
    'video_bitrate 1500000',
    'video_fps 30.00',
    'rtp_ports 10000-29998',
    'rtp_stats yes',
    `snd_path ${folder}`,
    'module_path /usr/lib/baresip/modules',
    ...modules.map((module) => `module ${module}.so`),
    'module_tmp uuid.so',
    'module_tmp account.so',
    ...['menu', 'debug_cmd', 'ctrl_tcp'].map((module) => `module_app ${module}.so`),
    `ctrl_tcp_listen 127.0.0.1:${controlPort}`,
    'avcodec_h264enc libx264',
    'avcodec_h264dec h264',
    ...(options.config ?? []),
  ];
  writeFileSync(join(folder, 'config'), `${lines.join('\n')}\n`);
}

async function makeVideo(path: string, source: string): Promise<void> {
  const ffmpeg = findExecutable('ffmpeg');
  if (ffmpeg === null) throw new Error('ffmpeg not found on PATH');
  const input = `${source}${source.includes('=') ? ':' : '='}size=1280x720:rate=30`;
  const codec = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-profile:v',
    'baseline',
    '-pix_fmt',
    'yuv420p',
    '-g',
    '60',
  ];
  await run(ffmpeg, ['-v', 'error', '-f', 'lavfi', '-i', input, '-t', '4', ...codec, '-an', path]);
}

/** The mean colour of a picture, by scaling it to one pixel. */
export async function meanColour(path: string): Promise<Colour> {
  const ffmpeg = findExecutable('ffmpeg');
  if (ffmpeg === null) throw new Error('ffmpeg not found on PATH');
  const args = ['-v', 'error', '-i', path, '-vf', 'scale=1:1:flags=area', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
  const { stdout } = await run(ffmpeg, args, { encoding: 'buffer' });
  return { red: stdout[0] ?? 0, green: stdout[1] ?? 0, blue: stdout[2] ?? 0 };
}

/** Its control socket opens some time after it started; there is no event for it but the connection itself. */
async function connectWhenUp(port: number, child: ChildProcess): Promise<Socket> {
  const deadline = performance.now() + 8_000;
  for (;;) {
    const socket = await new Promise<Socket | null>((resolve) => {
      const attempt = connect(port, '127.0.0.1');
      attempt.once('connect', () => resolve(attempt));
      attempt.once('error', () => resolve(null));
    });
    if (socket !== null) return socket;
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`baresip ended at start: ${child.exitCode}`);
    if (performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error('baresip: its control socket did not open within 8 s');
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
