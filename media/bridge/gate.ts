/**
 * The only place where media crosses between room and meeting. Consumers that cross exist in state `admitted` alone:
 * they are made when it begins, and closed, at once, when it ends. In state `closed` the room is shown the slate.
 */
import type { types } from 'mediasoup';
import type { GateState } from '../call.ts';
import type { Splice } from './splice.ts';

type Kind = 'audio' | 'video';
type Producers = Record<Kind, types.Producer | null>;

export class Gate {
  /** What goes to the room, and what goes to the guest page, by kind. */
  readonly #toRoom: readonly Splice[];
  readonly #toGuest: readonly Splice[];
  readonly #slate: Producers = { audio: null, video: null };
  readonly #guest: Producers = { audio: null, video: null };
  readonly #room: Producers = { audio: null, video: null };
  #state: GateState = 'closed';
  #closed = false;

  constructor(toRoom: readonly Splice[], toGuest: readonly Splice[]) {
    this.#toRoom = toRoom;
    this.#toGuest = toGuest;
  }

  get state(): GateState {
    return this.#state;
  }

  async set(state: GateState): Promise<void> {
    if (state === this.#state) return;
    this.#state = state;
    // Before anything is waited for: what must not pass any more does not.
    if (state === 'closed') for (const splice of [...this.#toRoom, ...this.#toGuest]) splice.cut();
    await this.#route();
  }

  setSlate(kind: Kind, producer: types.Producer | null): Promise<void> {
    this.#slate[kind] = producer;
    return this.#route();
  }

  setGuest(kind: Kind, producer: types.Producer | null): Promise<void> {
    this.#guest[kind] = producer;
    return this.#route();
  }

  setRoom(kind: Kind, producer: types.Producer | null): Promise<void> {
    this.#room[kind] = producer;
    return this.#route();
  }

  close(): void {
    this.#closed = true;
    this.#state = 'closed';
    for (const splice of [...this.#toRoom, ...this.#toGuest]) splice.cut();
  }

  async #route(): Promise<void> {
    if (this.#closed) return;
    await Promise.all([
      ...this.#toRoom.map((splice) => splice.switchTo(this.#forRoom(splice.kind))),
      ...this.#toGuest.map((splice) => splice.switchTo(this.#forGuest(splice.kind))),
    ]);
  }

  #forRoom(kind: Kind): types.Producer | null {
    if (this.#state !== 'admitted') return this.#slate[kind];
    // A meeting without a picture leaves the room with the slate's, but never with its tone.
    return this.#guest[kind] ?? (kind === 'video' ? this.#slate[kind] : null);
  }

  #forGuest(kind: Kind): types.Producer | null {
    return this.#state === 'admitted' ? this.#room[kind] : null;
  }
}
