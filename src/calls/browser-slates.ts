/** Slates as pages of the shared Chromium (media/slate). */
import type { Browser } from 'playwright-core';
import { openSlate } from '../../media/slate/slate.ts';
import type { CallLog } from './call-log.ts';
import type { Slates } from './slates.ts';

/** @param browser the running Chromium, launched again by its owner when it has died */
export function browserSlates(browser: () => Promise<Browser>, log: CallLog): Slates {
  return {
    async open({ port, room, title, language }) {
      const slate = await openSlate({ browser: await browser(), port, language, log });
      return {
        show: (scene) => slate.show({ ...scene, room, title }),
        onGone: (listener) => slate.onGone(listener),
        close: () => slate.close(),
      };
    },
  };
}
