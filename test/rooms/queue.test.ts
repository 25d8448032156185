import assert from 'node:assert/strict';
import { SimulatedClock } from '../../src/clock.ts';
import { KeyedQueue, type QueueOptions, RetryAfter } from '../../src/rooms/queue.ts';

function queueOf(work: QueueOptions['work'], concurrency = 2, more: Partial<QueueOptions> = {}) {
  const clock = new SimulatedClock(0);
  const failures: number[] = [];
  const queue = new KeyedQueue({
    clock,
    concurrency,
    firstRetryMs: 1000,
    longestRetryMs: 4000,
    work,
    onFailure: (_key, _error, retryInMs) => failures.push(retryInMs),
    ...more,
  });
  return { clock, failures, queue };
}

describe('the work queue @first-run', () => {
  it('runs a key once more when it is asked for while it runs, and never twice at once', async () => {
    let running = 0;
    let runs = 0;
    let finish = (): void => {};
    const { queue } = queueOf(async () => {
      assert.equal(++running, 1);
      runs++;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      running--;
    });
    queue.add('oslo');
    queue.add('oslo');
    queue.add('oslo');
    finish();
    await new Promise(setImmediate);
    assert.equal(runs, 2);
    finish();
    await queue.idle();
    assert.equal(runs, 2);
  });

  it('runs no more keys at once than it may', async () => {
    let most = 0;
    let running = 0;
    const { queue } = queueOf(async () => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
    }, 3);
    for (let index = 0; index < 20; index++) queue.add(`room-${index}`);
    await queue.idle();
    assert.equal(most, 3);
  });

  it('waits longer after each failure, and starts anew after a success', async () => {
    let healthy = false;
    let runs = 0;
    const { clock, failures, queue } = queueOf(() => {
      runs++;
      return healthy ? Promise.resolve() : Promise.reject(new Error('down'));
    });
    queue.add('oslo');
    await clock.advance(14_999);
    assert.deepEqual(failures, [1000, 2000, 4000, 4000, 4000]);
    healthy = true;
    await clock.advance(1);
    healthy = false;
    queue.add('oslo');
    await queue.idle();
    assert.equal(failures.at(-1), 1000);
    assert.equal(runs, 7);
  });

  it('gives the place of work that hangs to others, and no key runs twice at once all the same', async () => {
    const done: string[] = [];
    const hang = async (key: string, signal: AbortSignal): Promise<void> => {
      if (key.startsWith('dead'))
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      else done.push(key);
    };
    const { clock, queue } = queueOf(hang, 2, { placeForMs: 500 });
    for (const key of ['dead-1', 'dead-2', 'dead-3', 'oslo', 'bergen']) queue.add(key);
    queue.add('dead-1');
    await clock.advance(499);
    assert.deepEqual(done, []);
    await clock.advance(1);
    assert.deepEqual(done, ['oslo', 'bergen']);
    assert.equal(queue.busy, 3);
    await queue.close();
  });

  it('gives away the place of work that others overtake, without waiting for any time', async () => {
    const done: string[] = [];
    const work = async (key: string, signal: AbortSignal): Promise<void> => {
      if (key.startsWith('dead'))
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      else done.push(key);
    };
    const { queue } = queueOf(work, 8, { placeForMs: 100 });
    for (let index = 0; index < 500; index++) queue.add(index % 5 === 0 ? `dead-${index}` : `room-${index}`);
    while (done.length < 400) await new Promise(setImmediate);
    assert.equal(queue.busy, 100);
    await queue.close();
  });

  it('takes on 500 keys that hang, and the sound one behind them, within a second', async () => {
    const at: number[] = [];
    const work = async (key: string, signal: AbortSignal): Promise<void> => {
      if (key === 'oslo') at.push(clock.monotonic());
      else await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    };
    const { clock, queue } = queueOf(work, 64, { placeForMs: 100 });
    for (let index = 0; index < 500; index++) queue.add(`dead-${index}`);
    queue.add('oslo');
    await clock.advance(1_000);
    assert.deepEqual(at, [700]);
    await queue.close();
  });

  it('needs as long for 800 keys that take 0.4 s beside 200 that hang as for the 800 alone, within a tenth', async () => {
    const run = async (beside: boolean): Promise<number> => {
      let done = 0;
      let at = 0;
      const work = (key: string, signal: AbortSignal): Promise<void> =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve());
          if (key.startsWith('dead')) return;
          clock.after(400, () => {
            if (++done === 800) at = clock.monotonic();
            resolve();
          });
        });
      const { clock, queue } = queueOf(work, 64, { placeForMs: 10 });
      for (let index = 0; index < 1_000; index++) {
        if (index % 5 !== 0) queue.add(`room-${index}`);
        else if (beside) queue.add(`dead-${index}`);
      }
      await clock.advance(2_000);
      await queue.close();
      return at;
    };
    const alone = await run(false);
    const beside = await run(true);
    assert.ok(alone > 0 && beside > 0 && beside <= alone * 1.1, `${beside} ms against ${alone} ms`);
  });

  it('lets keys that failed wait among themselves', async () => {
    let away = true;
    const work = (key: string): Promise<void> => {
      if (!key.startsWith('dead')) return Promise.resolve();
      return away ? Promise.reject(new Error('down')) : new Promise(() => {});
    };
    const { clock, queue } = queueOf(work, 2);
    for (const key of ['dead-1', 'dead-2', 'dead-3']) queue.add(key);
    await queue.idle();
    away = false;
    await clock.advance(1_000);
    assert.equal(queue.busy, 3);
    queue.add('oslo');
    await new Promise(setImmediate);
    assert.equal(queue.busy, 3);
  });

  it('waits as long as the work asks for', async () => {
    const { failures, queue } = queueOf(() => Promise.reject(new RetryAfter(90_000, { cause: new Error('busy') })));
    queue.add('oslo');
    await queue.idle();
    assert.deepEqual(failures, [90_000]);
  });

  it('does not wait the longer after a failure because it was told before when to come again', async () => {
    let runs = 0;
    const { clock, failures, queue } = queueOf(async () => {
      throw ++runs <= 5 ? new RetryAfter(10, { cause: new Error('not yet') }) : new Error('away');
    });
    queue.add('oslo');
    await queue.idle();
    for (let round = 0; round < 6; round++) {
      await clock.advance(1000);
      await queue.idle();
    }
    assert.deepEqual(failures.slice(0, 7), [10, 10, 10, 10, 10, 1000, 2000]);
  });

  it('brings a retry forward when the key is asked for', async () => {
    let runs = 0;
    const { queue } = queueOf(() => (++runs === 1 ? Promise.reject(new Error('down')) : Promise.resolve()));
    queue.add('oslo');
    await queue.idle();
    queue.add('oslo');
    await queue.idle();
    assert.equal(runs, 2);
  });

  it('aborts what runs when it is closed', async () => {
    const { queue } = queueOf(
      (_key, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    );
    queue.add('oslo');
    await queue.close();
    assert.equal(queue.busy, 0);
  });
});
