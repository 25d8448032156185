/** The panel: a page for the touch panel beside or inside a room, as a device that pulls its entries from us. */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Instant } from '../../../parsers/invite.ts';
import type { PulledAnswer } from '../answer.ts';
import type { Dialer, PulledDevice, RoomView } from '../device.ts';
import { html, jsonBlock } from '../html.ts';
import { freshPage, panelMarkup } from './markup.ts';
import { type JoinOutcome, type PanelUpdate, panelState, type RoomCall } from './state.ts';
import { spokenLanguage, wordsFor } from './words.ts';

/** Where the page's script and style are, for whoever bundles and serves them. */
export const panelScript = fileURLToPath(new URL('./client/main.ts', import.meta.url));
export const panelStyle = fileURLToPath(new URL('./panel.css', import.meta.url));

/** What the page needs besides the room's view. */
export interface PanelMoment {
  now: Instant;
  call: RoomCall;
  /** Names the served script and style; a page of another build reloads itself. */
  build: string;
}

export interface PanelPageOptions extends PanelMoment {
  /** Absolute paths of the script and the style. */
  script: string;
  style: string;
  /** Overrides what the panel's browser prefers; `null` leaves it. */
  theme: 'light' | 'dark' | null;
  /** How a press of a page without script ended; said once. */
  outcome: JoinOutcome | null;
}

export class PanelDevice implements PulledDevice {
  readonly kind = 'pulled';
  readonly description: { id: string; label: string };
  readonly dialer: Dialer | null;
  #lastRead: { at: Instant; revision: number } | null = null;

  /** `dialer` is what the Join button dials with: the room's video system, `null` where none can be asked. */
  constructor(options: { id: string; label?: string; dialer: Dialer | null }) {
    this.description = { id: options.id, label: options.label ?? 'panel' };
    this.dialer = options.dialer;
  }

  lastRead(): { at: Instant; revision: number } | null {
    return this.#lastRead;
  }

  /** The whole state for an open page; counts as a reading. */
  update(view: RoomView, moment: PanelMoment): PanelUpdate {
    this.#lastRead = { at: moment.now, revision: view.revision };
    const state = panelState(view, { canDial: this.dialer !== null, call: moment.call }, moment.now);
    const tag = createHash('sha256').update(JSON.stringify(state)).digest('base64url').slice(0, 16);
    return { tag, build: moment.build, now: moment.now, state };
  }

  /** The page. It holds the titles and entries as they are now, and works, renewed by itself, without script. */
  page(view: RoomView, options: PanelPageOptions): PulledAnswer {
    const update = this.update(view, options);
    const { state } = update;
    const page = { ...freshPage, outcome: options.outcome };
    const theme = options.theme === null ? null : html` data-theme="${options.theme}"`;
    const document = html`<!doctype html>
<html lang="${spokenLanguage(state.language)}"${theme}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="${options.theme ?? 'light dark'}">
<title>${state.roomName} · ${wordsFor(state.language).upcoming}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${options.style}">
<noscript><meta http-equiv="refresh" content="20"></noscript>
</head>
<body>
${panelMarkup(state, page, options.now)}
<script type="application/json" id="state">${jsonBlock(update)}</script>
<script src="${options.script}"></script>
</body>
</html>
`;
    return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body: document.markup };
  }
}
