/** An answer for people: what was found where, what was refused and why, route and dial string. */
import { styleText } from 'node:util';
import type { EventAnswer, ExplainLine, FileAnswer } from './answer.ts';

type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';
/** Colours text, or leaves it plain where there is no terminal. */
export type Paint = (style: Style, text: string) => string;

const colours: Paint = (style, text) => styleText(style, text, { validateStream: false });
const plain: Paint = (_style, text) => text;

/** Colours on a terminal, unless NO_COLOR (no-color.org) is set. */
export function paintFor(stream: { isTTY?: boolean | undefined }): Paint {
  return stream.isTTY === true && !process.env['NO_COLOR'] ? colours : plain;
}

const routes: Readonly<Record<Exclude<EventAnswer['route'], 'none'>, string>> = {
  cvi: 'cvi: the room dials the interop partner whose coordinates are in the invite',
  sgj: 'sgj: Usher walks the room in as a guest; the dial string is made for each room',
  sip: "sip: the room dials the provider's own address",
};

function routeInWords({ route, cancelled, join }: EventAnswer): string {
  if (route !== 'none') return routes[route];
  if (cancelled) return 'none: the meeting is cancelled';
  if (join === null) return 'none: the invite names no meeting to join';
  return join.provider === 'teams'
    ? 'none: what was found is not enough to join with'
    : 'none: the invite gives no address that a video system can dial';
}

const tenancies: Readonly<Record<NonNullable<EventAnswer['tenancy']>, string>> = {
  own: 'own: one of your tenants organises the meeting',
  external: 'external: a tenant organises it that is not named as your own (--own-tenant GUID)',
  consumer: 'consumer: a personal Teams account organises it',
  unknown: 'unknown: nothing in the invite says whose tenant organises it',
};

/** What `refused` evidence begins with, for people. */
const refusals: readonly [RegExp, string][] = [
  [/^userinfo: /, 'its real host stands behind an @: '],
  [/^look-alike: /, 'its host only resembles a meeting service: '],
  [/^homograph: /, 'its host has letters of another script: '],
  [/^redirector: /, 'an unknown site that forwards to a meeting: '],
];

const advice: Readonly<Record<string, string>> = {
  'body-stripped': 'the body was removed; Set-CalendarProcessing -DeleteComments $false on the room keeps it',
  'two-meetings':
    'the invite speaks of two meetings; properties, location and a full join block, in this order, chose this one',
  'opaque-link': 'a mail gateway hides where a link leads; only its domain is known',
  'not-joinable-link': 'the links open something, but no meeting',
  'unread-part': 'a part of the mail that may hold the invite is in a form that is not read; see above',
  'refused-link': 'a link looks like a meeting service and is not',
  'quoted-history': 'the way in stands in quoted history, not in the newest message',
  'tenant-unknown': 'nothing says whose tenant organises the meeting',
  'cvi-partner-unknown': 'dial the IVR and type the conference id',
  broadcast: 'an event that guests only watch',
  unreadable: 'the invite broke the parser; please report it',
  'too-slow': 'the invite took too long to understand and was given up',
  'rule-failed': 'a rule matched and could not make a dial string',
  'policy-failed': 'policy.partnerDial could not make a dial string',
};

export function explainForPeople(line: ExplainLine, paint: Paint): string {
  if ('error' in line)
    return `${paint('bold', line.file)}\n  ${paint('red', 'cannot be read')}: ${visible(line.error)}\n`;
  const parts = [`${paint('bold', visible(line.file))}\n${event(line, paint)}`];
  line.more.forEach((more, index) => {
    parts.push(`  ${paint('bold', `event ${index + 2}`)}\n${event(more, paint)}`);
  });
  return parts.join('');
}

function event(answer: EventAnswer | FileAnswer, paint: Paint): string {
  const rows: string[] = [];
  const row = (name: string, value: string): void => {
    rows.push(`  ${paint('dim', name.padEnd(10))} ${value}`);
  };
  const { join } = answer;
  if (answer.cancelled) row('cancelled', paint('yellow', 'yes'));
  row('provider', join === null ? paint('yellow', 'no way to join found') : paint('cyan', join.provider));
  if (answer.tenancy !== null) row('tenancy', tenancies[answer.tenancy]);
  row('route', paint(answer.route === 'none' ? 'yellow' : 'green', routeInWords(answer)));
  if (answer.dial !== null) row('dial', paint('green', visible(answer.dial)));
  if (join?.cvi != null) {
    if (join.cvi.directDial === null) row('then type', visible(join.cvi.conferenceId));
    row('interop', visible(`${join.cvi.partner}, conference ${join.cvi.conferenceId}, IVR ${join.cvi.ivr}`));
  }
  const refused = answer.evidence.filter((one) => one.field === 'refused');
  const unread = answer.evidence.filter((one) => one.field === 'unread');
  const found = answer.evidence.filter((one) => one.field !== 'refused' && one.field !== 'unread');
  for (const place of placesOf(found)) {
    rows.push(`  ${paint('dim', 'found in')}   ${place.source}`);
    for (const { text, fields } of place.texts) {
      const whole = fields.map((field) => supported(join, field)).find((value) => isWhole(value, text)) ?? text;
      rows.push(`    ${paint('dim', visible(whole))}`);
      for (const field of fields) {
        const value = supported(join, field);
        const shown = value === null || value === whole ? '' : ` ${paint('cyan', visible(value))}`;
        rows.push(`      ${field.padEnd(18)}${shown}`.trimEnd());
      }
    }
  }
  if (refused.length > 0) rows.push(`  ${paint('dim', 'not used')}`);
  for (const one of refused)
    rows.push(`    ${paint('yellow', visible(inWords(one.text)))} ${paint('dim', `(${one.source})`)}`);
  for (const one of unread) row('not read', paint('yellow', visible(one.text)));
  for (const warning of answer.warnings) {
    const words = advice[warning];
    rows.push(`  ${paint('yellow', 'warning')}    ${warning}${words === undefined ? '' : `: ${words}`}`);
  }
  return `${rows.join('\n')}\n`;
}

/** Whether `text` is the begin of a value that was too long for it. */
function isWhole(value: string | null, text: string): boolean {
  return value !== null && text.endsWith('…') && value.startsWith(text.slice(0, -1));
}

interface Place {
  source: string;
  texts: { text: string; fields: string[] }[];
}

/** Evidence by the place where it stood, every text of a place once with all that it says. */
function placesOf(lines: EventAnswer['evidence']): Place[] {
  const places: Place[] = [];
  for (const { source, text, field } of lines) {
    const place = places.find((one) => one.source === source) ?? { source, texts: [] };
    if (!places.includes(place)) places.push(place);
    // One long link is shortened differently for each of its fields: what of it both show is the same.
    const same = place.texts.find(
      (one) => one.text === text || (/…$/.test(one.text) && text.includes(one.text.slice(-40, -1))),
    );
    if (same === undefined) place.texts.push({ text, fields: [field] });
    else same.fields.push(field);
  }
  return places;
}

function inWords(refused: string): string {
  const known = refusals.find(([code]) => code.test(refused));
  return known === undefined ? refused : refused.replace(known[0], known[1]);
}

/** The value that a line of evidence supports, e.g. of `teams.tenantId`. */
function supported(join: EventAnswer['join'], field: string): string | null {
  let value: unknown = join;
  for (const name of field.split('.')) {
    if (typeof value !== 'object' || value === null) return null;
    value = Object.entries(value).find(([key]) => key === name)?.[1];
  }
  return typeof value === 'string' || typeof value === 'boolean' ? String(value) : null;
}

/** Text of an invite must not steer the terminal. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}
