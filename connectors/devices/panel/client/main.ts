/**
 * The panel page's script. Bundled for ES2015 (wall panels run old browsers), so: no newer syntax than esbuild can lower,
 * no library function that such a browser lacks. The page works without it; it keeps the page true.
 */
import { freshPage, type PageState, panelMarkup } from '../markup.ts';
import type { JoinOutcome, PanelState, PanelUpdate } from '../state.ts';
import { Link } from './link.ts';
import { patch } from './patch.ts';

/** How long the answer to a press stays readable. */
const outcomeMs = 12_000;
const pressMs = 20_000;

const block = document.getElementById('state');
const first: PanelUpdate = JSON.parse(block?.textContent ?? '');
let state: PanelState = first.state;
let page: PageState = freshPage;
/** The server's clock less ours: panels are seldom set right. */
let offset = first.now - Date.now();
let heardAt = first.now;
let shown = '';
let forget = 0;

function now(): number {
  return Date.now() + offset;
}

function show(): void {
  const markup = panelMarkup(state, page, now()).markup;
  if (markup === shown) return;
  shown = markup;
  const live = document.getElementById('panel');
  const holder = document.createElement('div');
  holder.innerHTML = markup;
  const wanted = holder.firstElementChild;
  if (live !== null && wanted !== null) patch(live, wanted);
}

function change(part: Partial<PageState>): void {
  page = { ...page, ...part };
  show();
}

function heard(serverNow: number): void {
  offset = serverNow - Date.now();
  heardAt = serverNow;
}

const link = new Link({
  update(update) {
    heard(update.now);
    state = update.state;
    if (update.build !== first.build) window.location.reload();
    if (state.call.state !== 'idle') page = { ...page, pressed: null, outcome: null };
    show();
  },
  beat: heard,
  lost: () => {
    if (page.connection.state !== 'lost') change({ connection: { state: 'lost', knownAt: heardAt } });
  },
  live: () => change({ connection: { state: 'live' } }),
  gone: () => change({ connection: { state: 'gone' } }),
});

function answered(outcome: JoinOutcome): void {
  // A call that has begun shows itself; until it does, the button stays pressed.
  change({ outcome, pressed: outcome === 'calling' ? page.pressed : null });
  window.clearTimeout(forget);
  forget = window.setTimeout(() => change({ outcome: null, pressed: null }), outcomeMs);
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement)) return;
  event.preventDefault();
  if (page.pressed !== null) return;
  const field = form.elements.namedItem('entry');
  const entry = field instanceof HTMLInputElement ? field.value : null;
  change({ pressed: entry, outcome: null });
  const request = new XMLHttpRequest();
  request.open('POST', form.getAttribute('action') ?? '');
  request.timeout = pressMs;
  request.setRequestHeader('content-type', 'application/json');
  request.setRequestHeader('accept', 'application/json');
  request.onload = () => {
    let outcome: JoinOutcome = request.status === 429 ? 'too-many' : 'failed';
    try {
      outcome = JSON.parse(request.responseText).outcome ?? outcome;
    } catch {
      // An answer that is not ours (a proxy's page): `failed` says it.
    }
    answered(outcome);
  };
  request.onerror = request.ontimeout = () => answered('failed');
  request.send(JSON.stringify(entry === null ? {} : { entry }));
});

/** Every second on the second, so that clock, button and time left change when they should. */
function tick(): void {
  show();
  window.setTimeout(tick, 1000 - (now() % 1000) + 5);
}

tick();
link.start();
