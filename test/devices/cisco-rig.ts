/**
 * A room with one simulated Cisco device that is reconciled on a simulated clock: no request times out because a machine is
 * slow.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CiscoDevice, type CiscoOptions } from '../../connectors/devices/cisco/device.ts';
import { Codec, type CodecOptions } from '../../fixtures/codec/codec.ts';
import type { Invite } from '../../parsers/invite.ts';
import { SimulatedClock } from '../../src/clock.ts';
import { type DeviceRecord, deviceCollection } from '../../src/rooms/device-store.ts';
import { planCollection } from '../../src/rooms/plan-store.ts';
import { Reconciler } from '../../src/rooms/reconciler.ts';
import { Room } from '../../src/rooms/room.ts';
import { Secret } from '../../src/rooms/secret.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { guestJoin, hour, invite, settings } from '../rooms/invites.ts';

export interface CiscoRig {
  clock: SimulatedClock;
  codec: Codec;
  reconciler: Reconciler;
  /** Noon of the day. */
  now: number;
  /** Makes these the room's meetings, and waits until what can be done about it is done. */
  meetings(...invites: readonly Partial<Invite>[]): Promise<void>;
  /** Lets time pass, and waits until what was due is done. */
  pass(ms: number): Promise<void>;
  record(): DeviceRecord;
  /** Titles of what the device holds, in order. */
  titles(): readonly string[];
  close(): Promise<void>;
}

const stepMs = 5_000;
const never = new AbortController().signal;

export async function openCiscoRig(
  options: CodecOptions = {},
  more: (clock: SimulatedClock) => Promise<Partial<CiscoOptions>> = async () => ({}),
): Promise<CiscoRig> {
  const folder = await mkdtemp(join(tmpdir(), 'usher-rig-'));
  const now = Date.now();
  const clock = new SimulatedClock(now);
  const store = await openSqliteStore({ path: join(folder, 'usher.db'), clock });
  const codec = await Codec.start(options);
  codec.time = () => clock.now();
  const tls = { kind: 'authority', ca: codec.ca } as const;
  const account = { username: 'usher', password: 'simulated', tls, clock };
  const place = { id: 'oslo/0', address: '127.0.0.1', port: codec.port };
  const device = new CiscoDevice({ ...place, ...account, ...(await more(clock)) });
  let invites: Invite[] = [];
  const calendar = {
    description: 'memory',
    read: async () => ({ invites, problems: [] }),
    watch: () => async () => {},
  };
  const room = new Room(
    { settings, calendar, devices: [device], pollMs: () => hour },
    {
      clock,
      secret: new Secret(Buffer.alloc(32, 7)),
      plans: await store.collection(planCollection),
      understand: async (read) => read.map(() => guestJoin),
      window: { backMs: 24 * hour, aheadMs: 168 * hour },
    },
  );
  const log = createLog({ level: 'silent' });
  const reconciler = new Reconciler({ clock, log, devices: await store.collection(deviceCollection) });
  await reconciler.start([room]);
  return {
    clock,
    codec,
    reconciler,
    now,
    meetings: async (...parts) => {
      invites = parts.map((part, index) =>
        invite({ uid: `${index}@example.org`, start: now + 2 * hour, end: now + 3 * hour, ...part }),
      );
      await room.refresh(never);
      reconciler.planChanged(room);
      await reconciler.settled();
    },
    pass: async (ms) => {
      // In steps that are shorter than any time limit, so that what is under way over a real socket is waited for.
      for (let left = ms; left > 0; left -= stepMs) {
        await clock.advance(Math.min(stepMs, left));
        await reconciler.settled();
      }
    },
    record: () => {
      const found = reconciler.record('oslo/0');
      if (found === null) throw new Error('the reconciler does not know the device');
      return found;
    },
    titles: () => codec.bookings.map(({ title }) => title),
    close: async () => {
      await reconciler.close();
      await codec.close();
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}
