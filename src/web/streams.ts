/**
 * Server-sent events (HTML Living Standard, section 9.2) for open panels: the whole state on every change, a beat with the
 * server's time in between, a limit on how many, and an end when Usher ends.
 */
import type { ServerResponse } from 'node:http';
import type { PanelUpdate } from '../../connectors/devices/panel/state.ts';
import type { Cancel, Clock } from '../clock.ts';

export interface StreamsOptions {
  clock: Clock;
  /** At most so many over all. */
  total: number;
  /** At most so many for one room. */
  perRoom: number;
  /** Milliseconds between beats. */
  beatMs: number;
  /** What the room's panels should know now; `null`: the room is gone. */
  update(roomId: string): PanelUpdate | null;
  subscribe(roomId: string, changed: () => void): () => void;
  /** False once a secret no longer opens the room: its streams end at the next beat. */
  opens(roomId: string, secret: string): boolean;
  counted(open: number): void;
}

/** A reader that leaves so many bytes unread is taken for dead. */
const mostUnread = 512 * 1024;
const roomsPerTurn = 100;

interface Stream {
  response: ServerResponse;
  secret: string;
  tag: string | null;
}

interface RoomStreams {
  streams: Set<Stream>;
  unsubscribe: () => void;
  due: boolean;
}

export class Streams {
  readonly #options: StreamsOptions;
  readonly #rooms = new Map<string, RoomStreams>();
  #open = 0;
  #beat: Cancel | null = null;
  #closed = false;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  get open(): number {
    return this.#open;
  }

  hasRoomFor(roomId: string): boolean {
    const inRoom = this.#rooms.get(roomId)?.streams.size ?? 0;
    return !this.#closed && this.#open < this.#options.total && inRoom < this.#options.perRoom;
  }

  /** Takes over an answer whose head is not sent yet. `lastTag` is the reader's Last-Event-ID. */
  add(roomId: string, secret: string, lastTag: string | null, response: ServerResponse): void {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // nginx holds back what it proxies unless it is told not to.
      'x-accel-buffering': 'no',
    });
    const stream: Stream = { response, secret, tag: lastTag };
    this.#room(roomId).streams.add(stream);
    this.#count(1);
    response.on('close', () => this.#gone(roomId, stream));
    response.on('error', () => response.destroy());
    response.write('retry: 2000\n\n');
    this.#send(stream, this.#options.update(roomId));
    this.#beat ??= this.#options.clock.after(this.#options.beatMs, () => this.#beatAll());
  }

  /** Ends every stream; their readers come back to whoever listens next. */
  close(): void {
    this.#closed = true;
    this.#beat?.();
    for (const { streams } of this.#rooms.values()) for (const stream of streams) stream.response.end();
  }

  #room(roomId: string): RoomStreams {
    const known = this.#rooms.get(roomId);
    if (known !== undefined) return known;
    const room: RoomStreams = { streams: new Set(), unsubscribe: () => {}, due: false };
    room.unsubscribe = this.#options.subscribe(roomId, () => this.#changed(roomId, room));
    this.#rooms.set(roomId, room);
    return room;
  }

  /** Several changes in one turn of the event loop make one message. */
  #changed(roomId: string, room: RoomStreams): void {
    if (room.due) return;
    room.due = true;
    setImmediate(() => {
      room.due = false;
      const update = this.#options.update(roomId);
      for (const stream of room.streams) this.#send(stream, update);
    });
  }

  #send(stream: Stream, update: PanelUpdate | null): void {
    if (update === null) stream.response.end();
    else if (stream.tag === update.tag) this.#write(stream, `event: beat\ndata: ${update.now}\n\n`);
    else {
      stream.tag = update.tag;
      this.#write(stream, `id: ${update.tag}\nevent: view\ndata: ${JSON.stringify(update)}\n\n`);
    }
  }

  #write(stream: Stream, text: string): void {
    if (stream.response.writableLength > mostUnread) stream.response.destroy();
    else if (!stream.response.writableEnded) stream.response.write(text);
  }

  /** Room by room, with a pause after every few, so that thousands of panels do not hold up everything else. */
  #beatAll(): void {
    const rooms = [...this.#rooms];
    const mine = this.#beat;
    const some = (from: number): void => {
      if (this.#closed) return;
      for (const [roomId, room] of rooms.slice(from, from + roomsPerTurn)) this.#beatRoom(roomId, room);
      if (from + roomsPerTurn < rooms.length) setImmediate(some, from + roomsPerTurn);
      else if (mine !== null && this.#beat === mine)
        this.#beat = this.#options.clock.after(this.#options.beatMs, () => this.#beatAll());
    };
    some(0);
  }

  #beatRoom(roomId: string, { streams }: RoomStreams): void {
    const text = `event: beat\ndata: ${this.#options.clock.now()}\n\n`;
    for (const stream of streams) {
      if (this.#options.opens(roomId, stream.secret)) this.#write(stream, text);
      else stream.response.end();
    }
  }

  #gone(roomId: string, stream: Stream): void {
    const room = this.#rooms.get(roomId);
    if (room === undefined || !room.streams.delete(stream)) return;
    this.#count(-1);
    if (room.streams.size === 0) {
      room.unsubscribe();
      this.#rooms.delete(roomId);
    }
    if (this.#open === 0) {
      this.#beat?.();
      this.#beat = null;
    }
  }

  #count(by: 1 | -1): void {
    this.#open += by;
    this.#options.counted(this.#open);
  }
}
