/** Whether a room can be walked into a meeting as a guest: by the configuration, and by what kind of meeting it is. */
import { chooseLegs } from '../../media/guest/choose.ts';
import type { Understanding } from '../../parsers/invite.ts';
import type { RoomSettings } from './settings.ts';

/**
 * `off`: this room takes no guest calls. `none`: none of the configured ways leads into this kind of meeting, and a
 * button would only fail.
 */
export type GuestWay = 'open' | 'off' | 'none';

export function guestWay(
  room: Pick<RoomSettings, 'sipDomain' | 'guestWays'>,
  { join, tenancy }: Pick<Understanding, 'join' | 'tenancy'>,
): GuestWay {
  if (room.sipDomain === null || room.guestWays?.length === 0) return 'off';
  const teams = join?.teams;
  if (room.guestWays === undefined || teams == null) return 'open';
  const { legs } = chooseLegs({
    cloud: teams.cloud,
    tenancy,
    broadcast: teams.broadcast,
    url: join?.url ?? null,
    configured: room.guestWays,
  });
  return legs.length > 0 ? 'open' : 'none';
}
