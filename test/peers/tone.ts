/** Test tones: makes them as WAV files and finds them again in WAV recordings. */
import { readFileSync, writeFileSync } from 'node:fs';

/** Writes `seconds` of a sine of `hz` at half of full scale as 16-bit PCM. */
export function writeTone(path: string, hz: number, seconds: number, rate: number, channels = 1): void {
  const frames = Math.round(seconds * rate);
  const data = Buffer.alloc(44 + frames * channels * 2);
  data.write('RIFF', 0, 'latin1');
  data.writeUInt32LE(data.length - 8, 4);
  data.write('WAVEfmt ', 8, 'latin1');
  data.writeUInt32LE(16, 16);
  data.writeUInt16LE(1, 20);
  data.writeUInt16LE(channels, 22);
  data.writeUInt32LE(rate, 24);
  data.writeUInt32LE(rate * channels * 2, 28);
  data.writeUInt16LE(channels * 2, 32);
  data.writeUInt16LE(16, 34);
  data.write('data', 36, 'latin1');
  data.writeUInt32LE(data.length - 44, 40);
  for (let frame = 0; frame < frames; frame++) {
    const sample = Math.round(16_384 * Math.sin((2 * Math.PI * hz * frame) / rate));
    for (let channel = 0; channel < channels; channel++)
      data.writeInt16LE(sample, 44 + (frame * channels + channel) * 2);
  }
  writeFileSync(path, data);
}

export interface Recording {
  rate: number;
  /** The first channel, -1 to 1. */
  samples: Float64Array;
}

/** Reads a 16-bit PCM WAV, also one whose writer has not filled in the length yet. */
export function readWav(path: string): Recording {
  const data = readFileSync(path);
  let channels = 1;
  let rate = 8_000;
  for (let at = 12; at + 8 <= data.length; ) {
    const id = data.toString('latin1', at, at + 4);
    const length = data.readUInt32LE(at + 4);
    if (id === 'fmt ') {
      channels = data.readUInt16LE(at + 10);
      rate = data.readUInt32LE(at + 12);
    }
    if (id === 'data') {
      const end = length === 0 ? data.length : Math.min(data.length, at + 8 + length);
      const frames = Math.floor((end - at - 8) / (2 * channels));
      const samples = new Float64Array(frames);
      for (let i = 0; i < frames; i++) samples[i] = data.readInt16LE(at + 8 + i * 2 * channels) / 32_768;
      return { rate, samples };
    }
    at += 8 + length + (length % 2);
  }
  return { rate, samples: new Float64Array(0) };
}

/** Share of the energy of the last `seconds` that lies at `hz` (0 to 1; a clean tone is above 0.9), by Goertzel. */
export function toneShare(recording: Recording, hz: number, seconds = 1): number {
  const window = Math.min(recording.samples.length, Math.round(seconds * recording.rate));
  if (window === 0) return 0;
  const samples = recording.samples.subarray(recording.samples.length - window);
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / recording.rate);
  let previous = 0;
  let beforeThat = 0;
  let energy = 0;
  for (const sample of samples) {
    const next = sample + coefficient * previous - beforeThat;
    beforeThat = previous;
    previous = next;
    energy += sample * sample;
  }
  const power = previous ** 2 + beforeThat ** 2 - coefficient * previous * beforeThat;
  return energy === 0 ? 0 : Math.min(1, power / (energy * (window / 2)));
}

/** Root mean square of the last `seconds`, 0 to 1: 0 is digital silence. */
export function loudness(recording: Recording, seconds = 1): number {
  const window = Math.min(recording.samples.length, Math.round(seconds * recording.rate));
  if (window === 0) return 0;
  let energy = 0;
  for (const sample of recording.samples.subarray(recording.samples.length - window)) energy += sample * sample;
  return Math.sqrt(energy / window);
}
