/**
 * The slate: what a room sees and hears while it is not in the meeting. A page of its own with a producer of its own,
 * so that it is there whatever becomes of the guest's page.
 */
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import type { MediaClock, PagePort } from '../call.ts';
import type { Outcome } from '../guest/guest.ts';
import { type GuestPage, openGuestPage, pageContext, prepareGuestPage, takeGuestPage } from '../guest/page-host.ts';
import { pagePool } from '../guest/pages.ts';
import { type Language, languageOf, type Text, texts } from './texts.ts';

/** Why the room sees the slate. */
export type SlateState =
  /** Dialled before the window opens: `startsAt` as the room's clock shows it, and how long until then. */
  | { kind: 'early'; startsAt: string; remainingMs: number }
  | { kind: 'joining' }
  /** In the meeting's lobby, for so long already. */
  | { kind: 'lobby'; waitedMs: number }
  /** In the meeting, as long as it has no picture. */
  | { kind: 'admitted' }
  | { kind: 'reconnecting' }
  | { kind: 'ended'; outcome: Outcome };

export type SlateView = SlateState & {
  room: string;
  /** Null for a private meeting: then the slate says only that. */
  title: string | null;
};

/** What the page draws: words alone, so that it knows neither languages nor states. */
export interface SlateWords {
  room: string;
  title: string;
  heading: string;
  detail: string;
  /** `{time}` is replaced by minutes and seconds, second by second; null for no line. */
  clock: { text: string; fromMs: number; runs: 'up' | 'down' } | null;
  tone: 'waiting' | 'ended';
}

export interface Slate {
  show(view: SlateView): Promise<void>;
  /** Takes next to nothing of the machine until the next `show()`: for while the room is in the meeting. */
  rest(): Promise<void>;
  /** Called once if the page is lost: the room sees nothing until another slate is opened. */
  onGone(listener: (detail: string) => void): void;
  close(): Promise<void>;
}

export interface SlateOptions {
  browser: Browser;
  port: PagePort;
  /** Language tag of the room; English for what the slate does not speak. */
  language: string;
  log?(level: 'debug' | 'warn', message: string): void;
}

const entry = fileURLToPath(new URL('slate-page.ts', import.meta.url));
const longestTitle = 160;

/** Opens the slate's page; it sends from the first `show()` on. @throws Error when the browser or the bridge refuses */
export async function openSlate(options: SlateOptions): Promise<Slate> {
  const { browser, port, log } = options;
  return slateOn(
    await openGuestPage({ browser, entry, port, ...(log === undefined ? {} : { log }) }),
    options.language,
  );
}

/** Slates whose pages were made ready ahead of need, so that they do not hold up the guest's join. */
export interface SlatePool {
  /** As `openSlate`. */
  open(call: Omit<SlateOptions, 'browser'>): Promise<Slate>;
  /** Keeps so many pages ready from now on; resolves when as many are as memory allows. Never rejects. */
  warm(pages: number): Promise<void>;
  close(): Promise<void>;
}

export interface SlatePoolOptions {
  browser(): Promise<Browser>;
  clock: MediaClock;
  /** How many pages to keep ready until `warm` says otherwise; 0 opens each when it is asked for. */
  size: number;
  log?(level: 'debug' | 'warn', message: string, fields?: Record<string, unknown>): void;
}

export function slatePool(options: SlatePoolOptions): SlatePool {
  const pool = pagePool({ ...options, contextOptions: pageContext, prepare: (page) => prepareGuestPage(page, entry) });
  return {
    async open(call) {
      const pooled = await pool.take();
      return slateOn(await takeGuestPage(pooled, call), call.language);
    },
    warm: (pages) => pool.warm(pages),
    close: () => pool.close(),
  };
}

function slateOn(host: GuestPage, languageTag: string): Slate {
  const language = languageOf(languageTag);
  return {
    async show(view) {
      // English as well, for a machine without the letters of the room's language.
      const words = [slateWords(view, language), slateWords(view, 'en')] as const;
      await host.page.evaluate(([wanted, english]) => window.usherSlate(wanted, english), words);
    },
    rest: () => host.page.evaluate(() => window.usherSlateRest()),
    onGone: (listener) => host.onGone(listener),
    close: () => host.close(),
  };
}

/** The words of a view. */
export function slateWords(view: SlateView, language: Language): SlateWords {
  const all = texts[language];
  const { heading, detail } = textOf(view, language);
  return {
    room: shorten(view.room),
    title: view.title === null ? all.privateTitle : shorten(view.title),
    heading,
    detail: view.kind === 'early' ? detail.replace('{start}', () => view.startsAt) : detail,
    clock: clockOf(view, language),
    tone: view.kind === 'ended' ? 'ended' : 'waiting',
  };
}

function textOf(view: SlateView, language: Language): Text {
  const all = texts[language];
  return view.kind === 'ended' ? all.ended[view.outcome] : all[view.kind];
}

function clockOf(view: SlateView, language: Language): SlateWords['clock'] {
  const all = texts[language];
  if (view.kind === 'lobby') return { text: all.waiting, fromMs: view.waitedMs, runs: 'up' };
  if (view.kind === 'early') return { text: all.remaining, fromMs: view.remainingMs, runs: 'down' };
  return null;
}

/** Titles come from invitations: any length, any control characters. */
function shorten(text: string): string {
  const clean = text.replace(/\p{C}+/gu, ' ').trim();
  const characters = Array.from(clean.slice(0, longestTitle * 2));
  return characters.length > longestTitle ? `${characters.slice(0, longestTitle).join('')}…` : characters.join('');
}
