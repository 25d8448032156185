/**
 * How to recognise where one stands in Teams' web client: for each screen several signs, language-neutral ones first.
 * Teams changes; this table is the only place that has to follow, and `version` says when it last did.
 *
 * Where the signs are from: `seen` was found in the source of open-source clients that drive the same pages
 * (attendee-labs/attendee 77e990ed, Vexa-ai/vexa 4647c96e, Renater/SIPMediaGW 564e7a5, and smaller ones); `translated` is our own rendering of
 * such a text, never seen on Microsoft's page. Nothing here was checked against Teams itself.
 */
import type { Outcome } from '../guest.ts';

export const version = '2026-11';

export type Screen =
  | 'launcher'
  | 'prejoin'
  | 'no-devices'
  | 'lobby'
  | 'not-started'
  | 'in-call'
  | 'light'
  | 'sign-in'
  | 'captcha'
  | 'verification'
  | 'denied'
  | 'lobby-timeout'
  | 'removed'
  | 'ended'
  | 'wrong-link'
  | 'anonymous-disabled'
  | 'protected'
  | 'full'
  | 'lost'
  | 'no-connection';

export interface Text {
  text: string;
  language: 'en' | 'de' | 'fr' | 'ja';
  basis: 'seen' | 'translated';
}

export interface Signs {
  /** Any visible one is enough. */
  css: readonly string[];
  /** Parts of texts, compared without regard to case; any visible one is enough. */
  texts: readonly Text[];
  /** Matched against the page's address. */
  url?: RegExp;
}

const seen = (text: string): Text => ({ text, language: 'en', basis: 'seen' });
const translated = (de: string, fr: string, ja: string): Text[] => [
  { text: de, language: 'de', basis: 'translated' },
  { text: fr, language: 'fr', basis: 'translated' },
  { text: ja, language: 'ja', basis: 'translated' },
];
const english = (text: string): Text => ({ text, language: 'en', basis: 'translated' });

/** What is pressed or filled in: in order, the first that is visible counts; element ids before names. */
export interface Control {
  css: readonly string[];
  /** Names of a button. */
  texts: readonly Text[];
}

export const controls = {
  continue: {
    css: ['[data-tid="joinOnWeb"]', 'button[aria-label="Join meeting from this browser"]'],
    texts: [
      seen('Continue on this browser'),
      ...translated('In diesem Browser fortfahren', 'Continuer sur ce navigateur', 'このブラウザーで続ける'),
    ],
  },
  name: {
    // The last is for a page that is known by its Join button: nothing else is typed there.
    css: [
      '[data-tid="prejoin-display-name-input"]',
      'input[placeholder="Type your name"]',
      'input[type="text"], input:not([type])',
    ],
    texts: [],
  },
  join: {
    css: ['[data-tid="prejoin-join-button"]', '#prejoin-join-button'],
    texts: [seen('Join now'), ...translated('Jetzt teilnehmen', 'Rejoindre maintenant', '今すぐ参加')],
  },
  /** In the dialog about devices. */
  withoutDevices: {
    css: [],
    texts: [
      english('Continue without audio or video'),
      ...translated('Ohne Audio und Video fortfahren', 'Continuer sans audio ni vidéo', 'オーディオとビデオなしで続行'),
    ],
  },
  leave: {
    css: ['#hangup-button', '[data-tid="hangup-main-btn"]', '[data-tid="prejoin-cancel-button"]'],
    texts: [],
  },
} as const satisfies Record<string, Control>;

export const screens: Readonly<Record<Screen, Signs>> = {
  launcher: {
    css: controls.continue.css,
    texts: controls.continue.texts,
  },
  prejoin: {
    // No texts: a Join button stays in the page behind the lobby, and anybody may write its name into a chat.
    css: ['[data-tid="prejoin-display-name-input"]', 'input[placeholder="Type your name"]', ...controls.join.css],
    texts: [],
  },
  'no-devices': {
    css: [],
    texts: [
      seen('Are you sure you don’t want audio or video?'),
      seen("Are you sure you don't want audio or video?"),
      ...translated(
        'Möchten Sie wirklich weder Audio noch Video verwenden?',
        'Voulez-vous vraiment continuer sans audio ni vidéo',
        'オーディオやビデオを使用しなくてもよろしいですか',
      ),
    ],
  },
  lobby: {
    css: ['[data-tid="lobby-screen"]', '[data-tid="calling-lobby"]'],
    texts: [
      seen('Someone will let you in soon'),
      seen('Someone will let you in shortly'),
      seen("You're in the lobby"),
      seen('You’re in the lobby'),
      ...translated('Sie befinden sich im Wartebereich', 'Vous êtes dans la salle d’attente', 'ロビーで待機しています'),
      ...translated(
        'Jemand lässt Sie in Kürze eintreten',
        'Quelqu’un va bientôt vous laisser entrer',
        'まもなく参加が許可されます',
      ),
    ],
  },
  'not-started': {
    css: [],
    texts: [
      english('When the meeting starts, we’ll let people know you’re waiting'),
      english("When the meeting starts, we'll let people know you're waiting"),
      ...translated(
        'Sobald die Besprechung beginnt, informieren wir die Teilnehmer, dass Sie warten',
        'Lorsque la réunion commencera, nous préviendrons les participants que vous attendez',
        '会議が開始されると、お待ちいただいていることをお知らせします',
      ),
    ],
  },
  'in-call': {
    css: ['#hangup-button', '[data-tid="hangup-main-btn"]', '#callingButtons-showMoreBtn'],
    texts: [],
  },
  light: {
    css: [],
    texts: [],
    url: /\/light-meetings\/|[?&]lightExperience=true/i,
  },
  'sign-in': {
    css: ['input[name="loginfmt"]'],
    texts: [
      seen('Sign in to join this meeting'),
      ...translated(
        'Melden Sie sich an, um an dieser Besprechung teilzunehmen',
        'Connectez-vous pour participer à cette réunion',
        'この会議に参加するにはサインインしてください',
      ),
    ],
    url: /^https:\/\/login\.(microsoftonline\.(com|us)|live\.com|partner\.microsoftonline\.cn)\//i,
  },
  captcha: {
    css: ['[data-tid*="captcha" i]', 'iframe[src*="captcha" i]', 'iframe[src*="arkoselabs" i]'],
    texts: [
      seen("Verify you're a real person"),
      seen('Verify you’re a real person'),
      ...translated(
        'Bestätigen Sie, dass Sie eine reale Person sind',
        'Vérifiez que vous êtes une personne réelle',
        'あなたが実在の人物であることを確認',
      ),
    ],
  },
  verification: {
    css: ['input[autocomplete="one-time-code"]', '[data-tid*="one-time-passcode" i]', '[data-tid*="verify-info" i]'],
    texts: [
      seen('Verify your info'),
      ...translated('Überprüfen Sie Ihre Angaben', 'Vérifiez vos informations', '情報を確認してください'),
    ],
  },
  denied: {
    css: [],
    texts: [
      seen('you were denied access to the meeting'),
      seen('Your request to join was declined'),
      ...translated(
        'Ihnen wurde der Zugriff auf die Besprechung verweigert',
        'l’accès à la réunion vous a été refusé',
        '会議へのアクセスが拒否されました',
      ),
    ],
  },
  'lobby-timeout': {
    css: [],
    texts: [
      english('no one responded to your request to join'),
      english('no one let you in'),
      ...translated(
        'niemand hat auf Ihre Teilnahmeanfrage reagiert',
        'personne n’a répondu à votre demande de participation',
        '参加リクエストに応答がありませんでした',
      ),
    ],
  },
  removed: {
    css: [],
    texts: [
      seen("You've been removed from this meeting"),
      seen('You’ve been removed from this meeting'),
      ...translated(
        'Sie wurden aus dieser Besprechung entfernt',
        'Vous avez été retiré de cette réunion',
        'この会議から削除されました',
      ),
    ],
  },
  ended: {
    css: [],
    texts: [
      english('The meeting has ended'),
      english('This meeting has ended'),
      ...translated('Die Besprechung wurde beendet', 'La réunion est terminée', '会議は終了しました'),
    ],
  },
  'wrong-link': {
    css: [],
    texts: [
      seen('Looks like the meeting URL is incorrect'),
      ...translated(
        'Die Besprechungs-URL ist anscheinend falsch',
        'Il semble que l’URL de la réunion soit incorrecte',
        '会議の URL が正しくないようです',
      ),
    ],
  },
  'anonymous-disabled': {
    css: [],
    texts: [
      english("doesn't allow anonymous users to join"),
      english('doesn’t allow anonymous users to join'),
      ...translated(
        'gestattet anonymen Benutzern die Teilnahme nicht',
        'n’autorise pas les utilisateurs anonymes à participer',
        '匿名ユーザーの参加が許可されていません',
      ),
    ],
  },
  protected: {
    css: [],
    texts: [
      english('end-to-end encrypted and can’t be joined'),
      english('join with watermark'),
      ...translated(
        'kann mit Wasserzeichen oder Ende-zu-Ende-Verschlüsselung nicht im Browser geöffnet werden',
        'ne peut pas être rejointe depuis un navigateur en raison du filigrane ou du chiffrement',
        '透かしまたはエンドツーエンドの暗号化のため、ブラウザーからは参加できません',
      ),
    ],
  },
  full: {
    css: [],
    texts: [
      english('the meeting is full'),
      ...translated('Die Besprechung ist voll', 'La réunion est complète', '会議は満員です'),
    ],
  },
  lost: {
    css: [],
    texts: [
      english('You’ve lost your connection'),
      english("You've lost your connection"),
      ...translated('Ihre Verbindung wurde unterbrochen', 'Vous avez perdu la connexion', '接続が切断されました'),
    ],
  },
  'no-connection': {
    css: ['[data-tid="calling-retry-cancelbutton"]'],
    texts: [
      seen("we couldn't connect you"),
      seen('we couldn’t connect you'),
      ...translated('wir konnten Sie nicht verbinden', 'nous n’avons pas pu vous connecter', '接続できませんでした'),
    ],
  },
};

/** Screens that end a join, and how. In the order in which they are looked for. */
export const endings: readonly (readonly [Screen, Outcome])[] = [
  ['sign-in', 'sign-in-required'],
  ['captcha', 'captcha'],
  ['verification', 'email-verification'],
  ['denied', 'denied'],
  ['lobby-timeout', 'lobby-timeout'],
  ['removed', 'removed'],
  ['ended', 'meeting-ended'],
  ['wrong-link', 'wrong-link'],
  ['anonymous-disabled', 'anonymous-join-disabled'],
  ['protected', 'watermark-or-encryption-required'],
  ['full', 'capacity'],
  ['lost', 'connection-lost'],
  ['no-connection', 'failed'],
];
