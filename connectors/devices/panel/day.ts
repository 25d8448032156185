/** What a panel says at a moment: which entry stands large, which ones follow, where a button is. Pure. */
import type { Instant } from '../../../parsers/invite.ts';
import type { PanelEntry, PanelState } from './state.ts';
import { whenIn } from './when.ts';

export interface Day {
  status: 'busy' | 'soon' | 'free';
  /** The entry that stands large: the one that runs (of several, the one that began last), or the one about to begin. */
  hero: PanelEntry | null;
  /** Until when the room is free, `null` for the rest of the day. Only with `status` `free`. */
  freeUntil: Instant | null;
  /** What else runs, and what follows, by day. */
  groups: readonly { day: Instant; entries: readonly PanelEntry[] }[];
}

export function dayAt(state: PanelState, now: Instant): Day {
  const when = whenIn(state.timeZone, state.language);
  const open = state.entries.filter((entry) => entry.end > now || hasButton(entry, now));
  const running = open.filter((entry) => entry.start <= now && entry.end > now);
  // The latest start wins, so that a meeting stands before the all-day item behind it; then what can be joined.
  const current = best(running, (a, b) => b.start - a.start || Number(hasButton(b, now)) - Number(hasButton(a, now)));
  const coming = open.filter((entry) => entry.start > now);
  const soon = coming.find((entry) => hasButton(entry, now)) ?? null;
  const hero = current ?? soon;
  const next = coming[0] ?? null;
  const freeUntil = hero === null && next !== null && when.day(next.start) === when.day(now) ? next.start : null;
  const groups: { day: Instant; entries: PanelEntry[] }[] = [];
  for (const entry of open) {
    if (entry === hero) continue;
    const at = Math.max(entry.start, now);
    const last = groups[groups.length - 1];
    if (last !== undefined && when.day(last.day) === when.day(at)) last.entries.push(entry);
    else groups.push({ day: at, entries: [entry] });
  }
  return { status: current !== null ? 'busy' : soon !== null ? 'soon' : 'free', hero, freeUntil, groups };
}

/** True while the Join button (or the address to dial by hand) is shown. */
export function hasButton(entry: PanelEntry, now: Instant): boolean {
  return entry.joinable && entry.buttonFrom <= now && now < entry.buttonUntil;
}

function best(entries: readonly PanelEntry[], compare: (a: PanelEntry, b: PanelEntry) => number): PanelEntry | null {
  let found: PanelEntry | null = null;
  for (const entry of entries) if (found === null || compare(entry, found) < 0) found = entry;
  return found;
}
