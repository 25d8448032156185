import type { Language } from '../config/values.ts';

/** What is configured for one room, defaults filled in: all that planning needs to know of it. */
export interface RoomSettings {
  id: string;
  name: string;
  timeZone: string;
  language: Language;
  privacy: { subject: 'all' | 'private' | 'never'; organizer: 'all' | 'private' | 'never' };
  join: { leadMinutes: number; tailMinutes: number };
  meetings: { withoutJoin: Show; tentative: Show; allDay: Show };
  /** Host part of dial strings to us, `null` where no guest calls are taken. */
  sipDomain: string | null;
  /** The ways into meetings that are configured, by module; where it is missing, any meeting can be joined. */
  guestWays?: readonly string[];
}

type Show = 'listed' | 'hidden';
