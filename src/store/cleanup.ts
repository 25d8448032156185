/** Removes what is too old to be of use, in small batches, so that nothing else waits long for the store. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Collection } from './store.ts';

/** Documents removed at a time. */
const batch = 500;

/**
 * Removes every document whose `index` (a time in milliseconds since 1970) lies before `before`. Documents without a
 * time (`null`) stay. Safe to run twice and to be cut off anywhere.
 * @returns how many were removed
 */
export async function removeOlderThan<T>(collection: Collection<T>, index: string, before: number): Promise<number> {
  for (let removed = 0; ; ) {
    const count = await collection.removeMany({ range: { index, to: before }, limit: batch });
    removed += count;
    if (count < batch) return removed;
    await nextTurn();
  }
}
