/** From the events of all files of a calendar to one reading of it: the same UID may stand in several of them. */
import type { Invite } from '../../../parsers/invite.ts';
import type { CalendarReading, Window } from '../calendar.ts';
import { type CalendarEvent, quoted } from './event.ts';
import { RuleRefused } from './rule-text.ts';
import { expandSeries } from './series.ts';

/** Problems beyond these are counted, not listed. */
const mostProblems = 50;
/** A reading larger than this is cut, and says so: more than the fullest days that anybody has thought of. */
const mostInvites = 12_000;

export function readingOf(
  events: Iterable<CalendarEvent>,
  window: Window,
  problems: readonly string[],
): CalendarReading {
  const byUid = new Map<string, CalendarEvent[]>();
  for (const event of events) {
    const group = byUid.get(event.uid);
    if (group === undefined) byUid.set(event.uid, [event]);
    else group.push(event);
  }
  const invites: Invite[] = [];
  const found = [...problems];
  for (const [uid, group] of byUid) {
    try {
      for (const invite of expandSeries(group, window)) invites.push(invite);
    } catch (error) {
      if (!(error instanceof RuleRefused)) throw error;
      found.push(
        `${group[0]?.file ?? 'the calendar'}: the recurring event ${quoted(uid)} is left out: ${error.message}; correct its RRULE`,
      );
    }
    if (invites.length > mostInvites) {
      invites.length = mostInvites;
      found.push(`more than ${mostInvites} events in the days read; the rest is left out`);
      break;
    }
  }
  invites.sort(byTime);
  return { invites, problems: atMost(found, mostProblems) };
}

function byTime(a: Invite, b: Invite): number {
  return (a.start ?? 0) - (b.start ?? 0) || compareText(a.uid, b.uid) || compareText(a.occurrence, b.occurrence);
}

function compareText(a: string | null, b: string | null): number {
  const [left, right] = [a ?? '', b ?? ''];
  return left < right ? -1 : left > right ? 1 : 0;
}

function atMost(problems: readonly string[], most: number): string[] {
  if (problems.length <= most) return [...problems];
  return [...problems.slice(0, most), `and ${problems.length - most} more problems of this kind`];
}
