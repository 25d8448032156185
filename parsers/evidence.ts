/** What an answer rests on: for every field the place where it stood and the text around it. */
import type { Evidence } from './invite.ts';

const longest = 200;

/** One evidence line; the text in one line, shortened. */
export function evidence(field: string, source: string, text: string): Evidence {
  return { field, source, text: shortened(text) };
}

/** The lines of `text` from `at` to `end`, with a little of what stands around them. */
export function around(text: string, at: number, end: number): string {
  const before = text.slice(Math.max(0, at - 60), at);
  const after = text.slice(end, end + 40);
  const from = before.lastIndexOf('\n', before.trimEnd().length - 1) + 1;
  const to = after.indexOf('\n');
  return before.slice(from) + text.slice(at, end) + (to < 0 ? after : after.slice(0, to));
}

function shortened(text: string): string {
  const line = text
    .slice(0, longest * 4)
    .replace(/\s+/g, ' ')
    .trim();
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}
