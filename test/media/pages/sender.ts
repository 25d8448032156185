/** A guest page for tests: sends a tone and a plain colour, and measures the tone and the colour that the room sends. */
import { type BridgeLink, connectBridge } from '../../../media/guest/page/bridge-link.ts';

export interface SenderOptions {
  hz: number;
  /** CSS colour. */
  colour: string;
  width: number;
  height: number;
  framesPerSecond: number;
  /** Draws boxes that move, which a codec has some work with. */
  moving: boolean;
  /** False for a page in the slate's place. */
  receive: boolean;
}

export interface Heard {
  /** The strongest tone of what the room sends. */
  hz: number;
  decibels: number;
  /** Red, green, blue of the middle of the room's picture. */
  colour: number[];
  width: number;
  height: number;
  frames: number;
  packetsLost: number;
  /** Packets that came on either kind. */
  packets: number;
  /** Of the picture that is sent: macroblocks. */
  sentSize: number;
}

declare global {
  interface Window {
    start(options: SenderOptions): Promise<void>;
    heard(): Promise<Heard>;
  }
}

let link: BridgeLink;
let sound: AudioContext;
let analyser: AnalyserNode;
const video = document.createElement('video');

window.start = async (options) => {
  sound = new AudioContext({ sampleRate: 48_000 });
  const output = sound.createMediaStreamDestination();
  const tone = sound.createOscillator();
  tone.frequency.value = options.hz;
  const level = sound.createGain();
  level.gain.value = 0.5;
  tone.connect(level).connect(output);
  tone.start();
  const canvas = document.createElement('canvas');
  canvas.width = options.width;
  canvas.height = options.height;
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('no canvas');
  let frame = 0;
  const draw = (): void => {
    context.fillStyle = options.colour;
    context.fillRect(0, 0, options.width, options.height);
    // Something must change, or nothing is captured.
    context.fillStyle = frame++ % 2 === 0 ? '#000' : '#fff';
    context.fillRect(0, 0, 16, 16);
    for (let box = 0; options.moving && box < 20; box++) {
      context.fillStyle = `hsl(${(box * 37 + frame) % 360},80%,60%)`;
      context.fillRect((box * 97 + frame * 5) % options.width, (box * 53 + frame * 3) % options.height, 60, 40);
    }
  };
  draw();
  setInterval(draw, 1000 / options.framesPerSecond);
  link = await connectBridge(window.usherBridge, { receive: options.receive });
  const [audioTrack] = output.stream.getAudioTracks();
  const [videoTrack] = canvas.captureStream(options.framesPerSecond).getVideoTracks();
  await link.sendTracks({ audio: audioTrack ?? null, video: videoTrack ?? null });
  if (!options.receive) return;
  analyser = sound.createAnalyser();
  analyser.fftSize = 8192;
  sound.createMediaStreamSource(new MediaStream(link.roomStream.getAudioTracks())).connect(analyser);
  video.autoplay = true;
  video.muted = true;
  video.srcObject = link.roomStream;
  document.body.append(video);
};

window.heard = async () => {
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  let strongest = 0;
  bins.forEach((value, index) => {
    if (value > (bins[strongest] ?? -Infinity)) strongest = index;
  });
  const canvas = document.createElement('canvas');
  canvas.width = 64;
  canvas.height = 64;
  const context = canvas.getContext('2d');
  context?.drawImage(video, 0, 0, 64, 64);
  const colour = [...(context?.getImageData(32, 32, 1, 1).data ?? [])].slice(0, 3);
  let packets = 0;
  let packetsLost = 0;
  let frames = 0;
  let sentSize = 0;
  for (const report of await link.stats()) {
    report.forEach((stat) => {
      if (stat.type === 'outbound-rtp' && stat.kind === 'video') {
        sentSize = Math.ceil(stat.frameWidth / 16) * Math.ceil(stat.frameHeight / 16);
      }
      // The bridge's bandwidth probes are no media: they have a stream of their own.
      if (stat.type !== 'inbound-rtp' || stat.mid === 'probator') return;
      packets += stat.packetsReceived;
      packetsLost += stat.packetsLost;
      frames += stat.framesDecoded ?? 0;
    });
  }
  return {
    hz: Math.round((strongest * sound.sampleRate) / analyser.fftSize),
    decibels: Math.round(bins[strongest] ?? -200),
    colour,
    width: video.videoWidth,
    height: video.videoHeight,
    frames,
    packetsLost,
    packets,
    sentSize,
  };
};
