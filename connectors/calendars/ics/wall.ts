/**
 * Wall-clock time as RFC 5545 writes it. A recurrence rule repeats what the clock on the wall shows, so it is worked
 * out on wall time and only its results are turned into instants, each by the zone it stands in (zone.ts).
 */

/** What a wall clock shows, as the milliseconds since 1970-01-01T00:00 that it would be were the clock UTC's. */
export type Wall = number;

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

/** A DATE or DATE-TIME value (RFC 5545, 3.3.4 and 3.3.5) before its zone is known. */
export interface Stamp {
  wall: Wall;
  /** A day without a time. */
  dateOnly: boolean;
  /** Ends in `Z`: UTC whatever TZID says. */
  utc: boolean;
}

const stamp = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})?(Z)?)?$/i;

/** `null` for what is no date, among them the 31st of June and 25 o'clock. Second 60 becomes 59 (RFC 5545, 3.3.12). */
export function parseStamp(value: string): Stamp | null {
  const match = stamp.exec(value.trim());
  if (match === null) return null;
  const [, year, month, dayOfMonth, hours, minutes, seconds, z] = match.map((part) => part ?? '');
  const midnight = Date.UTC(2000, Number(month) - 1, Number(dayOfMonth));
  const date = new Date(midnight);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(dayOfMonth));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(dayOfMonth)) return null;
  if (hours === '') return { wall: date.getTime(), dateOnly: true, utc: false };
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 60) return null;
  const time = Number(hours) * hour + Number(minutes) * minute + Math.min(59, Number(seconds)) * second;
  return { wall: date.getTime() + time, dateOnly: false, utc: z !== '' };
}

/** Midnight of the day that `wall` lies in. */
export function dayOf(wall: Wall): Wall {
  return Math.floor(wall / day) * day;
}

/** `20260131T090000`, without a `Z`. Years outside 0–9999 are no wall time a calendar can hold. */
export function formatWall(wall: Wall): string {
  return new Date(wall).toISOString().replace(/[-:]|\.\d+Z$/g, '');
}

/** A DURATION (RFC 5545, 3.3.6): days and weeks are nominal (a day may have 23 hours), the time part is exact. */
export interface Duration {
  days: number;
  ms: number;
}

const duration = /^([+-])?P(?:(\d{1,5})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?$/i;

export function parseDuration(value: string): Duration | null {
  const match = duration.exec(value.trim());
  if (match === null) return null;
  const [, sign, weeks, days, hours, minutes, seconds] = match.map((part) => part ?? '');
  const direction = sign === '-' ? -1 : 1;
  return {
    days: direction * (Number(weeks) * 7 + Number(days)),
    ms: direction * (Number(hours) * hour + Number(minutes) * minute + Number(seconds) * second),
  };
}

/** A UTC-OFFSET (RFC 5545, 3.3.14) in milliseconds east of Greenwich; `null` beyond ±24 h or when it is none. */
export function parseOffset(value: string): number | null {
  const match = /^([+-])(\d{2}):?(\d{2})(?::?(\d{2}))?$/.exec(value.trim());
  if (match === null) return null;
  const size = Number(match[2]) * hour + Number(match[3]) * minute + Number(match[4] ?? 0) * second;
  return size >= day ? null : match[1] === '-' ? -size : size;
}
