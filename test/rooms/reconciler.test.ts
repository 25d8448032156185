import assert from 'node:assert/strict';
import { pino } from 'pino';
import type { Calendar } from '../../connectors/calendars/calendar.ts';
import {
  type DeviceEntry,
  DeviceError,
  type JoinEntry,
  ownIdPrefix,
  type PushedDevice,
} from '../../connectors/devices/device.ts';
import { SimulatedClock } from '../../src/clock.ts';
import { clockJobs } from '../../src/jobs/clock-jobs.ts';
import type { DeviceRecord } from '../../src/rooms/device-store.ts';
import type { StoredPlan } from '../../src/rooms/plan-store.ts';
import { Reconciler } from '../../src/rooms/reconciler.ts';
import { Room } from '../../src/rooms/room.ts';
import { Rooms } from '../../src/rooms/rooms.ts';
import { Secret } from '../../src/rooms/secret.ts';
import type { Collection, Stored } from '../../src/store/store.ts';
import { guestJoin, hour, invite, noon, settings } from './invites.ts';

class MemoryDevice implements PushedDevice {
  readonly kind = 'pushed';
  readonly description = { id: 'oslo/codec', label: 'codec' };
  readonly dialer = null;
  entries: DeviceEntry[] = [];
  down = false;
  writes = 0;

  async list(): Promise<readonly DeviceEntry[]> {
    if (this.down) throw new DeviceError('unreachable', 'no answer');
    return this.entries;
  }

  async replace(entries: readonly JoinEntry[]): Promise<void> {
    this.writes++;
    const foreign = this.entries.filter(({ id }) => !id.startsWith(ownIdPrefix));
    this.entries = [...foreign, ...entries.map((entry) => this.shows(entry))];
  }

  shows({ id, title, start, end, dial }: JoinEntry): DeviceEntry {
    return { id, title: title.slice(0, 12), start, end, dial: dial?.address ?? null };
  }

  async close(): Promise<void> {}
}

/** The part of a collection that rooms use; the store's own promises have their own suite. */
function memory<T>(): Collection<T> & { values: Map<string, T> } {
  const values = new Map<string, T>();
  const stored = (key: string, value: T): Stored<T> => ({ key, value, version: 1 });
  const unused = (): never => assert.fail('not used here');
  const write = async (key: string, value: T): Promise<Stored<T>> => {
    values.set(key, value);
    return stored(key, value);
  };
  return {
    values,
    get: async (key) => {
      const value = values.get(key);
      return value === undefined ? null : stored(key, value);
    },
    put: write,
    insert: write,
    replace: write,
    remove: unused,
    find: unused,
    count: unused,
    removeMany: unused,
  };
}

function house() {
  const clock = new SimulatedClock(noon - hour);
  const log = pino({ level: 'silent' });
  const device = new MemoryDevice();
  const devices = memory<DeviceRecord>();
  const plans = memory<StoredPlan>();
  const calendar = { invites: [invite()], changed: (): void => {} };
  const port: Calendar = {
    description: 'memory',
    read: async () => ({ invites: calendar.invites, problems: [] }),
    watch: (changed) => {
      calendar.changed = changed;
      return async () => {};
    },
  };
  const open = () => {
    const reconciler = new Reconciler({ clock, log, devices });
    const room = new Room(
      { settings, calendar: port, devices: [device], pollMs: () => 300_000 },
      {
        clock,
        secret: new Secret(Buffer.alloc(32, 7)),
        plans,
        understand: async (invites) => invites.map(() => guestJoin),
        window: { backMs: 24 * hour, aheadMs: 168 * hour },
      },
    );
    const rooms = new Rooms({ rooms: [room], clock, log, reconciler, jobs: clockJobs(clock, log) });
    const settled = async () => {
      await rooms.settled();
      await reconciler.settled();
    };
    return { reconciler, room, rooms, settled };
  };
  return { clock, device, devices, plans, calendar, open };
}

describe('the reconciler @first-run', () => {
  it('brings a change of the calendar onto the device, and keeps what others put there', async () => {
    const { calendar, device, open } = house();
    const foreign = { id: 'other-1', title: 'theirs', start: noon, end: noon + hour, dial: null };
    device.entries = [foreign];
    const { rooms, settled } = open();
    await rooms.start();
    await settled();
    assert.deepEqual(
      device.entries.map(({ title }) => title),
      ['theirs', 'Budget'],
    );
    calendar.invites = [invite({ subject: 'Moved', start: noon + hour, end: noon + 2 * hour })];
    calendar.changed();
    await settled();
    assert.deepEqual(
      device.entries.map(({ title, start }) => [title, start]),
      [
        ['theirs', noon],
        ['Moved', noon + hour],
      ],
    );
    calendar.invites = [];
    calendar.changed();
    await settled();
    assert.deepEqual(device.entries, [foreign]);
    await rooms.close();
  });

  it('writes nothing when the device has what is wanted, also where it cuts titles', async () => {
    const { calendar, clock, device, open } = house();
    calendar.invites = [invite({ subject: 'A title that is longer than the device can show' })];
    const { rooms, settled } = open();
    await rooms.start();
    await settled();
    await clock.advance(30 * 60_000);
    await settled();
    assert.equal(device.writes, 1);
    await rooms.close();
  });

  it('puts a device right that was off, soon after its return', async () => {
    const { clock, device, open, devices } = house();
    device.down = true;
    const { reconciler, rooms, settled } = open();
    await rooms.start();
    await settled();
    assert.match(reconciler.record('oslo/codec')?.problem ?? '', /no answer/);
    await clock.advance(20 * 60_000);
    device.down = false;
    await clock.advance(5 * 60_000);
    await settled();
    assert.equal(device.entries.length, 1);
    assert.equal(devices.values.get('oslo/codec')?.problem, null);
    await rooms.close();
  });

  it('puts back entries that were lost, but stops when they keep vanishing, and says who it is likely to be', async () => {
    const { clock, device, open } = house();
    const { reconciler, rooms, settled } = open();
    await rooms.start();
    await settled();
    for (let times = 0; times < 5; times++) {
      device.entries = [];
      await clock.advance(10 * 60_000);
      await settled();
    }
    assert.equal(device.writes, 4);
    assert.match(reconciler.record('oslo/codec')?.problem ?? '', /another system .*TMS/);
    await rooms.close();
  });

  it('shows the same after a restart, before the calendar is read, and writes nothing again', async () => {
    const { device, open, plans } = house();
    const before = open();
    await before.rooms.start();
    await before.settled();
    const shown = before.room.view();
    const token = [...before.room.tokens()];
    await before.rooms.close();
    const after = open();
    await after.room.restore();
    assert.deepEqual(after.room.view(), shown);
    assert.deepEqual([...after.room.tokens()], token);
    assert.doesNotMatch(JSON.stringify([...plans.values.values()]), new RegExp(token[0] ?? 'no token'));
    await after.rooms.start();
    await after.settled();
    assert.equal(device.writes, 1);
    assert.equal(after.room.view().revision, shown.revision);
    await after.rooms.close();
  });

  it('shows a changed plan also while the store fails, and stores it once it can', async () => {
    const { calendar, clock, device, open, plans } = house();
    const { room, rooms, settled } = open();
    await rooms.start();
    await settled();
    const { replace } = plans;
    plans.replace = () => Promise.reject(new Error('disk full'));
    calendar.invites = [invite({ subject: 'Moved' })];
    calendar.changed();
    await settled();
    assert.equal(room.view().entries[0]?.title, 'Moved');
    assert.equal(device.entries[0]?.title, 'Moved');
    assert.match(room.unavailable ?? '', /could not be stored: disk full/);
    plans.replace = replace;
    await clock.advance(10_000);
    await settled();
    assert.equal(room.unavailable, null);
    assert.equal(plans.values.get('oslo')?.planned[0]?.entry.title, 'Moved');
    await rooms.close();
  });

  it('finds the room of a dial token in any case of letters, and forgets it with the meeting', async () => {
    const { calendar, open } = house();
    const { room, rooms, settled } = open();
    await rooms.start();
    await settled();
    const [token = ''] = room.tokens();
    assert.equal(rooms.byToken(token.toUpperCase())?.room.id, 'oslo');
    calendar.invites = [];
    calendar.changed();
    await settled();
    assert.equal(rooms.byToken(token), null);
    await rooms.close();
  });
});
