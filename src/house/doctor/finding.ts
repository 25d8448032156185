/** What `usher doctor` says of one thing, and how long it waits for what it looks at. */
import type { Clock } from '../../clock.ts';

export interface Finding {
  /** What was looked at: `configuration`, `data folder`, `store`, `oslo: calendar`, `oslo: Cisco Codec Pro at 10.1.2.3: clock`. */
  what: string;
  /** `error` only for what keeps Usher, or this part of it, from working. */
  state: 'ok' | 'warning' | 'error';
  /** What was found and, where it is wrong, the remedy. */
  words: string;
}

/** How long a calendar, a device, a database or a browser may take, milliseconds. */
const patienceMs = 30_000;

/** @throws the reason of `signal`; Error that says so when `run` takes too long */
export async function within<T>(
  clock: Clock,
  signal: AbortSignal,
  run: (until: AbortSignal) => Promise<T>,
  ms = patienceMs,
): Promise<T> {
  const late = new AbortController();
  const cancel = clock.after(ms, () =>
    late.abort(new Error(`did not answer within ${ms / 1000} s: is it reachable from here?`)),
  );
  try {
    const until = AbortSignal.any([signal, late.signal]);
    return await orAborted(run(until), until);
  } finally {
    cancel();
  }
}

/** What does not let itself be stopped is no longer waited for. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
