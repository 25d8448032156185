/** What every pushed device keeps, as a suite that each implementation runs against its simulator. */
import assert from 'node:assert/strict';
import { type DeviceEntry, DeviceError, type JoinEntry, type PushedDevice } from '../../connectors/devices/device.ts';

export interface PushedDeviceUnderTest {
  device: PushedDevice;
  /** What the device holds, as its simulator knows it. */
  held(): readonly { id: string; title: string; start: number; end: number }[];
  /** Puts a booking of another system there. */
  addForeign(booking: { id: string; title: string; start: number; end: number }): void;
  /** Makes the device unreachable, or reachable again. */
  fail(broken: boolean): void;
  /** Texts that must not show in labels and messages. */
  secrets: readonly string[];
  close(): Promise<void>;
}

export interface PushedDeviceContract {
  name: string;
  tag: string;
  open(): Promise<PushedDeviceUnderTest>;
}

const minute = 60_000;
const soon = Math.ceil(Date.now() / minute) * minute + 10 * minute;

export function joinEntry(over: Partial<JoinEntry> = {}): JoinEntry {
  const start = over.start ?? soon;
  const end = over.end ?? start + 45 * minute;
  return {
    id: 'usher-abcdefghijklmnopqrstuvwxyz',
    title: 'Budget',
    organizer: { name: 'Host', email: 'host@example.org' },
    start,
    end,
    buttonFrom: start - 5 * minute,
    buttonUntil: end,
    privacy: 'public',
    provider: 'teams',
    route: 'sgj',
    dial: { address: 'sip:abcdefghijklmnopqrstuvwxyz@usher.example.org', protocol: 'sip' },
    note: null,
    ...over,
  };
}

const hostileTitles = [
  `Q&A <b>"it's"</b> ]]> \${x} {{y}}`,
  'Line one\r\nline two\ttab',
  'NUL \0 and bell \u0007 and lone \ud800 surrogate',
  '会議 🎉 مرحبا',
  'x'.repeat(20_000),
  `${'🎉'.repeat(100)}end`,
  '   ',
];

export function pushedDeviceContract({ name, tag, open }: PushedDeviceContract): void {
  describe(`the pushed device contract: ${name} ${tag}`, () => {
    let test: PushedDeviceUnderTest;
    const never = new AbortController().signal;
    beforeEach(async () => {
      test = await open();
    });
    afterEach(() => test.close());

    const listed = async (): Promise<readonly DeviceEntry[]> =>
      (await test.device.list(never)).toSorted((a, b) => (a.id < b.id ? -1 : 1));

    it('lists what it was given, just as `shows` foretold', async () => {
      const entries = [
        joinEntry(),
        joinEntry({ id: 'usher-second', title: 'No button', dial: null, route: 'none' }),
        joinEntry({ id: 'usher-third', dial: { address: 'h323:12345@gk.example.org', protocol: 'h323' } }),
        joinEntry({ id: 'usher-uneven', start: soon + 1_234, end: soon + 61_999 }),
        joinEntry({ id: 'usher-week', start: soon + 6 * 1440 * minute, organizer: null, privacy: 'private' }),
      ];
      await test.device.replace(entries, never);
      assert.deepEqual(
        await listed(),
        entries.map((entry) => test.device.shows(entry)).sort((a, b) => (a.id < b.id ? -1 : 1)),
      );
    });

    for (const [index, title] of hostileTitles.entries()) {
      it(`carries a title that is hostile, cut and cleaned as foretold (${index + 1})`, async () => {
        const entry = joinEntry({ title });
        await test.device.replace([entry], never);
        const [shown] = await listed();
        assert.deepEqual(shown, test.device.shows(entry));
        assert.ok((shown?.title ?? '') !== '');
        assert.equal(test.held().length, 1);
      });
    }

    it('leaves out a dial string that it cannot hold whole, rather than cutting it', async () => {
      const entry = joinEntry({ dial: { address: `sip:${'a'.repeat(300)}@example.org`, protocol: 'sip' } });
      await test.device.replace([entry], never);
      assert.equal((await listed())[0]?.dial, null);
      assert.deepEqual(await listed(), [test.device.shows(entry)]);
    });

    it('keeps the bookings of others through writes, moves and the end of ours', async () => {
      const foreign = { id: 'other-1', title: 'Theirs & "more"', start: soon, end: soon + 30 * minute };
      test.addForeign(foreign);
      const kept = () => test.held().find(({ id }) => id === 'other-1');
      const before = kept();
      await test.device.replace([joinEntry()], never);
      assert.deepEqual(kept(), before);
      await test.device.replace([joinEntry({ start: soon + 60 * minute })], never);
      assert.equal(test.held().length, 2);
      await test.device.replace([], never);
      assert.deepEqual(test.held(), [before]);
    });

    it('keeps a booking that others made since its list was read', async () => {
      await test.device.replace([joinEntry()], never);
      await test.device.list(never);
      test.addForeign({ id: 'other-late', title: 'Late', start: soon, end: soon + 30 * minute });
      const late = test.held().find(({ id }) => id === 'other-late');
      await test.device.replace([joinEntry({ title: 'Moved' })], never);
      assert.deepEqual(
        test.held().find(({ id }) => id === 'other-late'),
        late,
      );
    });

    it('takes its own entries away, and touches nothing where it has none', async () => {
      await test.device.replace([], never);
      await test.device.replace([joinEntry()], never);
      assert.equal(test.held().length, 1);
      await test.device.replace([], never);
      assert.deepEqual(test.held(), []);
    });

    it('holds a hundred entries, and reads them all back', async () => {
      const entries = Array.from({ length: 100 }, (_, index) =>
        joinEntry({ id: `usher-${String(index).padStart(3, '0')}`, start: soon + index * 90 * minute }),
      );
      await test.device.replace(entries, never);
      assert.deepEqual(
        await listed(),
        entries.map((entry) => test.device.shows(entry)),
      );
    });

    it('says DeviceError while it is away, without secrets, and heals', async () => {
      test.fail(true);
      for (const work of [() => test.device.list(never), () => test.device.replace([joinEntry()], never)]) {
        await assert.rejects(work(), (error: unknown) => {
          assert.ok(error instanceof DeviceError, String(error));
          for (const secret of test.secrets) assert.ok(!error.message.includes(secret), error.message);
          return error.message.length > 10;
        });
      }
      test.fail(false);
      assert.deepEqual(await test.device.list(never), []);
    });

    it('does nothing when it is aborted before', async () => {
      const aborted = AbortSignal.abort(new Error('enough'));
      await assert.rejects(test.device.list(aborted));
      await assert.rejects(test.device.replace([joinEntry()], aborted));
      assert.deepEqual(test.held(), []);
    });

    it('has checks that are all good on a good device, and say so on a bad one without rejecting', async () => {
      const { check } = test.device;
      assert.ok(check !== undefined);
      for (const one of await check.call(test.device, never)) assert.ok(one.ok, `${one.what}: ${one.words}`);
      test.fail(true);
      assert.ok((await check.call(test.device, never)).some(({ ok, words }) => !ok && words.length > 10));
    });

    it('describes itself without secrets', () => {
      assert.ok(test.device.description.label.length > 5);
      for (const secret of test.secrets) assert.ok(!test.device.description.label.includes(secret));
    });
  });
}
