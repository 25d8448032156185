/**
 * Rooms with a calendar and a simulated Cisco codec each: what the processes of a house are to keep equal. Calendars are
 * watched folders, but for a few feeds, whose changes only polls find.
 */
import { once } from 'node:events';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Codec } from '../../../fixtures/codec/codec.ts';

interface MadeRoom {
  codec: Codec;
  /** Counts up with every change of its calendar. */
  generation: number;
  watched: boolean;
}

/** How many of the rooms have a feed. */
const feeds = 4;

export class MadeRooms {
  readonly #folder: string;
  readonly #day = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
  readonly #rooms = new Map<string, MadeRoom>();
  readonly #feeds = createServer((request, response) => {
    const id = /^\/(room-\d+)\.ics$/.exec(request.url ?? '')?.[1] ?? '';
    const room = this.#rooms.get(id);
    response.setHeader('content-type', 'text/calendar');
    response.writeHead(room === undefined ? 404 : 200).end(room && this.#calendar(id, room.generation));
  });

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async make(folder: string, count: number): Promise<MadeRooms> {
    const made = new MadeRooms(folder);
    made.#feeds.listen(0, '127.0.0.1');
    await once(made.#feeds, 'listening');
    for (let n = 0; n < count; n++) {
      const id = `room-${n}`;
      const codec = await Codec.start();
      // Real ones take their time, in which a process can be stopped.
      codec.delayMs = 15;
      made.#rooms.set(id, { codec, generation: 0, watched: n >= feeds });
      await mkdir(join(folder, id));
      await made.change(id);
    }
    return made;
  }

  get ids(): readonly string[] {
    return [...this.#rooms.keys()];
  }

  /** Those whose changes only polls find. */
  get polled(): readonly string[] {
    return this.ids.filter((id) => !this.isWatched(id));
  }

  isWatched(id: string): boolean {
    return this.#room(id).watched;
  }

  /** For `rooms` of a configuration. */
  config(): unknown[] {
    const address = this.#feeds.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const feed = { type: 'feed', pollMinutes: 0.25, allowPrivateAddresses: true };
    return [...this.#rooms].map(([id, { codec, watched }]) => {
      const { username, password } = codec.options;
      const device = {
        type: 'cisco',
        address: '127.0.0.1',
        port: codec.port,
        username,
        password,
        tls: { ca: codec.ca },
      };
      const calendar = watched ? { type: 'folder', path: id } : { ...feed, url: `http://127.0.0.1:${port}/${id}.ics` };
      return { id, name: id, calendar, devices: [device, { type: 'panel' }] };
    });
  }

  /** Gives the room's calendar other meetings; one more, or one less, each time. */
  async change(id: string): Promise<void> {
    const room = this.#room(id);
    room.generation++;
    if (!room.watched) return;
    const path = join(this.#folder, id, 'calendar');
    await writeFile(`${path}.new`, this.#calendar(id, room.generation));
    await rename(`${path}.new`, `${path}.ics`);
  }

  /** What the plan and the codec of a room are to say, in order. */
  wanted(id: string): readonly string[] {
    return titles(id, this.#room(id).generation);
  }

  /** What its codec shows. */
  shown(id: string): readonly string[] {
    return this.#room(id)
      .codec.bookings.map(({ title }) => title)
      .sort();
  }

  /** Resolves when each of these rooms' codecs shows what its calendar says; rejects with those that do not by then. */
  async agree(ids: readonly string[], withinMs: number): Promise<void> {
    const agrees = (id: string): boolean => String(this.shown(id)) === String(this.wanted(id));
    const { promise: late, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      const behind = ids.filter((id) => !agrees(id));
      const [first = ''] = behind;
      const found = `${first} shows "${this.shown(first)}", not "${this.wanted(first)}"`;
      reject(new Error(`${behind.length} codecs do not show their calendars after ${withinMs} ms; ${found}`));
    }, withinMs);
    try {
      await Promise.race([Promise.all(ids.map((id) => this.#room(id).codec.until(() => agrees(id)))), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What no codec may ever see. */
  violations(): string[] {
    return [...this.#rooms].flatMap(([id, { codec }]) => codec.writers.violations.map((what) => `${id}: ${what}`));
  }

  /** Writes that the codecs have seen, and how many of them named no process. */
  writes(): { all: number; unnamed: number; newestFence: number } {
    const seen = [...this.#rooms.values()].flatMap(({ codec }) => codec.writers.writes);
    const unnamed = seen.filter(({ fence }) => fence === null).length;
    return { all: seen.length, unnamed, newestFence: Math.max(...seen.map(({ fence }) => fence ?? 0)) };
  }

  async close(): Promise<void> {
    for (const { codec } of this.#rooms.values()) await codec.close();
    this.#feeds.closeAllConnections();
    await new Promise((resolve) => this.#feeds.close(resolve));
  }

  #room(id: string): MadeRoom {
    const room = this.#rooms.get(id);
    if (room === undefined) throw new Error(`there is no ${id}`);
    return room;
  }

  #calendar(id: string, generation: number): string {
    const events = titles(id, generation).flatMap((title, index) => [
      'BEGIN:VEVENT',
      `UID:${index}@example.org`,
      'DTSTAMP:20260101T000000Z',
      `DTSTART:${this.#day}T1${index}0000Z`,
      `DTEND:${this.#day}T1${index}3000Z`,
      `SUMMARY:${title}`,
      'DESCRIPTION:https://example.zoom.us/j/93812345678',
      'END:VEVENT',
    ]);
    return ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Test//EN', ...events, 'END:VCALENDAR', ''].join('\r\n');
  }
}

function titles(id: string, generation: number): readonly string[] {
  return Array.from({ length: 1 + (generation % 2) }, (_, index) => `${id} ${index}, change ${generation}`);
}
