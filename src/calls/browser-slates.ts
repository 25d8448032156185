/** Slates as pages of the shared Chromium (media/slate). */
import type { Browser } from 'playwright-core';
import type { MediaClock } from '../../media/call.ts';
import { slatePool } from '../../media/slate/slate.ts';
import type { CallLog } from './call-log.ts';
import type { Slates } from './slates.ts';

export interface BrowserSlates extends Slates {
  warm(pages: number): Promise<void>;
  close(): Promise<void>;
}

export interface BrowserSlatesOptions {
  /** The running Chromium, launched again by its owner when it has died. */
  browser(): Promise<Browser>;
  clock: MediaClock;
  /** How many pages to keep ready, until `warm` says otherwise. */
  warmPages: number;
  log: CallLog;
}

export function browserSlates({ browser, clock, warmPages, log }: BrowserSlatesOptions): BrowserSlates {
  const pool = slatePool({ browser, clock, size: warmPages, log });
  return {
    async open({ port, room, title, language }) {
      const slate = await pool.open({ port, language, log });
      return {
        show: (scene) => slate.show({ ...scene, room, title }),
        rest: () => slate.rest(),
        onGone: (listener) => slate.onGone(listener),
        close: () => slate.close(),
      };
    },
    warm: (pages) => pool.warm(pages),
    close: () => pool.close(),
  };
}
