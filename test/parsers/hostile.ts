/** Input for the property tests: invites to damage, and text made to cost time. */
import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../../fixtures/invites/', import.meta.url);

/** Every invite under fixtures/invites. */
export const seeds: readonly { name: string; source: Buffer }[] = readdirSync(folder, {
  recursive: true,
  encoding: 'utf8',
})
  .filter((name) => !name.endsWith('.expected.json') && /\.(?:ics|eml|html|txt|json|xml)$/.test(name))
  .sort()
  .map((name) => ({ name, source: readFileSync(new URL(name, folder)) }));

const frames: readonly (readonly [string, string, string])[] = [
  ['a.ics', 'BEGIN:VCALENDAR\nBEGIN:VEVENT\nDESCRIPTION:', '\nEND:VEVENT\nEND:VCALENDAR'],
  ['b.ics', 'BEGIN:VCALENDAR\n', ''],
  ['a.html', '<html>', ''],
  ['a.txt', 'x ', ''],
  ['c.txt', 'x https://a.bc/', ''],
  [
    'a.eml',
    'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n',
    '\n--b--',
  ],
  ['b.eml', 'MIME-Version: 1.0\nSubject: ', '\n\nx'],
  ['a.xml', '<x>', '</x>'],
  ['a.json', '', ''],
];

/** Repeated, each of these made some version of some parser quadratic. */
const units: readonly string[] = [
  '<div>',
  '<b></i>',
  '<a href="https://teams.microsoft.com/meet/1">x',
  '<blockquote type=cite>q</blockquote>x',
  '<div style="display:none">',
  '<hr id=stopSpelling>',
  '<td>x',
  '<ul><li>',
  '<pre>\n',
  '<!--',
  '<',
  '<https://x',
  '<https://a\n',
  '<a href="',
  '&amp;',
  '&',
  'From: a@b.c\nSent: 2026 10:00\nTo: x\n',
  'a: b\n',
  '> a\nb\n',
  '> a\n\nb\n',
  '-----a-----\n',
  'https://a.bc/d ',
  'https://a.bc/d',
  'https://a.bc/((((',
  ')',
  '={',
  '<sip:',
  '<a:',
  'https://a.bc/)))',
  '?p=AbCdEfGhIjK',
  'context=%7b',
  '372 418 609\n',
  'Meeting ID',
  'https://nam12.safelinks.protection.outlook.com/?url=',
  'https://a.bc/?p=https%3A%2F%2F',
  '[https://a.bc/d]',
  'sip:a@b.c ',
  'a@b.c ',
  '@',
  'a.',
  'aaaa-aaaa.',
  'a.b/c',
  '...',
  '%',
  '%41',
  '\\n',
  '\\',
  'context={',
  '=\n=3D',
  '\n',
  ' ',
  ' \t',
  '\r',
  '\n ',
  'é',
  '\u200b',
  'BEGIN:VEVENT\n',
  'BEGIN:VEVENT\nEND:VEVENT\n',
  'BEGIN:VALARM\n',
  'DESCRIPTION:x\nfoo\n',
  ';B=c',
  'X-A;B="c',
  '[',
  '{"a":',
  '<a>',
  '<a><b></a>',
  '<t:CalendarItem><t:Body>x</t:Body></t:CalendarItem>',
  '--b\n',
  'A: b\n',
  '=?utf-8?Q?a?= ',
  '<a@b>,',
  '*~',
  '_',
  'Meeting ID: 1 ',
  '123 456 789 ',
  '1',
  'a',
];

/** Every unit in every frame, or by default each unit in two of them. */
export function hostile(all: boolean): { name: string; begin: string; unit: string; end: string }[] {
  return units.flatMap((unit, i) =>
    frames
      .filter((_frame, j) => all || j === i % frames.length || j === (i * 5 + 3) % frames.length)
      .map(([name, begin, end]) => ({ name, begin, unit, end })),
  );
}
