/** Plain-text bodies as sections of text with links: folds, quotes and escapes repaired. */
import { plainCharacters, withoutControls } from './characters.ts';
import type { QuoteRange } from './flow.ts';
import { flowOf } from './html.ts';
import type { Section } from './section.ts';
import { sectionsOf } from './sections.ts';
import { withoutQuotedPrintable } from './transfer.ts';

/** Markup in what calls itself text, as calendars write it into descriptions. */
const markup = /<(?:br|p|div|span|table|html|b|u|li|ul)(?:\s[^<>]{0,2000})?\/?>|<a\s[^<>]{0,4000}href\s*=/i;

/** The newest message first, then what it quotes. Never empty. */
export function readText(raw: string): Section[] {
  const text = unglued(withoutEscapes(withoutQuotedPrintable(withoutControls(plainCharacters(raw)))));
  if (markup.test(text)) return sectionsOf(flowOf(text, true));
  const { lines, quotes } = unquoted(text.split('\n'));
  return sectionsOf({ text: lines, anchors: [], quotes, onward: [] });
}

/** Line breaks that arrived as the two characters `\n`, escaped once too often. */
function withoutEscapes(text: string): string {
  const escapes = text.match(/\\[nN]/g)?.length ?? 0;
  if (escapes === 0 || (escapes < 2 && text.includes('\n'))) return text;
  return text.replace(/(?:\\r)?\\[nN]/g, '\n').replace(/\\+([,;"])/g, '$1');
}

/**
 * Lines of a join block that may have lost the line break before them, each of several words, so that none is part of a
 * code. Only what stands glued to the end of a word is set apart; labels of scripts without capitals need no help.
 */
const blockLines =
  /(?<=[A-Za-z0-9?#])(?=(?:Meeting ID|Passcode ?:|Need help\?|System reference|Dial in by phone|Find a local number|Phone conference ID|Join on (?:a|your|the) |Join with a |Tenant key|Video (?:Conference )?ID|VTC Conference ID|More info|Alternate VTC|For organizers|Meeting options|Reset (?:dial-in )?PIN|Download Teams|Learn [Mm]ore|Or call in|Besprechungs-ID|Kennung ?:|Benötigen Sie|Mandantenschlüssel|Video-ID|ID de la réunion|Code secret|Besoin d|Id\. de reunión|Código de acceso|Clave de inquilino|Vergadering-id|Wachtwoordcode|Møde-id|Adgangskode|Møte-ID|Mötes-ID|Lösenord ?:|Passord ?:|Identyfikator spotkania|Kod dostępu))/g;

function unglued(text: string): string {
  return text.replace(blockLines, '\n');
}

/** Takes `>` marks off, remembering where they stood, and joins links that a line length cut in two. */
function unquoted(raw: readonly string[]): { lines: string; quotes: QuoteRange[] } {
  const pieces: string[] = [];
  const quotes: QuoteRange[] = [];
  let length = 0;
  let began: number | null = null;
  for (let i = 0; i < raw.length; i++) {
    const line = raw[i] ?? '';
    const mark = /^[ \t]{0,3}(?:>[ \t]?){1,50}/.exec(line)?.[0] ?? '';
    // A line that lost its mark between two that have one was wrapped by a mailer.
    const quoted =
      isQuote(mark) || (began !== null && line.trim() !== '' && isQuote(/^ {0,3}>/.exec(raw[i + 1] ?? '')?.[0] ?? ''));
    if (quoted && began === null) began = length;
    if (!quoted && began !== null && line.trim() !== '') {
      quotes.push({ start: began, end: length });
      began = null;
    }
    const plain = line.slice(mark.length).replace(/[ \t]+$/, '');
    const before = pieces[pieces.length - 1];
    if (before !== undefined && continuesNumber(before, plain.trim())) {
      pieces[pieces.length - 1] = `${before} ${plain.trim()}`;
      length += plain.trim().length + 1;
    } else if (before !== undefined && continuesLink(before, plain)) {
      pieces[pieces.length - 1] = before + plain.trimStart();
      length += plain.trimStart().length;
    } else {
      pieces.push(plain);
      length += plain.length + 1;
    }
  }
  if (began !== null) quotes.push({ start: began, end: length });
  return { lines: pieces.join('\n'), quotes };
}

function isQuote(mark: string): boolean {
  return mark.includes('>');
}

/** Whether a line ends within a number in groups of three, and the next line is nothing but its rest. */
function continuesNumber(line: string, next: string): boolean {
  if (next.length > 20 || !/^(?:\d{3} ){0,4}\d{1,3}$/.test(next)) return false;
  const begun = /(?:^|[^\d+ ] ?)((?:\d{3} ){0,4}\d{3})$/.exec(line.slice(-40))?.[1];
  const digits = `${begun ?? ''}${next}`.replaceAll(' ', '').length;
  return begun !== undefined && digits >= 11 && digits <= 16;
}

/** Whether a line's last word is a link that was cut, and the next line its rest. */
function continuesLink(line: string, next: string): boolean {
  if (next === '' || line.length > 16_384) return false;
  const word = line.slice(line.lastIndexOf(' ') + 1);
  const link = word.slice(Math.max(0, word.search(/https?:\/\//i)));
  if (!/^https?:\/\/[^\s>]+$/i.test(link)) return false;
  const rest = /^\s*([^\s<>]{1,2000})/.exec(next)?.[1] ?? '';
  if (/^https?:/i.test(rest) || !/^[\x21-\x7e]+$/.test(rest)) return false;
  if (/^[?&%][^\s]{3}/.test(rest)) return true;
  if (/%[0-9a-f]?$/i.test(link)) return /^[0-9a-f]/i.test(rest);
  const openContext = /\/meetup-join\//.test(link) && !/(?:%7d|\})$/i.test(link) && !/%7d[&#]/i.test(link);
  if (openContext && /%(?:3a|40|22|2c|7b|7d)|^[0-9a-zA-Z_-]+(?:%|@thread)|^\?context/i.test(rest)) return true;
  return line.length >= 70 && next.trim() === rest && /[%=&]/.test(rest) && !/^[A-Za-z-]+:$/.test(rest);
}
