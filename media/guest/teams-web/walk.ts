/** Walks through Teams' web client as a person would, from the link to the meeting, and stays to see how it ends. */
import type { Page } from 'playwright-core';
import type { MediaClock } from '../../call.ts';
import type { LegControl } from '../leg.ts';
import { decide, type Progress, type Step, showsCall } from './decide.ts';
import { find } from './find.ts';
import { isMicrosofts } from './link.ts';
import { look } from './look.ts';
import { controls, version } from './screens.ts';

export interface Walk {
  page: Page;
  /** The address that was opened. */
  url: URL;
  displayName: string;
  control: LegControl;
  clock: MediaClock;
  /** How long something unknown may be on the screen, milliseconds. */
  unknownPatienceMs: number;
  /** Hosts besides Microsoft's where the page may be; for tests. */
  alsoHost: string | null;
  /** The call is there. */
  admitted(): void;
  /** A picture of the page for the administrator; gives its path, or says that none was taken. */
  screenshot(): Promise<string>;
}

/** How often to look, milliseconds: on the way in, and once inside. */
const lookEvery = { joining: 250, inside: 1000 };
/** A button that was there a moment ago must be there to press, milliseconds. */
const pressPatience = 5000;
/** Times that the light experience may be left for the full one. */
const mostDetours = 1;

export async function walk(the: Walk): Promise<void> {
  const progress: Progress = { pressed: false, admitted: false, waitsForStart: false, inCall: 0 };
  let unknownSince: number | null = null;
  let detours = 0;
  while (!the.control.signal.aborted) {
    const seen = await look(the.page);
    // What was seen before the room left is no reason to press anything, or to go in.
    if (the.control.leaving) return;
    if (seen === null) {
      await pause(the.clock, lookEvery.joining, the.control.signal);
      continue;
    }
    if (seen.host !== '' && seen.host !== the.alsoHost && !isMicrosofts(seen.host)) {
      the.control.end('failed', `the page left Teams for ${seen.host}. ${await the.screenshot()}`);
      return;
    }
    const step = decide(seen, progress);
    progress.inCall = showsCall(seen) ? progress.inCall + 1 : 0;
    if (step.do === 'wonder') {
      unknownSince ??= the.clock.monotonic();
      const waited = the.clock.monotonic() - unknownSince;
      if (waited >= the.unknownPatienceMs) {
        const shown = [...seen.shown].join(', ') || 'nothing that is known';
        the.control.end(
          'failed',
          `Teams showed ${shown} for ${Math.round(waited / 1000)} s (by the table of ${version}). ${await the.screenshot()}`,
        );
        return;
      }
    } else unknownSince = null;
    if (step.do === 'leave-light' && ++detours > mostDetours) {
      the.control.end('failed', `Teams insists on its light experience. ${await the.screenshot()}`);
      return;
    }
    await take(step, the, progress);
    await pause(the.clock, progress.admitted ? lookEvery.inside : lookEvery.joining, the.control.signal);
  }
}

async function take(step: Step, the: Walk, progress: Progress): Promise<void> {
  const { page, control } = the;
  switch (step.do) {
    case 'continue-in-browser':
      await (await find(page, controls.continue))?.click({ timeout: pressPatience });
      return;
    case 'leave-light': {
      const full = new URL(the.url);
      full.searchParams.set('lightExperience', 'false');
      await page.goto(full.href, { waitUntil: 'commit' });
      return;
    }
    case 'join': {
      const name = await find(page, controls.name);
      const join = await find(page, controls.join);
      // Both are drawn before they can be used.
      if (name === null || join === null || !(await name.isEditable().catch(() => false))) return;
      await name.fill(the.displayName, { timeout: pressPatience });
      if (!(await join.isEnabled().catch(() => false)) || control.leaving) return;
      // Whatever comes of it, there is no second knock.
      progress.pressed = true;
      await join.click({ timeout: pressPatience });
      return;
    }
    case 'go-without-devices':
      return goWithoutDevices(page);
    case 'lobby':
      progress.waitsForStart = !step.started;
      return control.lobby();
    case 'admitted':
      progress.admitted = true;
      control.admitted();
      return the.admitted();
    case 'end':
      return control.end(step.outcome, `Teams showed the screen "${step.screen}"`);
    case 'wait':
    case 'wonder':
      return;
  }
}

/** By its name, or else the dialog's last button, which goes on while its others go back. */
async function goWithoutDevices(page: Page): Promise<void> {
  const last = page.getByRole('dialog').getByRole('button').last();
  await ((await find(page, controls.withoutDevices)) ?? last).click({ timeout: pressPatience });
}

/** Leaves as a person would, where there is a button to do so. */
export async function leave(page: Page): Promise<void> {
  await (await find(page, controls.leave))?.click({ timeout: 1000 });
}

function pause(clock: MediaClock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
