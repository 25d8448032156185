/** Media encoded once, to be sent by many rooms at hardly any cost: 720p30 H.264 in RTP payloads, and PCMU. */
import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { isRtcp, readRtp } from '../../media/bridge/rtp.ts';

export interface Recording {
  /** Payloads of each picture (RFC 6184), 30 a second; the first is a key frame, and the only one. */
  readonly pictures: readonly (readonly Buffer[])[];
  /** Whole seconds of mu-law at 8 kHz. */
  readonly sound: Buffer;
}

export const framesPerSecond = 30;

const encoder = '-c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -pix_fmt yuv420p';
const rate = '-b:v 1500k -maxrate 1500k -bufsize 750k';

/** Takes about as long as it lasts: an encoder that is not slowed down overruns the socket. */
export async function record(ffmpeg: string, seconds: number): Promise<Recording> {
  const sine = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=8000', '-t', '1', '-f', 'mulaw', 'pipe:1'];
  const { stdout: sound } = await promisify(execFile)(ffmpeg, ['-v', 'error', ...sine], { encoding: 'buffer' });
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const pictures = new Map<number, Buffer[]>();
  socket.on('message', (data) => {
    const packet = isRtcp(data) ? null : readRtp(data);
    if (packet === null) return;
    const picture = pictures.get(packet.timestamp) ?? [];
    pictures.set(packet.timestamp, [...picture, Buffer.from(packet.payload)]);
  });
  const count = seconds * framesPerSecond;
  const source = [
    '-re',
    '-f',
    'lavfi',
    '-i',
    `testsrc2=size=1280x720:rate=${framesPerSecond}`,
    '-frames:v',
    `${count}`,
  ];
  const options = [...encoder.split(' '), ...rate.split(' '), '-g', `${count}`, '-f', 'rtp'];
  const to = `rtp://127.0.0.1:${socket.address().port}?pkt_size=1200`;
  const child = spawn(ffmpeg, ['-v', 'error', '-nostdin', ...source, ...options, to], { stdio: 'ignore' });
  const [status] = await once(child, 'exit');
  socket.close();
  if (status !== 0 || pictures.size < count * 0.9) {
    throw new Error(`ffmpeg recorded ${pictures.size} of ${count} pictures (exit status ${status})`);
  }
  return { pictures: [...pictures.values()], sound };
}
