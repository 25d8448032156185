/** Exchange Web Services' CalendarItem (and meeting messages), bare or inside a SOAP envelope, as invites. */
import type { Invite, InviteProperties, Person } from '../invite.ts';
import { bareInvite } from './invite-of.ts';
import { propertyNamed } from './property-names.ts';
import { momentOf, occurrenceOf } from './time.ts';
import { childrenNamed, childText, descend, type XmlElement } from './xml.ts';

const items = new Set(['CalendarItem', 'MeetingRequest', 'MeetingCancellation', 'MeetingResponse', 'MeetingMessage']);

/** Every calendar item in a document, in order; empty where there is none. */
export function invitesFromEws(root: XmlElement): Invite[] {
  const found: Invite[] = [];
  const waiting: XmlElement[] = [root];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (items.has(next.name)) found.push(inviteFromCalendarItem(next));
    else for (let i = next.children.length - 1; i >= 0; i--) waiting.push(next.children[i] ?? next);
  }
  return found;
}

export function inviteFromCalendarItem(item: XmlElement): Invite {
  const field = (name: string) => childText(item, name);
  const moment = (name: string) => momentOf(field(name) ?? '', 'utc');
  const kind = field('CalendarItemType');
  const instance = kind === 'Occurrence' || kind === 'Exception';
  const original = moment('RecurrenceId') ?? moment('OriginalStart') ?? (instance ? moment('Start') : null);
  return {
    ...bareInvite('ews', {}),
    uid: field('UID'),
    occurrence: instance ? occurrenceOf(original) : null,
    sequence: Number.parseInt(field('AppointmentSequenceNumber') ?? '0', 10) || 0,
    method: item.name === 'MeetingCancellation' ? 'CANCEL' : item.name === 'MeetingRequest' ? 'REQUEST' : null,
    cancelled:
      isTrue(field('IsCancelled')) ||
      // [MS-OXOCAL] section 2.2.1.10: asfCanceled.
      (Number(field('AppointmentState') ?? 0) & 4) !== 0 ||
      item.name === 'MeetingCancellation' ||
      /\.Canceled$/i.test(field('ItemClass') ?? ''),
    subject: field('Subject') ?? '',
    locations: locationsOf(item),
    organizer: organizerOf(item),
    start: moment('Start')?.instant ?? null,
    end: moment('End')?.instant ?? null,
    allDay: isTrue(field('IsAllDayEvent')),
    sensitivity: sensitivities[field('Sensitivity') ?? 'Normal'] ?? 'normal',
    showAs: busy[field('LegacyFreeBusyStatus') ?? ''] ?? 'unknown',
    response: responses[field('MyResponseType') ?? field('ResponseType') ?? ''] ?? 'none',
    ...bodyOf(item),
    properties: propertiesOf(item),
  };
}

function bodyOf(item: XmlElement): Pick<Invite, 'html' | 'text'> {
  let html: string | null = null;
  let text = childText(item, 'TextBody');
  for (const name of ['Body', 'UniqueBody', 'NormalizedBody']) {
    for (const body of childrenNamed(item, name)) {
      if (body.attributes['BodyType']?.toLowerCase() === 'text') text ??= body.text;
      else html ??= body.text;
    }
  }
  return { html, text };
}

function propertiesOf(item: XmlElement): InviteProperties {
  const properties: InviteProperties = {};
  for (const extended of childrenNamed(item, 'ExtendedProperty')) {
    const name = propertyNamed(childrenNamed(extended, 'ExtendedFieldURI')[0]?.attributes['PropertyName']);
    const value = childText(extended, 'Value');
    if (name !== null && value !== null) properties[name] ??= value;
  }
  const joinUrl = childText(item, 'JoinOnlineMeetingUrl');
  if (joinUrl !== null) properties.JoinUrl = joinUrl;
  const netShow = childText(item, 'NetShowUrl');
  if (netShow !== null && /^https?:/i.test(netShow)) properties.Url = netShow;
  return properties;
}

function locationsOf(item: XmlElement): string[] {
  const enhanced = descend(item, ['EnhancedLocation']);
  const texts = [
    childText(item, 'Location'),
    enhanced === null ? null : childText(enhanced, 'DisplayName'),
    enhanced === null ? null : childText(enhanced, 'Annotation'),
  ];
  return [...new Set(texts.flatMap((place) => place ?? []))];
}

function organizerOf(item: XmlElement): Person | null {
  const mailbox = descend(item, ['Organizer', 'Mailbox']) ?? descend(item, ['From', 'Mailbox']);
  if (mailbox === null) return null;
  const address = childText(mailbox, 'EmailAddress')?.toLowerCase() ?? null;
  // Exchange gives an X.500 name where it knows no SMTP address.
  const email = address?.includes('@') ? address : null;
  const name = childText(mailbox, 'Name');
  return name === null && email === null ? null : { name, email };
}

function isTrue(value: string | null): boolean {
  return value === 'true' || value === '1';
}

const sensitivities: Readonly<Record<string, Invite['sensitivity']>> = {
  Normal: 'normal',
  Personal: 'personal',
  Private: 'private',
  Confidential: 'confidential',
};

const busy: Readonly<Record<string, Invite['showAs']>> = {
  Free: 'free',
  Tentative: 'tentative',
  Busy: 'busy',
  OOF: 'oof',
  WorkingElsewhere: 'workingElsewhere',
};

const responses: Readonly<Record<string, Invite['response']>> = {
  Organizer: 'organizer',
  Accept: 'accepted',
  Tentative: 'tentative',
  Decline: 'declined',
  NoResponseReceived: 'unanswered',
};
