/** Cuts a body into the newest message and the history below it, and finds the links of each. */
import { findLinks } from '../links/find.ts';
import type { FoundLink } from '../links/link.ts';
import { unwrap } from '../links/unwrap.ts';
import type { Anchor, Flow } from './flow.ts';
import { historyOffsets } from './history.ts';
import type { Section } from './section.ts';

interface Span {
  start: number;
  end: number;
}

/** Longer anchor texts are whole paragraphs that somebody linked. */
const MAX_ANCHOR_TEXT = 500;

export function sectionsOf(flow: Flow): Section[] {
  const { newest, history } = spansOf(flow);
  const anchors = [...flow.anchors].sort((a, b) => a.start - b.start);
  return [newest, ...history.map((span) => [span])].map((spans) => sectionOf(flow.text, anchors, spans));
}

/** The newest message's stretches (a quotation may stand between them), and the older messages'. */
function spansOf(flow: Flow): { newest: Span[]; history: Span[] } {
  const size = flow.text.length;
  const ranges = outermost(flow.quotes);
  const marks = [...flow.onward, ...historyOffsets(flow.text)].filter((mark) => mark <= size).sort((a, b) => a - b);
  const end = marks.find((mark) => !isInside(ranges, mark)) ?? size;
  const newest: Span[] = [];
  let from = 0;
  for (const range of ranges) {
    if (range.start >= end) break;
    if (range.start > from) newest.push({ start: from, end: range.start });
    from = range.end;
  }
  if (from < end) newest.push({ start: from, end });
  const edges = [...new Set([...ranges.flatMap((range) => [range.start, range.end]), ...marks, end, size])];
  edges.sort((a, b) => a - b);
  const history: Span[] = [];
  for (let i = 0; i + 1 < edges.length; i++) {
    const span = { start: edges[i] ?? 0, end: edges[i + 1] ?? 0 };
    if (span.end <= end && !isInside(ranges, span.start)) continue;
    if (flow.text.slice(span.start, span.end).trim() !== '') history.push(span);
  }
  return { newest, history: introduced(history, flow.text) };
}

/** Whether `at` stands in one of the ranges, which are in order and do not overlap. */
function isInside(ranges: readonly Span[], at: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle]?.end ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return (ranges[low]?.start ?? Number.POSITIVE_INFINITY) <= at;
}

/** What introduces a message (an `<hr>`, its header lines) belongs to the message below it. */
function introduced(spans: readonly Span[], text: string): Span[] {
  const whole: Span[] = [];
  for (const span of spans) {
    const last = whole[whole.length - 1];
    if (last !== undefined && last.end === span.start && isIntroduction(text.slice(last.start, last.end)))
      last.end = span.end;
    else whole.push({ ...span });
  }
  return whole;
}

function isIntroduction(words: string): boolean {
  return words.length < 200 && !/[\p{L}\p{N}]{2}/u.test(words.replace(/[_=*~-]{3,}/g, ''));
}

function outermost(quotes: readonly Span[]): Span[] {
  const sorted = quotes.filter((quote) => quote.end > quote.start).sort((a, b) => a.start - b.start || b.end - a.end);
  const kept: Span[] = [];
  for (const quote of sorted) {
    const last = kept[kept.length - 1];
    if (last === undefined || quote.start >= last.end) kept.push({ ...quote });
    else if (quote.end > last.end) last.end = quote.end;
  }
  return kept;
}

function sectionOf(text: string, anchors: readonly Anchor[], spans: readonly Span[]): Section {
  const pieces: string[] = [];
  const links: FoundLink[] = [];
  let length = 0;
  for (const span of spans) {
    const piece = text.slice(span.start, span.end);
    const words = piece.trim();
    if (length > 0 && words !== '') length += 1;
    const moved = length - span.start - (piece.length - piece.trimStart().length);
    if (words !== '') pieces.push(words);
    length += words.length;
    for (let i = firstFrom(anchors, span.start); i < anchors.length; i++) {
      const anchor = anchors[i];
      if (anchor === undefined || anchor.start > span.end || (anchor.start === span.end && span.end !== text.length))
        break;
      const link = linkOf(anchor, text, moved, length);
      if (link !== null) links.push(link);
    }
  }
  const joined = pieces.join('\n');
  return { text: joined, links: merged(links, findLinks(joined, 'body text')) };
}

/** Index of the first anchor that begins at `at` or behind it. */
function firstFrom(anchors: readonly Anchor[], at: number): number {
  let low = 0;
  let high = anchors.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((anchors[middle]?.start ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Anchors and links of the text in one order. A link that an anchor shows as its text is the anchor's. */
function merged(anchors: readonly FoundLink[], inText: readonly FoundLink[]): FoundLink[] {
  const known = anchors.filter((link) => link.opaque === null);
  let next = 0;
  const free = inText.filter((link) => {
    while (next < known.length && (known[next]?.end ?? 0) <= link.at) next++;
    const anchor = known[next];
    return anchor === undefined || anchor.at > link.at;
  });
  return [...anchors, ...free].sort((a, b) => a.at - b.at);
}

function linkOf(anchor: Anchor, text: string, moved: number, size: number): FoundLink | null {
  const raw = cleaned(anchor.href);
  const originals = anchor.originals.flatMap(originalOf);
  let target = raw === null ? null : unwrap(raw);
  let used = raw;
  if (target === null || target.opaque !== null || target.refused === 'bad-escape') {
    for (const original of originals) {
      const known = unwrap(original);
      if (known.refused === 'bad-escape' || known.opaque !== null) continue;
      const outer = target?.opaque ?? null;
      target = outer === null ? known : { ...known, wrappers: [outer, ...known.wrappers] };
      used = used ?? original;
      break;
    }
  }
  if (target === null || used === null) return null;
  const words = text.slice(anchor.start, Math.min(anchor.end, anchor.start + MAX_ANCHOR_TEXT)).trim();
  const at = Math.min(Math.max(0, anchor.start + moved), size);
  const end = Math.min(Math.max(at, anchor.end + moved), size);
  return { ...target, raw: used, text: words === '' ? null : words, source: 'body link', at, end };
}

/** An `href` without line folds; `null` where it is no link out of the message. */
function cleaned(href: string): string | null {
  const link = href.replace(/[\t ]*[\r\n]+[\t ]*/g, '').trim();
  if (link.startsWith('//')) return `https:${link}`;
  if (/^(?:https?|msteams|ms-teams|sips?|h323|mailto):/i.test(link)) return link;
  return /^(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,18}\/\S/i.test(link) ? link : null;
}

/** A whole attribute that is a URL, or the URL in `Original URL: … Click or tap …`. */
function originalOf(value: string): string[] {
  return findLinks(value.slice(0, 16_384), 'attribute')
    .slice(0, 1)
    .map((link) => link.raw);
}
