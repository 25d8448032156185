/** HTML that is escaped by construction: what pages of ours are written with, in the server and in the browser. */

/** A piece of HTML that may be put into a page as it stands. Only `html` makes one. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

export type HtmlValue = Html | string | number | null | readonly HtmlValue[];

/** Template tag: every value is escaped for text and quoted attributes, except what `html` made; `null` is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let markup = parts[0] ?? '';
  for (let i = 0; i < values.length; i++) markup += write(values[i] ?? null) + (parts[i + 1] ?? '');
  return new Html(markup);
}

function write(value: HtmlValue): string {
  if (value === null) return '';
  if (value instanceof Html) return value.markup;
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  let markup = '';
  for (const item of value) markup += write(item);
  return markup;
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters are dropped: HTML cannot carry them, and NUL ends a text in some browsers. */
export function escapeHtml(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '')
    .replace(/[&<>"']/g, (found) => escapes[found] ?? found);
}

/** JSON for a `<script type="application/json">` block: no text in it can end the block. */
export function jsonBlock(value: unknown): Html {
  return new Html(JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, escapeUnicode));
}

function escapeUnicode(found: string): string {
  return `\\u${`000${found.charCodeAt(0).toString(16)}`.slice(-4)}`;
}
