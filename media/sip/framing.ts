/** Cuts a byte stream into SIP messages (RFC 3261 section 18.3) and finds keep-alives (RFC 5626 section 4.4.1). */
import { canonicalName } from './message.ts';

export type Frame =
  | { kind: 'message'; data: Buffer }
  /** A double CRLF, to be answered with one. */
  | { kind: 'ping' }
  /** The stream cannot be followed any further: close it. `head` holds what there is of the message. */
  | { kind: 'broken'; why: 'too large' | 'content length'; head: Buffer };

const headEnd = Buffer.from('\r\n\r\n', 'latin1');

export class StreamFramer {
  readonly #maximumBytes: number;
  #buffer = Buffer.alloc(0);
  /** The unread bytes are `#buffer[#start..#end)`. */
  #start = 0;
  #end = 0;
  /** How far the search for the end of the header section has come, so that dribbled bytes cost linear time. */
  #searched = 0;
  #broken = false;

  constructor(maximumBytes: number) {
    this.#maximumBytes = maximumBytes;
  }

  /** True while a message has begun and is not complete. */
  get partial(): boolean {
    return !this.#broken && this.#end > this.#start;
  }

  /** Takes what arrived and returns what it completes. */
  push(data: Buffer): Frame[] {
    if (this.#broken) return [];
    this.#append(data);
    const frames: Frame[] = [];
    for (;;) {
      const [frame, used] = this.#next(this.#buffer.subarray(this.#start, this.#end));
      if (frame !== null) frames.push(frame);
      if (used === 0 || this.#broken) return frames;
      this.#start += used;
      this.#searched = 0;
    }
  }

  #append(data: Buffer): void {
    if (this.#end + data.length > this.#buffer.length) {
      const unread = this.#buffer.subarray(this.#start, this.#end);
      // A new buffer each time: frames that were handed out keep pointing into the old one.
      const grown = Buffer.allocUnsafe(Math.max(4_096, 2 * (unread.length + data.length)));
      unread.copy(grown);
      this.#buffer = grown;
      this.#end = unread.length;
      this.#start = 0;
    }
    data.copy(this.#buffer, this.#end);
    this.#end += data.length;
  }

  #next(buffer: Buffer): [Frame | null, number] {
    if (buffer[0] === 0x0d && buffer[1] === 0x0a) {
      if (buffer[2] === 0x0d && buffer[3] === 0x0a) return [{ kind: 'ping' }, 4];
      // The second half of a ping may be on its way; anything else after one CRLF is a message.
      const mayBePing = buffer.length === 2 || (buffer.length === 3 && buffer[2] === 0x0d);
      return [null, mayBePing ? 0 : 2];
    }
    const end = buffer.indexOf(headEnd, Math.max(0, this.#searched - 3));
    if (end < 0) {
      this.#searched = buffer.length;
      return buffer.length > this.#maximumBytes ? [this.#break('too large', buffer), 0] : [null, 0];
    }
    this.#searched = end;
    const length = contentLength(buffer.toString('latin1', 0, end));
    if (length === null) return [this.#break('content length', buffer.subarray(0, end + 4)), 0];
    const total = end + 4 + length;
    if (total > this.#maximumBytes) return [this.#break('too large', buffer.subarray(0, end + 4)), 0];
    return buffer.length < total ? [null, 0] : [{ kind: 'message', data: buffer.subarray(0, total) }, total];
  }

  #break(why: 'too large' | 'content length', head: Buffer): Frame {
    this.#broken = true;
    return { kind: 'broken', why, head: head.subarray(0, this.#maximumBytes) };
  }
}

/** 0 where the field is missing (the parser then refuses the message); null where it cannot be believed. */
function contentLength(head: string): number | null {
  let found: string | null = null;
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon < 1 || canonicalName(line.slice(0, colon).trimEnd()) !== 'Content-Length') continue;
    const value = line.slice(colon + 1).trim();
    if (!/^[0-9]{1,9}$/.test(value) || (found !== null && found !== value)) return null;
    found = value;
  }
  return found === null ? 0 : Number(found);
}
