/** Two processes with one store: what each shows of a room is what was stored last. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Calendar } from '../../connectors/calendars/calendar.ts';
import { SimulatedClock } from '../../src/clock.ts';
import { planCollection } from '../../src/rooms/plan-store.ts';
import { Room } from '../../src/rooms/room.ts';
import { Secret } from '../../src/rooms/secret.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { guestJoin, hour, invite, noon, settings } from './invites.ts';

describe('a room that another process acts for @mongo', () => {
  it('follows what was stored, also where a plan that could not be stored was counted alike', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'usher-following-'));
    const clock = new SimulatedClock(noon);
    const store = await openSqliteStore({ path: join(folder, 'usher.db'), clock });
    const plans = await store.collection(planCollection);
    let subject = 'First';
    const calendar: Calendar = {
      description: 'test',
      read: async () => ({ invites: [invite({ subject })], problems: [] }),
      watch: () => async () => {},
    };
    const signal = new AbortController().signal;
    const open = (): Room =>
      new Room(
        { settings, calendar, devices: [], pollMs: () => hour },
        {
          clock,
          plans,
          secret: new Secret(Buffer.alloc(32, 7)),
          understand: async (invites) => invites.map(() => guestJoin),
          window: { backMs: 24 * hour, aheadMs: 168 * hour },
        },
      );
    const titles = (room: Room): string[] => room.view().entries.map(({ title }) => title);
    try {
      const [one, other] = [open(), open()];
      await one.refresh(signal);
      await other.restore();
      const { replace } = plans;
      plans.replace = async () => {
        throw new Error('the store is away');
      };
      subject = 'Second';
      await assert.rejects(one.refresh(signal), /the store is away/);
      plans.replace = replace;
      subject = 'Third';
      await other.refresh(signal);
      assert.equal(one.plan.revision, other.plan.revision);
      assert.equal(await one.follow(), true);
      assert.deepEqual([titles(one), titles(other)], [['Third'], ['Third']]);
      assert.equal(await one.follow(), false);
    } finally {
      await store.close();
      await rm(folder, { recursive: true });
    }
  });
});
