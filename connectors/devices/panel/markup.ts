/** The panel's regions as HTML, from its state and a moment: the server writes the first page, the page the rest. */
import type { Instant } from '../../../parsers/invite.ts';
import { type Html, html } from '../html.ts';
import { type Day, dayAt, hasButton } from './day.ts';
import type { JoinOutcome, PanelEntry, PanelState } from './state.ts';
import { isAllDay, type When, whenIn } from './when.ts';
import { type Words, wordsFor } from './words.ts';

/** What only the open page knows. */
export interface PageState {
  connection: { state: 'live' } | { state: 'lost'; knownAt: Instant } | { state: 'gone' };
  /** The entry whose button was pressed and not answered yet. */
  pressed: string | null;
  /** How the last press ended, while it is worth reading. */
  outcome: JoinOutcome | null;
}

export const freshPage: PageState = { connection: { state: 'live' }, pressed: null, outcome: null };

interface Scene {
  state: PanelState;
  page: PageState;
  now: Instant;
  day: Day;
  when: When;
  words: Words;
}

/** The content of `<body>`'s one element: the same tree for the same input, so that a page can be patched to it. */
export function panelMarkup(state: PanelState, page: PageState, now: Instant): Html {
  const words = wordsFor(state.language);
  const when = whenIn(state.timeZone, state.language);
  const scene: Scene = { state, page, now, day: dayAt(state, now), when, words };
  return html`<div id="panel" class="panel is-${scene.day.status}">${header(scene)}<main class="main">${hero(scene)}${agenda(scene)}</main>${footer(scene)}</div>`;
}

function header({ state, when, now }: Scene): Html {
  return html`<header class="top"><h1 class="room">${state.roomName}</h1><p class="clock"><time class="hour" id="clock">${when.time(now)}</time><span class="date">${when.date(now)}</span></p></header>`;
}

function hero(scene: Scene): Html {
  const { day } = scene;
  const button = day.hero !== null && scene.state.call.state === 'idle' && hasButton(day.hero, scene.now);
  const kind = day.hero === null || day.hero.note === null ? '' : button ? ' has-note' : ' has-note is-still';
  return html`<section class="hero${kind}" aria-labelledby="hero-title">${
    day.hero === null ? free(scene) : meeting(scene, day.hero)
  }</section>`;
}

function free(scene: Scene): Html {
  const { day, words, when } = scene;
  const until = day.freeUntil === null ? words.restOfDay : words.until(when.time(day.freeUntil));
  return html`<h2 class="free" id="hero-title">${words.available} <span class="until">${until}</span></h2>${call(scene)}`;
}

function meeting(scene: Scene, entry: PanelEntry): Html {
  const { now, words, when, day } = scene;
  const allDay = isAllDay(entry, when);
  const left =
    entry.start > now
      ? words.startsIn(duration(words, entry.start - now))
      : words.left(duration(words, entry.end - now));
  const times = allDay
    ? html`<span class="range">${words.allDay}</span>`
    : html`<span class="range">${range(scene, entry)}</span> <span class="left">${left}</span>`;
  const status = day.status === 'busy' ? words.inUse : words.startsSoon;
  return html`<p class="status"><span class="dot" aria-hidden="true"></span>${status}</p><h2 class="title" id="hero-title">${title(scene, entry)}</h2><p class="when">${times}</p>${
    day.status === 'busy' && !allDay
      ? html`<progress class="progress" aria-hidden="true" max="1000" value="${Math.round((1000 * (now - entry.start)) / (entry.end - entry.start))}"></progress>`
      : html`<span class="gap"></span>`
  }${entry.organizer === null ? null : html`<p class="who">${entry.organizer}</p>`}${
    entry.note === null ? null : html`<p class="note">${entry.note}</p>`
  }${call(scene)}${scene.state.call.state === 'idle' ? action(scene, entry, 'large') : null}`;
}

function title({ words }: Scene, entry: PanelEntry): Html {
  const text = entry.title === '' ? words.untitled : entry.title;
  return entry.private ? html`${lock(words.privateMeeting)}${text}` : html`${text}`;
}

/** Both drawings are of one line each, in the colour of the text around them. */
function lock(label: string): Html {
  return html`<svg class="lock" role="img" aria-label="${label}" viewBox="0 0 24 24"><path d="M7 10V7a5 5 0 0 1 10 0v3M5 10h14v11H5z" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linejoin="round"/></svg>`;
}

const camera = html`<svg class="camera" aria-hidden="true" viewBox="0 0 24 24"><path d="M3 6h12a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1zm14.500 5.200L22 8v8l-4.500-3.200z" fill="currentColor"/></svg>`;

/** The Join button; where the room has nothing that dials, the address to dial by hand. */
function action(scene: Scene, entry: PanelEntry, size: 'large' | 'small'): Html | null {
  const { words, page, now, state } = scene;
  if (!hasButton(entry, now)) return null;
  if (!state.canDial) {
    if (entry.address === null) return null;
    return html`<p class="dial is-${size}"><span class="dial-words">${words.dialThis}</span><span class="address">${breakable(entry.address)}</span></p>`;
  }
  const pressed = page.pressed === entry.id;
  const name =
    size === 'small' ? html` aria-label="${words.join}: ${entry.title === '' ? words.untitled : entry.title}"` : null;
  return html`<form class="action" method="post" action="join"><input type="hidden" name="entry" value="${entry.id}"><button class="join is-${size}" id="join-${entry.id}" type="submit" aria-disabled="${pressed ? 'true' : 'false'}"${name}>${
    size === 'small' ? words.join : pressed ? words.dialling : html`${camera}${words.join}`
  }</button></form>`;
}

/** Lets a long address break where a reader would pause. */
function breakable(address: string): readonly Html[] {
  return address.split(/([@.])/).map((part, at) => (at % 2 === 0 ? html`<wbr>${part}` : html`${part}`));
}

function call({ state, words }: Scene): Html | null {
  const { call, canDial } = state;
  if (call.state === 'idle') return call.notice === null ? null : html`<p class="notice">${call.notice}</p>`;
  const text = callWords(words, call.state);
  return html`<div class="call is-${call.state}"><p class="call-words"><span class="pulse" aria-hidden="true"></span>${text}</p>${
    canDial
      ? html`<form class="action" method="post" action="hang-up"><button class="hang-up" id="hang-up" type="submit">${words.hangUp}</button></form>`
      : null
  }</div>`;
}

function callWords(words: Words, state: 'dialling' | 'lobby' | 'connected'): string {
  return { dialling: words.dialling, lobby: words.lobby, connected: words.connected }[state];
}

function agenda(scene: Scene): Html {
  const { day, words } = scene;
  const groups = day.groups.map((group) => {
    const items = group.entries.map((entry) => item(scene, entry));
    return html`<h3 class="day">${dayName(scene, group.day)}</h3><ol class="items">${items}</ol>`;
  });
  // A scrolling region must be reachable by keyboard.
  return html`<section class="agenda" id="agenda" tabindex="0" aria-labelledby="agenda-title"><h2 class="hidden" id="agenda-title">${words.upcoming}</h2>${
    groups.length === 0 ? html`<p class="nothing">${words.nothing}</p>` : groups
  }</section>`;
}

function item(scene: Scene, entry: PanelEntry): Html {
  const { words, when, now, state } = scene;
  const running = entry.start <= now && entry.end > now;
  const time = isAllDay(entry, when) ? words.allDay : range(scene, entry);
  return html`<li class="item"><div class="item-text"><p class="item-time">${running ? html`<strong class="mark">${words.now}</strong> ` : null}${time}</p><p class="item-title">${title(scene, entry)}</p>${
    entry.organizer === null ? null : html`<p class="item-who">${entry.organizer}</p>`
  }</div>${state.call.state === 'idle' ? action(scene, entry, 'small') : null}</li>`;
}

function dayName({ now, when, words }: Scene, at: Instant): string {
  const today = when.day(now);
  if (when.day(at) === today) return words.today;
  // Days have 23 to 25 hours: tomorrow is found by walking to it.
  let tomorrow = now;
  for (let hours = 0; hours < 25 && when.day(tomorrow) === today; hours++) tomorrow += 3_600_000;
  return when.day(at) === when.day(tomorrow) ? words.tomorrow : when.date(at);
}

function range({ when }: Scene, entry: PanelEntry): Html {
  // What does not end on the day that it began on says which days.
  const days = when.day(entry.start) !== when.day(entry.end) && !when.midnight(entry.end);
  const time = (at: Instant): string => (days ? `${when.weekday(at)} ${when.time(at)}` : when.time(at));
  return html`<time>${time(entry.start)}</time>&hairsp;–&hairsp;<time>${time(entry.end)}</time>`;
}

/** Whole minutes, rounded up, so that `0 min left` is never said of a meeting that still runs. */
function duration(words: Words, ms: number): string {
  const minutes = Math.max(1, Math.ceil(ms / 60_000));
  return words.duration(Math.floor(minutes / 60), minutes % 60);
}

/**
 * The one live region: how a press ended, how the call goes (which stands above for the eye, and here for the ear), that the
 * connection broke. Everything else changes silently.
 */
function footer({ page, words, when, state: { call } }: Scene): Html {
  const { connection } = page;
  const text =
    connection.state === 'lost'
      ? words.lost(when.time(connection.knownAt))
      : connection.state === 'gone'
        ? words.gone
        : page.outcome === null || page.outcome === 'calling'
          ? null
          : words.outcome[page.outcome];
  const kind = connection.state === 'live' ? 'outcome' : connection.state;
  return html`<footer class="foot is-${text === null ? 'empty' : kind}"><div id="foot" role="status" aria-live="polite"><p class="foot-words">${text}</p><p class="hidden">${
    call.state === 'idle' ? call.notice : callWords(words, call.state)
  }</p></div></footer>`;
}
