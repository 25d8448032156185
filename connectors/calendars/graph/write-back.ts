/**
 * Write-back, off unless asked for: for devices that are bound to the room mailbox itself and read nothing but it. The
 * dial string and a line of explanation go into the room's own copy of a meeting, are changed and taken away with the
 * plan, and are given up where somebody else keeps removing them. Needs `Calendars.ReadWrite`.
 */
import { inviteFromGraphEvent } from '../../../parsers/read/graph.ts';
import type { Window } from '../calendar.ts';
import { type GraphApi, GraphRefusal } from './api.ts';
import { type MarkPlace, type MarkState, markOf, markPropertyId, stands, textAt, withoutPiece } from './mark.ts';
import type { CalendarReader } from './reader.ts';

export interface Mark {
  /** Of the invite, as the calendar reads it. */
  uid: string;
  occurrence: string | null;
  /** `sip:…` */
  dial: string;
  /** One line for people, plain text: what this is and who put it there. */
  line: string;
}

export interface WriteBackResult {
  written: number;
  undone: number;
  /** Items that were left alone, in words, without their content. */
  problems: readonly string[];
}

/** So often a piece that vanished (an organiser's update takes it along) is written again; then it is left. */
const mostAgain = 3;
/** Exchange keeps no longer location. */
const longestLocation = 255;

export class WriteBack {
  readonly #api: GraphApi;
  readonly #reader: CalendarReader;
  readonly #mailbox: string;
  readonly #place: MarkPlace;

  constructor(api: GraphApi, reader: CalendarReader, mailbox: string, place: MarkPlace) {
    this.#api = api;
    this.#reader = reader;
    this.#mailbox = mailbox;
    this.#place = place;
  }

  /**
   * Makes the items of the window say `marks` and no other of ours; with none, takes everything back.
   * @throws CalendarUnavailable when the mailbox cannot be read
   */
  async apply(marks: readonly Mark[], window: Window, signal: AbortSignal): Promise<WriteBackResult> {
    const wanted = new Map(marks.map((mark) => [keyOf(mark.uid, mark.occurrence), mark]));
    const result = { written: 0, undone: 0, problems: [] as string[] };
    for (const item of await this.#reader.read(this.#mailbox, window, signal)) {
      signal.throwIfAborted();
      const { uid, occurrence } = inviteFromGraphEvent(item);
      const mark = uid === null ? undefined : wanted.get(keyOf(uid, occurrence));
      try {
        await this.#one(item, mark, result);
      } catch (error) {
        if (!(error instanceof GraphRefusal)) throw error;
        const remedy = error.status === 403 ? '; grant the app Calendars.ReadWrite for this mailbox' : '';
        result.problems.push(`an item of ${this.#mailbox} could not be written: ${error.message}${remedy}`);
      }
    }
    return result;
  }

  async #one(
    item: unknown,
    mark: Mark | undefined,
    result: { written: number; undone: number; problems: string[] },
  ): Promise<void> {
    const state = markOf(item);
    if (state?.left === true) return;
    const place = state?.place ?? this.#place;
    const text = textAt(item, place);
    const there = state !== null && stands(state, text) ? withoutPiece(state, text) : null;
    const piece = mark === undefined ? '' : pieceOf(mark, this.#place);
    if (mark === undefined) {
      if (state === null) return;
      await this.#write(item, place, there, null);
      result.undone++;
      return;
    }
    if (there !== null && state?.piece === piece && place === this.#place) return;
    if (state !== null && there === null && state.again >= mostAgain) {
      result.problems.push(`an item of ${this.#mailbox} is left alone: somebody else keeps removing its dial string`);
      await this.#write(item, place, null, { ...state, left: true });
      return;
    }
    if (there !== null && place !== this.#place) await this.#write(item, place, there, null);
    const base = place === this.#place ? (there ?? text) : textAt(item, this.#place);
    const again = state !== null && there === null ? state.again + 1 : (state?.again ?? 0);
    await this.#write(item, this.#place, withPiece(piece, base, this.#place), {
      place: this.#place,
      piece,
      again,
      left: false,
    });
    result.written++;
  }

  /** @param text `null` leaves it as it is */
  async #write(item: unknown, place: MarkPlace, text: string | null, state: MarkState | null): Promise<void> {
    const id = typeof item === 'object' && item !== null && 'id' in item ? String(item.id) : '';
    const change =
      text === null
        ? {}
        : place === 'location'
          ? { location: { displayName: text } }
          : { body: { contentType: 'html', content: text } };
    await this.#api.patch(
      `/users/${encodeURIComponent(this.#mailbox)}/events/${encodeURIComponent(id)}`,
      {
        ...change,
        singleValueExtendedProperties: [{ id: markPropertyId, value: state === null ? 'none' : JSON.stringify(state) }],
      },
      { mailbox: this.#mailbox, headers: { Prefer: 'IdType="ImmutableId"' } },
    );
  }
}

function keyOf(uid: string, occurrence: string | null): string {
  return `${uid}\n${occurrence ?? ''}`;
}

function pieceOf(mark: Mark, place: MarkPlace): string {
  if (place === 'location') return `${mark.dial} (${mark.line.replace(/[;\r\n]+/g, ' ')}); `;
  // Words alone: of markup nobody knows what Exchange leaves.
  return `${mark.line}: ${mark.dial}`;
}

function withPiece(piece: string, base: string, place: MarkPlace): string {
  if (place === 'location') return `${piece}${base}`.slice(0, Math.max(longestLocation, piece.length));
  const line = `<p>${escaped(piece)}</p>`;
  const body = /<body[^>]*>/i.exec(base);
  if (body === null) return `${line}${base}`;
  const at = body.index + body[0].length;
  return `${base.slice(0, at)}${line}${base.slice(at)}`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
