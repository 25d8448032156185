/** The panel's own words, in the languages it speaks. Titles, names and notes come as the plan has them. */
import type { JoinOutcome } from './state.ts';

export interface Words {
  now: string;
  available: string;
  inUse: string;
  startsSoon: string;
  until: (time: string) => string;
  restOfDay: string;
  startsIn: (duration: string) => string;
  left: (duration: string) => string;
  duration: (hours: number, minutes: number) => string;
  allDay: string;
  join: string;
  hangUp: string;
  today: string;
  tomorrow: string;
  upcoming: string;
  nothing: string;
  untitled: string;
  privateMeeting: string;
  dialThis: string;
  dialling: string;
  lobby: string;
  connected: string;
  lost: (time: string) => string;
  gone: string;
  outcome: Readonly<Record<JoinOutcome, string>>;
}

const en: Words = {
  now: 'Now',
  available: 'Available',
  inUse: 'In use',
  startsSoon: 'Starting soon',
  until: (time) => `until ${time}`,
  restOfDay: 'for the rest of the day',
  startsIn: (duration) => `Starts in ${duration}`,
  left: (duration) => `${duration} left`,
  duration: (hours, minutes) => spaced(hours, ' h', minutes, ' min'),
  allDay: 'All day',
  join: 'Join',
  hangUp: 'Hang up',
  today: 'Today',
  tomorrow: 'Tomorrow',
  upcoming: 'Coming up',
  nothing: 'No more meetings in the coming days',
  untitled: 'Meeting',
  privateMeeting: 'Private',
  dialThis: 'Dial this address on the video system',
  dialling: 'Calling the meeting …',
  lobby: 'In the lobby: the host will let this room in',
  connected: 'In the meeting',
  lost: (time) => `No connection. Showing what was known at ${time}; trying again.`,
  gone: 'This panel’s address is no longer valid. Ask your administrator for the new one.',
  outcome: {
    calling: 'Calling the meeting …',
    'hung-up': 'The call has ended.',
    busy: 'The video system is already in a call.',
    'no-device': 'This room has no video system that can be asked to dial.',
    unreachable: 'The video system does not answer. Use its own remote control, or call support.',
    refused: 'The video system refused to dial. Call support.',
    'not-now': 'This meeting cannot be joined now.',
    'unknown-entry': 'This meeting has just changed. Look again.',
    'too-many': 'That was pressed too often. Wait a minute.',
    failed: 'That did not work. Try again.',
  },
};

const de: Words = {
  now: 'Jetzt',
  available: 'Frei',
  inUse: 'Belegt',
  startsSoon: 'Beginnt gleich',
  until: (time) => `bis ${time}`,
  restOfDay: 'für den Rest des Tages',
  startsIn: (duration) => `Beginnt in ${duration}`,
  left: (duration) => `noch ${duration}`,
  duration: (hours, minutes) => spaced(hours, ' Std.', minutes, ' Min.'),
  allDay: 'Ganztägig',
  join: 'Teilnehmen',
  hangUp: 'Auflegen',
  today: 'Heute',
  tomorrow: 'Morgen',
  upcoming: 'Demnächst',
  nothing: 'Keine weiteren Besprechungen in den nächsten Tagen',
  untitled: 'Besprechung',
  privateMeeting: 'Privat',
  dialThis: 'Diese Adresse am Videosystem wählen',
  dialling: 'Die Besprechung wird angerufen …',
  lobby: 'Im Wartebereich: Der Gastgeber lässt diesen Raum ein',
  connected: 'In der Besprechung',
  lost: (time) => `Keine Verbindung. Stand von ${time}; neuer Versuch läuft.`,
  gone: 'Die Adresse dieser Anzeige gilt nicht mehr. Bitte die Administration um die neue.',
  outcome: {
    calling: 'Die Besprechung wird angerufen …',
    'hung-up': 'Das Gespräch ist beendet.',
    busy: 'Das Videosystem ist bereits im Gespräch.',
    'no-device': 'Dieser Raum hat kein Videosystem, das wählen kann.',
    unreachable: 'Das Videosystem antwortet nicht. Bitte dessen Fernbedienung benutzen oder den Support anrufen.',
    refused: 'Das Videosystem hat abgelehnt zu wählen. Bitte den Support anrufen.',
    'not-now': 'An dieser Besprechung kann jetzt nicht teilgenommen werden.',
    'unknown-entry': 'Diese Besprechung hat sich gerade geändert. Bitte noch einmal hinsehen.',
    'too-many': 'Zu oft gedrückt. Bitte eine Minute warten.',
    failed: 'Das hat nicht geklappt. Bitte noch einmal versuchen.',
  },
};

const fr: Words = {
  now: 'En cours',
  available: 'Libre',
  inUse: 'Occupée',
  startsSoon: 'Commence bientôt',
  until: (time) => `jusqu’à ${time}`,
  restOfDay: 'pour le reste de la journée',
  startsIn: (duration) => `Commence dans ${duration}`,
  left: (duration) => `encore ${duration}`,
  duration: (hours, minutes) => spaced(hours, ' h', minutes, ' min'),
  allDay: 'Toute la journée',
  join: 'Rejoindre',
  hangUp: 'Raccrocher',
  today: 'Aujourd’hui',
  tomorrow: 'Demain',
  upcoming: 'À venir',
  nothing: 'Aucune autre réunion dans les prochains jours',
  untitled: 'Réunion',
  privateMeeting: 'Privé',
  dialThis: 'Composez cette adresse sur le système vidéo',
  dialling: 'Appel de la réunion …',
  lobby: 'Dans la salle d’attente : l’hôte va faire entrer cette salle',
  connected: 'Dans la réunion',
  lost: (time) => `Pas de connexion. État connu à ${time} ; nouvel essai en cours.`,
  gone: 'L’adresse de cet écran n’est plus valable. Demandez la nouvelle à votre administrateur.',
  outcome: {
    calling: 'Appel de la réunion …',
    'hung-up': 'L’appel est terminé.',
    busy: 'Le système vidéo est déjà en communication.',
    'no-device': 'Cette salle n’a pas de système vidéo qui puisse appeler.',
    unreachable: 'Le système vidéo ne répond pas. Utilisez sa télécommande ou appelez l’assistance.',
    refused: 'Le système vidéo a refusé d’appeler. Appelez l’assistance.',
    'not-now': 'Impossible de rejoindre cette réunion maintenant.',
    'unknown-entry': 'Cette réunion vient de changer. Regardez de nouveau.',
    'too-many': 'Trop d’appuis. Attendez une minute.',
    failed: 'Cela n’a pas marché. Réessayez.',
  },
};

const es: Words = {
  now: 'Ahora',
  available: 'Libre',
  inUse: 'Ocupada',
  startsSoon: 'Empieza pronto',
  until: (time) => `hasta las ${time}`,
  restOfDay: 'durante el resto del día',
  startsIn: (duration) => `Empieza en ${duration}`,
  left: (duration) => `quedan ${duration}`,
  duration: (hours, minutes) => spaced(hours, ' h', minutes, ' min'),
  allDay: 'Todo el día',
  join: 'Unirse',
  hangUp: 'Colgar',
  today: 'Hoy',
  tomorrow: 'Mañana',
  upcoming: 'Próximamente',
  nothing: 'No hay más reuniones en los próximos días',
  untitled: 'Reunión',
  privateMeeting: 'Privado',
  dialThis: 'Marque esta dirección en el sistema de vídeo',
  dialling: 'Llamando a la reunión …',
  lobby: 'En la sala de espera: el anfitrión dejará entrar a esta sala',
  connected: 'En la reunión',
  lost: (time) => `Sin conexión. Datos de las ${time}; intentándolo de nuevo.`,
  gone: 'La dirección de este panel ya no es válida. Pida la nueva a su administrador.',
  outcome: {
    calling: 'Llamando a la reunión …',
    'hung-up': 'La llamada ha terminado.',
    busy: 'El sistema de vídeo ya está en una llamada.',
    'no-device': 'Esta sala no tiene un sistema de vídeo que pueda llamar.',
    unreachable: 'El sistema de vídeo no responde. Use su propio mando o llame a soporte.',
    refused: 'El sistema de vídeo se negó a llamar. Llame a soporte.',
    'not-now': 'No es posible unirse a esta reunión ahora.',
    'unknown-entry': 'Esta reunión acaba de cambiar. Mire de nuevo.',
    'too-many': 'Demasiadas pulsaciones. Espere un minuto.',
    failed: 'No ha funcionado. Inténtelo de nuevo.',
  },
};

const ja: Words = {
  now: '現在',
  available: '空室',
  inUse: '使用中',
  startsSoon: 'まもなく開始',
  until: (time) => `${time}まで`,
  restOfDay: '本日終日',
  startsIn: (duration) => `${duration}後に開始`,
  left: (duration) => `残り${duration}`,
  duration: (hours, minutes) => `${hours > 0 ? `${hours}時間` : ''}${minutes > 0 || hours === 0 ? `${minutes}分` : ''}`,
  allDay: '終日',
  join: '参加',
  hangUp: '通話を終了',
  today: '今日',
  tomorrow: '明日',
  upcoming: '今後の予定',
  nothing: '今後数日間の会議はありません',
  untitled: '会議',
  privateMeeting: '非公開',
  dialThis: 'ビデオシステムでこのアドレスに発信してください',
  dialling: '会議に発信しています…',
  lobby: 'ロビーで待機中：主催者が入室を許可します',
  connected: '会議に参加中',
  lost: (time) => `接続が切れました。${time}時点の情報です。再接続しています。`,
  gone: 'このパネルのアドレスは無効になりました。管理者に新しいアドレスを確認してください。',
  outcome: {
    calling: '会議に発信しています…',
    'hung-up': '通話が終了しました。',
    busy: 'ビデオシステムは通話中です。',
    'no-device': 'この部屋には発信できるビデオシステムがありません。',
    unreachable: 'ビデオシステムが応答しません。リモコンを使うか、サポートに連絡してください。',
    refused: 'ビデオシステムが発信を拒否しました。サポートに連絡してください。',
    'not-now': 'この会議には今は参加できません。',
    'unknown-entry': 'この会議は変更されました。もう一度確認してください。',
    'too-many': '操作が多すぎます。1分お待ちください。',
    failed: 'うまくいきませんでした。もう一度お試しください。',
  },
};

function spaced(hours: number, h: string, minutes: number, min: string): string {
  if (hours === 0) return `${minutes}${min}`;
  return minutes === 0 ? `${hours}${h}` : `${hours}${h} ${minutes}${min}`;
}

const languages: Readonly<Record<string, Words>> = { en, de, fr, es, ja };

/** The languages that the panel speaks, as primary BCP 47 subtags. */
export const panelLanguages: readonly string[] = Object.keys(languages);

/** The words for a BCP 47 tag (`de-CH` speaks German); English where we do not speak the language. */
export function wordsFor(language: string): Words {
  return languages[primary(language)] ?? en;
}

/** The tag that the page's words and times are in: the room's own where we speak it. */
export function spokenLanguage(language: string): string {
  return languages[primary(language)] === undefined ? 'en' : language;
}

function primary(language: string): string {
  return (language.split(/[-_]/)[0] ?? '').toLowerCase();
}
