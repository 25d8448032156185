/** Reads the answer of `Bookings List`. */
import { childrenNamed, childText, descend, type XmlElement } from '../../../parsers/read/xml.ts';
import { DeviceError } from '../device.ts';
import { type Booking, knownValue, protocols } from './booking.ts';

/** More than any device holds. */
const mostBookings = 5_000;

/** A booking as listed, and the element that it was, so that a booking of others can go back as it came. */
export interface Listed {
  booking: Booking;
  element: XmlElement;
}

/**
 * @param result the `BookingsListResult` or its like
 * @throws DeviceError `bad-answer` where fewer bookings came than the device says it has, or one of them has no id or times
 */
export function readListing(result: XmlElement): Listed[] {
  const elements = childrenNamed(result, 'Booking');
  const info = descend(result, ['ResultInfo']);
  const rows = Number(info === null ? elements.length : (childText(info, 'TotalRows') ?? elements.length));
  if (elements.length > mostBookings || rows > elements.length) {
    throw new DeviceError('bad-answer', `says that it has ${rows} bookings and lists ${elements.length}`);
  }
  return elements.map((element) => ({ booking: readBooking(element), element }));
}

function readBooking(element: XmlElement): Booking {
  const time = descend(element, ['Time']);
  const start = instant(time, 'StartTime');
  const end = instant(time, 'EndTime') ?? plusMinutes(start, time === null ? null : childText(time, 'Duration'));
  const id = childText(element, 'Id');
  if (id === null || start === null || end === null) {
    throw new DeviceError('bad-answer', 'lists a booking without id, start or end');
  }
  const call = descend(element, ['DialInfo', 'Calls', 'Call']) ?? element;
  const organizer = descend(element, ['Organizer']);
  const of = (name: string): string => (organizer === null ? null : childText(organizer, name)) ?? '';
  return {
    id,
    title: childText(element, 'Title') ?? '',
    agenda: childText(element, 'Agenda') ?? '',
    privacy: childText(element, 'Privacy') === 'Private' ? 'Private' : 'Public',
    organizer: { name: of('Name') || `${of('FirstName')} ${of('LastName')}`.trim(), email: of('Email'), id: of('Id') },
    start,
    end,
    startBuffer: whole(time, 'StartTimeBuffer'),
    endBuffer: whole(time, 'EndTimeBuffer'),
    number: (childText(call, 'Number') ?? '').replace(/^(sips?|h323):/i, ''),
    protocol: protocolOf(childText(call, 'Protocol'), childText(call, 'Number')),
    platform: knownValue('platform', childText(element, 'MeetingPlatform')),
    callType: knownValue('callType', childText(call, 'CallType')),
    encryption: knownValue('encryption', childText(element, 'Encryption')),
    meetingId: childText(element, 'MeetingId') ?? '',
  };
}

function protocolOf(text: string | null, number: string | null): Booking['protocol'] {
  const known = protocols.find((protocol) => protocol.toLowerCase() === text?.toLowerCase());
  return known ?? (number === null ? 'None' : 'SIP');
}

function instant(time: XmlElement | null, name: string): number | null {
  const text = time === null ? null : childText(time, name);
  const at = Date.parse(text ?? '');
  return Number.isNaN(at) ? null : at;
}

function plusMinutes(start: number | null, minutes: string | null): number | null {
  const count = Number(minutes ?? Number.NaN);
  return start === null || !Number.isFinite(count) ? null : start + count * 60_000;
}

function whole(time: XmlElement | null, name: string): number {
  const value = Number((time === null ? null : childText(time, name)) ?? 0);
  return Number.isFinite(value) ? Math.max(0, Math.round(value)) : 0;
}
