/** Times as people in the room read them: its zone, its language. Runs in the server and in the panel's browser. */
import type { Instant } from '../../../parsers/invite.ts';
import { spokenLanguage } from './words.ts';

export interface When {
  time(at: Instant): string;
  /** `Thursday 21 November`. */
  date(at: Instant): string;
  /** `Thu`. */
  weekday(at: Instant): string;
  /** The same for two moments of one day in the room's zone. */
  day(at: Instant): string;
  /** True at midnight in the room's zone. */
  midnight(at: Instant): boolean;
}

const made = new Map<string, When>();

/** A zone or language that this browser does not know is shown in UTC or English: a wrong hour is worse than an odd one. */
export function whenIn(timeZone: string, language: string): When {
  const key = `${timeZone} ${language}`;
  const known = made.get(key);
  if (known !== undefined) return known;
  const zone = accepted(() => new Intl.DateTimeFormat('en', { timeZone }), timeZone, 'UTC');
  const tongue = accepted(() => new Intl.DateTimeFormat(spokenLanguage(language)), spokenLanguage(language), 'en');
  const time = new Intl.DateTimeFormat(tongue, { timeZone: zone, hour: 'numeric', minute: '2-digit' });
  const date = new Intl.DateTimeFormat(tongue, { timeZone: zone, weekday: 'long', day: 'numeric', month: 'long' });
  const weekday = new Intl.DateTimeFormat(tongue, { timeZone: zone, weekday: 'short' });
  const day = new Intl.DateTimeFormat('en', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
  const hour = new Intl.DateTimeFormat('en', { timeZone: zone, hour: '2-digit', minute: '2-digit', hour12: false });
  const when: When = {
    // With `zone` UTC by accident the zone's name is part of the time, so that nobody takes it for the room's own.
    time: (at) => (zone === timeZone ? time.format(at) : `${time.format(at)} UTC`),
    date: (at) => date.format(at),
    weekday: (at) => weekday.format(at),
    day: (at) => day.format(at),
    midnight: (at) => /^(00|24):00$/.test(hour.format(at)),
  };
  if (made.size < 100) made.set(key, when);
  return when;
}

function accepted(probe: () => unknown, value: string, otherwise: string): string {
  try {
    probe();
    return value;
  } catch {
    return otherwise;
  }
}

const hourMs = 3_600_000;

/** An entry from midnight to midnight. */
export function isAllDay(entry: { start: Instant; end: Instant }, when: When): boolean {
  return entry.end - entry.start >= 23 * hourMs && when.midnight(entry.start) && when.midnight(entry.end);
}
