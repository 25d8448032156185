/** Cisco devices that go wrong in their own ways: what is said, what is not done. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { CiscoDevice, type CiscoOptions } from '../../connectors/devices/cisco/device.ts';
import { DeviceError } from '../../connectors/devices/device.ts';
import { Codec, type CodecOptions } from '../../fixtures/codec/codec.ts';
import { foreignBooking } from '../../fixtures/codec/foreign.ts';
import { testAuthority } from '../../fixtures/graph/certificates.ts';
import { SimulatedClock, systemClock } from '../../src/clock.ts';
import { joinEntry } from './contract.ts';

const never = new AbortController().signal;

interface Rig {
  codec: Codec;
  device: CiscoDevice;
}

interface Bad {
  what: string;
  codec?: CodecOptions;
  device?: Partial<CiscoOptions>;
  spoil?: (rig: Rig) => unknown;
  kind: DeviceError['kind'];
  told: RegExp;
}

const table: readonly Bad[] = [
  {
    what: 'a wrong password',
    device: { password: 'wrong' },
    kind: 'refused-credentials',
    told: /password of usher.*not tried again for 60 min/,
  },
  { what: 'an account without the role', codec: { role: 'User' }, kind: 'refused', told: /role Admin/ },
  {
    what: 'a certificate of an unknown authority',
    device: { tls: { kind: 'authority', ca: null } },
    kind: 'certificate',
    told: /not trusted.*tls\.ca.*tls\.fingerprint/,
  },
  {
    what: 'another certificate than the pinned one',
    device: { tls: { kind: 'fingerprint', sha256: '00'.repeat(32) } },
    kind: 'certificate',
    told: /SHA-256 is [0-9a-f]{64}/,
  },
  {
    what: 'a device that hangs',
    device: { requestTimeoutMs: 300 },
    spoil: ({ codec }) => set(codec, 'hang'),
    kind: 'unreachable',
    told: /did not answer|cannot be reached/,
  },
  {
    what: 'a device that hangs in TLS',
    device: { requestTimeoutMs: 300 },
    spoil: ({ codec }) => codec.setDoor('slow'),
    kind: 'unreachable',
    told: /did not answer|cannot be reached/,
  },
  {
    what: 'a device that refuses the connection',
    spoil: ({ codec }) => codec.setDoor('closed'),
    kind: 'unreachable',
    told: /cannot be reached.*ECONNREFUSED/,
  },
  {
    what: 'connections that die',
    spoil: ({ codec }) => set(codec, 'reset'),
    kind: 'unreachable',
    told: /cannot be reached/,
  },
  { what: 'half an answer', spoil: ({ codec }) => set(codec, 'half'), kind: 'unreachable', told: /cannot be reached/ },
  { what: 'HTTP 500', spoil: ({ codec }) => set(codec, 'error-500'), kind: 'bad-answer', told: /HTTP 500/ },
  {
    what: 'a sign-in page instead of XML',
    spoil: ({ codec }) => set(codec, 'garbage'),
    kind: 'bad-answer',
    told: /not the XML/,
  },
  {
    what: 'a list that lacks bookings which the device says it has',
    spoil: ({ codec }) => {
      codec.put([foreignBooking({ id: 'other', start: Date.now(), end: Date.now() + 3_600_000 })]);
      set(codec, 'half-list');
    },
    kind: 'bad-answer',
    told: /has 1 bookings and lists 0/,
  },
  { what: 'a full list', codec: { capacity: 0 }, kind: 'list-full', told: /full/ },
  {
    what: 'Microsoft Teams on the device',
    codec: { teams: true },
    kind: 'unsupported',
    told: /runs Microsoft Teams.*panel/,
  },
  { what: "Zoom's app on the device", codec: { zoom: true }, kind: 'unsupported', told: /runs Zoom/ },
];

function set(codec: Codec, fault: Codec['fault']): void {
  codec.fault = fault;
}

async function open(codecOptions: CodecOptions = {}, over: Partial<CiscoOptions> = {}): Promise<Rig> {
  const codec = await Codec.start(codecOptions);
  const device = new CiscoDevice({
    id: 'oslo/0',
    address: '127.0.0.1',
    port: codec.port,
    username: 'usher',
    password: 'simulated',
    tls: { kind: 'authority', ca: codec.ca },
    clock: systemClock,
    requestTimeoutMs: 30_000,
    ...over,
  });
  return { codec, device };
}

async function close({ codec, device }: Rig): Promise<void> {
  await device.close();
  await codec.close();
}

describe('bad Cisco devices @devices', function () {
  this.timeout(60_000);
  let rig: Rig;
  afterEach(() => close(rig));

  for (const { what, codec, device, spoil, kind, told } of table) {
    it(`says what is wrong: ${what}`, async () => {
      rig = await open(codec, device);
      await spoil?.(rig);
      await assert.rejects(rig.device.replace([joinEntry()], never), (error: unknown) => {
        assert.ok(error instanceof DeviceError, String(error));
        assert.deepEqual([error.kind, told.test(error.message)], [kind, true], error.message);
        return true;
      });
    });
  }

  it('never locks the account: one wrong password is sent once in the hour, then once in two', async () => {
    const clock = new SimulatedClock(Date.now());
    rig = await open({}, { password: 'wrong', clock });
    const ask = () => assert.rejects(rig.device.list(never), { kind: 'refused-credentials' });
    for (let times = 0; times < 20; times++) await ask();
    assert.equal(rig.codec.passwordFailures, 1);
    await clock.advance(61 * 60_000);
    await ask();
    await clock.advance(61 * 60_000);
    await ask();
    assert.equal(rig.codec.passwordFailures, 2);
  });

  it('sends no password to a device whose certificate is not the pinned one', async () => {
    rig = await open({}, { tls: { kind: 'fingerprint', sha256: 'ab'.repeat(32) } });
    await assert.rejects(rig.device.list(never), { kind: 'certificate' });
    assert.equal(rig.codec.requests, 0);
  });

  it('takes the pinned certificate, with and without colons', async () => {
    const { server } = await testAuthority();
    const sha256 = new X509Certificate(server.certificate).fingerprint256;
    rig = await open({}, { tls: { kind: 'fingerprint', sha256 } });
    assert.deepEqual(await rig.device.list(never), []);
    await close(rig);
    rig = await open({}, { tls: { kind: 'fingerprint', sha256: sha256.replaceAll(':', '').toLowerCase() } });
    assert.deepEqual(await rig.device.list(never), []);
  });

  it('works with an unchecked certificate, and says so', async () => {
    rig = await open({}, { tls: { kind: 'none' } });
    assert.deepEqual(await rig.device.list(never), []);
    assert.match(rig.device.notices().join(), /NOT checked.*verify: false/);
    assert.ok((await rig.device.check(never)).some(({ what, ok }) => what === 'certificate' && !ok));
  });

  it('says that the clock of a device is wrong, and which way', async () => {
    rig = await open();
    rig.codec.skewMs = -10 * 60_000;
    await rig.device.list(never);
    assert.match(rig.device.notices().join(), /10 min slow.*NTP/);
  });

  it('goes on after a reboot, with a new session', async () => {
    rig = await open();
    await rig.device.replace([joinEntry()], never);
    rig.codec.reboot();
    assert.deepEqual(await rig.device.list(never), []);
    await rig.device.replace([joinEntry()], never);
    assert.equal(rig.codec.bookings.length, 1);
  });

  it('takes a session that is forgotten at once for no wrong password, and goes on without', async () => {
    rig = await open();
    rig.codec.forgetsSessions = true;
    assert.deepEqual(await rig.device.list(never), []);
    await rig.device.replace([joinEntry()], never);
    assert.deepEqual([rig.codec.bookings.length, rig.codec.passwordFailures], [1, 0]);
  });

  it('says when it was started, whatever its clock says', async () => {
    const clock = new SimulatedClock(Date.now());
    rig = await open({}, { clock });
    rig.codec.time = () => clock.now();
    rig.codec.skewMs = 7_200_000;
    rig.codec.reboot();
    await clock.advance(90_000);
    assert.equal(await rig.device.startedAt(never), clock.now() - 90_000);
  });

  it('asks one thing at a time, in one session, and gives it back when it is idle', async () => {
    const clock = new SimulatedClock(Date.now());
    rig = await open({}, { clock, requestTimeoutMs: 10_000 });
    await Promise.all([rig.device.list(never), rig.device.replace([joinEntry()], never), rig.device.list(never)]);
    assert.deepEqual([rig.codec.busiest, rig.codec.sessions.size], [1, 1]);
    const ended = rig.codec.nextRequest('/xmlapi/session/end');
    await clock.advance(30_500);
    await ended;
    assert.equal(rig.codec.sessions.size, 0);
    assert.equal((await rig.device.list(never)).length, 1);
  });

  it('does not hold up the end of Usher where a device hangs', async () => {
    rig = await open({}, { requestTimeoutMs: 600_000 });
    await rig.device.list(never);
    rig.codec.fault = 'hang';
    const hanging = assert.rejects(rig.device.list(never), DeviceError);
    await rig.device.close();
    await hanging;
  });

  it('does not wait for a device that hangs in TLS, once it is told to stop', async () => {
    rig = await open({}, { requestTimeoutMs: 600_000 });
    await rig.codec.setDoor('slow');
    const stop = new AbortController();
    const hanging = assert.rejects(rig.device.list(stop.signal), /enough/);
    await rig.codec.nextKnock();
    stop.abort(new Error('enough'));
    await hanging;
    assert.equal(rig.codec.requests, 0);
  });

  it('takes the other way where firmware has not what its version promises', async () => {
    rig = await open({ generation: 'roomos11', registeredWithWebex: true, refusesPut: true });
    await rig.device.replace([joinEntry()], never);
    assert.equal(rig.codec.bookings.length, 1);
  });

  it('carries every field of a foreign booking through bookingsputxml, also those of TMS alone', async () => {
    rig = await open({ generation: 'ce9.15', registeredWithWebex: false });
    const start = Math.ceil(Date.now() / 60_000) * 60_000;
    rig.codec.put([foreignBooking({ id: 'tms-7', start, end: start + 90_000, hostKey: '123456' })]);
    const before = structuredClone(rig.codec.bookings);
    await rig.device.replace([joinEntry()], never);
    assert.deepEqual(rig.codec.bookings.slice(0, 1), before);
    assert.equal(rig.codec.bookings.length, 2);
  });
});
