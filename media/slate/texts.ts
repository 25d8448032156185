/** What the slate says, in the languages that rooms can have. */
import type { Outcome } from '../guest/guest.ts';

export const languages = ['en', 'de', 'fr', 'es', 'ja'] as const;
export type Language = (typeof languages)[number];

/** The state's own sentence and what it means for the people in the room. */
export interface Text {
  heading: string;
  detail: string;
}

export interface Texts {
  /** `{start}` is the time of day. */
  early: Text;
  joining: Text;
  lobby: Text;
  admitted: Text;
  reconnecting: Text;
  ended: Readonly<Record<Outcome, Text>>;
  /** `{time}` is minutes and seconds. */
  waiting: string;
  /** Until the meeting's window opens. */
  remaining: string;
  /** In place of a private meeting's title. */
  privateTitle: string;
}

/** The language of a tag such as `de-AT`; English for what the slate does not speak. */
export function languageOf(tag: string): Language {
  const primary = tag.toLowerCase().split(/[-_]/)[0];
  return languages.find((language) => language === primary) ?? 'en';
}

const en: Texts = {
  early: { heading: 'You are early', detail: 'This meeting can be joined from {start}. Stay on the line.' },
  joining: { heading: 'Connecting to the meeting', detail: 'This takes a few seconds.' },
  lobby: { heading: 'Waiting to be let in', detail: 'The host has been told that you are here.' },
  admitted: { heading: 'You are in the meeting', detail: 'Nobody is showing a picture at the moment.' },
  reconnecting: {
    heading: 'The connection was lost',
    detail: 'Connecting again. You may have to be let in once more.',
  },
  ended: {
    denied: { heading: 'You were not let in', detail: 'Somebody in the meeting declined the request to join.' },
    'lobby-timeout': { heading: 'Nobody let you in', detail: 'Ask the host to admit this room, then dial again.' },
    removed: { heading: 'You were removed', detail: 'Somebody removed this room from the meeting.' },
    'meeting-ended': { heading: 'The meeting has ended', detail: 'You can hang up now.' },
    'not-started': { heading: 'The meeting has not started', detail: 'Nobody has started it yet. Dial again later.' },
    'anonymous-join-disabled': {
      heading: 'Guests are not allowed',
      detail: "The organiser's company does not let guests join its meetings.",
    },
    'sign-in-required': { heading: 'Sign-in required', detail: 'Only people with an account can join this meeting.' },
    captcha: {
      heading: 'A check by hand is required',
      detail: 'The meeting asks for a check that a room cannot pass.',
    },
    'email-verification': {
      heading: 'A confirmed address is required',
      detail: 'The meeting admits only people who confirm an e-mail address.',
    },
    'watermark-or-encryption-required': {
      heading: 'This meeting is protected',
      detail: 'Its protection does not allow video systems to take part.',
    },
    'wrong-link': {
      heading: 'The meeting was not found',
      detail: 'The link in the invitation does not work any more.',
    },
    capacity: { heading: 'No free line', detail: 'Too many rooms are in meetings now. Dial again in a few minutes.' },
    'connection-lost': { heading: 'The connection was lost', detail: 'Dial again to return to the meeting.' },
    failed: { heading: 'Joining did not work', detail: 'Dial again. If it fails once more, tell your administrator.' },
    left: { heading: 'You have left the meeting', detail: 'You can hang up now.' },
  },
  waiting: 'Waiting for {time}',
  remaining: '{time} to go',
  privateTitle: 'Private meeting',
};

const de: Texts = {
  early: { heading: 'Sie sind früh dran', detail: 'Der Beitritt ist ab {start} möglich. Bleiben Sie in der Leitung.' },
  joining: { heading: 'Verbindung zur Besprechung', detail: 'Das dauert einige Sekunden.' },
  lobby: { heading: 'Warten auf Einlass', detail: 'Der Gastgeber weiß, dass Sie da sind.' },
  admitted: { heading: 'Sie sind in der Besprechung', detail: 'Im Moment zeigt niemand ein Bild.' },
  reconnecting: {
    heading: 'Die Verbindung ist abgebrochen',
    detail: 'Sie wird neu aufgebaut. Vielleicht müssen Sie noch einmal eingelassen werden.',
  },
  ended: {
    denied: { heading: 'Kein Einlass', detail: 'Jemand in der Besprechung hat die Anfrage abgelehnt.' },
    'lobby-timeout': {
      heading: 'Niemand hat Sie eingelassen',
      detail: 'Bitten Sie den Gastgeber um Einlass und wählen Sie neu.',
    },
    removed: { heading: 'Sie wurden entfernt', detail: 'Jemand hat diesen Raum aus der Besprechung entfernt.' },
    'meeting-ended': { heading: 'Die Besprechung ist zu Ende', detail: 'Sie können jetzt auflegen.' },
    'not-started': {
      heading: 'Die Besprechung hat nicht begonnen',
      detail: 'Noch niemand hat sie gestartet. Wählen Sie später neu.',
    },
    'anonymous-join-disabled': {
      heading: 'Gäste sind nicht zugelassen',
      detail: 'Die Firma des Organisators lässt keine Gäste in ihre Besprechungen.',
    },
    'sign-in-required': { heading: 'Anmeldung nötig', detail: 'Nur wer ein Konto hat, kann teilnehmen.' },
    captcha: {
      heading: 'Prüfung von Hand nötig',
      detail: 'Die Besprechung verlangt eine Prüfung, die ein Raum nicht bestehen kann.',
    },
    'email-verification': {
      heading: 'Bestätigte Adresse nötig',
      detail: 'Eingelassen wird nur, wer eine E-Mail-Adresse bestätigt.',
    },
    'watermark-or-encryption-required': {
      heading: 'Diese Besprechung ist geschützt',
      detail: 'Ihr Schutz lässt keine Videosysteme zu.',
    },
    'wrong-link': { heading: 'Besprechung nicht gefunden', detail: 'Der Link in der Einladung gilt nicht mehr.' },
    capacity: {
      heading: 'Keine freie Leitung',
      detail: 'Zu viele Räume sind in Besprechungen. Wählen Sie in einigen Minuten neu.',
    },
    'connection-lost': {
      heading: 'Die Verbindung ist abgebrochen',
      detail: 'Wählen Sie neu, um zurückzukehren.',
    },
    failed: {
      heading: 'Der Beitritt ist misslungen',
      detail: 'Wählen Sie neu. Misslingt es wieder, sagen Sie es Ihrer IT.',
    },
    left: { heading: 'Sie haben die Besprechung verlassen', detail: 'Sie können jetzt auflegen.' },
  },
  waiting: 'Wartezeit {time}',
  remaining: 'Noch {time}',
  privateTitle: 'Private Besprechung',
};

const fr: Texts = {
  early: { heading: 'Vous êtes en avance', detail: 'La réunion sera ouverte à partir de {start}. Restez en ligne.' },
  joining: { heading: 'Connexion à la réunion', detail: 'Cela prend quelques secondes.' },
  lobby: { heading: "En attente d'admission", detail: "L'hôte sait que vous êtes là." },
  admitted: { heading: 'Vous êtes dans la réunion', detail: "Personne ne montre d'image pour le moment." },
  reconnecting: {
    heading: 'La connexion est perdue',
    detail: "Reconnexion en cours. L'hôte devra peut-être vous admettre de nouveau.",
  },
  ended: {
    denied: { heading: 'Accès refusé', detail: "Quelqu'un dans la réunion a refusé la demande." },
    'lobby-timeout': {
      heading: 'Personne ne vous a fait entrer',
      detail: "Demandez à l'hôte d'admettre cette salle, puis rappelez.",
    },
    removed: { heading: 'Vous avez été exclu', detail: "Quelqu'un a retiré cette salle de la réunion." },
    'meeting-ended': { heading: 'La réunion est terminée', detail: 'Vous pouvez raccrocher.' },
    'not-started': {
      heading: "La réunion n'a pas commencé",
      detail: "Personne ne l'a encore ouverte. Rappelez plus tard.",
    },
    'anonymous-join-disabled': {
      heading: 'Les invités ne sont pas admis',
      detail: "L'entreprise de l'organisateur n'admet pas d'invités.",
    },
    'sign-in-required': {
      heading: 'Connexion requise',
      detail: 'Seules les personnes ayant un compte peuvent entrer.',
    },
    captcha: {
      heading: 'Vérification manuelle requise',
      detail: "La réunion demande une vérification qu'une salle ne peut pas faire.",
    },
    'email-verification': {
      heading: 'Adresse confirmée requise',
      detail: 'Seules les personnes qui confirment une adresse e-mail sont admises.',
    },
    'watermark-or-encryption-required': {
      heading: 'Cette réunion est protégée',
      detail: "Sa protection n'admet pas les systèmes vidéo.",
    },
    'wrong-link': { heading: 'Réunion introuvable', detail: "Le lien de l'invitation n'est plus valable." },
    capacity: {
      heading: 'Aucune ligne libre',
      detail: 'Trop de salles sont en réunion. Rappelez dans quelques minutes.',
    },
    'connection-lost': { heading: 'La connexion est perdue', detail: 'Rappelez pour revenir dans la réunion.' },
    failed: {
      heading: 'Impossible de rejoindre la réunion',
      detail: 'Rappelez. Si cela échoue encore, prévenez votre administrateur.',
    },
    left: { heading: 'Vous avez quitté la réunion', detail: 'Vous pouvez raccrocher.' },
  },
  waiting: 'Attente : {time}',
  remaining: 'Encore {time}',
  privateTitle: 'Réunion privée',
};

const es: Texts = {
  early: {
    heading: 'Ha llegado antes de la hora',
    detail: 'Podrá entrar en la reunión a partir de las {start}. No cuelgue.',
  },
  joining: { heading: 'Conectando con la reunión', detail: 'Tardará unos segundos.' },
  lobby: { heading: 'Esperando a que le admitan', detail: 'El anfitrión sabe que está aquí.' },
  admitted: { heading: 'Está en la reunión', detail: 'En este momento nadie muestra imagen.' },
  reconnecting: {
    heading: 'Se ha perdido la conexión',
    detail: 'Conectando de nuevo. Puede que tengan que admitirle otra vez.',
  },
  ended: {
    denied: { heading: 'No le han admitido', detail: 'Alguien en la reunión ha rechazado la petición.' },
    'lobby-timeout': {
      heading: 'Nadie le ha dejado entrar',
      detail: 'Pida al anfitrión que admita esta sala y vuelva a llamar.',
    },
    removed: { heading: 'Le han expulsado', detail: 'Alguien ha sacado esta sala de la reunión.' },
    'meeting-ended': { heading: 'La reunión ha terminado', detail: 'Ya puede colgar.' },
    'not-started': {
      heading: 'La reunión no ha empezado',
      detail: 'Nadie la ha iniciado todavía. Vuelva a llamar más tarde.',
    },
    'anonymous-join-disabled': {
      heading: 'No se admiten invitados',
      detail: 'La empresa del organizador no admite invitados en sus reuniones.',
    },
    'sign-in-required': { heading: 'Hay que iniciar sesión', detail: 'Solo pueden entrar personas con una cuenta.' },
    captcha: {
      heading: 'Se requiere una comprobación manual',
      detail: 'La reunión pide una comprobación que una sala no puede pasar.',
    },
    'email-verification': {
      heading: 'Se requiere una dirección confirmada',
      detail: 'Solo se admite a quien confirma una dirección de correo.',
    },
    'watermark-or-encryption-required': {
      heading: 'Esta reunión está protegida',
      detail: 'Su protección no admite sistemas de vídeo.',
    },
    'wrong-link': { heading: 'No se encuentra la reunión', detail: 'El enlace de la invitación ya no es válido.' },
    capacity: {
      heading: 'No hay líneas libres',
      detail: 'Hay demasiadas salas en reuniones. Vuelva a llamar en unos minutos.',
    },
    'connection-lost': { heading: 'Se ha perdido la conexión', detail: 'Vuelva a llamar para regresar a la reunión.' },
    failed: {
      heading: 'No se ha podido entrar',
      detail: 'Vuelva a llamar. Si falla otra vez, avise a su administrador.',
    },
    left: { heading: 'Ha salido de la reunión', detail: 'Ya puede colgar.' },
  },
  waiting: 'Esperando desde hace {time}',
  remaining: 'Faltan {time}',
  privateTitle: 'Reunión privada',
};

const ja: Texts = {
  early: { heading: '開始前です', detail: '{start} から参加できます。このままお待ちください。' },
  joining: { heading: '会議に接続しています', detail: '数秒かかります。' },
  lobby: { heading: '入室の許可を待っています', detail: '主催者に到着を知らせました。' },
  admitted: { heading: '会議に参加しています', detail: '現在、映像を送っている人はいません。' },
  reconnecting: { heading: '接続が切れました', detail: '再接続しています。もう一度入室の許可が必要な場合があります。' },
  ended: {
    denied: { heading: '入室できませんでした', detail: '参加のリクエストが拒否されました。' },
    'lobby-timeout': {
      heading: '入室が許可されませんでした',
      detail: '主催者に許可を依頼してから、かけ直してください。',
    },
    removed: { heading: '会議から退出させられました', detail: 'この会議室は会議から削除されました。' },
    'meeting-ended': { heading: '会議は終了しました', detail: '通話を終了してください。' },
    'not-started': { heading: '会議はまだ始まっていません', detail: '後でもう一度かけ直してください。' },
    'anonymous-join-disabled': {
      heading: 'ゲストは参加できません',
      detail: '主催者の組織はゲストの参加を許可していません。',
    },
    'sign-in-required': { heading: 'サインインが必要です', detail: 'アカウントを持つ人だけが参加できます。' },
    captcha: { heading: '手動の確認が必要です', detail: '会議室からは通過できない確認が求められています。' },
    'email-verification': {
      heading: 'メールアドレスの確認が必要です',
      detail: 'メールアドレスを確認した人だけが参加できます。',
    },
    'watermark-or-encryption-required': {
      heading: 'この会議は保護されています',
      detail: 'ビデオ会議システムからは参加できません。',
    },
    'wrong-link': { heading: '会議が見つかりません', detail: '招待状のリンクは無効になっています。' },
    capacity: { heading: '回線に空きがありません', detail: '数分後にかけ直してください。' },
    'connection-lost': { heading: '接続が切れました', detail: '会議に戻るには、かけ直してください。' },
    failed: {
      heading: '参加できませんでした',
      detail: 'かけ直してください。再び失敗する場合は管理者に連絡してください。',
    },
    left: { heading: '会議から退出しました', detail: '通話を終了してください。' },
  },
  waiting: '待ち時間 {time}',
  remaining: 'あと {time}',
  privateTitle: '非公開の会議',
};

export const texts: Readonly<Record<Language, Texts>> = { en, de, fr, es, ja };
