/** Opens the calendar of a room from the configuration. */
import { resolve } from 'node:path';
import type { Calendar, ConnectorClock } from '../../connectors/calendars/calendar.ts';
import type { GraphTenant } from '../../connectors/calendars/graph/tenant.ts';
import { openIcsFeed } from '../../connectors/calendars/ics/feed.ts';
import { openIcsFolder } from '../../connectors/calendars/ics/folder.ts';
import type { IcsReader } from '../../connectors/calendars/ics/reader.ts';
import type { CalendarConfig } from '../config/schema.ts';

export interface OpenedCalendar {
  calendar: Calendar;
  /** How long to wait until it is read again if it tells of no change, milliseconds. */
  pollMs: () => number;
}

export interface CalendarPlace {
  timeZone: string;
  email: string | undefined;
  /** Folder that relative paths start from. */
  base: string;
  clock: ConnectorClock;
  /** The Microsoft 365 tenant, where one is configured. */
  online: GraphTenant | null;
  /** Makes a reader of iCalendar for one calendar. */
  reader: () => IcsReader;
}

/** A watched folder tells of changes; the poll is for what watching may miss, and for the window, which moves on. */
const folderPollMs = 5 * 60_000;

export function openCalendar(config: CalendarConfig, place: CalendarPlace): OpenedCalendar {
  const { timeZone, base, clock, email, online, reader } = place;
  if (config.type === 'graph') {
    const mailbox = config.mailbox ?? email;
    // The configuration's own checks say so before, with the line.
    if (online === null || mailbox === undefined) throw new Error('a graph calendar needs microsoft365 and a mailbox');
    const plannedMs = config.pollMinutes * 60_000;
    return { calendar: online.calendar(mailbox, timeZone), pollMs: () => online.pollMs(mailbox, plannedMs) };
  }
  const common = { timeZone, clock, reader: reader(), ...(email === undefined ? {} : { attendee: email }) };
  if (config.type === 'folder') {
    return {
      calendar: openIcsFolder({ path: resolve(base, config.path), ...common }),
      pollMs: () => folderPollMs,
    };
  }
  const { url, allowPrivateAddresses, username, password } = config;
  const auth = username === undefined ? {} : { auth: { user: username, password: password ?? '' } };
  return {
    calendar: openIcsFeed({ url, allowPrivateAddresses, ...auth, ...common }),
    pollMs: () => config.pollMinutes * 60_000,
  };
}
