/** Another system that manages the list of a Cisco device too. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CiscoDevice } from '../../connectors/devices/cisco/device.ts';
import { Codec } from '../../fixtures/codec/codec.ts';
import { foreignBooking } from '../../fixtures/codec/foreign.ts';
import { systemClock as clock } from '../../src/clock.ts';
import { deviceCollection } from '../../src/rooms/device-store.ts';
import { planCollection } from '../../src/rooms/plan-store.ts';
import { Reconciler } from '../../src/rooms/reconciler.ts';
import { Room } from '../../src/rooms/room.ts';
import { Secret } from '../../src/rooms/secret.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import type { Store } from '../../src/store/store.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { guestJoin, hour, invite, settings } from '../rooms/invites.ts';
import { type CiscoRig, openCiscoRig } from './cisco-rig.ts';

const now = Date.now();

describe('TMS beside Usher @devices', () => {
  let folder: string;
  let store: Store;
  let codec: Codec;
  let reconciler: Reconciler;
  const theirs = foreignBooking({ id: 'tms-1', start: now + 5 * hour, end: now + 6 * hour });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'usher-tms-'));
    store = await openSqliteStore({ path: join(folder, 'usher.db'), clock });
    codec = await Codec.start();
    await open();
  });

  async function open(): Promise<void> {
    const tls = { kind: 'authority', ca: codec.ca } as const;
    const account = { username: 'usher', password: 'simulated', tls, clock };
    const device = new CiscoDevice({ id: 'oslo/0', address: '127.0.0.1', port: codec.port, ...account });
    const calendar = {
      description: 'memory',
      read: async () => ({ invites: [invite({ start: now + hour, end: now + 2 * hour })], problems: [] }),
      watch: () => async () => {},
    };
    const room = new Room(
      { settings, calendar, devices: [device], pollMs: () => hour },
      {
        clock,
        secret: new Secret(Buffer.alloc(32, 7)),
        plans: await store.collection(planCollection),
        understand: async (invites) => invites.map(() => guestJoin),
        window: { backMs: 24 * hour, aheadMs: 168 * hour },
      },
    );
    const log = createLog({ level: 'silent' });
    reconciler = new Reconciler({ clock, log, devices: await store.collection(deviceCollection), compareEveryMs: 20 });
    await room.restore();
    await room.refresh(new AbortController().signal);
    await reconciler.start([room]);
  }

  afterEach(async () => {
    await reconciler.close();
    await codec.close();
    await store.close();
    await rm(folder, { recursive: true });
  });

  const record = () => {
    const found = reconciler.record('oslo/0');
    assert.ok(found);
    return found;
  };

  it('that keeps replacing the list: Usher stops, leaves theirs alone and says who it is likely to be', async () => {
    for (let times = 0; times < 4; times++) {
      await codec.until((bookings) => bookings.some(({ id }) => id.startsWith('usher-')));
      await reconciler.settled();
      codec.bookings = [theirs];
    }
    while (record().heldBackSince === null) {
      await codec.nextTry();
      await reconciler.settled();
    }
    assert.match(record().problem ?? '', /another system \(TMS/);
    assert.deepEqual(codec.bookings, [theirs]);
    // Whoever has set it right need not wait for a day.
    await reconciler.close();
    await open();
    await codec.until((bookings) => bookings.some(({ id }) => id.startsWith('usher-')));
  });

  it('that replaces the list at once: the failure names who it may be', async () => {
    codec.tms = () => [theirs];
    while (record().problem === null) {
      await codec.nextTry();
      await reconciler.settled();
    }
    assert.match(record().problem ?? '', /may replace its list/);
  });
});

describe('TMS that puts its own list back at once @devices', function () {
  this.timeout(60_000);
  let rig: CiscoRig;
  afterEach(() => rig.close());

  it('is not fought for long: Usher stops after some tries, leaves the device alone for a day, and then tries again', async () => {
    rig = await openCiscoRig();
    const { codec } = rig;
    const theirs = foreignBooking({ id: 'tms-1', title: 'Theirs', start: rig.now + 5 * hour, end: rig.now + 6 * hour });
    codec.put([theirs]);
    codec.tms = () => [theirs];
    await rig.meetings({ start: rig.now + 30 * hour, end: rig.now + 31 * hour });
    assert.match(rig.record().problem ?? '', /may replace its list/);
    // A device that is only slow to show what it took is not given up within minutes.
    await rig.pass(10 * 60_000);
    assert.equal(rig.record().heldBackSince, null);
    await rig.pass(20 * 60_000);
    assert.match(rig.record().problem ?? '', /another system \(TMS/);
    const { requests } = codec;
    await rig.meetings({ subject: 'Changed', start: rig.now + 30 * hour, end: rig.now + 31 * hour });
    await rig.pass(2 * hour);
    assert.deepEqual([codec.requests, codec.bookings], [requests, [theirs]]);
    assert.match(rig.reconciler.differs('oslo/0').join(), /is missing$/);
    codec.tms = null;
    await rig.pass(22 * hour);
    assert.deepEqual([rig.titles(), rig.record().problem], [['Changed'], null]);
  });
});
