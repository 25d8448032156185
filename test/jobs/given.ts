/** What the parts of `backendContract` work with. */
import assert from 'node:assert/strict';
import type { AgendaBackend } from 'agenda';

/** What the suites of this folder are given: a fresh backend for each test. */
export interface GivenBackend {
  backend: AgendaBackend;
  /** Opens a second backend over the same store; it is closed after the test. */
  another(): Promise<AgendaBackend>;
}

/** A value that a test just made sure of. */
export function present<T>(value: T | null | undefined): T {
  assert.ok(value !== null && value !== undefined);
  return value;
}

export const minute = 60_000;
export const ago = (ms: number): Date => new Date(Date.now() - ms);
export const ahead = (ms: number): Date => new Date(Date.now() + ms);
