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
    await room.refresh(new AbortController().signal);
    await reconciler.start([room]);
  });

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
