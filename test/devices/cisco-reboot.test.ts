/** Devices that are restarted or away: right again within one pass of their return, and nobody is blamed for it. */
import assert from 'node:assert/strict';
import type { CodecOptions } from '../../fixtures/codec/codec.ts';
import { foreignBooking } from '../../fixtures/codec/foreign.ts';
import { hour } from '../rooms/invites.ts';
import { type CiscoRig, openCiscoRig } from './cisco-rig.ts';

const minute = 60_000;

const ways: readonly [string, CodecOptions][] = [
  ['Bookings Put', { generation: 'roomos11' }],
  ['bookingsputxml', { generation: 'ce9.15', registeredWithWebex: false }],
];

describe('a Cisco device that is restarted @devices', function () {
  this.timeout(60_000);
  let rig: CiscoRig;
  afterEach(() => rig.close());
  const theirs = (id: string) => foreignBooking({ id, title: id, start: rig.now + 5 * hour, end: rig.now + 6 * hour });

  for (const [way, options] of ways) {
    it(`in the middle of ${way}: what survived is kept, what was lost is not brought back, and ours is there`, async () => {
      rig = await openCiscoRig(options);
      const { codec } = rig;
      codec.put([theirs('survives'), theirs('is lost')]);
      await rig.meetings({ subject: 'Budget' });
      assert.deepEqual(rig.titles(), ['survives', 'is lost', 'Budget']);
      codec.onWrite = () => {
        codec.onWrite = () => {};
        codec.reboot([theirs('survives')]);
      };
      await rig.meetings({ subject: 'Moved' });
      // Cut off, and not sent again as it was: it came from a list that is no more.
      assert.deepEqual([rig.titles(), codec.writers.writes.length], [['survives'], 2]);
      assert.match(rig.record().problem ?? '', /cannot be reached|ended our session/);
      assert.match(rig.reconciler.differs('oslo/0').join(), /^the meeting at [-\d]+T[\d:]+Z shows another title$/);
      codec.put([...codec.bookings, theirs('booked since')]);
      await rig.pass(2_000);
      assert.deepEqual(rig.titles(), ['survives', 'booked since', 'Moved']);
      assert.deepEqual([rig.record().problem, rig.record().vanishedAt], [null, []]);
      assert.deepEqual(rig.reconciler.differs('oslo/0'), []);
    });

    it(`after ${way}, before the list is read back: it is looked at again, and written again`, async () => {
      rig = await openCiscoRig(options);
      const { codec } = rig;
      const { promise: answered, resolve } = Promise.withResolvers<void>();
      codec.onWrite = () => {
        codec.onWrite = () => {};
        void codec
          .until((bookings) => bookings.length === 1)
          .then(() => {
            codec.reboot();
            resolve();
          });
      };
      await rig.meetings({ subject: 'Budget' });
      await answered;
      await rig.pass(2_000);
      assert.deepEqual(rig.titles(), ['Budget']);
      assert.deepEqual([rig.record().problem, rig.record().vanishedAt], [null, []]);
    });
  }

  it('eight times within the hour: nobody is taken for another system that replaces the list', async () => {
    rig = await openCiscoRig();
    await rig.meetings({ subject: 'Budget' });
    for (let times = 0; times < 8; times++) {
      await rig.pass(minute);
      rig.codec.reboot();
      assert.deepEqual(rig.titles(), []);
      await rig.pass(10 * minute);
      assert.deepEqual(rig.titles(), ['Budget']);
    }
    assert.deepEqual([rig.record().vanishedAt, rig.record().heldBackSince], [[], null]);
  });

  it("and while it is away: a list that it forgot with its network is nobody's doing either", async () => {
    rig = await openCiscoRig();
    const { codec } = rig;
    for (let times = 0; times < 6; times++) {
      await codec.setDoor('closed');
      codec.bookings = [];
      await rig.meetings({ subject: `Plan ${times}` });
      assert.match(rig.record().problem ?? '', /cannot be reached/);
      await codec.setDoor('open');
      await rig.pass(2_000);
      assert.deepEqual(rig.titles(), [`Plan ${times}`]);
    }
    assert.deepEqual([rig.record().vanishedAt, rig.record().heldBackSince], [[], null]);
  });
});
