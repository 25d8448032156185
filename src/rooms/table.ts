/** Rooms as `usher rooms` prints them for people. */
import { ago, listed } from '../web/pages.ts';
import type { AddressesAnswer, StatusAnswer } from '../web/status-answer.ts';

/** A line for each room, and beneath it a line for each thing that is wrong. */
export function statusTable({ now, rooms, services, refusals }: StatusAnswer): string {
  const head = ['ROOM', 'NEXT', 'ROUTE', 'CALL', 'CALENDAR READ', 'DEVICES'];
  const rows = rooms.map(({ id, name, next, timeZone, call, lastRead, devices }) => [
    shown(name === id ? name : `${name} (${id})`, 40),
    next === null ? '-' : `${time(next.start, now, timeZone)} ${shown(next.title, 36)}`,
    next?.route ?? '-',
    call === 'idle' ? '-' : call,
    ago(lastRead, now),
    devices
      .map(
        (one) =>
          `${shown(one.label, 40)} ${ago(one.lastSeen, now)}${one.confirmed === null ? '' : `, ${one.confirmed} entries`}` +
          `${one.upToDate || one.lastSeen === null ? '' : `, behind, answered ${ago(one.lastContact, now)}`}`,
      )
      .join('; ') || '-',
  ]);
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => (row[at] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  const wrong = rooms.filter((room) => room.problems.length > 0).length;
  const lines = [line(head)];
  for (const [at, room] of rooms.entries()) {
    lines.push(line(rows[at] ?? []), ...room.problems.map((problem) => `    ! ${shown(problem, 1_000)}`));
    for (const { label, differs } of room.devices) {
      if (differs.length > 0) lines.push(`    ~ ${shown(`${label}: ${listed(differs)}`, 1_000)}`);
    }
  }
  for (const { name, facts, problems } of services) {
    lines.push(`${name}: ${facts.map((fact) => shown(fact, 300)).join(' ')}`);
    lines.push(...problems.map((problem) => `    ! ${shown(problem, 1_000)}`));
  }
  if (refusals.length > 0) lines.push('REFUSED TO GUESTS LATELY');
  for (const { subject, leg, outcome, at, until } of refusals) {
    lines.push(`    ${shown(subject, 200)}: ${leg}, ${day(at)}, ${outcome}; tried again from ${day(until)}`);
  }
  lines.push(`${rooms.length} ${rooms.length === 1 ? 'room' : 'rooms'}, something is wrong with ${wrong}`);
  return `${lines.join('\n')}\n`;
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Titles come from strangers: nothing in them may steer the terminal. */
function shown(text: string, longest: number): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim();
  const characters = [...plain];
  return characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : plain;
}

/** `now`, the time of today, or day and time, in the room's zone. */
function time(start: number, now: number, timeZone: string): string {
  if (start <= now) return 'now';
  const day = (at: number): string => new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(at);
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone, timeStyle: 'short' }).format(start);
  return day(start) === day(now) ? clock : `${day(start)} ${clock}`;
}

/** A line for each address, so that it can be searched and cut. */
export function addressTable({ rooms }: AddressesAnswer): string {
  const lines = rooms.flatMap(({ id, panel, feed }) => [
    ...(panel === null ? [] : [`${id}  panel  ${panel}`]),
    ...(feed === null ? [] : [`${id}  feed   ${feed}`]),
  ]);
  return lines.map((line) => `${line}\n`).join('');
}
