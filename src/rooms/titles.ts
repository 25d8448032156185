/** What an entry says: its title, organiser and note, under the room's privacy rules and in the room's language. */
import type { JoinEntry } from '../../connectors/devices/device.ts';
import type { Invite, Understanding } from '../../parsers/invite.ts';
import { ruleTitle } from '../../parsers/rules.ts';
import type { Language } from '../config/values.ts';
import type { GuestWay } from './guest-ways.ts';
import type { RoomSettings } from './settings.ts';

interface Words {
  meeting: string;
  privateMeeting: string;
  /** An IVR will ask for this id. */
  typeId: (id: string) => string;
  stripped: string;
  noWay: string;
  noGuestCalls: string;
  noGuestWay: string;
  refused: string;
}

const words: Record<Exclude<Language, 'en-GB'>, Words> = {
  en: {
    meeting: 'Meeting',
    privateMeeting: 'Private meeting',
    typeId: (id) => `When asked, enter ${id} and press #.`,
    stripped: 'The invite reached this room without its text, so how to join is unknown.',
    noWay: 'This meeting has no way to join from this room.',
    noGuestCalls: 'Guest calls are switched off here, so this room cannot join.',
    noGuestWay: 'This kind of Teams meeting cannot be joined from this room.',
    refused: 'The organiser’s organisation lately turned guests away, so this room cannot join.',
  },
  de: {
    meeting: 'Besprechung',
    privateMeeting: 'Private Besprechung',
    typeId: (id) => `Auf Nachfrage ${id} eingeben und # drücken.`,
    stripped: 'Die Einladung kam ohne Text in diesem Raum an; wie man teilnimmt, ist nicht bekannt.',
    noWay: 'An dieser Besprechung kann dieser Raum nicht teilnehmen.',
    noGuestCalls: 'Gastanrufe sind hier ausgeschaltet; dieser Raum kann nicht teilnehmen.',
    noGuestWay: 'An Teams-Besprechungen dieser Art kann dieser Raum nicht teilnehmen.',
    refused: 'Die Organisation hat Gäste zuletzt abgewiesen; dieser Raum kann nicht teilnehmen.',
  },
  fr: {
    meeting: 'Réunion',
    privateMeeting: 'Réunion privée',
    typeId: (id) => `Quand on vous le demande, saisissez ${id} puis #.`,
    stripped: 'L’invitation est arrivée sans son texte : on ne sait pas comment rejoindre la réunion.',
    noWay: 'Cette salle ne peut pas rejoindre cette réunion.',
    noGuestCalls: 'Les appels d’invités sont désactivés ici ; cette salle ne peut pas rejoindre la réunion.',
    noGuestWay: 'Cette salle ne peut pas rejoindre ce type de réunion Teams.',
    refused: 'L’organisation a récemment refusé les invités ; cette salle ne peut pas rejoindre la réunion.',
  },
  es: {
    meeting: 'Reunión',
    privateMeeting: 'Reunión privada',
    typeId: (id) => `Cuando se le pida, introduzca ${id} y pulse #.`,
    stripped: 'La invitación llegó sin su texto: no se sabe cómo unirse.',
    noWay: 'Esta sala no puede unirse a esta reunión.',
    noGuestCalls: 'Las llamadas de invitado están desactivadas; esta sala no puede unirse.',
    noGuestWay: 'Esta sala no puede unirse a este tipo de reunión de Teams.',
    refused: 'La organización rechazó hace poco a los invitados; esta sala no puede unirse.',
  },
  ja: {
    meeting: '会議',
    privateMeeting: '非公開の会議',
    typeId: (id) => `案内に従って ${id} と # を入力してください。`,
    stripped: '招待の本文が届いていないため、参加方法がわかりません。',
    noWay: 'この会議室からは参加できない会議です。',
    noGuestCalls: 'ゲスト参加が無効のため、この会議室からは参加できません。',
    noGuestWay: 'この種類の Teams 会議には、この会議室から参加できません。',
    refused: '開催元の組織が最近ゲストの参加を拒否したため、この会議室からは参加できません。',
  },
};

function wordsOf({ language }: RoomSettings): Words {
  return words[language === 'en-GB' ? 'en' : language];
}

/** Longest title that is handed on; devices cut further where they must. */
const longestTitle = 250;

export function entryTitle(
  room: RoomSettings,
  invite: Invite,
  understanding: Understanding,
  { isPrivate, guestWay }: { isPrivate: boolean; guestWay: GuestWay | null },
): { title: string; note: string | null } {
  const say = wordsOf(room);
  const hidden = hides(room.privacy.subject, isPrivate);
  const organizer = organizerShown(room, invite, isPrivate);
  const fallback = organizer?.name ?? say.meeting;
  const subject = oneLine(ruleTitle(understanding) ?? invite.subject);
  const base = hidden ? (isPrivate ? say.privateMeeting : fallback) : subject === '' ? fallback : subject;
  const cvi = understanding.route === 'cvi' ? understanding.join?.cvi : undefined;
  // At an IVR that we cannot dial past, people must type the id: it stands in the title, which every device shows.
  const id = cvi && cvi.directDial === null ? cvi.conferenceId : null;
  if (id !== null) return { title: `${cut(base, longestTitle - id.length - 3)} (${id})`, note: say.typeId(id) };
  return { title: cut(base, longestTitle), note: note(room, understanding, guestWay) };
}

function note(room: RoomSettings, understanding: Understanding, guestWay: GuestWay | null): string | null {
  const { dial, warnings } = understanding;
  const say = wordsOf(room);
  if (guestWay?.open) return null;
  if (guestWay !== null) {
    return { off: say.noGuestCalls, none: say.noGuestWay, refused: say.refused }[guestWay.closed];
  }
  if (dial !== null) return null;
  return warnings.includes('body-stripped') ? say.stripped : say.noWay;
}

export function organizerShown(room: RoomSettings, invite: Invite, isPrivate: boolean): JoinEntry['organizer'] {
  if (hides(room.privacy.organizer, isPrivate) || invite.organizer === null) return null;
  const name = oneLine(invite.organizer.name ?? '') || oneLine(invite.organizer.email ?? '');
  return name === '' ? null : { name: cut(name, longestTitle), email: invite.organizer.email };
}

function hides(rule: 'all' | 'private' | 'never', isPrivate: boolean): boolean {
  return rule === 'all' || (rule === 'private' && isPrivate);
}

/** Control characters, line breaks and direction overrides have no place on a panel or in a header; joiners stay. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s\u200B\u202A-\u202E\u2066-\u2069\uFEFF]+/gu, ' ').trim();
}

/** Cuts between characters as people see them, never inside one. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(text.slice(0, length))) {
    if (kept.length + segment.length > length - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
