/**
 * One of the processes that `../takeover.ts` measures: `node node.ts URI NAME DEVICE-PORT`. It takes leases of rooms and, for
 * each room that it holds, tells a device (the bench) again and again.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { sleep, systemClock } from '../../src/clock.ts';
import { startLeases } from '../../src/rooms/lease.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';

export const roomIds = Array.from({ length: 40 }, (_, n) => `room-${n}`);

async function main(uri: string, name: string, devicePort: number): Promise<void> {
  const log = { info() {}, warn() {}, error() {} };
  const store = await openMongoStore({ uri, patience: 15_000 });
  const device = connect(devicePort, '127.0.0.1');
  const answers = createInterface({ input: device })[Symbol.asyncIterator]();
  await once(device, 'connect');
  let push = Promise.resolve();
  const leases = await startLeases({
    store,
    clock: systemClock,
    log,
    name,
    rooms: roomIds,
    onAcquired() {},
    // What is under way ends before another process may begin.
    onLost: () => push,
  });

  let stopping = false;
  process.once('SIGTERM', () => {
    stopping = true;
  });
  while (!stopping) {
    for (const room of leases.rooms()) {
      const lease = leases.of(room);
      if (lease === null || !lease.valid()) continue;
      device.write(`${room} ${lease.fence}\n`);
      push = answers.next().then(() => {});
      await push;
    }
    await sleep(systemClock, 40);
  }
  await leases.stop();
  await store.close();
  device.end();
}

const [, script, uri, name, port] = process.argv;
if (script === import.meta.filename && uri !== undefined && name !== undefined) await main(uri, name, Number(port));
