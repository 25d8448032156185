import assert from 'node:assert/strict';
import { DeviceError, type DialedCall, type DialState } from '../../connectors/devices/device.ts';
import { WebexAccount, type WebexCredential } from '../../connectors/devices/webex/account.ts';
import { listWebexDevices, WebexDevice } from '../../connectors/devices/webex/device.ts';
import { foreignBooking } from '../../fixtures/codec/foreign.ts';
import { integration, WebexCloud, type WebexFault } from '../../fixtures/webex/webex.ts';
import { SimulatedClock, systemClock } from '../../src/clock.ts';
import { joinEntry, pushedDeviceContract } from './contract.ts';

const never = new AbortController().signal;

pushedDeviceContract({
  name: 'Webex cloud',
  tag: '@devices',
  open: async () => {
    const cloud = await WebexCloud.start();
    const held = cloud.add('device-1');
    const credential: WebexCredential = { kind: 'refresh', ...integration };
    const account = new WebexAccount({ baseUrl: cloud.baseUrl, credential, clock: systemClock });
    return {
      device: new WebexDevice({ id: 'oslo/0', deviceId: 'device-1', account, clock: systemClock }),
      held: () => held.bookings,
      addForeign: (booking) => held.bookings.push(foreignBooking(booking)),
      fail: (broken) => {
        cloud.fault = broken ? 'reset' : null;
      },
      secrets: [integration.clientSecret, integration.refreshToken, 'token-1'],
      close: async () => {
        await account.close();
        await cloud.close();
      },
    };
  },
});

describe('Webex cloud devices @devices', function () {
  this.timeout(60_000);
  let cloud: WebexCloud;
  let account: WebexAccount;
  const clock = new SimulatedClock(Date.now());
  const open = (
    credential: WebexCredential = { kind: 'refresh', ...integration },
    timed = false,
    requestTimeoutMs = 30_000,
  ): void => {
    account = new WebexAccount({
      baseUrl: cloud.baseUrl,
      credential,
      clock: timed ? clock : systemClock,
      requestTimeoutMs,
    });
  };
  const device = (deviceId = 'device-1') => new WebexDevice({ id: `oslo/${deviceId}`, deviceId, account, clock });

  beforeEach(async () => {
    cloud = await WebexCloud.start();
    cloud.add('device-1');
  });
  afterEach(async () => {
    await account.close();
    await cloud.close();
  });

  const table: readonly [WebexFault, DeviceError['kind'], RegExp][] = [
    ['hang', 'unreachable', /did not answer/],
    ['reset', 'unreachable', /cannot be reached/],
    ['error-502', 'unreachable', /HTTP 502/],
    ['garbage', 'bad-answer', /not JSON/],
    ['no-result', 'bad-answer', /without a result/],
    ['half-list', 'bad-answer', /has 1 bookings and lists 0/],
  ];
  for (const [fault, kind, told] of table) {
    it(`says what is wrong: ${fault}`, async () => {
      open({ kind: 'token', token: cloud.issueToken() });
      await device().replace([joinEntry()], never);
      if (fault === 'hang') {
        await account.close();
        open({ kind: 'token', token: cloud.issueToken() }, false, 300);
      }
      cloud.fault = fault;
      await assert.rejects(device().list(never), (error: unknown) => {
        assert.ok(error instanceof DeviceError, String(error));
        assert.deepEqual([error.kind, told.test(error.message)], [kind, true], error.message);
        return true;
      });
    });
  }

  it('tells when it was started, to the second: whoever restarts forgets its list', async () => {
    open({ kind: 'token', token: cloud.issueToken() });
    const restarted = cloud.add('device-2');
    restarted.startedAt = Date.now() - 90_000;
    const webex = new WebexDevice({ id: 'oslo/1', deviceId: 'device-2', account, clock: systemClock });
    const told = (await webex.startedAt(never)) ?? Number.NaN;
    // Whole seconds, and both ends look at their clock while the answer is on its way.
    assert.ok(Math.abs(told - restarted.startedAt) <= 5_000, `${told - restarted.startedAt} ms off`);
  });

  it('renews a token that Webex has ended, once for all who ask', async () => {
    cloud.add('device-2');
    open();
    await device().list(never);
    cloud.forgetTokens();
    await Promise.all([device().list(never), device('device-2').list(never), device().list(never)]);
    assert.equal(cloud.renewals, 2);
  });

  it('renews a token before it ends', async () => {
    cloud.tokenLife = 3600;
    open(undefined, true);
    await device().list(never);
    await clock.advance(50 * 60_000);
    await device().list(never);
    assert.equal(cloud.renewals, 1);
    await clock.advance(6 * 60_000);
    await device().list(never);
    assert.equal(cloud.renewals, 2);
  });

  it('does not ask again and again with credentials that are refused', async () => {
    open({ kind: 'refresh', ...integration, refreshToken: 'revoked' });
    for (let times = 0; times < 5; times++) {
      await assert.rejects(device().list(never), { kind: 'refused-credentials', message: /refreshToken/ });
    }
    assert.equal(cloud.requests, 1);
  });

  it('waits as long as Webex says, with every device of the account', async () => {
    cloud.add('device-2');
    open({ kind: 'token', token: cloud.issueToken() }, true);
    cloud.tooMany = { times: 1, retryAfter: 20 };
    await assert.rejects(device().list(never), { message: /wait 20 s/ });
    const asked = cloud.requests;
    await assert.rejects(device('device-2').list(never), { message: /wait 20 s/ });
    assert.equal(cloud.requests, asked);
    await clock.advance(20_000);
    assert.deepEqual(await device('device-2').list(never), []);
  });

  it('goes on with the other devices where one is away or runs Teams', async () => {
    cloud.add('away').online = false;
    cloud.add('teams').teams = true;
    open();
    const [away, teams, good] = await Promise.allSettled(
      ['away', 'teams', 'device-1'].map((id) => device(id).replace([joinEntry()], never)),
    );
    assert.match(String(away?.status === 'rejected' ? away.reason : ''), /not online/);
    assert.match(String(teams?.status === 'rejected' ? teams.reason : ''), /runs Microsoft Teams/);
    assert.equal(good?.status, 'fulfilled');
    assert.equal(cloud.devices.get('device-1')?.bookings.length, 1);
    assert.ok((await device('away').check(never)).some(({ ok }) => !ok));
  });

  describe('dialling', () => {
    const target = { address: 'sip:standup@bridge.example.org', protocol: 'sip' } as const;
    const quick = { ...systemClock, after: (ms: number, run: () => void) => systemClock.after(ms / 50, run) };
    const dialer = (deviceId = 'device-1') => new WebexDevice({ id: 'oslo/0', deviceId, account, clock: quick }).dialer;
    const held = () => {
      const found = cloud.devices.get('device-1');
      assert.ok(found);
      return found;
    };
    const reached = (call: DialedCall, wanted: DialState) =>
      new Promise<string | null>((resolve) => call.onState((state, why) => state === wanted && resolve(why)));

    it('dials, tells the state of the call, and hangs up', async () => {
      open();
      const call = await dialer().dial(target);
      const [placed] = held().calls;
      assert.ok(placed);
      assert.deepEqual(
        [call.state, placed.number, placed.protocol, call.id],
        ['connecting', 'standup@bridge.example.org', 'Sip', String(placed.id)],
      );
      const connected = reached(call, 'connected');
      placed.status = 'Connected';
      await connected;
      await call.hangUp();
      assert.deepEqual([call.state, held().calls], ['disconnected', []]);
    });

    it('dials by H.323, and tells that the other side has hung up', async () => {
      open();
      const call = await dialer().dial({ address: 'h323:4711@gk.example.org', protocol: 'h323' });
      assert.deepEqual([held().calls[0]?.number, held().calls[0]?.protocol], ['4711@gk.example.org', 'H323']);
      const over = reached(call, 'disconnected');
      held().calls = [];
      await over;
      await call.hangUp();
    });

    it('says why where the device is away, and dials no second time', async () => {
      held().online = false;
      open();
      await assert.rejects(dialer().dial(target), { name: 'DeviceError', message: /not online/ });
      assert.equal(held().calls.length, 0);
    });

    it('keeps a call that is up while Webex asks us to wait, and lets it go after five failed looks', async () => {
      open({ kind: 'token', token: cloud.issueToken() }, true);
      const call = await dialer().dial(target);
      cloud.tooMany = { times: 1, retryAfter: 20 };
      await assert.rejects(device().list(never), { message: /wait 20 s/ });
      const asked = cloud.requests;
      // Far more looks than are tolerated to fail; none of them is sent.
      await new Promise<void>((resolve) => quick.after(30_000, resolve));
      assert.deepEqual([call.state, cloud.requests], ['connecting', asked]);
      await clock.advance(20_000);
      const connected = reached(call, 'connected');
      for (const one of held().calls) one.status = 'Connected';
      await connected;
      const lost = reached(call, 'disconnected');
      cloud.fault = 'error-502';
      assert.match((await lost) ?? '', /HTTP 502/);
    });
  });

  it('lists the devices of the organisation, page by page', async () => {
    for (let index = 0; index < 249; index++) cloud.add(`more-${index}`, `Room ${index}`);
    open();
    assert.equal((await listWebexDevices(account)).length, 250);
    const [check] = await device('mistyped').check(never);
    assert.deepEqual(check?.ok, false);
    assert.match(
      check?.words ?? '',
      /check deviceId\. The token sees: Board room is device-1, Room 0 is more-0, .*and 240 more$/,
    );
  });
});
