/**
 * Finds a piece of text of our own in html that somebody else has rewritten. Exchange filters what is written into a body
 * and puts its own markup around it, so that the words alone can be relied on: not tags, attributes, comments or spaces.
 */
import { Parser } from 'htmlparser2';

/** Bodies beyond this, and elements deeper than that, are left alone: the parser's own stack costs the square of its depth. */
const largest = 4 * 1024 * 1024;
const deepest = 2_000;
/** An element that is never ours, though it may hold nothing else. */
const frame = new Set(['html', 'head', 'body']);
const space = /[\s\u00a0\u200b-\u200d\u2060\ufeff]/u;

interface Element {
  name: string;
  start: number;
  /** Where its content begins and ends in the source. */
  inner: number;
  innerEnd: number;
  end: number;
  /** Its words, as a stretch of the squeezed text. */
  from: number;
  to: number;
}

/** The document as text without any space, and where each character stands in the source. */
interface Squeezed {
  text: string;
  starts: number[];
  ends: number[];
  elements: Element[];
}

export function hasText(html: string, text: string): boolean {
  return squeeze(html)?.text.includes(withoutSpace(text)) ?? false;
}

/** Takes the text out, and with it the elements that hold nothing else. The same html where it is not there. */
export function withoutText(html: string, text: string): string {
  const sought = withoutSpace(text);
  const squeezed = sought === '' ? null : squeeze(html);
  const from = squeezed?.text.indexOf(sought) ?? -1;
  if (squeezed === null || from < 0) return html;
  const to = from + sought.length;
  const whole = wholeElement(squeezed.elements, html, from, to);
  if (whole !== null) return html.slice(0, whole.start) + html.slice(whole.end);
  // It shares an element with other words: its characters go, and every tag stays.
  let rest = '';
  let kept = 0;
  for (let at = from; at < to; at++) {
    const start = squeezed.starts[at] ?? kept;
    const between = html.slice(kept, start);
    rest += at > from && !/[<>]/.test(between) && between.trim() === '' ? '' : between;
    kept = squeezed.ends[at] ?? kept;
  }
  return rest + html.slice(kept);
}

/** The same in plain text, which may be cut off (`bodyPreview`). */
export function withoutPlainText(plain: string, text: string): string {
  const sought = withoutSpace(text);
  const words = [...plain].filter((char) => !space.test(char)).join('');
  if (words !== '' && sought.startsWith(words)) return '';
  const pattern = [...sought].map((char) => char.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')).join('\\s*');
  return sought === '' || sought.length > 2_000 ? plain : plain.replace(new RegExp(pattern, 'u'), '').trim();
}

/** The innermost element with these words alone, or one around it that adds nothing. */
function wholeElement(elements: readonly Element[], html: string, from: number, to: number): Element | null {
  // Innermost first: elements are listed as they end.
  let found: Element | null = null;
  for (const element of elements) {
    if (element.from !== from || element.to !== to || frame.has(element.name)) continue;
    const adds =
      found !== null &&
      html.slice(element.inner, element.innerEnd).trim() !== html.slice(found.start, found.end).trim();
    if (adds) break;
    found = element;
  }
  return found;
}

/** `null` for what is too large or too deep. */
function squeeze(html: string): Squeezed | null {
  if (html.length > largest) return null;
  const characters: string[] = [];
  const result: Squeezed = { text: '', starts: [], ends: [], elements: [] };
  const open: Omit<Element, 'innerEnd' | 'end' | 'to'>[] = [];
  let tooDeep = false;
  const parser = new Parser(
    {
      onopentag(name) {
        const { startIndex, endIndex } = parser;
        if (open.length >= deepest) tooDeep = true;
        if (tooDeep) return parser.reset();
        open.push({ name, start: startIndex, inner: endIndex + 1, from: characters.length });
      },
      ontext(data) {
        const { startIndex, endIndex } = parser;
        // An entity is one character from several; everything else stands as it is.
        const literal = data.length === endIndex + 1 - startIndex;
        for (let at = 0; at < data.length; at++) {
          const char = data[at] ?? '';
          if (space.test(char)) continue;
          characters.push(char);
          result.starts.push(literal ? startIndex + at : startIndex);
          result.ends.push(literal ? startIndex + at + 1 : endIndex + 1);
        }
      },
      onclosetag(_name, implied) {
        const element = open.pop();
        if (element === undefined) return;
        const innerEnd = implied ? Math.max(element.inner, parser.startIndex) : parser.startIndex;
        const end = implied ? innerEnd : parser.endIndex + 1;
        result.elements.push({ ...element, innerEnd, end, to: characters.length });
      },
    },
    { decodeEntities: true },
  );
  parser.end(html);
  if (tooDeep) return null;
  result.text = characters.join('');
  return result;
}

function withoutSpace(text: string): string {
  return [...text].filter((char) => !space.test(char)).join('');
}
