/** Commands of the XML API, and what the device says to them. */
import { childText, type XmlElement } from '../../../parsers/read/xml.ts';
import { DeviceError, type DialTarget } from '../device.ts';
import { type Booking, isoSeconds, putBody } from '../xapi/booking.ts';
import type { Listed } from '../xapi/listing.ts';
import { refusal } from '../xapi/refusal.ts';
import { xmlText } from '../xapi/tree.ts';

/** Every booking that there is: `Bookings Put` replaces all, so what is not listed would be lost. */
export const listCommand =
  '<Command><Bookings><List command="True"><Days>365</Days><DayOffset>0</DayOffset><Limit>5000</Limit>' +
  '<Offset>0</Offset></List></Bookings></Command>';

export const clearCommand = '<Command><Bookings><Clear command="True"/></Bookings></Command>';

/** `Bookings Put`, whose list is JSON in a multi-line parameter (HTTP API guide: a `body` element). */
export function putCommand(bookings: readonly Booking[]): string {
  return `<Command><Bookings><Put command="True"><body>${xmlText(JSON.stringify(putBody(bookings)))}</body></Put></Bookings></Command>`;
}

export function dialCommand({ address, protocol }: DialTarget): string {
  const number = xmlText(address.replace(/^(sips?|h323):/i, ''));
  const by = protocol === 'h323' ? 'H323' : 'Sip';
  return `<Command><Dial command="True"><Number>${number}</Number><Protocol>${by}</Protocol><CallType>Video</CallType></Dial></Command>`;
}

export function disconnectCommand(callId: string): string {
  return `<Command><Call><Disconnect command="True"><CallId>${xmlText(callId)}</CallId></Disconnect></Call></Command>`;
}

export function registerFeedbackCommand(slot: string, url: string, expressions: readonly string[]): string {
  const wanted = expressions.map((path, index) => `<Expression item="${index + 1}">${xmlText(path)}</Expression>`);
  return (
    `<Command><HttpFeedback><Register command="True"><FeedbackSlot>${slot}</FeedbackSlot>` +
    `<ServerUrl>${xmlText(url)}</ServerUrl>${wanted.join('')}</Register></HttpFeedback></Command>`
  );
}

export function deregisterFeedbackCommand(slot: string): string {
  return `<Command><HttpFeedback><Deregister command="True"><FeedbackSlot>${xmlText(slot)}</FeedbackSlot></Deregister></HttpFeedback></Command>`;
}

/**
 * The list in the form of `bookingsputxml`. Bookings of others go back as they were listed, with every field.
 */
export function bookingsDocument(ours: readonly Booking[], foreign: readonly Listed[]): string {
  const items = [
    ...foreign.map(
      ({ element }) =>
        (item: number) =>
          written(element, item),
    ),
    ...ours.map((booking) => (item: number) => bookingXml(booking, item)),
  ];
  return `<Bookings item="1" status="OK">${items.map((write, index) => write(index + 1)).join('')}</Bookings>`;
}

function bookingXml(booking: Booking, item: number): string {
  const { organizer, number, protocol } = booking;
  const call =
    number === ''
      ? '<Calls item="1"/>'
      : `<Calls item="1"><Call item="1">${leaf('Number', number)}${leaf('Protocol', protocol)}` +
        `${leaf('CallRate', '6000')}${leaf('CallType', 'Video')}</Call></Calls>`;
  return (
    `<Booking item="${item}">${leaf('Id', booking.id)}${leaf('Title', booking.title)}${leaf('Agenda', booking.agenda)}` +
    `${leaf('Privacy', booking.privacy)}<Organizer item="1">${leaf('FirstName', organizer.name)}${leaf('LastName', '')}` +
    `${leaf('Email', organizer.email)}</Organizer><Time item="1">${leaf('StartTime', isoSeconds(booking.start))}` +
    `${leaf('StartTimeBuffer', String(booking.startBuffer))}${leaf('EndTime', isoSeconds(booking.end))}` +
    `${leaf('EndTimeBuffer', String(booking.endBuffer))}</Time>${leaf('MaximumMeetingExtension', '0')}` +
    `${leaf('BookingStatus', 'OK')}${leaf('BookingStatusMessage', '')}<Webex item="1">${leaf('Enabled', 'False')}</Webex>` +
    `${leaf('Encryption', 'BestEffort')}${leaf('Role', 'Master')}${leaf('Recording', 'Disabled')}` +
    `<DialInfo item="1">${call}${leaf('ConnectMode', 'OBTP')}</DialInfo></Booking>`
  );
}

function leaf(name: string, text: string): string {
  return `<${name} item="1">${xmlText(text)}</${name}>`;
}

function written({ name, children, text }: XmlElement, item = 1): string {
  const counts = new Map<string, number>();
  const inner = children.map((child) => {
    const nth = (counts.get(child.name) ?? 0) + 1;
    counts.set(child.name, nth);
    return written(child, nth);
  });
  return `<${name} item="${item}">${children.length > 0 ? inner.join('') : xmlText(text.trim())}</${name}>`;
}

/**
 * The result of a command, e.g. `BookingsListResult`.
 * @throws DeviceError in the device's own words where it refused
 */
export function resultOf(answer: XmlElement, name: string): XmlElement {
  const candidates = [answer, ...answer.children];
  const result =
    candidates.find((element) => element.name === name) ?? candidates.find(({ name: own }) => /Result$/.test(own));
  if (result?.attributes['status'] === 'OK' && result.name === name) return result;
  const reason = firstText(result ?? answer).slice(0, 300);
  if (result === undefined && reason === '') {
    throw new DeviceError('bad-answer', `answered with <${answer.name.slice(0, 40)}> where ${name} was expected`);
  }
  throw refusal(reason);
}

function firstText(element: XmlElement): string {
  for (const name of ['Reason', 'Error', 'Description']) {
    const text = childText(element, name);
    if (text !== null) return text;
  }
  for (const child of element.children) {
    const text = firstText(child);
    if (text !== '') return text;
  }
  return element.text.trim();
}
