/** Asks for blank pages before the plan says that rooms will dial: a warm page saves a second on the way to the lobby. */
import type { GuestAdapter } from '../../media/guest/guest.ts';
import type { Clock } from '../clock.ts';
import type { TokenDirectory } from './admission.ts';
import type { CallLog } from './call-log.ts';
import type { Slates } from './slates.ts';

export interface WarmPagesOptions {
  slates: Slates;
  guests: readonly GuestAdapter[];
  directory: Pick<TokenDirectory, 'upcoming'>;
  clock: Clock;
  log: CallLog;
  limits: { warmPages: number; maxWarmPages: number };
}

/** How often the plan is looked at, and how far ahead, milliseconds. */
const lookEvery = 60_000;
const lookAhead = 10 * 60_000;

export class WarmPages {
  readonly #options: WarmPagesOptions;
  #cancel: () => void;

  constructor(options: WarmPagesOptions) {
    this.#options = options;
    this.#cancel = options.clock.after(0, () => this.#look());
  }

  close(): void {
    this.#cancel();
  }

  #look(): void {
    const { guests, slates, directory, clock, log } = this.#options;
    this.#cancel = clock.after(lookEvery, () => this.#look());
    const now = clock.now();
    const wanted = this.#wanted(directory.upcoming(now, now + lookAhead));
    // The first way in is the one that calls begin with.
    for (const making of [guests[0]?.warm?.(wanted), slates.warm?.(wanted)]) {
      making?.catch((error: unknown) => log('warn', 'Pages could not be made ready', { wanted, error }));
    }
  }

  /** The usual number, more before a busy time, never more than memory allows. */
  #wanted(upcoming: number): number {
    const { warmPages, maxWarmPages } = this.#options.limits;
    return Math.min(Math.max(warmPages, upcoming), Math.max(warmPages, maxWarmPages));
  }
}
