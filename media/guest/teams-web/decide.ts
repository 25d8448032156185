/**
 * From what is on the screen to what to do next. Pure, so that each rule can be tested; the rules come from what other
 * clients got wrong (a lobby read as a denial, a Join button behind a dialog read as the lobby's end, a chat message
 * read as a removal).
 */
import type { Outcome } from '../guest.ts';
import { endings, type Screen } from './screens.ts';

export interface Look {
  shown: ReadonlySet<Screen>;
  /** Host of the page's address. */
  host: string;
}

/** What happened so far in this join. */
export interface Progress {
  /** Join was pressed; it is pressed once. */
  pressed: boolean;
  admitted: boolean;
  /** The last lobby said that the meeting has not started. */
  waitsForStart: boolean;
  /** How many looks in a row showed the call, and no lobby. */
  inCall: number;
}

export type Step =
  | { do: 'wait' }
  /** Nothing that is in the table: waited for a while, then the join has failed. */
  | { do: 'wonder' }
  | { do: 'continue-in-browser' }
  | { do: 'leave-light' }
  | { do: 'join' }
  | { do: 'go-without-devices' }
  | { do: 'lobby'; started: boolean }
  | { do: 'admitted' }
  | { do: 'end'; outcome: Outcome; screen: Screen };

/** Looks that the call must have been there for, before it is believed. */
const certain = 2;

/** The call's own buttons alone: the lobby has the one to leave as well. */
export function showsCall({ shown }: Look): boolean {
  return shown.has('in-call') && !shown.has('lobby') && !shown.has('not-started') && !shown.has('prejoin');
}

export function decide(look: Look, progress: Progress): Step {
  const { shown } = look;
  const calling = showsCall(look);
  // In a call anybody can write anything into the chat: texts count only once the call's own buttons are gone.
  if (calling && progress.admitted) return { do: 'wait' };
  const wall = (['sign-in', 'captcha', 'verification'] as const).find((screen) => shown.has(screen));
  if (wall === undefined && calling && progress.pressed) {
    return progress.inCall + 1 >= certain ? { do: 'admitted' } : { do: 'wait' };
  }
  for (const [screen, outcome] of endings) {
    if (!shown.has(screen)) continue;
    const unopened = screen === 'lobby-timeout' && progress.waitsForStart;
    return { do: 'end', outcome: unopened ? 'not-started' : outcome, screen };
  }
  if (shown.has('not-started')) return { do: 'lobby', started: false };
  if (shown.has('lobby')) return { do: 'lobby', started: true };
  if (shown.has('no-devices')) return { do: 'go-without-devices' };
  if (shown.has('prejoin')) return progress.pressed ? { do: 'wonder' } : { do: 'join' };
  if (shown.has('launcher')) return { do: 'continue-in-browser' };
  if (shown.has('light')) return { do: 'leave-light' };
  return { do: 'wonder' };
}
