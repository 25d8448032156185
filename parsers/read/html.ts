/** Html bodies as sections of text with links. */
import { type QuoteType, Tokenizer } from 'htmlparser2';
import { ElementStack } from './elements.ts';
import type { Anchor, Flow, QuoteRange } from './flow.ts';
import { FlowWriter } from './flow.ts';
import type { Section } from './section.ts';
import { sectionsOf } from './sections.ts';
import { withoutQuotedPrintable } from './transfer.ts';

/** The newest message first, then what it quotes. Never empty. */
export function readHtml(html: string): Section[] {
  return sectionsOf(flowOf(withoutQuotedPrintable(html)));
}

/** `pre`: line ends count, for text that turned out to hold markup. */
export function flowOf(html: string, pre = false): Flow {
  const reader = new HtmlReader(html, pre);
  const tokenizer = new Tokenizer({ xmlMode: false, decodeEntities: true }, reader);
  tokenizer.write(html);
  tokenizer.end();
  return reader.flow();
}

const wanted = new Set([
  'href',
  'originalsrc',
  'style',
  'class',
  'id',
  'hidden',
  'title',
  'type',
  'data-saferedirecturl',
]);

/**
 * Works on the tokenizer's events, not on a tree: a parser's open-element stack costs quadratic time on markup that was
 * made to cost it.
 */
class HtmlReader {
  readonly #html: string;
  readonly #pre: boolean;
  readonly #out = new FlowWriter();
  readonly #stack: ElementStack;
  readonly #anchors: Anchor[] = [];
  readonly #quotes: QuoteRange[] = [];
  readonly #onward: number[] = [];
  #tag = '';
  #tagStart = 0;
  #attribute = '';
  #value: string[] = [];
  #attributes = new Map<string, string>();
  #anchor: { href: string; originals: string[]; start: number | null } | null = null;

  constructor(html: string, pre: boolean) {
    this.#html = html;
    this.#pre = pre;
    this.#stack = new ElementStack({
      quoteBegan: () => this.#out.position,
      quoteEnded: (start) => this.#quotes.push({ start, end: this.#out.length }),
      historyBegan: () => this.#onward.push(this.#out.position),
    });
  }

  flow(): Flow {
    this.#closeAnchor();
    this.#stack.closeAll();
    return { text: this.#out.toString(), anchors: this.#anchors, quotes: this.#quotes, onward: this.#onward };
  }

  ontext(start: number, end: number): void {
    this.#write(this.#html.slice(start, end));
  }

  ontextentity(code: number): void {
    this.#write(characterOf(code));
  }

  #write(text: string): void {
    if (this.#stack.hidden) return;
    if (this.#anchor !== null && this.#anchor.start === null && /\S/.test(text)) {
      if (/^\s/.test(text)) this.#out.text(' ', false);
      this.#anchor.start = this.#out.position;
    }
    this.#out.text(text, this.#pre || this.#stack.preformatted);
  }

  onopentagname(start: number, end: number): void {
    this.#tag = this.#html.slice(start, end).toLowerCase();
    this.#tagStart = start;
    this.#attributes = new Map();
  }

  onattribname(start: number, end: number): void {
    this.#attribute = this.#html.slice(start, end).toLowerCase();
    this.#value = [];
  }

  onattribdata(start: number, end: number): void {
    if (wanted.has(this.#attribute)) this.#value.push(this.#html.slice(start, end));
  }

  onattribentity(code: number): void {
    if (wanted.has(this.#attribute)) this.#value.push(characterOf(code));
  }

  onattribend(_quote: QuoteType): void {
    if (wanted.has(this.#attribute) && !this.#attributes.has(this.#attribute)) {
      this.#attributes.set(this.#attribute, this.#value.join(''));
    }
  }

  onopentagend(end: number): void {
    const name = this.#tag;
    // `<https://…>` and `<user@host>` were never tags: plain text that lost its escaping.
    if (/^(?:https?|mailto|sips?|h323|msteams):/.test(name) || name.includes('@')) {
      this.#write(`<${this.#html.slice(this.#tagStart, end)}>`);
      return;
    }
    this.#edge(name);
    this.#stack.open(name, this.#attributes);
    if (name === 'a' || name === 'area' || name === 'v:roundrect') this.#openAnchor(name);
    if (name === 'br' && !this.#stack.hidden) this.#out.breakLine();
  }

  onselfclosingtag(end: number): void {
    this.onopentagend(end);
  }

  onclosetag(start: number, end: number): void {
    const name = this.#html.slice(start, end).toLowerCase();
    if (name === 'a' || name === 'v:roundrect') this.#closeAnchor();
    this.#stack.close(name);
    this.#edge(name);
  }

  #edge(name: string): void {
    if (this.#stack.hidden) return;
    if (name === 'td' || name === 'th') this.#out.cell();
    else if (this.#stack.isBlock(name, this.#attributes)) this.#out.block();
  }

  #openAnchor(name: string): void {
    this.#closeAnchor();
    const href = this.#attributes.get('href');
    const originals = ['originalsrc', 'data-saferedirecturl', 'title'].flatMap(
      (key) => this.#attributes.get(key) ?? [],
    );
    if (this.#stack.hidden || (href === undefined && originals.length === 0)) return;
    this.#anchor = { href: href ?? '', originals, start: null };
    if (name === 'area') this.#closeAnchor();
  }

  #closeAnchor(): void {
    if (this.#anchor === null) return;
    const { href, originals, start } = this.#anchor;
    const end = this.#out.length;
    this.#anchors.push({ href, originals, start: start ?? end, end });
    this.#anchor = null;
  }

  oncdata(start: number, end: number): void {
    this.#write(this.#html.slice(start, end));
  }

  oncomment(): void {}
  ondeclaration(): void {}
  onend(): void {}
  onprocessinginstruction(): void {}
}

function characterOf(code: number): string {
  return code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
}
