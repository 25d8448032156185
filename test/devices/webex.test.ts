import assert from 'node:assert/strict';
import { DeviceError } from '../../connectors/devices/device.ts';
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
      device: new WebexDevice({ id: 'oslo/0', deviceId: 'device-1', account }),
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

describe('Webex cloud devices @devices', () => {
  let cloud: WebexCloud;
  let account: WebexAccount;
  const clock = new SimulatedClock(Date.now());
  const open = (credential: WebexCredential = { kind: 'refresh', ...integration }, timed = false): void => {
    account = new WebexAccount({
      baseUrl: cloud.baseUrl,
      credential,
      clock: timed ? clock : systemClock,
      requestTimeoutMs: 300,
    });
  };
  const device = (deviceId = 'device-1') => new WebexDevice({ id: `oslo/${deviceId}`, deviceId, account });

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
      cloud.fault = fault;
      await assert.rejects(device().list(never), (error: unknown) => {
        assert.ok(error instanceof DeviceError, String(error));
        assert.deepEqual([error.kind, told.test(error.message)], [kind, true], error.message);
        return true;
      });
    });
  }

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

  it('lists the devices of the organisation, page by page', async () => {
    for (let index = 0; index < 249; index++) cloud.add(`more-${index}`, `Room ${index}`);
    open();
    assert.equal((await listWebexDevices(account)).length, 250);
  });
});
