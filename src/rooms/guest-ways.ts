/** Whether a room can be walked into a meeting as a guest: by the configuration, and by what kind of meeting it is. */
import { chooseLegs, type Refusal } from '../../media/guest/choose.ts';
import type { MeetingTarget } from './plan.ts';
import type { RoomSettings } from './settings.ts';

/**
 * `off`: this room takes no guest calls. `none`: none of the configured ways leads into this kind of meeting.
 * `refused`: one would, had it not been refused there before. Either way a button would only fail.
 */
export type GuestWay =
  | { open: true; closed: null; why: null }
  | { open: false; closed: 'off' | 'none' | 'refused'; why: string };

const open: GuestWay = { open: true, closed: null, why: null };

export function guestWay(
  room: Pick<RoomSettings, 'sipDomain' | 'guestWays'>,
  meeting: MeetingTarget,
  refused: readonly Refusal[],
): GuestWay {
  const { guestWays } = room;
  if (room.sipDomain === null || guestWays?.length === 0) {
    return { open: false, closed: 'off', why: 'this room takes no guest calls' };
  }
  if (guestWays === undefined) return open;
  const question = { ...meeting, configured: guestWays };
  const { legs, reasons } = chooseLegs({ ...question, refused });
  if (legs.length > 0) return open;
  const closed = chooseLegs(question).legs.length > 0 ? 'refused' : 'none';
  return { open: false, closed, why: reasons.map(({ leg, why }) => `${leg}: ${why}`).join('; ') };
}
