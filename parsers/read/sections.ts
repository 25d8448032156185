/** Cuts a body into the newest message and the history below it, and finds the links of each. */
import { findLinks } from '../links/find.ts';
import type { FoundLink } from '../links/link.ts';
import { unwrap } from '../links/unwrap.ts';
import type { Section } from './content.ts';
import type { Anchor, Flow } from './flow.ts';
import { historyOffsets } from './history.ts';

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
  const offsets = historyOffsets(flow.text);
  const ranges = outermost(flow.quotes);
  const markers = flow.quotes.filter((quote) => quote.end <= quote.start).map((quote) => quote.start);
  const outside = (at: number) => !ranges.some((range) => range.start <= at && at < range.end);
  const end = Math.min(size, ...markers, ...offsets.filter(outside));
  const newest: Span[] = [];
  let from = 0;
  for (const range of ranges) {
    if (range.start >= end) break;
    if (range.start > from) newest.push({ start: from, end: range.start });
    from = Math.max(from, range.end);
  }
  if (from < end) newest.push({ start: from, end });
  const cuts = [...ranges.flatMap((range) => [range.start, range.end]), ...offsets, ...markers, end, size];
  const edges = [...new Set(cuts)].filter((cut) => cut <= size).sort((a, b) => a - b);
  const history: Span[] = [];
  for (let i = 0; i + 1 < edges.length; i++) {
    const span = { start: edges[i] ?? 0, end: edges[i + 1] ?? 0 };
    const isNewest = span.end <= end && outside(span.start);
    if (!isNewest && flow.text.slice(span.start, span.end).trim() !== '') history.push(span);
  }
  return { newest, history };
}

function outermost(quotes: readonly Span[]): Span[] {
  const sorted = quotes.filter((quote) => quote.end > quote.start).sort((a, b) => a.start - b.start || b.end - a.end);
  const kept: Span[] = [];
  for (const quote of sorted) {
    const last = kept[kept.length - 1];
    if (last === undefined || quote.start >= last.end) kept.push(quote);
  }
  return kept;
}

function sectionOf(text: string, anchors: readonly Anchor[], spans: readonly Span[]): Section {
  let joined = '';
  const links: FoundLink[] = [];
  for (const span of spans) {
    const piece = text.slice(span.start, span.end);
    const lead = piece.length - piece.trimStart().length;
    const words = piece.trim();
    if (joined !== '' && words !== '') joined += '\n';
    const moved = joined.length - span.start - lead;
    joined += words;
    for (const anchor of anchors) {
      if (
        anchor.start < span.start ||
        anchor.start > span.end ||
        (anchor.start === span.end && span.end !== text.length)
      )
        continue;
      const link = linkOf(anchor, text, moved, joined.length);
      if (link !== null) links.push(link);
    }
  }
  return { text: joined, links: merged(links, findLinks(joined, 'body text')) };
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
  const found = /https?:\/\/[^\s"<>]+/i.exec(value.slice(0, 16_384));
  return found === null ? [] : [found[0]];
}
