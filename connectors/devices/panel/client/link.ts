/**
 * The page's link to its server: server-sent events while they work, polling while only requests do, and the truth about
 * it in between. Runs in the panel's browser, which has no Clock port: the browser's own timers are its time.
 */
import type { PanelUpdate } from '../state.ts';

export interface LinkEvents {
  update(update: PanelUpdate): void;
  /** The server's time, from a heartbeat. */
  beat(now: number): void;
  /** Nothing has been heard by any way. */
  lost(): void;
  /** Heard again (`update` follows or has just been called). */
  live(): void;
  /** The address of this page is not valid (any more). */
  gone(): void;
}

/** The server beats every 15 s; two missed beats and the stream is taken for dead. */
const silenceMs = 40_000;
/** The first event comes at once; where it does not, something on the way holds streams back. */
const firstEventMs = 8_000;
const pollMs = 5_000;
const firstRetryMs = 1_000;
const longestRetryMs = 30_000;
const requestMs = 8_000;

export class Link {
  readonly #events: LinkEvents;
  #source: EventSource | null = null;
  /** Whether the open stream has brought anything yet. */
  #streaming = false;
  #silence = 0;
  #retry = 0;
  #poll = 0;
  #retryMs = firstRetryMs;

  constructor(events: LinkEvents) {
    this.#events = events;
  }

  start(): void {
    window.addEventListener('online', () => this.#again());
    window.addEventListener('offline', () => this.#broken());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && this.#source === null) this.#again();
    });
    this.#open();
  }

  #open(): void {
    this.#close();
    const source = new EventSource('events');
    this.#source = source;
    source.addEventListener('view', (event) => {
      this.#heard();
      this.#events.update(JSON.parse(event.data));
      this.#events.live();
    });
    source.addEventListener('beat', (event) => {
      this.#heard();
      this.#events.beat(Number(event.data));
      this.#events.live();
    });
    source.onerror = () => this.#broken();
    this.#watchSilence(firstEventMs);
  }

  #heard(): void {
    this.#retryMs = firstRetryMs;
    this.#streaming = true;
    window.clearTimeout(this.#poll);
    this.#watchSilence(silenceMs);
  }

  #watchSilence(ms: number): void {
    window.clearTimeout(this.#silence);
    this.#silence = window.setTimeout(() => this.#broken(), ms);
  }

  /** The stream is gone: ask by request at once, go on asking, and try the stream again with growing pauses. */
  #broken(): void {
    this.#close();
    this.#ask();
    window.clearTimeout(this.#retry);
    this.#retry = window.setTimeout(() => this.#open(), this.#retryMs);
    this.#retryMs = Math.min(longestRetryMs, this.#retryMs * 2);
  }

  #again(): void {
    this.#retryMs = firstRetryMs;
    window.clearTimeout(this.#retry);
    this.#open();
  }

  /** Polling goes on: it ends when a stream has brought something. */
  #close(): void {
    window.clearTimeout(this.#silence);
    this.#streaming = false;
    if (this.#source !== null) this.#source.close();
    this.#source = null;
  }

  #ask(): void {
    const request = new XMLHttpRequest();
    request.open('GET', 'view');
    request.timeout = requestMs;
    request.onload = () => {
      if (request.status === 200) {
        this.#events.update(JSON.parse(request.responseText));
        this.#events.live();
      } else if (request.status === 404) this.#events.gone();
      else this.#events.lost();
      this.#askLater();
    };
    request.onerror = request.ontimeout = () => {
      this.#events.lost();
      this.#askLater();
    };
    request.send();
  }

  #askLater(): void {
    if (this.#streaming) return;
    window.clearTimeout(this.#poll);
    this.#poll = window.setTimeout(() => this.#ask(), pollMs);
  }
}
