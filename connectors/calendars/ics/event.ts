/** One VEVENT as a file holds it, its times read: what the series it belongs to (series.ts) is made of. */
import type { Instant, Invite } from '../../../parsers/invite.ts';
import type { IcsComponent, IcsProperty } from '../../../parsers/read/ics.ts';
import { type Duration, day, parseDuration, parseStamp, type Wall } from './wall.ts';
import { utc, type Zone } from './zone.ts';

/** A moment as written: wall time and the zone it is meant in. */
export interface Moment {
  wall: Wall;
  zone: Zone;
  dateOnly: boolean;
}

/** How long one instance is. */
export type Length =
  /** By DTEND: the same milliseconds for every instance (RFC 5545, 3.8.5.3). */
  | { kind: 'exact'; ms: number }
  /** By DURATION, or whole days: a day has as many hours as the zone gives it. */
  | { kind: 'nominal'; duration: Duration };

export interface ExtraDate {
  moment: Moment;
  length: Length | null;
}

export interface CalendarEvent {
  uid: string;
  /** Upper case; `null` where the calendar has none. */
  method: string | null;
  sequence: number;
  /** DTSTAMP, 0 where absent. */
  stamp: Instant;
  cancelled: boolean;
  start: Moment;
  length: Length;
  /** The original start of the one instance that this changes; `null` for the series itself. */
  recurrenceId: Moment | null;
  thisAndFuture: boolean;
  rules: readonly string[];
  exceptRules: readonly string[];
  extraDates: readonly ExtraDate[];
  exceptDates: readonly Moment[];
  /** Everything but times and recurrence; read when an instance lies in the window, then kept. */
  invite(): Invite;
  /** Which file it stands in: files are compared by name where nothing else decides. */
  file: string;
}

/** An event that cannot be placed; the message is for the administrator and holds nothing of its content but the UID. */
export class EventRefused extends Error {
  override name = 'EventRefused';
}

export interface EventContext {
  file: string;
  method: string | null;
  /** For times without a zone. */
  floating: Zone;
  /** `null` when the name is not known to anybody; the caller tells it once. */
  zone(tzid: string): Zone | null;
  invite(component: IcsComponent): Invite;
}

/** @throws EventRefused */
export function readEvent(component: IcsComponent, context: EventContext): CalendarEvent {
  const uid = first(component, 'UID')?.value.trim() ?? '';
  const written = first(component, 'DTSTART');
  const start = written === undefined ? null : momentOf(written, context);
  if (start === null)
    throw new EventRefused(
      `the event ${quoted(uid)} has ${written === undefined ? 'no DTSTART' : `the DTSTART ${quoted(written.value)}`}`,
    );
  const recurrence = first(component, 'RECURRENCE-ID');
  const recurrenceId = recurrence === undefined ? null : momentOf(recurrence, { ...context, floating: start.zone });
  if (recurrence !== undefined && recurrenceId === null)
    throw new EventRefused(`the event ${quoted(uid)} has the RECURRENCE-ID ${quoted(recurrence.value)}`);
  let invite: Invite | null = null;
  return {
    // An event without UID stands for itself; its place in the file tells it from its neighbours.
    uid: uid === '' ? `${context.file}#${written?.value ?? ''}` : uid,
    method: context.method,
    sequence: Math.trunc(Number(first(component, 'SEQUENCE')?.value ?? 0)) || 0,
    stamp: stampOf(component),
    cancelled: context.method === 'CANCEL' || first(component, 'STATUS')?.value.trim().toUpperCase() === 'CANCELLED',
    start,
    length: lengthOf(component, start, context),
    recurrenceId,
    thisAndFuture: recurrence?.params.get('RANGE')?.[0]?.toUpperCase() === 'THISANDFUTURE',
    rules: values(component, 'RRULE').map((property) => property.value),
    exceptRules: values(component, 'EXRULE').map((property) => property.value),
    extraDates: values(component, 'RDATE').flatMap((property) => extraDatesOf(property, start, context)),
    exceptDates: values(component, 'EXDATE').flatMap((property) => datesOf(property, start, context)),
    invite: () => {
      invite ??= context.invite(component);
      return invite;
    },
    file: context.file,
  };
}

export function first(component: IcsComponent, name: string): IcsProperty | undefined {
  return component.properties.find((property) => property.name === name && property.value.trim() !== '');
}

export function values(component: IcsComponent, name: string): IcsProperty[] {
  return component.properties.filter((property) => property.name === name);
}

/** A value from a file, short and on one line, for a message. */
export function quoted(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}

function stampOf(component: IcsComponent): Instant {
  return (
    parseStamp(first(component, 'DTSTAMP')?.value ?? '')?.wall ??
    parseStamp(first(component, 'LAST-MODIFIED')?.value ?? '')?.wall ??
    0
  );
}

function momentOf(property: IcsProperty, context: EventContext, value = property.value): Moment | null {
  const stamp = parseStamp(value);
  if (stamp === null) return null;
  if (stamp.dateOnly) return { wall: stamp.wall, zone: context.floating, dateOnly: true };
  if (stamp.utc) return { wall: stamp.wall, zone: utc, dateOnly: false };
  const tzid = property.params.get('TZID')?.[0];
  const zone = tzid === undefined ? null : context.zone(tzid);
  return { wall: stamp.wall, zone: zone ?? context.floating, dateOnly: false };
}

function datesOf(property: IcsProperty, start: Moment, context: EventContext): Moment[] {
  const own = { ...context, floating: start.zone };
  return property.value.split(',').flatMap((value) => momentOf(property, own, value) ?? []);
}

/** RDATE, also as PERIOD: `start/end` or `start/duration`. */
function extraDatesOf(property: IcsProperty, start: Moment, context: EventContext): ExtraDate[] {
  const own = { ...context, floating: start.zone };
  return property.value.split(',').flatMap((value): ExtraDate[] => {
    const [from = '', to] = value.split('/', 2);
    const moment = momentOf(property, own, from);
    if (moment === null) return [];
    if (to === undefined) return [{ moment, length: null }];
    const duration = parseDuration(to);
    if (duration !== null) return [{ moment, length: { kind: 'nominal', duration } }];
    const end = momentOf(property, own, to);
    return [{ moment, length: end === null ? null : { kind: 'exact', ms: exactly(moment, end) } }];
  });
}

function lengthOf(component: IcsComponent, start: Moment, context: EventContext): Length {
  const written = first(component, 'DTEND');
  const end = written === undefined ? null : momentOf(written, { ...context, floating: start.zone });
  if (end !== null && start.dateOnly)
    return { kind: 'nominal', duration: { days: Math.max(1, Math.round((end.wall - start.wall) / day)), ms: 0 } };
  if (end !== null) return { kind: 'exact', ms: exactly(start, end) };
  const duration = parseDuration(first(component, 'DURATION')?.value ?? '');
  if (duration !== null)
    return { kind: 'nominal', duration: { days: Math.max(0, duration.days), ms: Math.max(0, duration.ms) } };
  return { kind: 'nominal', duration: { days: start.dateOnly ? 1 : 0, ms: 0 } };
}

/** An end before its start, which some exporters write, is an end at the start. */
function exactly(start: Moment, end: Moment): number {
  return Math.max(0, end.zone.instant(end.wall) - start.zone.instant(start.wall));
}
