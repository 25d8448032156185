/** What an answer rests on: for every field the place where it stood and the text around it. */
import type { Evidence } from './invite.ts';

const longest = 200;

/** One evidence line; the text in one line, shortened around `value` where it is given and the text holds it. */
export function evidence(field: string, source: string, text: string, value: string | null = null): Evidence {
  const at = value === null ? -1 : text.toLowerCase().indexOf(value.toLowerCase());
  if (value === null || at + value.length <= longest - 1) return { field, source, text: shortened(text) };
  const from = Math.max(0, at + value.length - longest + 20);
  return { field, source, text: shortened(`…${text.slice(from)}`) };
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
