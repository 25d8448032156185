/**
 * What happens when Graph comes back. Each mailbox that could not be read waits longer and longer by itself; here one of
 * them is tried every few seconds in the name of all, and when any one is read, all the others are told to read again.
 */
import { CalendarUnavailable, type ConnectorClock } from '../calendar.ts';
import { GraphRefusal } from './api.ts';

const probeMs = 10_000;

export class Recovery {
  readonly #clock: ConnectorClock;
  readonly #watched = new Map<string, Set<() => void>>();
  /** Mailboxes whose last reading failed because nobody answered. */
  readonly #failing = new Set<string>();
  #cancel: (() => void) | null = null;

  constructor(clock: ConnectorClock) {
    this.#clock = clock;
  }

  watch(mailbox: string, changed: () => void): () => void {
    const listeners = this.#watched.get(mailbox) ?? new Set();
    this.#watched.set(mailbox, listeners.add(changed));
    return () => {
      listeners.delete(changed);
      if (listeners.size === 0) this.#watched.delete(mailbox);
      if (this.#watched.size === 0) this.close();
    };
  }

  /** Says how a reading ended; waits that Graph asked for and refusals of one mailbox are no outage. */
  failed(mailbox: string, error: unknown): void {
    if (!(error instanceof CalendarUnavailable) || error.retryAfterMs !== null || error.cause instanceof GraphRefusal)
      return;
    if (!this.#watched.has(mailbox)) return;
    this.#failing.add(mailbox);
    this.#cancel ??= this.#clock.after(probeMs, () => this.#probe());
  }

  succeeded(mailbox: string): void {
    this.#failing.delete(mailbox);
    if (this.#failing.size === 0) return;
    const others = [...this.#failing];
    this.#failing.clear();
    for (const other of others) this.#tell(other);
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#failing.clear();
  }

  /** The one that has waited longest goes first; it comes back here when it fails again. */
  #probe(): void {
    this.#cancel = null;
    const [first] = this.#failing;
    if (first === undefined) return;
    this.#failing.delete(first);
    this.#tell(first);
    if (this.#failing.size > 0) this.#cancel = this.#clock.after(probeMs, () => this.#probe());
  }

  #tell(mailbox: string): void {
    for (const changed of this.#watched.get(mailbox) ?? []) changed();
  }
}
