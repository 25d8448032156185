/**
 * What the panel page is told, whole, on every change. It holds what the page shows and nothing else: no organiser's
 * address, and no dial address where the room's own video system dials.
 */
import type { Instant } from '../../../parsers/invite.ts';
import type { RoomView } from '../device.ts';

/** How asking the room's device to dial can end. The page says each in the room's language. */
export const joinOutcomes = [
  'calling',
  'hung-up',
  'busy',
  'no-device',
  'unreachable',
  'refused',
  'not-now',
  'unknown-entry',
  'too-many',
  'failed',
] as const;
export type JoinOutcome = (typeof joinOutcomes)[number];

/** The room's call as the people in the room should see it. */
export interface RoomCall {
  state: 'idle' | 'dialling' | 'lobby' | 'connected';
  /** The join entry that was dialled, `null` when idle or dialled by hand. */
  entryId: string | null;
  /** One sentence for the room on how the last call ended, shown until the next one; else `null`. */
  notice: string | null;
}

export interface PanelEntry {
  id: string;
  title: string;
  organizer: string | null;
  start: Instant;
  end: Instant;
  buttonFrom: Instant;
  buttonUntil: Instant;
  private: boolean;
  joinable: boolean;
  /** Only where the room has no device that dials: what to dial by hand, without `sip:`. */
  address: string | null;
  note: string | null;
}

export interface PanelState {
  roomName: string;
  timeZone: string;
  language: string;
  canDial: boolean;
  entries: readonly PanelEntry[];
  call: RoomCall;
}

/** One message to the page: the state and the server's time, by which the page runs its clock. */
export interface PanelUpdate {
  /** Names this state; a page that has it needs no other copy. */
  tag: string;
  /** Names the page's script and style; a page of another build reloads itself. */
  build: string;
  now: Instant;
  state: PanelState;
}

/** A panel shows this many entries at most; the planner's window is longer than any panel is tall. */
export const mostEntries = 60;

export function panelState(view: RoomView, room: { canDial: boolean; call: RoomCall }, now: Instant): PanelState {
  const entries = view.entries
    .filter((entry) => entry.end > now || entry.buttonUntil > now)
    .toSorted((a, b) => a.start - b.start || a.end - b.end || (a.id < b.id ? -1 : 1))
    .slice(0, mostEntries);
  return {
    roomName: view.roomName,
    timeZone: view.timeZone,
    language: view.language,
    canDial: room.canDial,
    call: room.call,
    entries: entries.map((entry) => ({
      id: entry.id,
      title: entry.title,
      organizer: entry.organizer?.name ?? null,
      start: entry.start,
      end: entry.end,
      buttonFrom: entry.buttonFrom,
      buttonUntil: entry.buttonUntil,
      private: entry.privacy === 'private',
      joinable: entry.dial !== null,
      address: entry.dial === null || room.canDial ? null : entry.dial.address.replace(/^sips?:/i, ''),
      note: entry.note,
    })),
  };
}
