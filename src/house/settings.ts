/** The settings of one room: its own where it has some, the general ones else. */
import type { Config, RoomConfig } from '../config/schema.ts';
import type { RoomSettings } from '../rooms/settings.ts';

/** @param sipDomain host part of dial strings to us, `null` where no guest calls are taken */
export function roomSettings(config: Config, room: RoomConfig, sipDomain: string | null): RoomSettings {
  return {
    id: room.id,
    name: room.name,
    timeZone: room.timeZone ?? config.timeZone,
    language: room.language ?? config.language,
    privacy: {
      subject: room.privacy?.subject ?? config.privacy.subject,
      organizer: room.privacy?.organizer ?? config.privacy.organizer,
    },
    join: {
      leadMinutes: room.join?.leadMinutes ?? config.join.leadMinutes,
      tailMinutes: room.join?.tailMinutes ?? config.join.tailMinutes,
    },
    meetings: {
      withoutJoin: room.meetings?.withoutJoin ?? config.meetings.withoutJoin,
      tentative: room.meetings?.tentative ?? config.meetings.tentative,
      allDay: room.meetings?.allDay ?? config.meetings.allDay,
    },
    sipDomain,
    guestWays: config.guests.adapters.map(({ module }) => module),
  };
}
