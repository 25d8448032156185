/** What a room's video system has decoded, and what a host hears of it: read from real media, compared by colour and tone. */
import assert from 'node:assert/strict';
import type { Sound } from '../../fixtures/meeting/measure.ts';
import { hostColour } from '../../fixtures/meeting/picture.ts';
import { type AudioCodec, Baresip, type Colour } from '../../fixtures/vtc/baresip.ts';

/** What the room's microphone hears, hertz. Its camera sees green. */
export const roomTone = 1_000;

/** A room's video system with a tone and a colour of its own. */
export function startRoom(audioCodec: AudioCodec = 'PCMU', lifetimeSeconds = 300): Promise<Baresip> {
  return Baresip.start({ audioCodec, toneHz: roomTone, video: 'color=c=green', lifetimeSeconds, trace: true });
}

/** The host's colour is like nothing else; whatever is not the host is the slate. No picture is neither. */
export function shows(colour: Colour | null, what: 'host' | 'slate'): boolean {
  if (colour === null) return false;
  const away = [colour.red - hostColour.r, colour.green - hostColour.g, colour.blue - hostColour.b];
  return away.every((distance) => Math.abs(distance) < 45) === (what === 'host');
}

export function hearsRoom(sound: Sound | null): boolean {
  return sound !== null && Math.abs(sound.peakHz - roomTone) < 20;
}

const patienceMs = 60_000;

/** Looks again and again at what baresip has decoded: it has no event for that. Not longer than the call. */
export async function until(room: Baresip, what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  const calls = room.events.filter(({ type }) => type === 'CALL_CLOSED').length;
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    if (await done()) return;
    if (room.events.filter(({ type }) => type === 'CALL_CLOSED').length > calls) break;
    await room.command('callstat');
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  const over = room.events.filter(({ type }) => type === 'CALL_CLOSED').length > calls;
  assert.fail(`never came: ${what}; ${over ? 'the call is over' : 'the call goes on'}\n${room.output.slice(-1_500)}`);
}
