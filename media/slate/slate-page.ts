/** The slate's page: draws words on a canvas, plays a soft tone, and sends both to the room. Runs in the browser. */
import { connectBridge } from '../guest/page/bridge-link.ts';
import type { SlateWords } from './slate.ts';

declare global {
  interface Window {
    /** Shows `wanted`, or `english` where this machine has no letters for it. */
    usherSlate(wanted: SlateWords, english: SlateWords): Promise<void>;
    /** Until the next `usherSlate`: a picture a second for a meeting that has none, and no sound. */
    usherSlateRest(): Promise<void>;
  }
}

const width = 1280;
const height = 720;
const framesPerSecond = 8;
const restingFramesPerSecond = 1;
const font = "'Segoe UI', 'DejaVu Sans', 'IPAGothic', 'Noto Sans CJK JP', sans-serif";
const colours = { background: '#12233f', panel: '#1b3157', text: '#ffffff', soft: '#b9c8e6', mark: '#6fa8ff' };

const canvas = document.createElement('canvas');
canvas.width = width;
canvas.height = height;
const found = canvas.getContext('2d', { alpha: false });
if (found === null) throw new Error('this browser has no canvas');
const context = found;

let words: SlateWords | null = null;
let shownAt = 0;
let frame = 0;

function draw(): void {
  frame++;
  context.fillStyle = colours.background;
  context.fillRect(0, 0, width, height);
  context.fillStyle = colours.panel;
  context.fillRect(0, 560, width, 160);
  // Something always moves, so that the room's system, and whoever looks at it, sees that the line is alive.
  for (let dot = 0; dot < 3; dot++) {
    context.fillStyle = Math.floor(frame / 4) % 3 === dot ? colours.mark : colours.panel;
    context.beginPath();
    context.arc(112 + dot * 44, 96, 14, 0, 2 * Math.PI);
    context.fill();
  }
  if (words === null) return;
  line(words.heading, 240, 64, 'bold', colours.text);
  line(words.detail, 320, 34, 'normal', colours.soft);
  if (words.clock !== null) line(clockLine(words.clock), 420, 44, 'normal', colours.text);
  line(words.title, 630, 40, 'bold', colours.text);
  line(words.room, 684, 30, 'normal', colours.soft);
}

/** One line, in smaller letters when it is long, cut where even those do not help. */
function line(text: string, y: number, size: number, weight: string, colour: string): void {
  const room = width - 192;
  let fitting = size;
  do {
    context.font = `${weight} ${fitting}px ${font}`;
    if (context.measureText(text).width <= room) break;
    fitting -= 2;
  } while (fitting > size * 0.65);
  let shown = text;
  while (shown.length > 1 && context.measureText(shown).width > room) shown = `${shown.slice(0, -2)}…`;
  context.fillStyle = colour;
  context.fillText(shown, 96, y);
}

function clockLine({ text, fromMs, runs }: NonNullable<SlateWords['clock']>): string {
  const passed = performance.now() - shownAt;
  const seconds = Math.max(0, Math.floor((runs === 'up' ? fromMs + passed : fromMs - passed) / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return text.replace('{time}', shown.map((part, index) => String(part).padStart(index === 0 ? 1 : 2, '0')).join(':'));
}

/** Two letters that look the same are two boxes: there is no font for them. */
function hasLetters(text: string): boolean {
  const [strange] = text.match(/[^\u0000-\u024f\u2000-\u206f]/) ?? [];
  return strange === undefined || picture(strange) !== picture('\u{10fffd}');
}

function picture(letter: string): string {
  const small = document.createElement('canvas');
  small.width = 32;
  small.height = 32;
  const pen = small.getContext('2d');
  if (pen === null) return letter;
  pen.font = `24px ${font}`;
  pen.fillText(letter, 2, 26);
  return small.toDataURL();
}

const sound = new AudioContext({ sampleRate: 48_000 });
const output = sound.createMediaStreamDestination();
// The destination alone gives no samples while nothing is connected; a room wants packets all the time.
const silence = sound.createConstantSource();
silence.offset.value = 0;
silence.connect(output);
silence.start();

function chime(notes: readonly number[], volume: number): void {
  notes.forEach((hertz, index) => {
    const at = sound.currentTime + index * 0.35;
    const tone = sound.createOscillator();
    const level = sound.createGain();
    tone.frequency.value = hertz;
    level.gain.setValueAtTime(0, at);
    level.gain.linearRampToValueAtTime(volume, at + 0.05);
    level.gain.exponentialRampToValueAtTime(0.0005, at + 0.9);
    tone.connect(level).connect(output);
    tone.start(at);
    tone.stop(at + 1);
  });
}

// Until there is something to show, a page that was made ready ahead of need takes no time of the machine.
void sound.suspend();

let drawing: ReturnType<typeof setInterval> | undefined;
let resting = true;

async function pace(rest: boolean): Promise<void> {
  if (resting === rest) return;
  resting = rest;
  clearInterval(drawing);
  drawing = setInterval(draw, 1000 / (rest ? restingFramesPerSecond : framesPerSecond));
  await (rest ? sound.suspend() : sound.resume());
}

setInterval(() => {
  if (!resting && words?.tone === 'waiting') chime([523.25, 659.25], 0.08);
}, 4000);

const connected = connectBridge(window.usherBridge, { receive: false, degradationPreference: 'maintain-resolution' });
connected.catch(() => {
  // Told by the first `usherSlate`.
});
let sending = false;

window.usherSlate = async (wanted, english) => {
  words = hasLetters(wanted.heading) ? wanted : english;
  shownAt = performance.now();
  draw();
  await pace(false);
  if (words.tone === 'ended') chime([523.25, 392], 0.08);
  if (sending) return;
  sending = true;
  const link = await connected;
  const [audio] = output.stream.getAudioTracks();
  const [video] = canvas.captureStream(framesPerSecond).getVideoTracks();
  await link.sendTracks({ audio: audio ?? null, video: video ?? null });
};

window.usherSlateRest = () => pace(true);
