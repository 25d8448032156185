/** Time that runs faster than the machine's, for waits of seconds and minutes beside real sockets. */
import { type Clock, systemClock } from '../../src/clock.ts';

/** @param from what it shows at first, milliseconds since 1970 */
export function quickClock(speed: number, from = systemClock.now()): Clock {
  const begun = systemClock.monotonic();
  const monotonic = (): number => (systemClock.monotonic() - begun) * speed;
  return { monotonic, now: () => from + monotonic(), after: (ms, run) => systemClock.after(ms / speed, run) };
}
