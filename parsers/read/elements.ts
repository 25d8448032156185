/** The open elements of an html body: as many as matter to what is hidden, quoted or preformatted. */

interface Element {
  name: string;
  rank: number;
  hides: boolean;
  preformats: boolean;
  /** Where the quotation that this element holds began, else `null`. */
  quote: number | null;
}

export interface QuoteEvents {
  /** The offset at which a quotation begins. */
  quoteBegan(): number;
  quoteEnded(start: number): void;
  /** Everything from here on is older. */
  historyBegan(): void;
}

/** Deeper elements are read as if they had no effect: real bodies nest some fifty levels, and searching stays cheap. */
const MAX_DEPTH = 250;

const voids = new Set([
  'area',
  'base',
  'br',
  'col',
  'embed',
  'hr',
  'img',
  'input',
  'link',
  'meta',
  'param',
  'source',
  'track',
  'wbr',
]);
const neverShown = new Set([
  'script',
  'style',
  'head',
  'title',
  'template',
  'noscript',
  'object',
  'svg',
  'math',
  'xml',
  'select',
]);

/** A closing tag closes open elements up to its own name, but none of a higher rank. Whatever has none is inline. */
const ranks: Readonly<Record<string, number>> = {
  p: 1,
  h1: 1,
  h2: 1,
  h3: 1,
  h4: 1,
  h5: 1,
  h6: 1,
  li: 1,
  dt: 1,
  dd: 1,
  pre: 1,
  address: 1,
  summary: 1,
  option: 1,
  div: 2,
  blockquote: 2,
  section: 2,
  article: 2,
  header: 2,
  footer: 2,
  main: 2,
  nav: 2,
  aside: 2,
  center: 2,
  form: 2,
  fieldset: 2,
  ul: 2,
  ol: 2,
  dl: 2,
  details: 2,
  figure: 2,
  hr: 2,
  td: 3,
  th: 3,
  caption: 3,
  tr: 4,
  tbody: 5,
  thead: 5,
  tfoot: 5,
  table: 6,
  head: 7,
  body: 7,
  html: 8,
};

export class ElementStack {
  readonly #open: Element[] = [];
  readonly #events: QuoteEvents;
  #hiding = 0;
  #preformatting = 0;

  constructor(events: QuoteEvents) {
    this.#events = events;
  }

  get hidden(): boolean {
    return this.#hiding > 0;
  }

  get preformatted(): boolean {
    return this.#preformatting > 0;
  }

  /** Whether an element stands on lines of its own. */
  isBlock(name: string, attributes: ReadonlyMap<string, string>): boolean {
    const style = attributes.get('style');
    if (style !== undefined && style.length < 4096) {
      if (/display\s*:\s*(?:block|flex|table|grid|list-item)\b/i.test(style)) return true;
      if (/display\s*:\s*inline(?:\s*[;!]|\s*$)/i.test(style)) return false;
    }
    return (ranks[name] ?? 0) > 0;
  }

  open(name: string, attributes: ReadonlyMap<string, string>): void {
    if (!this.hidden && opensHistory(attributes)) this.#events.historyBegan();
    if (voids.has(name)) return;
    if (this.#open.length >= MAX_DEPTH) return;
    const element: Element = {
      name,
      rank: ranks[name] ?? 0,
      hides: neverShown.has(name) || isHidden(attributes),
      preformats: name === 'pre' || /white-space\s*:\s*pre/i.test(attributes.get('style')?.slice(0, 4096) ?? ''),
      quote: !this.hidden && opensQuote(name, attributes) ? this.#events.quoteBegan() : null,
    };
    this.#open.push(element);
    if (element.hides) this.#hiding++;
    if (element.preformats) this.#preformatting++;
  }

  close(name: string): void {
    const rank = ranks[name] ?? 0;
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const element = this.#open[i];
      if (element === undefined) return;
      if (element.name === name) {
        while (this.#open.length > i) this.#pop();
        return;
      }
      if (element.rank > rank) return;
    }
  }

  closeAll(): void {
    while (this.#open.length > 0) this.#pop();
  }

  #pop(): void {
    const element = this.#open.pop();
    if (element === undefined) return;
    if (element.hides) this.#hiding--;
    if (element.preformats) this.#preformatting--;
    if (element.quote !== null) this.#events.quoteEnded(element.quote);
  }
}

function isHidden(attributes: ReadonlyMap<string, string>): boolean {
  if (attributes.has('hidden')) return true;
  const style = attributes.get('style')?.slice(0, 4096);
  if (style === undefined) return false;
  return /(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|opacity\s*:\s*0(?:\.0+)?\s*(?:[;!]|$)|(?:font-size|max-height)\s*:\s*0(?:px|pt|em|%)?\s*(?:[;!]|$))/i.test(
    style,
  );
}

const quoteClass =
  /(?:^|\s)(?:x_){0,20}(?:gmail_quote|gmail_quote_container|moz-cite-prefix|moz-forward-container|yahoo_quoted|protonmail_quote|zmail_extra)(?:\s|$)/i;
const historyClass = /(?:^|\s)(?:x_){0,20}(?:OutlookMessageHeader|ms-outlook-mobile-reference-message)(?:\s|$)/i;
const historyId =
  /^(?:x_){0,20}(?:divRplyFwdMsg|appendonsend|stopSpelling|OLK_SRC_BODY_SECTION|reply-intro|mail-editor-reference-message-container)$/i;

/** Whether an element holds an older message, by what the mail programs that write it call it. */
function opensQuote(name: string, attributes: ReadonlyMap<string, string>): boolean {
  if (quoteClass.test(short(attributes.get('class')))) return true;
  if (name !== 'blockquote') return false;
  return attributes.get('type')?.toLowerCase() === 'cite' || /border-left/i.test(short(attributes.get('style')));
}

/** Whether an element, often empty, stands above all older messages. */
function opensHistory(attributes: ReadonlyMap<string, string>): boolean {
  return historyId.test(short(attributes.get('id'))) || historyClass.test(short(attributes.get('class')));
}

/** Attributes that matter are short; a longer one is cut, so that matching it stays cheap. */
function short(value: string | undefined): string {
  return value === undefined ? '' : value.slice(0, 4096);
}
