/**
 * Numbers in the text of an invite, told apart by shape: a meeting id is grouped in threes, an audio conference id ends in
 * `#`, a telephone number begins with `+`. Labels are localised and reworded; shapes are not.
 */
import type { Section } from './read/section.ts';

export interface NumberRun {
  /** Digits of each group, in order, as separated in the text by single blanks or hyphens. */
  groups: readonly string[];
  digits: string;
  at: number;
  end: number;
  kind: 'telephone' | 'audio' | 'plain';
}

/** The text of a section with every link written out in it blanked, so that offsets stay and ids in links are not seen. */
export function textWithoutLinks(section: Section): string {
  let out = '';
  let from = 0;
  for (const link of section.links) {
    if (link.at < from || link.end <= link.at) continue;
    const written = section.text.slice(link.at, link.end);
    if (!/^\s*(?:[a-z][a-z0-9+.-]{1,9}:|www\.|[a-z0-9-]+(?:\.[a-z0-9-]+)+\/)/i.test(written)) continue;
    out += section.text.slice(from, link.at) + ' '.repeat(link.end - link.at);
    from = link.end;
  }
  return out + section.text.slice(from);
}

/** Every run of digits in `text`, in order. Linear in its length. */
export function numbersIn(text: string): NumberRun[] {
  const runs: NumberRun[] = [];
  for (const found of text.matchAll(
    /(\+|\*|,,?)?\(?(\d{1,20}(?:[ \u00a0\u2009\u202f()./-]{1,2}\d{1,20}){0,12})([ \u00a0]?#|[*,]{1,2}\d|@)?/g,
  )) {
    const [whole, before = '', body = '', after = ''] = found;
    const at = found.index + whole.indexOf(body);
    const groups = body.split(/[^\d]+/);
    // A star is a telephone's key behind a pause, and else a mark of bold type.
    const dialled = before === '*' ? /[#,]/.test(text[at - 2] ?? '') : before !== '';
    const punctuated = dialled || (/[()./]/.test(body) && !isDottedId(body));
    const kind = after.includes('#') ? 'audio' : punctuated || after !== '' ? 'telephone' : 'plain';
    runs.push({ groups, digits: groups.join(''), at, end: at + body.length, kind });
  }
  return runs;
}

/** Groups of three with full stops between, and too large for an IP address. */
function isDottedId(body: string): boolean {
  return /^(?:\d{3}\.){3,5}\d{1,3}$/.test(body) && body.split('.').some((group) => Number(group) > 255);
}

/**
 * A Teams meeting id: groups of three with one to three digits in the last, or one unbroken group; 11 to 16 digits
 * (12 to 16 unbroken). What follows in the same run and does not fit is left out.
 */
export function meetingIdOf(run: NumberRun): string | null {
  if (run.kind !== 'plain') return null;
  const [first = ''] = run.groups;
  if (run.groups.length === 1 || first.length >= 12) return first.length >= 12 && first.length <= 16 ? first : null;
  let digits = '';
  for (const group of run.groups) {
    if (group.length > 3 || digits.length + group.length > 16) break;
    digits += group;
    if (group.length < 3) break;
  }
  return digits.length >= 11 ? digits : null;
}

/** A conference id of a CVI partner: 9 to 12 digits, not followed by `#`; grouping as the inviter liked. */
export function conferenceIdOf(run: NumberRun): string | null {
  if (run.kind !== 'plain' || run.groups.some((group) => group.length > 12)) return null;
  if (run.digits.length >= 9 && run.digits.length <= 12) return run.digits;
  let digits = '';
  for (const group of run.groups) {
    if (digits.length + group.length > 12) break;
    digits += group;
    if (group.length < 3) break;
  }
  return digits.length >= 9 ? digits : null;
}

/**
 * The code that follows an id under a label of its own (`Passcode: aB3dEf`, `パスコード: aB3dEf`, label and value on lines of
 * their own), whatever the label's language; `null` where the next thing is something else.
 */
export function codeAfter(text: string, from: number): { code: string; at: number; end: number } | null {
  const rest = text
    .slice(from, from + 240)
    .replace(/\n[ \t]*(?:>[ \t]?)+/g, (quote) => `\n${' '.repeat(quote.length - 1)}`)
    .replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, ' ');
  const labelled =
    /^[\s|,;.·•*_()/-]*([^:：|?\d\n]{1,48}(?:\n[ \t]*)?)[*_]{0,3}[:：][\s*_]*(\d{4,10}(?=[A-Z][a-z])|[A-Za-z0-9]{4,16}(?![A-Za-z0-9@/#=]|[.:?-][A-Za-z0-9]))/u.exec(
      rest,
    );
  const found =
    labelled ??
    // In a sentence (`…, passcode aB3dE6.`) only what mixes letters of both cases with digits is surely a code.
    /^, ?(\p{L}[^\n:：,|\d?]{1,30}?) ((?=[A-Za-z]*\d)(?=[A-Z0-9]*[a-z])(?=[a-z0-9]*[A-Z])[A-Za-z0-9]{6,10})(?=[.,;)]?(?:\s|$))/u.exec(
      rest,
    ) ??
    /^\s*([^\n:：|\d?]{2,40}?)(?:[ \t]*\n|[ \t])\s*([A-Za-z0-9]{6,10})[ \t]*(?:\n|$)/u.exec(rest);
  if (found === null) return null;
  const code = withoutGluedWord(found[2] ?? '');
  if (code !== found[2])
    return { code, at: from + found[0].length - (found[2]?.length ?? 0), end: from + found[0].length };
  const behind = rest.slice(found[0].length);
  const endsLine = /^[\s*_]*(?:\n|$)|^[ \t]*[|<(\u0080-\uffff]/u.test(behind);
  // `For organizers: Meeting options` has the shape of a label and a value, too.
  const isWord = /^[A-Z][a-z]+$/.test(code) || (/^[a-z]+$/.test(code) && code.length !== 6 && code.length !== 8);
  if (!looksRandom(code) && (labelled === null || (isWord && !endsLine))) return null;
  const end = from + found[0].trimEnd().length;
  return { code, at: end - code.length, end };
}

/** `Ax3ZbQ9kNeed help?`: a code of eight or six characters that the next word runs into. */
function withoutGluedWord(code: string): string {
  const glued = /^([A-Za-z0-9]{8})[A-Z][a-z]{2,}$/.exec(code) ?? /^([A-Za-z0-9]{6})[A-Z][a-z]{2,}$/.exec(code);
  return glued?.[1] !== undefined && looksRandom(glued[1]) ? glued[1] : code;
}

function looksRandom(code: string): boolean {
  return /\d/.test(code) || /[a-z][A-Z]|[A-Z]{2}/.test(code);
}
