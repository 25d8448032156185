/** Many devices at once: those that are dead hold up nobody. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Calendar } from '../../connectors/calendars/calendar.ts';
import { CiscoDevice } from '../../connectors/devices/cisco/device.ts';
import { Codec } from '../../fixtures/codec/codec.ts';
import { systemClock as clock } from '../../src/clock.ts';
import { deviceCollection } from '../../src/rooms/device-store.ts';
import { planCollection } from '../../src/rooms/plan-store.ts';
import { Reconciler } from '../../src/rooms/reconciler.ts';
import { Room, type RoomSurroundings } from '../../src/rooms/room.ts';
import { Secret } from '../../src/rooms/secret.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { guestJoin, hour, invite, settings } from '../rooms/invites.ts';

const dead = 500;
/** Much longer than the test: whoever waits for a dead device fails. */
const patienceMs = 300_000;
const start = Math.ceil(Date.now() / 60_000) * 60_000 + hour;

const calendar: Calendar = {
  description: 'test',
  read: async () => ({ invites: [invite({ start, end: start + hour })], problems: [] }),
  watch: () => async () => {},
};

describe('many devices @devices', function () {
  this.timeout(120_000);
  const taken = new Set<Socket>();
  let silent: Server;
  let codec: Codec;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'usher-many-'));
    codec = await Codec.start();
    silent = createServer((socket) => {
      taken.add(socket);
      socket.on('error', () => {});
    });
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
  });

  after(async () => {
    for (const socket of taken) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
    await codec.close();
    await rm(folder, { recursive: true, force: true });
  });

  it(`does not let a sound device wait for ${dead} that take the connection and say nothing`, async () => {
    const store = await openSqliteStore({ path: join(folder, 'usher.db'), clock });
    const around: RoomSurroundings = {
      clock,
      secret: new Secret(Buffer.alloc(32, 7)),
      plans: await store.collection(planCollection),
      understand: async (invites) => invites.map(() => guestJoin),
      window: { backMs: hour, aheadMs: 24 * hour },
    };
    const devices = await store.collection(deviceCollection);
    const log = createLog({ level: 'silent' });
    const reconciler = new Reconciler({ clock, log, devices, passTimeoutMs: patienceMs });
    const address = silent.address();
    const nowhere = typeof address === 'object' && address !== null ? address.port : 0;
    const rooms = Array.from({ length: dead + 1 }, (_, index) => {
      const device = new CiscoDevice({
        id: `r${index}/0`,
        address: '127.0.0.1',
        // The sound one comes last.
        port: index === dead ? codec.port : nowhere,
        username: 'usher',
        password: 'simulated',
        tls: { kind: 'authority', ca: codec.ca },
        clock,
        requestTimeoutMs: patienceMs,
      });
      return new Room(
        { settings: { ...settings, id: `r${index}` }, calendar, devices: [device], pollMs: () => hour },
        around,
      );
    });
    for (const room of rooms) await room.refresh(new AbortController().signal);
    try {
      await reconciler.start(rooms);
      await codec.until((held) => held.length === 1);
      const gaveUp = rooms.filter(({ id }) => reconciler.record(`${id}/0`)?.problem != null);
      assert.deepEqual(gaveUp, []);
    } finally {
      await reconciler.close();
      await store.close();
    }
  });
});
