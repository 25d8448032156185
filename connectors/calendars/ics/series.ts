/**
 * The instances of one UID in a window: the series with its rules, the dates added and taken out, and the instances
 * that were moved, changed or cancelled by themselves (RFC 5545, 3.8.4.4 and 3.8.5).
 */
import type { Instant, Invite } from '../../../parsers/invite.ts';
import type { Window } from '../calendar.ts';
import type { CalendarEvent, Length, Moment } from './event.ts';
import { expandRule } from './rule.ts';
import { day, dayOf, formatWall, hour, type Wall } from './wall.ts';

/** One instance of the series before exceptions. */
interface Start {
  wall: Wall;
  length: Length;
}

/** Longer than this no meeting of a room is; it bounds how far before the window starts are looked for. */
const longest = 400 * day;

/**
 * @param events all of one UID, from whichever files
 * @throws RuleRefused when the rule of the series cannot be followed
 */
export function expandSeries(events: readonly CalendarEvent[], window: Window): Invite[] {
  const master = newest(events.filter((event) => event.recurrenceId === null));
  const exceptions = exceptionsOf(events, master);
  const invites = exceptions.flatMap((event) => (event.thisAndFuture && master !== null ? [] : single(event, window)));
  if (master === null) return invites;
  const recurring = isRecurring(master) || exceptions.length > 0;
  if (!recurring) return [...invites, ...single(master, window)];
  return [...invites, ...instances(master, exceptions, window)];
}

/** By SEQUENCE, then DTSTAMP; with both equal a cancellation wins, then the file that comes last by name. */
function newest(events: readonly CalendarEvent[]): CalendarEvent | null {
  let best: CalendarEvent | null = null;
  for (const event of events) if (best === null || compare(event, best) >= 0) best = event;
  return best;
}

function compare(a: CalendarEvent, b: CalendarEvent): number {
  if (a.sequence !== b.sequence) return a.sequence - b.sequence;
  if (a.stamp !== b.stamp && a.stamp !== 0 && b.stamp !== 0) return a.stamp - b.stamp;
  if (a.cancelled !== b.cancelled) return a.cancelled ? 1 : -1;
  return a.file < b.file ? -1 : a.file > b.file ? 1 : 0;
}

/** The newest exception for each original start, without those that a newer series or its cancellation has made void. */
function exceptionsOf(events: readonly CalendarEvent[], master: CalendarEvent | null): CalendarEvent[] {
  const byStart = new Map<string, CalendarEvent[]>();
  for (const event of events) {
    if (event.recurrenceId === null) continue;
    const key = `${originalStart(event.recurrenceId, master)}${event.thisAndFuture ? '+' : ''}`;
    byStart.set(key, [...(byStart.get(key) ?? []), event]);
  }
  return [...byStart.values()].flatMap((group) => {
    const best = newest(group);
    return best === null || isVoid(best, master) ? [] : [best];
  });
}

function isVoid(exception: CalendarEvent, master: CalendarEvent | null): boolean {
  if (master === null || exception.recurrenceId === null) return false;
  if (master.cancelled) return exception.sequence <= master.sequence;
  // What one file holds belongs together; from another file, an older exception counts only while its instance exists.
  if (exception.file === master.file || exception.sequence >= master.sequence) return false;
  const wall = inZone(exception.recurrenceId, master);
  const { dateOnly } = exception.recurrenceId;
  return startsOf(master, wall, dateOnly ? wall + day - 1 : wall).length === 0;
}

function isRecurring(event: CalendarEvent): boolean {
  return event.rules.length > 0 || event.extraDates.length > 0;
}

/** A moment on the wall clock of the series. */
function inZone(moment: Moment, master: CalendarEvent): Wall {
  if (moment.dateOnly || moment.zone === master.start.zone) return moment.wall;
  return master.start.zone.wallAt(moment.zone.instant(moment.wall));
}

/**
 * What an instance is known by: its day where the series has no times, else its instant. A RECURRENCE-ID that is only a
 * day stands for the instance of that day in the zone of the series.
 */
function originalStart(recurrenceId: Moment, master: CalendarEvent | null): string {
  if (master?.start.dateOnly) return `${formatWall(dayOf(inZone(recurrenceId, master)))}Z`;
  if (recurrenceId.dateOnly && master !== null) {
    const [found] = startsOf(master, recurrenceId.wall, recurrenceId.wall + day - 1);
    if (found !== undefined) return occurrenceOf({ ...master.start, wall: found.wall });
  }
  return occurrenceOf(recurrenceId);
}

/** `20260131T090000Z`; of an instance without a time its day at 00:00, whatever the room's zone. */
function occurrenceOf(moment: Moment): string {
  return `${formatWall(moment.dateOnly ? moment.wall : moment.zone.instant(moment.wall))}Z`;
}

/** An event that stands by itself: one that does not recur, or one instance that was changed. */
function single(event: CalendarEvent, window: Window): Invite[] {
  const occurrence = event.recurrenceId === null ? null : occurrenceOf(event.recurrenceId);
  return placed(event, event.start, event.length, occurrence, window);
}

function instances(master: CalendarEvent, exceptions: readonly CalendarEvent[], window: Window): Invite[] {
  const taken = new Set(exceptions.filter((event) => !event.thisAndFuture).map((event) => keyOf(event, master)));
  const later = exceptions
    .filter((event) => event.thisAndFuture)
    .sort((a, b) => (keyOf(a, master) < keyOf(b, master) ? -1 : 1));
  const shift = later.reduce((most, event) => Math.max(most, Math.abs(shiftOf(event, master))), 0);
  const reach =
    Math.min(longest, Math.max(lengthMs(master.length), ...later.map((event) => lengthMs(event.length)), 0) + shift) +
    day;
  const zone = master.start.zone;
  const starts = startsOf(master, zone.wallAt(window.from) - reach, zone.wallAt(window.to) + shift + hour);
  return starts.flatMap((start): Invite[] => {
    const moment = { ...master.start, wall: start.wall };
    const occurrence = occurrenceOf(moment);
    if (taken.has(occurrence)) return [];
    const changed = later.findLast((event) => keyOf(event, master) <= occurrence);
    if (changed === undefined) return placed(master, moment, start.length, occurrence, window);
    const moved = { ...changed.start, wall: changedWall(start.wall, changed, master) };
    return placed(changed, moved, changed.length, occurrence, window);
  });
}

function keyOf(exception: CalendarEvent, master: CalendarEvent): string {
  return exception.recurrenceId === null ? '' : originalStart(exception.recurrenceId, master);
}

/** How far THISANDFUTURE moves each of its instances, on the wall clock. */
function shiftOf(exception: CalendarEvent, master: CalendarEvent): number {
  return exception.recurrenceId === null ? 0 : exception.start.wall - inZone(exception.recurrenceId, master);
}

function changedWall(wall: Wall, exception: CalendarEvent, master: CalendarEvent): Wall {
  const shifted = wall + shiftOf(exception, master);
  // From a day to a time of day the wall of the day has to gain the time.
  return exception.start.dateOnly ? dayOf(shifted) : shifted;
}

interface Kept {
  from: Wall;
  to: Wall;
  starts: readonly Wall[];
}

/** What the rules of an event gave last: a calendar is read again and again over nearly the same days. */
const kept = new WeakMap<CalendarEvent, Kept>();

/** The starts by rule in `[from, to]`, worked out for whole days. */
function byRule(master: CalendarEvent, from: Wall, to: Wall): readonly Wall[] {
  if (master.rules.length === 0) return [];
  const days = { from: dayOf(from), to: dayOf(to) + day - 1 };
  const last = kept.get(master);
  if (last !== undefined && last.from <= from && last.to >= to) return last.starts;
  const { zone, wall: first } = master.start;
  const starts = new Set(master.rules.flatMap((rule) => expandRule(rule, first, days.from, days.to, zone)));
  for (const rule of master.exceptRules) {
    for (const wall of expandRule(rule, first, days.from, days.to, zone)) starts.delete(wall);
  }
  kept.set(master, { ...days, starts: [...starts] });
  return [...starts];
}

/** The series' starts in `[from, to]` on its wall clock: rules and added dates less the excepted ones. */
function startsOf(master: CalendarEvent, from: Wall, to: Wall): Start[] {
  const { wall: first, dateOnly } = master.start;
  const starts = new Map<Wall, Start>();
  const add = (wall: Wall, length: Length): void => {
    if (wall >= from && wall <= to && wall >= first) starts.set(wall, { wall, length });
  };
  for (const wall of byRule(master, from, to)) add(wall, master.length);
  // DTSTART is the first instance even where the rule does not say so.
  add(first, master.length);
  for (const extra of master.extraDates) {
    const wall = dateOnly ? dayOf(inZone(extra.moment, master)) : inZone(extra.moment, master);
    if (wall >= from && wall <= to) starts.set(wall, { wall, length: extra.length ?? master.length });
  }
  const days = new Set<Wall>();
  for (const except of master.exceptDates) {
    if (except.dateOnly || dateOnly) days.add(dayOf(inZone(except, master)));
    else starts.delete(inZone(except, master));
  }
  return [...starts.values()].filter((start) => !days.has(dayOf(start.wall))).sort((a, b) => a.wall - b.wall);
}

function lengthMs(length: Length): number {
  return length.kind === 'exact' ? length.ms : length.duration.days * day + length.duration.ms;
}

function endOf(start: Moment, length: Length): Instant {
  if (length.kind === 'exact') return start.zone.instant(start.wall) + length.ms;
  return start.zone.instant(start.wall + length.duration.days * day) + length.duration.ms;
}

/** The invite of one instance, if it overlaps the window; one without length counts where it starts. */
function placed(event: CalendarEvent, at: Moment, length: Length, occurrence: string | null, window: Window): Invite[] {
  // No zone is further than a day from UTC: most of a calendar's past is left out without asking for its zone.
  if (at.wall - day > window.to || at.wall + lengthMs(length) + 2 * day < window.from) return [];
  const start = at.zone.instant(at.wall);
  const end = endOf(at, length);
  if (start >= window.to || (end <= window.from && !(start === end && start >= window.from))) return [];
  const invite = event.invite();
  return [
    {
      ...invite,
      uid: event.uid,
      occurrence,
      sequence: event.sequence,
      method: event.method,
      cancelled: event.cancelled,
      start,
      end,
      // Exchange writes whole days with times as well, and says so beside them.
      allDay: at.dateOnly || invite.allDay,
    },
  ];
}
