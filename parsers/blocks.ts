/**
 * Cuts one message of a body into blocks, one per meeting, so that ids, passcodes and interop coordinates are taken from
 * the block of the meeting that they belong to and never mixed.
 */
import type { Provider } from './invite.ts';
import type { FoundLink } from './links/link.ts';
import { meetingIdOf, type NumberRun, numbersIn, textWithoutLinks } from './numbers.ts';
import { providerParsers } from './providers/index.ts';
import type { ProviderParser, Reading } from './providers/provider.ts';
import type { Section } from './read/section.ts';
import { parseTeamsUrl, type TeamsLink } from './teams.ts';

/** A link that opens a meeting. */
export type Anchor =
  | { provider: 'teams'; link: FoundLink; teams: TeamsLink }
  | { provider: Exclude<Provider, 'teams'>; link: FoundLink; reading: Reading; parser: ProviderParser };

export interface Block {
  provider: Provider;
  section: Section;
  /** The section's text, links blanked; offsets as in the section. */
  text: string;
  numbers: readonly NumberRun[];
  anchors: readonly Anchor[];
  /** The block's part of the text. */
  from: number;
  to: number;
}

/** What a link opens; `null` where it opens no meeting. */
export function anchorOf(link: FoundLink): Anchor | null {
  if (link.refused !== null || link.opaque !== null) return null;
  const teams = parseTeamsUrl(link.url);
  if (teams !== null)
    return teams.kind === 'join' || teams.kind === 'router' ? { provider: 'teams', link, teams } : null;
  const read = readOther(link.url);
  return read === null ? null : { provider: read.provider, link, reading: read.reading, parser: read.parser };
}

export interface OtherReading {
  provider: Exclude<Provider, 'teams'>;
  reading: Reading;
  parser: ProviderParser;
}

/** Offers a link to every provider but Teams. */
export function readOther(link: string): OtherReading | null {
  if (!URL.canParse(link)) return null;
  const url = new URL(link);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return null;
  for (const parser of providerParsers) {
    const reading = parser.readUrl(url);
    if (reading !== null && parser.name !== 'teams') return { provider: parser.name, reading, parser };
  }
  return null;
}

/** The blocks of a section in order; what stands before the first link belongs to the first block. */
export function blocksOf(section: Section): Block[] {
  const text = textWithoutLinks(section);
  const numbers = numbersIn(text);
  const anchors = section.links.map(anchorOf).filter((anchor) => anchor !== null);
  const groups: Anchor[][] = [];
  const ids = followingIds(anchors, numbers);
  let current: Identity | null = null;
  anchors.forEach((anchor, index) => {
    const identity = identityOf(anchor, ids[index] ?? null);
    const merged = current === null ? null : merge(current, identity);
    if (merged === null) groups.push([anchor]);
    else groups.at(-1)?.push(anchor);
    current = merged ?? identity;
  });
  return groups.map((group, index) => ({
    provider: group[0]?.provider ?? 'other',
    section,
    text,
    numbers,
    anchors: group,
    from: index === 0 ? 0 : (group[0]?.link.at ?? 0),
    to: groups[index + 1]?.[0]?.link.at ?? text.length,
  }));
}

/** A block without links: the whole section, for bodies whose links were lost. */
export function blockOfText(section: Section, provider: Provider): Block {
  const text = textWithoutLinks(section);
  return { provider, section, text, numbers: numbersIn(text), anchors: [], from: 0, to: text.length };
}

/** The first Teams meeting id in the text between each anchor and the next. */
function followingIds(anchors: readonly Anchor[], numbers: readonly NumberRun[]): (string | null)[] {
  let next = 0;
  return anchors.map((anchor, index) => {
    const to = anchors[index + 1]?.link.at ?? Number.POSITIVE_INFINITY;
    while (next < numbers.length && (numbers[next]?.at ?? 0) < anchor.link.at) next++;
    for (let i = next; i < numbers.length && (numbers[i]?.at ?? 0) < to; i++) {
      const run = numbers[i];
      const id = run === undefined ? null : meetingIdOf(run);
      if (id !== null) return id;
    }
    return null;
  });
}

interface Identity {
  provider: Provider;
  /** Teams: thread. Others: the provider's own id. */
  name: string | null;
  /** Teams' numeric meeting id. */
  number: string | null;
}

export function identityOf(anchor: Anchor, textId: string | null): Identity {
  if (anchor.provider !== 'teams') return { provider: anchor.provider, name: anchor.reading.id, number: null };
  const { threadId, meetingId } = anchor.teams.ids;
  return { provider: 'teams', name: threadId, number: meetingId ?? textId };
}

/** Both taken together where nothing says that they are two meetings, else `null`. */
function merge(one: Identity, other: Identity): Identity | null {
  if (one.provider !== other.provider) return null;
  if (one.name !== null && other.name !== null && one.name.toLowerCase() !== other.name.toLowerCase()) return null;
  // The same thread twice is the same meeting, whatever numbers stand near.
  const sameName = one.name !== null && other.name !== null;
  if (!sameName && one.number !== null && other.number !== null && one.number !== other.number) return null;
  return { provider: one.provider, name: one.name ?? other.name, number: one.number ?? other.number };
}
