import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Calls, createCalls } from '../../src/calls/dispatch.ts';
import { SimulatedClock } from '../../src/clock.ts';
import { keepMs, Refusals } from '../../src/rooms/refusals.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import type { Store } from '../../src/store/store.ts';
import { FakeBridge, FakeDirectory, FakeEdge, FakeGuests, FakeLeg, FakeSlates, token, tokenEntry } from './fakes.ts';

const start = Date.UTC(2026, 5, 1, 9);
const tenantId = '11111111-2222-4333-8444-555555555555';

describe('calls to tenants that refused guests before @guests', () => {
  let folder: string;
  let store: Store;
  let clock: SimulatedClock;
  let edge: FakeEdge;
  let acs: FakeGuests;
  let web: FakeGuests;
  let refusals: Refusals;
  let calls: Calls;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'usher-refused-calls-'));
    clock = new SimulatedClock(start);
    await open();
  });

  afterEach(async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(): Promise<void> {
    store = await openSqliteStore({ path: join(folder, 'usher.db'), clock });
    edge = new FakeEdge();
    [acs, web] = [new FakeGuests('acs'), new FakeGuests('teams-web')];
    const directory = new FakeDirectory();
    const entry = tokenEntry(clock.now());
    const url = 'https://teams.microsoft.com/meet/2112223334445';
    const meeting = { ...entry.meeting, url, tenantId, cloud: 'commercial', tenancy: 'external' } as const;
    directory.entries.set(token, { ...entry, meeting });
    refusals = await Refusals.open(store, clock, (error) => assert.fail(String(error)));
    calls = await createCalls({
      edge,
      bridge: new FakeBridge(),
      slates: new FakeSlates(),
      guests: [acs, web],
      refusals,
      directory,
      store,
      clock,
      log: () => {},
      limits: { farewellMs: 4_000 },
    });
  }

  async function close(): Promise<void> {
    const closed = calls.close();
    await clock.advance(30_000);
    await closed;
    // What was remembered is written behind the call.
    await refusals.follow();
    await store.close();
  }

  async function dial(): Promise<FakeLeg> {
    const leg = new FakeLeg({ callId: `call-${acs.legs.length + web.legs.length}` });
    edge.call(leg);
    await clock.advance(1);
    return leg;
  }

  const knocks = () => [acs.legs.length, web.legs.length];

  it('go by the other way at once, also after a restart, until it is forgotten', async () => {
    const first = await dial();
    acs.last.end('anonymous-join-disabled');
    await clock.advance(5_000);
    assert.deepEqual(knocks(), [1, 1]);
    web.last.become({ state: 'lobby' });
    first.end({ by: 'remote', how: 'bye', reason: null });
    await clock.advance(5_000);
    assert.deepEqual(
      refusals.all().map(({ subject, leg, outcome }) => [subject, leg, outcome]),
      [[`tenant ${tenantId}`, 'acs', 'anonymous-join-disabled']],
    );
    await close();

    await open();
    await dial();
    assert.deepEqual(knocks(), [0, 1]);
    await close();
    await clock.advance(keepMs);

    await open();
    await dial();
    assert.deepEqual(knocks(), [1, 0]);
  });

  it('end as they would, without a knock, where every way was refused: the slate, the Reason, the record', async () => {
    await dial();
    acs.last.end('anonymous-join-disabled');
    await clock.advance(5_000);
    web.last.end('captcha');
    await clock.advance(60_000);
    assert.equal(refusals.all().length, 2);
    const again = await dial();
    await clock.advance(60_000);
    assert.deepEqual(knocks(), [1, 1]);
    const [record] = await calls.records({});
    assert.deepEqual([record?.outcome, record?.knocks], ['anonymous-join-disabled', 0]);
    assert.match(record?.detail ?? '', /acs: this tenant refused it before.*; teams-web: .*captcha/);
    assert.equal(again.hungUp?.cause, 403);
  });

  it('forget a refusal once a guest came as far as the lobby by that way', async () => {
    const { meeting } = tokenEntry(start);
    await refusals.remember({ ...meeting, tenantId }, 'acs', 'sign-in-required');
    // Another process, which had not heard of it yet, tried all the same.
    const other = await Refusals.open(store, clock, (error) => assert.fail(String(error)));
    await refusals.forget({ ...meeting, tenantId }, 'acs');
    await other.follow();
    assert.deepEqual(other.all(), []);
    await dial();
    acs.last.become({ state: 'lobby' });
    acs.last.end('sign-in-required');
    await clock.advance(60_000);
    assert.deepEqual(refusals.all(), [], 'what comes after the lobby is no policy of the tenant');
  });
});
