/** Builds plain text from a stream of html events: blanks collapsed, blocks on lines of their own, anchors remembered. */
import { plainCharacters, withoutControls } from './characters.ts';

/** An anchor in the text: what it points at stays raw here. */
export interface Anchor {
  href: string;
  /** Other attributes that can hold the target when a gateway rewrote the `href`. */
  originals: readonly string[];
  start: number;
  end: number;
}

/** A stretch of text that quotes an older message; text may follow it that is the newest message's again. */
export interface QuoteRange {
  start: number;
  end: number;
}

/** A body as one text, with what its markup said about it. */
export interface Flow {
  text: string;
  anchors: readonly Anchor[];
  quotes: readonly QuoteRange[];
  /** Offsets from which on all the rest is older. */
  onward: readonly number[];
}

export class FlowWriter {
  #pieces: string[] = [];
  #length = 0;
  /** What must be written before the next visible character. */
  #blank = false;
  #tab = false;
  #newlines = 0;

  /** Offset at which the next visible character will stand. */
  get position(): number {
    if (this.#length === 0) return 0;
    return this.#length + (this.#newlines > 0 ? this.#newlines : this.#tab || this.#blank ? 1 : 0);
  }

  /** Offset behind the last visible character. */
  get length(): number {
    return this.#length;
  }

  /** Running text; blanks collapse to one unless `pre`, where line ends count. */
  text(raw: string, pre: boolean): void {
    const text = withoutControls(plainCharacters(raw));
    if (pre) {
      const lines = text.split('\n');
      for (let i = 0; i < lines.length; i++) {
        if (i > 0) this.breakLine();
        this.#words(lines[i] ?? '');
      }
    } else this.#words(text);
  }

  #words(text: string): void {
    const words = text.replace(/[ \t\n]+/g, ' ');
    if (words === '') return;
    if (words === ' ') {
      this.#blank = true;
      return;
    }
    if (words.startsWith(' ')) this.#blank = true;
    this.#flush();
    this.#write(words.trim());
    this.#blank = words.endsWith(' ');
  }

  /** The edge of a block: at least one line end before what follows. */
  block(): void {
    this.#newlines = Math.max(this.#newlines, 1);
  }

  /** A `<br>`: every one counts, but more than one empty line says nothing. */
  breakLine(): void {
    this.#newlines = Math.min(this.#newlines + 1, 2);
  }

  /** The edge of a table cell. */
  cell(): void {
    this.#tab = true;
  }

  #flush(): void {
    if (this.#length > 0) {
      if (this.#newlines > 0) this.#write('\n'.repeat(this.#newlines));
      else if (this.#tab) this.#write('\t');
      else if (this.#blank) this.#write(' ');
    }
    this.#newlines = 0;
    this.#tab = false;
    this.#blank = false;
  }

  #write(piece: string): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  toString(): string {
    return this.#pieces.join('');
  }
}
