import assert from 'node:assert/strict';
import { CiscoDevice, type CiscoOptions } from '../../connectors/devices/cisco/device.ts';
import type { Writer } from '../../connectors/devices/device.ts';
import { userAgent } from '../../connectors/devices/writing.ts';
import { Codec } from '../../fixtures/codec/codec.ts';
import { systemClock } from '../../src/clock.ts';
import { joinEntry } from './contract.ts';

const never = new AbortController().signal;

describe('who writes to a Cisco device @mongo @devices', () => {
  let codec: Codec;
  const opened: CiscoDevice[] = [];
  beforeEach(async () => {
    codec = await Codec.start();
  });
  afterEach(async () => {
    for (const device of opened.splice(0)) await device.close();
    await codec.close();
  });

  function connect(over: Partial<CiscoOptions> = {}): CiscoDevice {
    const { username, password } = codec.options;
    const tls = { kind: 'authority', ca: codec.ca } as const;
    const place = { id: 'oslo/0', address: '127.0.0.1', port: codec.port };
    const device = new CiscoDevice({ ...place, username, password, tls, clock: systemClock, ...over });
    opened.push(device);
    return device;
  }

  const writer = (holder: string, fence: number, mayWrite = (): boolean => true): Writer => ({
    lease: { holder, fence },
    mayWrite,
  });

  it('names process and fencing token in every write, and the version alone where nothing is shared', async () => {
    const device = connect({ product: 'Usher/1.2.3' });
    await device.replace([joinEntry()], never);
    await device.replace([joinEntry({ title: 'Moved' })], never, writer('host-a/0af3', 7));
    await device.replace([], never, writer('host-a/0af3', 8));
    const unnamed = { holder: '', fence: null };
    const [seventh, eighth] = [7, 8].map((fence) => ({ holder: 'host-a/0af3', fence }));
    assert.deepEqual(codec.writers.writes, [unnamed, seventh, eighth]);
    assert.deepEqual(codec.writers.violations, []);
    assert.equal(userAgent('Usher/1.2.3', undefined), 'Usher/1.2.3');
    assert.equal(userAgent('Usher/1.2.3', writer('a (b)\r\n/1', 3)), 'Usher/1.2.3 (a--b---/1; lease 3)');
  });

  it('sends nothing once it may no longer write, however late that turns out', async () => {
    let asked = 0;
    const device = connect();
    const late = writer('a', 1, () => {
      asked++;
      return false;
    });
    await assert.rejects(device.replace([joinEntry()], never, late), /another process's now/);
    assert.equal(asked, 1);
    assert.deepEqual([codec.writers.writes, codec.bookings], [[], []]);
    // The connection is still good, and so is whoever may write.
    await device.replace([joinEntry()], never, writer('b', 2));
    assert.equal(codec.bookings.length, 1);
  });

  it('lets a write that is on its way come to its end, so that the room is handed over after it', async () => {
    const device = connect();
    await device.replace([joinEntry()], never, writer('a', 1));
    const handOver = new AbortController();
    codec.onWrite = () => handOver.abort(new Error('handed over'));
    codec.delayMs = 100;
    await device.replace([joinEntry({ title: 'Moved' })], handOver.signal, writer('a', 1));
    codec.onWrite = () => {};
    codec.delayMs = 0;
    assert.equal(codec.bookings[0]?.title, 'Moved');
    await assert.rejects(device.replace([], handOver.signal, writer('a', 1)), /handed over/);
    assert.equal(codec.bookings.length, 1);
  });

  it('is told apart by the codec: an older token after a newer one, and two processes at once', async () => {
    await connect().replace([joinEntry()], never, writer('b', 5));
    await connect().replace([joinEntry({ title: 'Old' })], never, writer('a', 4));
    assert.deepEqual(codec.writers.violations.splice(0), ['a wrote with fence 4 after 5']);
    const [one, other] = [connect(), connect()];
    const both = Promise.withResolvers<void>();
    let writing = 0;
    codec.onWrite = () => {
      if (++writing === 2) both.resolve();
    };
    codec.held = both.promise;
    await Promise.all([
      one.replace([joinEntry({ title: 'One' })], never, writer('c', 6)),
      other.replace([joinEntry({ title: 'Other' })], never, writer('d', 6)),
    ]);
    assert.match(codec.writers.violations.join('\n'), /^[cd] wrote while [cd] did$/);
  });

  it('goes on without a session where killed processes have left none', async () => {
    for (let n = 0; n < 20; n++) codec.sessions.add(`left ${n}`);
    await connect().replace([joinEntry()], never);
    assert.equal(codec.bookings.length, 1);
  });
});
