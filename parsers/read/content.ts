/** What an invite's body says, as text with its links, the newest message apart from the history it quotes. */
import type { Invite } from '../invite.ts';
import { findAddresses } from '../links/find.ts';
import { meetingIdOf, numbersIn, textWithoutLinks } from '../numbers.ts';
import { readHtml } from './html.ts';
import type { Section } from './section.ts';
import { readText } from './text.ts';

export interface Content {
  /** What stands above the first quoted history. */
  newest: Section;
  /** All the rest. */
  quoted: Section;
  /** The rest cut at each further quotation, the newest first. One thread's blocks must not be mixed. */
  history: readonly Section[];
  /** Whether nothing is left of the body once Exchange's own lines are taken away: `DeleteComments` leaves this. */
  bodyIsEmpty: boolean;
}

/** A body larger than this is cut: no invite needs more, and the time to read one stays bounded. */
export const MAX_BODY = 4 * 1024 * 1024;

/**
 * The content of an invite's body. Html is preferred; text is used where there is no html, where html lost its links,
 * and behind it where it holds links that html lacks.
 */
export function contentOf(invite: Invite): Content {
  const text = invite.text === null ? null : readText(invite.text.slice(0, MAX_BODY));
  if (invite.html === null) return finish(text ?? [emptySection()]);
  const html = readHtml(invite.html.slice(0, MAX_BODY));
  if (text === null) return finish(html);
  const newest = html[0] ?? emptySection();
  const plain = text[0] ?? emptySection();
  if (isBlank(html)) return finish(text);
  if (!saysMore(plain, html)) return finish(html);
  const both = newest.links.some((link) => isDeep(link.url)) ? joined(newest, plain) : joined(plain, newest);
  return finish([both, ...html.slice(1)]);
}

/** Whether the text holds a link, an e-mail-shaped token or a meeting id that no section of the html has. */
function saysMore(plain: Section, html: readonly Section[]): boolean {
  const links = new Set(html.flatMap((section) => section.links.map((link) => link.url)));
  if (plain.links.some((link) => isDeep(link.url) && !links.has(link.url))) return true;
  const addresses = new Set(html.flatMap((section) => addressesOf(section)));
  if (addressesOf(plain).some((address) => !addresses.has(address))) return true;
  const ids = new Set(html.flatMap(meetingIdsOf));
  return meetingIdsOf(plain).some((id) => !ids.has(id));
}

function meetingIdsOf(section: Section): string[] {
  return numbersIn(textWithoutLinks(section)).flatMap((run) => meetingIdOf(run) ?? []);
}

function addressesOf(section: Section): string[] {
  const inLinks = section.links
    .filter((link) => link.url.startsWith('mailto:'))
    .map((link) => link.url.slice(7).toLowerCase());
  return [...findAddresses(section.text).map((found) => `${found.user}@${found.domain}`.toLowerCase()), ...inLinks];
}

export function emptySection(): Section {
  return { text: '', links: [] };
}

/** Two sections as one, the second's offsets moved. */
export function joined(first: Section, second: Section): Section {
  if (first.text === '' && first.links.length === 0) return second;
  const offset = first.text.length + 2;
  const moved = second.links.map((link) => ({ ...link, at: link.at + offset, end: link.end + offset }));
  return { text: `${first.text}\n\n${second.text}`, links: [...first.links, ...moved] };
}

function finish(sections: readonly Section[]): Content {
  const [newest = emptySection(), ...history] = sections;
  return {
    newest,
    quoted: history.reduce(joined, emptySection()),
    history,
    bodyIsEmpty: sections.every((section) => section.links.length === 0 && withoutExchangeLines(section.text) === ''),
  };
}

function isBlank(sections: readonly Section[]): boolean {
  return sections.every((section) => section.text.trim() === '' && section.links.length === 0);
}

/** Whether a link goes deeper than a site's front page. */
function isDeep(url: string): boolean {
  return /^(?:https?:\/\/[^/]+\/..|sips?:|h323:)/i.test(url);
}

/**
 * What Exchange and Outlook write into a body by themselves: separator lines, `*~*~*`, and the `When:`/`Where:`/time-zone
 * lines, known by shape: one label, one value, no link.
 */
function withoutExchangeLines(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^\s*[*~_=\-–—.]{3,}\s*$/.test(line) && !/^\s*(?:\*~){2,}\*?\s*$/.test(line))
    .filter(
      (line) =>
        !/^\s*(?:when|where|wann|wo|quand|où|cuándo|dónde|quando|dove|onde|wanneer|waar|hvornår|hvor|når|när|var|kiedy|gdzie|日時|場所)\s*:/iu.test(
          line,
        ),
    )
    .filter((line) => !/^\s*(?:GMT|UTC|\((?:GMT|UTC)[^)]{0,10}\))/.test(line))
    .join('\n')
    .trim();
}
