/**
 * iCalendar (RFC 5545) as a tree of components and properties, forgiving: what real producers break is repaired or
 * named in `problems`, and nothing throws. Recurrence and time zones are their readers' business.
 */
import { decodeText, unicodeMark } from './charset.ts';

export interface IcsProperty {
  /** Upper case. */
  name: string;
  /** By upper-case name; a parameter may have several values. */
  params: ReadonlyMap<string, readonly string[]>;
  /** Unfolded, escapes still in it: `unescapeText` undoes them for values of type TEXT. */
  value: string;
}

export interface IcsComponent {
  /** Upper case: `VEVENT`, `VALARM`, … */
  name: string;
  properties: readonly IcsProperty[];
  /** Components inside this one, such as alarms: their properties are never this one's. */
  components: readonly IcsComponent[];
}

export interface IcsCalendar {
  /** Upper case, `null` where there is none. */
  method: string | null;
  prodId: string | null;
  properties: readonly IcsProperty[];
  /** Each VTIMEZONE as unfolded text with CRLF line ends, `BEGIN` and `END` included. */
  timeZones: readonly string[];
  /** All other components in file order. */
  components: readonly IcsComponent[];
}

export interface IcsFile {
  calendars: readonly IcsCalendar[];
  /** What was broken, in words for people. */
  problems: readonly string[];
}

/** Deeper than any iCalendar nests (VCALENDAR, VEVENT, VALARM, VLOCATION). */
const MAX_DEPTH = 8;

interface Open {
  name: string;
  properties: IcsProperty[];
  components: IcsComponent[];
  /** The unfolded lines, kept for time zones alone. */
  lines: string[] | null;
}

/** Reads bytes or text that hold any number of VCALENDARs. Never throws. */
export function parseIcs(source: Uint8Array | string): IcsFile {
  return new IcsReader().read(contentLines(source));
}

class IcsReader {
  readonly #calendars: IcsCalendar[] = [];
  readonly #problems: string[] = [];
  readonly #open: Open[] = [];
  /** BEGINs beyond MAX_DEPTH whose ENDs are still to come. */
  #skipped = 0;

  read(lines: readonly string[]): IcsFile {
    for (const line of lines) {
      const property = parseProperty(line);
      if (property === null) continue;
      const name = property.value.trim().toUpperCase();
      if (property.name === 'BEGIN') this.#begin(name, line);
      else if (property.name === 'END') this.#end(name, line);
      else if (this.#skipped === 0) this.#add(property, line);
    }
    if (this.#open.length > 0) {
      this.#problem(`the file ends inside ${this.#open[this.#open.length - 1]?.name ?? 'a component'}`);
      while (this.#open.length > 0) this.#close();
    }
    return { calendars: this.#calendars, problems: this.#problems };
  }

  #begin(name: string, line: string): void {
    // A new calendar or event cannot begin inside an event: the one before it was cut off.
    const limit = name === 'VCALENDAR' ? 0 : name === 'VEVENT' || name === 'VTIMEZONE' ? 1 : MAX_DEPTH;
    if (this.#open.length > limit && limit < MAX_DEPTH) {
      this.#problem(`${this.#open[this.#open.length - 1]?.name} has no END before the next BEGIN:${name}`);
      while (this.#open.length > limit) this.#close();
      this.#skipped = 0;
    }
    if (this.#open.length >= MAX_DEPTH || this.#skipped > 0) {
      this.#skipped++;
      return;
    }
    if (this.#open.length === 0 && name !== 'VCALENDAR') {
      this.#problem(`${name} stands outside a VCALENDAR`);
      this.#open.push({ name: 'VCALENDAR', properties: [], components: [], lines: null });
    }
    const inZone = name === 'VTIMEZONE' || this.#open.some((open) => open.lines !== null);
    this.#open.push({ name, properties: [], components: [], lines: inZone ? [line] : null });
  }

  #end(name: string, line: string): void {
    if (this.#skipped > 0) {
      this.#skipped--;
      return;
    }
    const at = this.#open.findLastIndex((open) => open.name === name);
    if (at < 0) {
      this.#problem(`END:${name} without its BEGIN`);
      return;
    }
    while (this.#open.length > at + 1) this.#close();
    this.#open[at]?.lines?.push(line);
    this.#close();
  }

  #add(property: IcsProperty, line: string): void {
    const open = this.#open[this.#open.length - 1];
    if (open === undefined) return;
    open.properties.push(property);
    open.lines?.push(line);
  }

  #close(): void {
    const closed = this.#open.pop();
    if (closed === undefined) return;
    const { name, properties, components, lines } = closed;
    const parent = this.#open[this.#open.length - 1];
    if (name === 'VCALENDAR' && parent === undefined) {
      this.#calendars.push({
        method: textOf(properties, 'METHOD')?.toUpperCase() ?? null,
        prodId: textOf(properties, 'PRODID'),
        properties,
        timeZones: components.flatMap((component) => zoneTexts.get(component) ?? []),
        components: components.filter((component) => component.name !== 'VTIMEZONE'),
      });
      return;
    }
    const component: IcsComponent = { name, properties, components };
    if (lines !== null && name === 'VTIMEZONE') zoneTexts.set(component, `${lines.join('\r\n')}\r\n`);
    else if (lines !== null) for (const line of lines) parent?.lines?.push(line);
    parent?.components.push(component);
  }

  #problem(text: string): void {
    if (this.#problems.length < 20) this.#problems.push(text);
  }
}

const zoneTexts = new WeakMap<IcsComponent, string>();

function textOf(properties: readonly IcsProperty[], name: string): string | null {
  const value = properties.find((property) => property.name === name)?.value.trim();
  return value === undefined || value === '' ? null : value;
}

/** One content line as a property; `null` where it has no name (RFC 5545 section 3.1). */
export function parseProperty(line: string): IcsProperty | null {
  const head = /^[ \t]*([A-Za-z0-9-]{1,80})[ \t]*([;:])/.exec(line);
  if (head === null) return null;
  const name = (head[1] ?? '').toUpperCase();
  if (head[2] === ':') return { name, params: new Map(), value: line.slice(head[0].length) };
  return withParams(name, line, head[0].length) ?? withoutQuotes(name, line, head[0].length);
}

/** `;NAME=value,"value";…:` from `at` on; `null` where a quote is never closed. */
function withParams(name: string, line: string, start: number): IcsProperty | null {
  const params = new Map<string, string[]>();
  let at = start;
  let key = '';
  let values: string[] = [];
  let from = at;
  let quotes = false;
  for (; at < line.length; at++) {
    const char = line[at];
    if (char === '"') {
      const close = line.indexOf('"', at + 1);
      if (close < 0) return null;
      quotes = true;
      at = close;
    } else if (char === '=' && key === '') {
      key = line.slice(from, at).trim().toUpperCase();
      from = at + 1;
    } else if (char === ',' || char === ';' || char === ':') {
      values.push(paramValue(line.slice(from, at), quotes));
      quotes = false;
      from = at + 1;
      if (char === ',') continue;
      if (key !== '') params.set(key, values);
      key = '';
      values = [];
      if (char === ':') return { name, params, value: line.slice(at + 1) };
    }
  }
  return null;
}

/** RFC 6868: `^n`, `^'` and `^^` inside a parameter. */
function paramValue(raw: string, quoted: boolean): string {
  const value = quoted ? raw.trim().replace(/^"|"$/g, '') : raw.trim();
  return value.replace(/\^([n'^])/g, (_all, code: string) => (code === 'n' ? '\n' : code === "'" ? '"' : '^'));
}

function withoutQuotes(name: string, line: string, start: number): IcsProperty | null {
  const colon = line.indexOf(':', start);
  return colon < 0 ? null : { name, params: new Map(), value: line.slice(colon + 1) };
}

/**
 * Undoes TEXT escapes (RFC 5545 section 3.3.11). A comma or semicolon that some producers escape twice or thrice is
 * plain afterwards.
 */
export function unescapeText(value: string): string {
  if (!value.includes('\\')) return value;
  return value
    .replace(/\\([\\;,:"nN])/g, (_all, char: string) => (char === 'n' || char === 'N' ? '\n' : char))
    .replace(/\\{1,8}([,;])/g, '$1');
}

/** Names that may follow a description whose line breaks were never escaped: only these end it. */
const known = new Set(
  `BEGIN END VERSION PRODID METHOD CALSCALE UID DTSTAMP DTSTART DTEND DUE DURATION SUMMARY DESCRIPTION LOCATION ORGANIZER ATTENDEE ATTACH
  CATEGORIES CLASS COMMENT CONTACT CREATED EXDATE EXRULE FREEBUSY GEO LAST-MODIFIED PERCENT-COMPLETE PRIORITY RDATE RECURRENCE-ID RELATED-TO
  REPEAT REQUEST-STATUS RESOURCES RRULE SEQUENCE STATUS TRANSP TRIGGER ACTION TZID TZNAME TZOFFSETFROM TZOFFSETTO TZURL TZUNTIL COMPLETED
  URL CONFERENCE IMAGE COLOR NAME REFRESH-INTERVAL SOURCE ACKNOWLEDGED PROXIMITY STYLED-DESCRIPTION STRUCTURED-DATA CALENDAR-ADDRESS
  LOCATION-TYPE PARTICIPANT-TYPE RESOURCE-TYPE LINK CONCEPT REFID BUSYTYPE POLL-ITEM-ID`.split(/\s+/),
);
const multiline = /^(?:DESCRIPTION|X-ALT-DESC|COMMENT|SUMMARY|LOCATION|STYLED-DESCRIPTION)[;:]/i;

/** Unfolded content lines; a line that only continues a text whose breaks were not escaped is put back into it. */
function contentLines(source: Uint8Array | string): string[] {
  const text = typeof source === 'string' ? unfoldText(source) : unfoldBytes(source);
  const lower = /^\s*begin:vcalendar/.test(text);
  const lines: string[][] = [];
  let open: string[] | null = null;
  // vCalendar 1.0 breaks the lines of an encoded value by quoted-printable's own `=`, without a fold's blank.
  let softBreaks = false;
  for (const raw of text.split('\n')) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    const last = open?.[open.length - 1] ?? '';
    if (open !== null && softBreaks && last.endsWith('=')) {
      open[open.length - 1] = last.slice(0, -1);
      open.push(line);
    } else if (open !== null && !beginsProperty(line, lower)) {
      // A full line of 75 octets that goes on without its blank is a fold that was damaged, not a line break.
      open.push(
        last.length >= 73 && last.length <= 76 && !/\s/.test(last.slice(-20)) && line !== '' ? '' : '\\n',
        line,
      );
    } else {
      const piece = [line];
      lines.push(piece);
      open = multiline.test(line) ? piece : null;
      softBreaks = /^[^:]{1,200};\s{0,5}(?:ENCODING=)?QUOTED-PRINTABLE\b/i.test(line);
    }
  }
  return lines
    .map((pieces) => (pieces.length === 1 ? (pieces[0] ?? '') : pieces.join('').replace(/(?:\\n)+$/, '')))
    .filter((line) => line !== '');
}

function beginsProperty(line: string, lower: boolean): boolean {
  const name = /^([A-Za-z0-9-]{1,80})[;:]/.exec(line)?.[1];
  if (name === undefined) return false;
  return known.has(lower ? name.toUpperCase() : name) || /^X-[A-Z0-9-]+$/.test(name);
}

/** Folds are undone on bytes: a fold may stand inside a character of several bytes. */
function unfoldBytes(bytes: Uint8Array): string {
  const mark = unicodeMark(bytes);
  if (mark === 'utf-16le' || mark === 'utf-16be') return unfoldText(decodeText(bytes));
  const kept = new Uint8Array(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    const feed = byte === 0x0d && bytes[i + 1] === 0x0a ? 2 : byte === 0x0a || byte === 0x0d ? 1 : 0;
    const next = bytes[i + feed];
    if (feed > 0 && (next === 0x20 || next === 0x09)) {
      i += feed;
      continue;
    }
    if (byte === 0) continue;
    // A lone CR ends a line as well.
    kept[length++] = feed === 1 && byte === 0x0d ? 0x0a : byte;
    if (feed === 2) {
      kept[length++] = 0x0a;
      i++;
    }
  }
  return withoutMark(decodeText(kept.subarray(0, length)));
}

function unfoldText(text: string): string {
  return withoutMark(text)
    .replace(/(?:\r\n|\r|\n)[ \t]/g, '')
    .replace(/\r(?!\n)/g, '\n');
}

function withoutMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}
