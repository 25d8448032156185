/** One iCalendar component as an invite. */
import { Duration } from 'luxon';
import { z } from 'zod';
import type { Instant, Invite, InviteProperties, Person } from '../invite.ts';
import { base64Decode, percentDecode } from '../links/encoding.ts';
import type { IcsComponent, IcsProperty } from './ics.ts';
import { unescapeText } from './ics.ts';
import { type Moment, momentOf, occurrenceOf, type ZoneOptions, zoneNamed } from './time.ts';

export interface ComponentOptions extends ZoneOptions {
  /** The room's address in lower case: whose PARTSTAT is the room's own answer. */
  attendee?: string;
}

const propertyNames: Readonly<Record<string, keyof InviteProperties>> = {
  'X-MICROSOFT-SKYPETEAMSMEETINGURL': 'SkypeTeamsMeetingUrl',
  'X-MICROSOFT-SKYPETEAMSPROPERTIES': 'SkypeTeamsProperties',
  'X-MICROSOFT-SCHEDULINGSERVICEUPDATEURL': 'SchedulingServiceUpdateUrl',
  'X-MICROSOFT-ONLINEMEETINGCONFLINK': 'OnlineMeetingConfLink',
  'X-MICROSOFT-ONLINEMEETINGEXTERNALLINK': 'OnlineMeetingExternalLink',
  'X-MICROSOFT-ONLINEMEETINGINFORMATION': 'OnlineMeetingInformation',
  'X-MICROSOFT-CONFERENCETELURI': 'ConferenceTelURI',
  'X-GOOGLE-CONFERENCE': 'GoogleConference',
  URL: 'Url',
  CONTACT: 'Contact',
};

/** A VEVENT as an invite; `method` is the calendar's. Properties of its alarms are not its own. */
export function inviteFromComponent(
  component: IcsComponent,
  method: string | null,
  options: ComponentOptions = {},
): Invite {
  const event = new Event(component, options);
  const start = event.time('DTSTART');
  const status = event.raw('STATUS')?.toUpperCase() ?? '';
  const locations = [event.text('LOCATION'), ...event.richLocations(), event.otherLocation()].flatMap(
    (place) => place ?? [],
  );
  return {
    source: 'ics',
    uid: event.raw('UID'),
    occurrence: occurrenceOf(event.time('RECURRENCE-ID')),
    sequence: Math.min(Number.parseInt(event.raw('SEQUENCE') ?? '0', 10) || 0, 2 ** 31),
    method: method?.toUpperCase() ?? null,
    cancelled: method?.toUpperCase() === 'CANCEL' || status === 'CANCELLED',
    subject: event.text('SUMMARY') ?? '',
    locations: [...new Set(locations)],
    organizer: event.person('ORGANIZER'),
    start: start?.instant ?? null,
    end: event.end(start),
    allDay: start?.date === true || event.raw('X-MICROSOFT-CDO-ALLDAYEVENT')?.toUpperCase() === 'TRUE',
    sensitivity: sensitivityOf(event.raw('CLASS')),
    showAs: showAsOf(event.raw('X-MICROSOFT-CDO-BUSYSTATUS'), event.raw('TRANSP'), status),
    response: event.response(),
    html: event.html(),
    text: event.texts('DESCRIPTION'),
    conferences: event
      .all('CONFERENCE')
      .map((property) => unescapeText(property.value).trim())
      .filter((value) => value !== ''),
    properties: event.properties(),
  };
}

class Event {
  readonly #component: IcsComponent;
  readonly #options: ComponentOptions;

  constructor(component: IcsComponent, options: ComponentOptions) {
    this.#component = component;
    this.#options = options;
  }

  all(name: string): readonly IcsProperty[] {
    return this.#component.properties.filter((property) => property.name === name);
  }

  first(name: string): IcsProperty | null {
    return (
      this.#component.properties.find((property) => property.name === name && property.value.trim() !== '') ?? null
    );
  }

  raw(name: string): string | null {
    return this.first(name)?.value.trim() ?? null;
  }

  text(name: string): string | null {
    const property = this.first(name);
    return property === null ? null : textOf(property).trim();
  }

  texts(name: string): string | null {
    const values = this.all(name).map(textOf);
    return values.length === 0 ? null : values.join('\n\n');
  }

  /** `X-ALT-DESC`, RFC 9073 `STYLED-DESCRIPTION`, or the `data:` URI that `DESCRIPTION` names as its other form. */
  html(): string | null {
    for (const property of [...this.all('X-ALT-DESC'), ...this.all('STYLED-DESCRIPTION')]) {
      const type = property.params.get('FMTTYPE')?.[0]?.toLowerCase() ?? 'text/html';
      if (type.startsWith('text/html') && property.value.trim() !== '') return textOf(property);
    }
    const other = this.first('DESCRIPTION')?.params.get('ALTREP')?.[0];
    const data = other === undefined ? null : /^data:text\/html[^,]{0,100},/i.exec(other);
    return other === undefined || data === null ? null : percentDecode(other.slice(data[0].length));
  }

  person(name: string): Person | null {
    const property = this.first(name);
    return property === null ? null : personOf(property);
  }

  response(): Invite['response'] {
    const mine = this.#options.attendee?.toLowerCase();
    if (mine === undefined) return 'none';
    if (this.person('ORGANIZER')?.email === mine) return 'organizer';
    const attendee = this.all('ATTENDEE').find((property) => personOf(property).email === mine);
    if (attendee === undefined) return 'none';
    const answer = attendee.params.get('PARTSTAT')?.[0]?.toUpperCase() ?? 'NEEDS-ACTION';
    if (answer === 'ACCEPTED' || answer === 'TENTATIVE' || answer === 'DECLINED') {
      return answer === 'ACCEPTED' ? 'accepted' : answer === 'DECLINED' ? 'declined' : 'tentative';
    }
    return 'unanswered';
  }

  /** `X-MICROSOFT-LOCATIONS`: the locations of Outlook's own picker, as JSON. */
  richLocations(): string[] {
    const value = this.raw('X-MICROSOFT-LOCATIONS');
    if (value === null || value.length > 65_536) return [];
    try {
      const places = locationsSchema.parse(JSON.parse(unescapeText(value)));
      return places
        .flatMap((place) => [place.DisplayName, place.LocationUri])
        .flatMap((text) => (text?.trim() ? text.trim() : []));
    } catch {
      return [];
    }
  }

  /** The web page that LOCATION names as its other form (RFC 5545 section 3.2.1). */
  otherLocation(): string | null {
    const other = this.first('LOCATION')?.params.get('ALTREP')?.[0] ?? '';
    return /^https?:/i.test(other) ? other : null;
  }

  properties(): InviteProperties {
    const properties: InviteProperties = {};
    for (const property of this.#component.properties) {
      const name = propertyNames[property.name];
      const value = unescapeText(property.value).trim();
      if (name !== undefined && value !== '' && properties[name] === undefined) properties[name] = value;
    }
    return properties;
  }

  time(name: string): Moment | null {
    const property = this.first(name);
    if (property === null) return null;
    const tzid = property.params.get('TZID')?.[0] ?? null;
    // `TZID=(UTC+01:00) Berlin:20260204T100000`: a zone's name that should have stood in quotes.
    const unquoted = /^(.{1,200}):(\d{8}.{0,20})$/.exec(property.value);
    if (unquoted !== null) return momentOf(unquoted[2] ?? '', zoneNamed(`${tzid}:${unquoted[1]}`, this.#options));
    return momentOf(property.value.trim(), zoneNamed(tzid, this.#options));
  }

  /** DTEND, else DTSTART plus DURATION, else the day or the moment itself (RFC 5545 section 3.6.1). */
  end(start: Moment | null): Instant | null {
    const end = this.time('DTEND');
    if (end !== null || start === null) return end?.instant ?? null;
    const duration = Duration.fromISO(this.raw('DURATION') ?? (start.date ? 'P1D' : 'PT0S'));
    return start.instant + (duration.isValid ? duration.toMillis() : 0);
  }
}

/** A TEXT value; vCalendar 1.0 and some producers to this day transfer-encode it instead of escaping. */
function textOf(property: IcsProperty): string {
  const encoding = property.params.get('ENCODING')?.[0]?.toUpperCase();
  if (encoding === 'QUOTED-PRINTABLE') {
    // A soft line break arrives as `=` before what looked like a raw line break.
    return percentDecode(
      property.value
        .replaceAll('=\\n', '')
        .replaceAll('%', '%25')
        .replace(/=(?=[0-9A-F]{2})/gi, '%'),
    );
  }
  return unescapeText(
    encoding === 'BASE64' || encoding === 'B'
      ? (base64Decode(property.value.trim()) ?? property.value)
      : property.value,
  );
}

const locationsSchema = z
  .array(z.object({ DisplayName: z.string().optional(), LocationUri: z.string().optional() }))
  .max(100);

/** CN and address of an ORGANIZER or ATTENDEE. */
export function personOf(property: IcsProperty): Person {
  const value = property.value
    .trim()
    .replace(/^mailto:/i, '')
    .toLowerCase();
  const email = /^[^\s@<>]{1,128}@[^\s@<>]{1,255}$/.test(value)
    ? value
    : (property.params.get('EMAIL')?.[0]?.toLowerCase() ?? null);
  const name = property.params.get('CN')?.[0]?.trim() ?? '';
  return { name: name === '' ? null : name, email };
}

function sensitivityOf(value: string | null): Invite['sensitivity'] {
  const name = value?.toUpperCase() ?? 'PUBLIC';
  if (name === 'PRIVATE') return 'private';
  if (name === 'CONFIDENTIAL') return 'confidential';
  return name === 'PERSONAL' || name === 'X-PERSONAL' ? 'personal' : 'normal';
}

function showAsOf(busy: string | null, transparency: string | null, status: string): Invite['showAs'] {
  switch (busy?.toUpperCase()) {
    case 'FREE':
      return 'free';
    case 'TENTATIVE':
      return 'tentative';
    case 'BUSY':
      return 'busy';
    case 'OOF':
      return 'oof';
    case 'WORKINGELSEWHERE':
      return 'workingElsewhere';
    default:
      return transparency?.toUpperCase() === 'TRANSPARENT' ? 'free' : status === 'TENTATIVE' ? 'tentative' : 'busy';
  }
}
