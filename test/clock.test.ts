import assert from 'node:assert/strict';
import { SimulatedClock, sleep } from '../src/clock.ts';

describe('the simulated clock @firm', () => {
  it('fires timers in order of time, also those that a timer sets within the same advance', async () => {
    const clock = new SimulatedClock(Date.UTC(2026, 0, 1));
    const seen: string[] = [];
    clock.after(20, () => seen.push('late'));
    clock.after(10, () => {
      seen.push('early');
      void sleep(clock, 5).then(() => seen.push('between'));
    });
    await clock.advance(30);
    assert.deepEqual(seen, ['early', 'between', 'late']);
    assert.equal(clock.now(), Date.UTC(2026, 0, 1) + 30);
  });

  it('keeps timers where they are when the wall clock is set back', async () => {
    const clock = new SimulatedClock(Date.UTC(2026, 0, 1));
    let fired = 0;
    clock.after(1000, () => fired++);
    clock.set(Date.UTC(2025, 11, 31));
    await clock.advance(999);
    assert.equal(fired, 0);
    await clock.advance(1);
    assert.equal(fired, 1);
  });

  it('ends a sleep at once when its signal is aborted', async () => {
    const stop = new AbortController();
    const slept = sleep(new SimulatedClock(0), 1e9, stop.signal);
    stop.abort();
    await slept;
  });
});
