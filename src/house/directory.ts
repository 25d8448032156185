/** The dial tokens of all plans, as admission looks them up. */
import { type TokenDirectory, type TokenEntry, tokenWindow } from '../calls/admission.ts';
import type { RoomConfig } from '../config/schema.ts';
import type { Rooms } from '../rooms/rooms.ts';

export class Directory implements TokenDirectory {
  readonly #rooms: Pick<Rooms, 'all' | 'byToken'>;
  readonly #callers: ReadonlyMap<string, RoomConfig['callers']>;
  readonly #graceMs: number;

  constructor(options: {
    rooms: Pick<Rooms, 'all' | 'byToken'>;
    callers: ReadonlyMap<string, RoomConfig['callers']>;
    graceMs: number;
  }) {
    this.#rooms = options.rooms;
    this.#callers = options.callers;
    this.#graceMs = options.graceMs;
  }

  find(token: string): TokenEntry | null {
    const found = this.#rooms.byToken(token);
    const guest = found?.planned.guest ?? null;
    if (found === null || guest === null) return null;
    const { room, planned } = found;
    const { id, name, language, timeZone } = room.settings;
    const { entry } = planned;
    return {
      room: { id, name, language, timeZone, callers: this.#callers.get(id) ?? null },
      entry: {
        id: entry.id,
        title: entry.privacy === 'private' ? null : entry.title,
        start: entry.start,
        end: entry.end,
      },
      meeting: guest.meeting,
      window: tokenWindow(entry, this.#graceMs),
    };
  }

  upcoming(from: number, until: number): number {
    let count = 0;
    for (const room of this.#rooms.all()) {
      for (const { guest, entry } of room.plan.planned) {
        if (guest !== null && entry.buttonFrom >= from && entry.buttonFrom < until) count++;
      }
    }
    return count;
  }
}
