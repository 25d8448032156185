/** Opens the calendar of a room from the configuration. */
import { resolve } from 'node:path';
import type { Calendar, ConnectorClock } from '../../connectors/calendars/calendar.ts';
import { openIcsFeed } from '../../connectors/calendars/ics/feed.ts';
import { openIcsFolder } from '../../connectors/calendars/ics/folder.ts';
import type { CalendarConfig } from '../config/schema.ts';

export interface OpenedCalendar {
  calendar: Calendar;
  /** How often it is read when it tells of no change, milliseconds. */
  pollMs: number;
}

/** A watched folder tells of changes; the poll is for what watching may miss, and for the window, which moves on. */
const folderPollMs = 5 * 60_000;

/** @param base folder that relative paths start from */
export function openCalendar(
  config: CalendarConfig,
  room: { timeZone: string; email: string | undefined; base: string; clock: ConnectorClock },
): OpenedCalendar {
  const { timeZone, base, clock } = room;
  const common = { timeZone, clock, ...(room.email === undefined ? {} : { attendee: room.email }) };
  if (config.type === 'folder') {
    return {
      calendar: openIcsFolder({ path: resolve(base, config.path), ...common }),
      pollMs: folderPollMs,
    };
  }
  const { url, allowPrivateAddresses, username, password } = config;
  const auth = username === undefined ? {} : { auth: { user: username, password: password ?? '' } };
  return {
    calendar: openIcsFeed({ url, allowPrivateAddresses, ...auth, ...common }),
    pollMs: config.pollMinutes * 60_000,
  };
}
