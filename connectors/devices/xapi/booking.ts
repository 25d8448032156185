/**
 * A booking as RoomOS knows it, and what becomes of a join entry on such a device: titles are cut, durations are whole
 * minutes, a dial string has no scheme. Fields and limits: the RoomOS API's `Bookings Put` and `Bookings List`.
 */
import { type DeviceEntry, type JoinEntry, ownIdPrefix } from '../device.ts';

const minute = 60_000;
/** Longest title; the API gives 128 for the text fields of `Bookings Book` and `Edit` and is silent on `Put`. */
const longestTitle = 128;
/** Longest `Number` that `Dial` takes. */
const longestNumber = 255;
/** Seconds; the longest lead and tail that our own configuration allows. */
const longestBuffer = 180 * 60;

export const protocols = ['SIP', 'H323', 'ISDN', 'IP', 'Spark', 'WebRTC', 'None'] as const;
export type Protocol = (typeof protocols)[number];

export interface Booking {
  id: string;
  title: string;
  agenda: string;
  privacy: 'Public' | 'Private';
  organizer: { name: string; email: string; id: string };
  /** Whole seconds of UTC, as milliseconds. */
  start: number;
  end: number;
  /** Seconds. */
  startBuffer: number;
  endBuffer: number;
  /** Without a scheme; empty where there is nothing to dial. */
  number: string;
  protocol: Protocol;
  /** What `Bookings Put` knows of these; `''` where there is none, or another. */
  platform: string;
  callType: string;
  encryption: string;
  meetingId: string;
}

const known = {
  platform: ['GoogleMeet', 'MicrosoftTeams', 'Zoom', 'Webex', 'Other', 'None'],
  callType: ['Audio', 'Video'],
  // A list also shows `BestEffort`, which is what a booking without it has.
  encryption: ['On', 'Off'],
} as const;

/** A value that `Bookings Put` takes for this field; one that it would refuse is left out. */
export function knownValue(field: keyof typeof known, value: string | null): string {
  return known[field].find((one) => one.toLowerCase() === value?.toLowerCase()) ?? '';
}

export function isOurs({ id }: Pick<Booking, 'id'>): boolean {
  return id.startsWith(ownIdPrefix);
}

/** What is sent for a join entry. */
export function bookingOf(entry: JoinEntry): Booking {
  const start = Math.floor(entry.start / 1000) * 1000;
  const minutes = Math.max(1, Math.ceil((entry.end - start) / minute));
  const number = numberOf(entry);
  return {
    id: entry.id,
    title: line(entry.title, longestTitle) || '\u2013',
    agenda: line(entry.note ?? '', longestTitle),
    privacy: entry.privacy === 'private' ? 'Private' : 'Public',
    organizer: {
      // Required by `Bookings Put`, also where the room may not show it.
      name: line(entry.organizer?.name ?? '', longestTitle) || '\u2013',
      email: line(entry.organizer?.email ?? '', longestNumber),
      id: '',
    },
    start,
    end: start + minutes * minute,
    startBuffer: seconds(entry.start - entry.buttonFrom),
    endBuffer: seconds(entry.buttonUntil - entry.end),
    number,
    protocol: number === '' ? 'None' : entry.dial?.protocol === 'h323' ? 'H323' : 'SIP',
    platform: '',
    callType: 'Video',
    encryption: '',
    meetingId: '',
  };
}

/** A dial string that the device cannot hold as it is, is left out: cut or cleaned, it would lead to somebody else. */
function numberOf({ dial }: JoinEntry): string {
  const number = (dial?.address ?? '').replace(/^(sips?|h323):/i, '').trim();
  return number.length > longestNumber || /[\s\p{Cc}\p{Cs}\ufffe\uffff]/u.test(number) ? '' : number;
}

/** What the device will say that it shows of a booking. */
export function entryOf({ id, title, start, end, number, protocol }: Booking): DeviceEntry {
  const scheme = protocol === 'H323' ? 'h323' : protocol === 'SIP' ? 'sip' : protocol.toLowerCase();
  return { id, title, start, end, dial: number === '' ? null : `${scheme}:${number}` };
}

/** The `body` of `Bookings Put`. */
export function putBody(bookings: readonly Booking[]): { Bookings: readonly object[] } {
  return { Bookings: bookings.map(jsonBooking) };
}

/** Also of a booking of others: what they left out, and `Bookings Put` asks for, must not keep ours from the device. */
function jsonBooking(booking: Booking): object {
  const { organizer, callType, encryption, number } = booking;
  const protocol = number === '' ? 'None' : booking.protocol;
  return {
    Id: booking.id,
    Title: booking.title === '' ? '\u2013' : booking.title,
    ...(booking.agenda === '' ? {} : { Agenda: booking.agenda }),
    Privacy: booking.privacy,
    Number: number,
    Protocol: protocol,
    ...(booking.platform === '' ? {} : { MeetingPlatform: booking.platform }),
    ...(booking.meetingId === '' ? {} : { MeetingId: booking.meetingId }),
    ...(protocol === 'None' || protocol === 'WebRTC' || callType === '' ? {} : { CallType: callType }),
    ...(encryption === '' ? {} : { Encryption: encryption }),
    Organizer: {
      Name: organizer.name === '' ? '\u2013' : organizer.name,
      ...(organizer.email === '' ? {} : { Email: organizer.email }),
      ...(organizer.id === '' ? {} : { Id: organizer.id }),
    },
    Time: {
      StartTime: isoSeconds(booking.start),
      Duration: Math.max(1, Math.ceil((booking.end - booking.start) / minute)),
      StartTimeBuffer: booking.startBuffer,
      EndTimeBuffer: booking.endBuffer,
    },
  };
}

/** `2026-03-02T09:00:00Z`: the device knows no fractions. */
export function isoSeconds(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

function seconds(ms: number): number {
  return Math.min(longestBuffer, Math.max(0, Math.round(ms / 1000)));
}

/** One line without control characters, cut between characters. */
function line(text: string, longest: number): string {
  const whole = text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\ufffe\uffff\s]+/gu, ' ')
    .trim();
  if (whole.length <= longest) return whole;
  return whole
    .slice(0, longest)
    .replace(/[\ud800-\udbff]$/, '')
    .trim();
}
