import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { Baresip } from '../../fixtures/vtc/baresip.ts';
import { requireExecutables } from '../../fixtures/vtc/executable.ts';
import { type CallRig, openCallRig } from './rig.ts';

/** The first call leaves what is made once: warm code, pooled sockets, the log of a worker. */
const warmUp = 1;
const many = process.env['USHER_LONG'] === '1' ? 50 : 4;

interface Held {
  contexts: number;
  pages: number;
  calls: number;
  legs: number;
  clientTransactions: number;
  portPairs: number;
  timers: number;
  descriptors: number;
  workerDescriptors: number;
}

describe('guest calls, one after the other @sgj', function () {
  this.timeout(process.env['USHER_LONG'] === '1' ? 600_000 : 90_000);
  let rig: CallRig;
  let room: Baresip;

  before(async function () {
    requireExecutables(this, 'baresip');
    const opened = await openCallRig();
    if (opened === null) return this.skip();
    rig = opened;
    room = await Baresip.start({ video: null, lifetimeSeconds: 900 });
  });

  after(async () => {
    await room?.close();
    await rig?.close();
  });

  async function call(number: number): Promise<void> {
    const name = `Call ${number}`;
    const meeting = rig.meeting(name);
    await room.call(meeting.dial);
    await rig.reaches(name, 'lobby');
    // Every way to leave takes its turn: from the lobby, from the meeting, by the host, with the page killed.
    if (number % 4 !== 0) {
      await meeting.press('Admit');
      await rig.reaches(name, 'admitted');
    }
    const closed = room.nextEvent(({ type }) => type === 'CALL_CLOSED', 'end of the call', 30_000);
    if (number % 4 === 2) await meeting.press('Remove');
    else {
      if (number % 4 === 3) await Promise.all(guestPages().map((page) => page.close()));
      await room.hangUp();
    }
    await closed;
    await rig.reaches(name, 'ended');
  }

  function guestPages() {
    const pages = rig.browser.contexts().flatMap((context) => context.pages());
    return pages.filter((page) => page.url().startsWith(`${rig.server.url}/guest`));
  }

  function held(): Held {
    const contexts = rig.browser.contexts();
    const [worker] = rig.bridge.workerPids;
    return {
      contexts: contexts.length,
      pages: contexts.flatMap((context) => context.pages()).length,
      calls: rig.bridge.calls,
      legs: rig.edge.load.legs,
      clientTransactions: rig.edge.load.clientTransactions,
      portPairs: rig.bridge.portPairs,
      // Answered transactions are remembered for 32 s; each has one timer.
      timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
      descriptors: readdirSync('/proc/self/fd').length,
      workerDescriptors: worker === undefined ? 0 : readdirSync(`/proc/${worker}/fd`).length,
    };
  }

  it(`keep nothing after ${many} of them: pages, transports, ports, timers, descriptors`, async function () {
    if (process.platform !== 'linux') this.skip();
    for (let number = 0; number < warmUp; number++) await call(number);
    const before = held();
    for (let number = warmUp; number <= many; number++) await call(number);
    // Timers of answered transactions and idle descriptors come and go; they may not add up.
    const slack = { timers: 2, descriptors: 2, workerDescriptors: 0 };
    const kept = (): [string, number][] =>
      Object.entries(held()).filter(
        ([what, count]) => count > Reflect.get(before, what) + (Reflect.get(slack, what) ?? 0),
      );
    // The worker closes its sockets a little after the call has ended.
    const deadline = performance.now() + 10_000;
    while (kept().length > 0 && performance.now() < deadline) await new Promise(setImmediate);
    assert.deepEqual(kept(), [], JSON.stringify(before));
    assert.deepEqual(rig.calls.live(), []);
  });
});
