/**
 * The call of each room as the room sees it: what its Join button started, and what became of it. A room's own video
 * system dials; what happens behind a dial token (the lobby, the admission) is told by the guest call itself.
 */
import type { DialedCall, Dialer, JoinEntry } from '../../connectors/devices/device.ts';
import { DeviceError } from '../../connectors/devices/device.ts';
import type { JoinOutcome, RoomCall } from '../../connectors/devices/panel/state.ts';
import type { Clock } from '../clock.ts';
import type { Room } from './room.ts';

export interface DialResult {
  outcome: JoinOutcome;
  /** One English sentence: what happened and, where something is wrong, what to do. */
  words: string;
}

/** How far a guest call has come; `null` where the room has none. */
export type GuestProgress = { state: 'dialling' | 'lobby' | 'connected'; entryId: string } | null;

interface RoomState {
  dialed: { call: DialedCall; entryId: string; stop: () => void } | null;
  /** Asked for, not answered yet: a second press must not dial again. */
  asking: boolean;
  guest: GuestProgress;
  notice: string | null;
}

export class Dialling {
  readonly #clock: Clock;
  readonly #rooms = new Map<string, RoomState>();
  readonly #changed: (roomId: string) => void;

  constructor(options: { clock: Clock; changed: (roomId: string) => void }) {
    this.#clock = options.clock;
    this.#changed = options.changed;
  }

  call(roomId: string): RoomCall {
    const state = this.#rooms.get(roomId);
    if (state === undefined) return { state: 'idle', entryId: null, notice: null };
    const { dialed, guest, notice, asking } = state;
    if (guest !== null) return { state: guest.state, entryId: guest.entryId, notice: null };
    if (dialed !== null && dialed.call.state !== 'disconnected') {
      const now = dialed.call.state === 'connected' ? 'connected' : 'dialling';
      return { state: now, entryId: dialed.entryId, notice: null };
    }
    return { state: asking ? 'dialling' : 'idle', entryId: null, notice };
  }

  /** Dials an entry of the room. Never rejects. */
  async join(room: Room, dialer: Dialer | null, entryId: string): Promise<DialResult> {
    const state = this.#state(room.id);
    const entry = room.view().entries.find(({ id }) => id === entryId);
    const refused = this.#mayDial(room, dialer, entry, state);
    if (refused !== null || entry?.dial == null || dialer === null) {
      return refused ?? { outcome: 'unknown-entry', words: `${room.id} has no such entry` };
    }
    state.asking = true;
    state.notice = null;
    this.#changed(room.id);
    try {
      const call = await dialer.dial(entry.dial);
      const stop = call.onState((dialState) => {
        if (dialState === 'disconnected' && state.dialed?.call === call) {
          state.dialed.stop();
          state.dialed = null;
        }
        this.#changed(room.id);
      });
      state.dialed = { call, entryId, stop };
      return { outcome: 'calling', words: `the video system of ${room.id} dials` };
    } catch (error) {
      return failure(room.id, error);
    } finally {
      state.asking = false;
      this.#changed(room.id);
    }
  }

  /** Ends the room's call. Never rejects. */
  async hangUp(room: Room): Promise<DialResult> {
    const { dialed } = this.#state(room.id);
    if (dialed === null) return { outcome: 'unknown-entry', words: `${room.id} has no call that Usher started` };
    try {
      await dialed.call.hangUp();
      return { outcome: 'hung-up', words: `the call of ${room.id} is ended` };
    } catch (error) {
      return failure(room.id, error);
    }
  }

  /** Ends every call that was started here, and waits for it. */
  async close(): Promise<void> {
    const calls = [...this.#rooms.values()].flatMap(({ dialed }) => (dialed === null ? [] : [dialed.call]));
    await Promise.allSettled(calls.map((call) => call.hangUp()));
  }

  /** What the room's guest call tells; `notice` is how it ended, in the room's language. */
  guestCall(roomId: string, guest: GuestProgress, notice: string | null = null): void {
    const state = this.#state(roomId);
    state.guest = guest;
    if (notice !== null) state.notice = notice;
    this.#changed(roomId);
  }

  #mayDial(room: Room, dialer: Dialer | null, entry: JoinEntry | undefined, state: RoomState): DialResult | null {
    if (entry === undefined || entry.dial === null) {
      return { outcome: 'unknown-entry', words: `${room.id} has no entry of that id that can be joined` };
    }
    if (dialer === null) {
      return {
        outcome: 'no-device',
        words: `${room.id} has no device that dials; mark one with dials: true in usher.yaml`,
      };
    }
    const now = this.#clock.now();
    if (now < entry.buttonFrom || now >= entry.buttonUntil) {
      return { outcome: 'not-now', words: `the entry of ${room.id} has no Join button at this time` };
    }
    if (state.asking || state.dialed !== null || state.guest !== null) {
      return { outcome: 'busy', words: `${room.id} is in a call already` };
    }
    return null;
  }

  #state(roomId: string): RoomState {
    let state = this.#rooms.get(roomId);
    if (state === undefined) {
      state = { dialed: null, asking: false, guest: null, notice: null };
      this.#rooms.set(roomId, state);
    }
    return state;
  }
}

function failure(roomId: string, error: unknown): DialResult {
  const words = `the video system of ${roomId}: ${error instanceof Error ? error.message : String(error)}`;
  if (!(error instanceof DeviceError)) return { outcome: 'failed', words };
  return { outcome: error.kind === 'unreachable' ? 'unreachable' : 'refused', words };
}
