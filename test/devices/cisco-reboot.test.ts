/** Devices that are restarted or away: right again within one pass of their return, and nobody is blamed for it. */
import assert from 'node:assert/strict';
import { FeedbackListener } from '../../connectors/devices/cisco/feedback-listener.ts';
import type { Codec, CodecOptions } from '../../fixtures/codec/codec.ts';
import { foreignBooking } from '../../fixtures/codec/foreign.ts';
import type { Clock } from '../../src/clock.ts';
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

describe('a Cisco device that was off for a day @devices', function () {
  this.timeout(120_000);
  let rig: CiscoRig;
  let listener: FeedbackListener | null = null;
  afterEach(async () => {
    await rig.close();
    await listener?.close();
    listener = null;
  });

  it('is right within five minutes of its return, by one write, where nothing tells of it', async () => {
    rig = await openCiscoRig();
    const { codec } = rig;
    await rig.meetings({ subject: 'Yesterday' });
    await codec.setDoor('closed');
    await rig.pass(12 * hour);
    await rig.meetings({ subject: 'Today', start: rig.now + 25 * hour, end: rig.now + 26 * hour });
    await rig.pass(12 * hour);
    assert.match(rig.record().problem ?? '', /cannot be reached/);
    await codec.setDoor('open');
    codec.reboot([
      foreignBooking({ id: 'other', title: 'Theirs', start: rig.now + 27 * hour, end: rig.now + 28 * hour }),
    ]);
    const { length: writes } = codec.writers.writes;
    let waited = 0;
    for (; codec.writers.writes.length === writes; waited += 5_000) await rig.pass(5_000);
    assert.ok(waited <= 5 * minute + 5_000, `${waited} ms`);
    assert.deepEqual(rig.titles(), ['Theirs', 'Today']);
    assert.deepEqual([codec.writers.writes.length, rig.record().problem], [writes + 1, null]);
  });

  /** A rig with feedback whose looks at the slot come when the test says so. */
  async function withFeedback(options: CodecOptions): Promise<{ look(): Promise<void>; taken(): Promise<void> }> {
    let pending: { run: () => void } | null = null;
    let scheduled: () => void = () => {};
    rig = await openCiscoRig(options, async (clock) => {
      listener = new FeedbackListener({ publicUrl: 'http://127.0.0.1:0', address: '127.0.0.1', port: 0, clock });
      await listener.listen();
      const lookEveryMs = 123_456;
      const after: Clock['after'] = (ms, run) => {
        if (ms !== lookEveryMs) return clock.after(ms, run);
        pending = { run };
        scheduled();
        return () => {};
      };
      const own: Clock = { now: () => clock.now(), monotonic: () => clock.monotonic(), after };
      return { feedback: { listener, key: 'key-of-oslo', lookEveryMs }, clock: own };
    });
    const taken = async (): Promise<void> => {
      while (pending === null) await new Promise<void>((resolve) => (scheduled = resolve));
    };
    return {
      taken,
      look: async () => {
        await taken();
        const due = pending;
        pending = null;
        due?.run();
      },
    };
  }

  const returns: readonly [string, CodecOptions, (codec: Codec) => void][] = [
    ['its slot is gone', {}, (codec) => codec.reboot()],
    ['it kept list and slot, and tells nothing', { keepsFeedback: true }, () => {}],
  ];
  for (const [how, options, comeBack] of returns) {
    it(`is right as soon as its slot is looked at: ${how}`, async () => {
      const { look, taken } = await withFeedback(options);
      const { codec } = rig;
      await rig.meetings({ subject: 'Before' });
      await taken();
      await codec.setDoor('closed');
      await rig.meetings({ subject: 'While it was off' });
      await look();
      await taken();
      await rig.pass(hour);
      await codec.setDoor('open');
      comeBack(codec);
      await look();
      await codec.until((bookings) => bookings.some(({ title }) => title === 'While it was off'));
    });
  }

  it('is right at once where it says that it is back', async () => {
    const { taken } = await withFeedback({ keepsFeedback: true });
    const { codec } = rig;
    await rig.meetings({ subject: 'Before' });
    await taken();
    await codec.setDoor('closed');
    await rig.meetings({ subject: 'While it was off' });
    await rig.pass(hour);
    await codec.setDoor('open');
    codec.syncRequired();
    await codec.until((bookings) => bookings.some(({ title }) => title === 'While it was off'));
  });
});
