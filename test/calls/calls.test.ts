import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outcomes as guestOutcomes, type Outcome } from '../../media/guest/guest.ts';
import { type CallChange, type CallLimits, type Calls, createCalls } from '../../src/calls/dispatch.ts';
import { outcomeTable } from '../../src/calls/outcomes.ts';
import { type CallRecord, callCollection } from '../../src/calls/records.ts';
import { SimulatedClock } from '../../src/clock.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import type { Store } from '../../src/store/store.ts';
import {
  FakeBridge,
  type FakeBridgedCall,
  FakeDirectory,
  FakeEdge,
  FakeGuests,
  FakeLeg,
  FakeSlates,
  token,
  tokenEntry,
} from './fakes.ts';

const start = Date.UTC(2026, 5, 1, 9);
const minute = 60_000;

describe('guest calls @sgj', () => {
  let folder: string;
  let store: Store;
  let clock: SimulatedClock;
  let edge: FakeEdge;
  let bridge: FakeBridge;
  let slates: FakeSlates;
  let guests: FakeGuests;
  let spare: FakeGuests;
  let directory: FakeDirectory;
  let calls: Calls;
  let changes: CallChange[];
  let refused: string[];
  const errors: string[] = [];

  async function open(at = start, limits: Partial<CallLimits> = {}, both = false): Promise<void> {
    clock = new SimulatedClock(at);
    store = await openSqliteStore({ path: join(folder, 'usher.db'), clock });
    directory.entries.set(token, tokenEntry(start));
    calls = await createCalls({
      edge,
      bridge,
      slates,
      guests: both ? [guests, spare] : [guests],
      directory,
      store,
      clock,
      log: (level, message, fields) => {
        if (level === 'error') errors.push(`${message} ${JSON.stringify(fields)}`);
      },
      limits,
      onChange: (change) => changes.push(change),
      onRefused: (why) => refused.push(why),
    });
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'usher-calls-'));
    [edge, bridge, slates, directory] = [new FakeEdge(), new FakeBridge(), new FakeSlates(), new FakeDirectory()];
    [guests, spare] = [new FakeGuests('first'), new FakeGuests('second')];
    changes = [];
    refused = [];
    errors.length = 0;
  });

  afterEach(async () => {
    const closed = calls.close();
    await clock.advance(30_000);
    await closed;
    assert.deepEqual(calls.live(), []);
    assert.equal(bridge.calls, 0);
    assert.equal(slates.live, 0);
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function dial(attempt: ConstructorParameters<typeof FakeLeg>[0] = {}): Promise<FakeLeg> {
    const leg = new FakeLeg(attempt);
    edge.call(leg);
    await clock.advance(1);
    return leg;
  }

  async function admitted(): Promise<{ leg: FakeLeg; media: FakeBridgedCall }> {
    const leg = await dial();
    guests.last.become({ state: 'lobby' });
    await clock.advance(1);
    guests.last.become({ state: 'admitted' });
    await clock.advance(1);
    const media = bridge.opened.at(-1);
    assert.ok(media !== undefined);
    assert.equal(media.gate, 'admitted');
    return { leg, media };
  }

  async function record(): Promise<CallRecord> {
    const [first] = await calls.records({});
    assert.ok(first !== undefined);
    return first;
  }

  const states = (call: CallRecord): string => call.states.map(({ state }) => state).join(' ');

  it('answers at once, waits in the lobby under the room name, and opens the gate when the host admits it', async () => {
    await open();
    const leg = await dial();
    assert.deepEqual(leg.told, ['ring', 'accept']);
    const { request } = guests.last;
    assert.equal(request.displayName, 'Board room');
    assert.equal(request.audioCodec, 'G722');
    assert.equal(request.video, true);
    guests.last.become({ state: 'lobby' });
    await clock.advance(1);
    assert.equal(bridge.opened[0]?.gate, 'closed');
    assert.equal(slates.shown.at(-1)?.kind, 'lobby');
    guests.last.become({ state: 'admitted' });
    await clock.advance(1);
    assert.equal(bridge.opened[0]?.gate, 'admitted');
    assert.equal(calls.live()[0]?.state, 'admitted');
    assert.deepEqual(
      changes.map(({ state }) => state),
      ['answered', 'joining', 'lobby', 'admitted'],
    );
  });

  it('leaves the meeting when the room hangs up, and records the call', async () => {
    await open();
    const { leg, media } = await admitted();
    await clock.advance(90 * minute);
    leg.end({ by: 'remote', how: 'bye', reason: null });
    await clock.advance(1);
    assert.deepEqual(guests.last.state, { state: 'ended', outcome: 'left', detail: null });
    assert.deepEqual(media.gates, ['admitted', 'closed']);
    const call = await record();
    assert.equal(call.outcome, 'room-left');
    assert.equal(states(call), 'attempt answered joining lobby admitted ended');
    assert.equal((call.endedAt ?? 0) - call.startedAt > 90 * minute, true);
    assert.deepEqual(
      call.streams.map(({ codec, lost }) => [codec, lost]),
      [
        ['G722', 1],
        ['H264', 1],
      ],
    );
    assert.equal(changes.at(-1)?.outcome, 'room-left');
  });

  it('never ends a live call because of the time', async () => {
    await open();
    await admitted();
    await clock.advance(30 * 60 * minute);
    assert.equal(calls.live()[0]?.state, 'admitted');
  });

  for (const outcome of guestOutcomes.filter((name) => name !== 'left')) {
    it(`${outcome} in the lobby: gate closed, slate, BYE with its Reason, record`, async () => {
      await open(start, { maxKnocks: 1 });
      const leg = await dial();
      guests.last.become({ state: 'lobby' });
      await clock.advance(1);
      guests.last.end(outcome, 'because');
      await clock.advance(1);
      const row = outcomeTable[outcome];
      assert.deepEqual(slates.shown.at(-1), { kind: 'ended', outcome });
      assert.equal(leg.hungUp, null);
      await clock.advance(row.slateMs);
      assert.deepEqual(leg.hungUp, row.reason);
      assert.deepEqual(bridge.opened[0]?.gates, []);
      const call = await record();
      assert.equal(call.outcome, outcome);
      assert.equal(call.detail, 'because');
      assert.equal(guests.legs.length, 1);
    });
  }

  it('knocks again when the guest page is lost in the meeting, and waits in the lobby again', async () => {
    await open();
    const { leg, media } = await admitted();
    guests.last.end('connection-lost', 'the page crashed');
    await clock.advance(1);
    assert.equal(media.gate, 'closed');
    assert.equal(slates.shown.at(-1)?.kind, 'reconnecting');
    await clock.advance(5_000);
    assert.equal(guests.legs.length, 2);
    guests.last.become({ state: 'lobby' });
    await clock.advance(1);
    assert.equal(media.gate, 'closed');
    guests.last.become({ state: 'admitted' });
    await clock.advance(1);
    assert.equal(media.gate, 'admitted');
    assert.deepEqual(leg.told, ['ring', 'accept']);
    assert.equal((await record()).knocks, 2);
  });

  it('gives up after as many knocks as configured', async () => {
    await open(start, { maxKnocks: 3 });
    const { leg } = await admitted();
    for (let knock = 1; knock <= 3; knock++) {
      guests.last.end('connection-lost');
      await clock.advance(10_000);
    }
    await clock.advance(10_000);
    assert.equal(guests.legs.length, 3);
    assert.deepEqual(leg.hungUp, outcomeTable['connection-lost'].reason);
  });

  it('never knocks after a denial, not even where a page had been lost before', async () => {
    await open();
    await admitted();
    guests.last.end('connection-lost');
    await clock.advance(5_000);
    guests.last.become({ state: 'lobby' });
    guests.last.end('denied');
    await clock.advance(60 * minute);
    assert.equal(guests.legs.length, 2);
    assert.equal((await record()).outcome, 'denied');
  });

  it('tries the next way in when the first fails before the lobby', async () => {
    await open(start, {}, true);
    await dial();
    guests.last.end('failed', 'no page');
    await clock.advance(5_000);
    assert.equal(spare.legs.length, 1);
    spare.last.become({ state: 'admitted' });
    await clock.advance(1);
    assert.equal(bridge.opened[0]?.gate, 'admitted');
    assert.equal((await record()).guest, 'second');
  });

  it('tries the next way in when a policy refused the first before the lobby, and never after it', async () => {
    await open(start, {}, true);
    await dial();
    guests.last.end('anonymous-join-disabled');
    await clock.advance(5_000);
    assert.equal(spare.legs.length, 1);
    spare.last.become({ state: 'lobby' });
    spare.last.end('captcha');
    await clock.advance(60 * minute);
    assert.deepEqual([guests.legs.length, spare.legs.length], [1, 1]);
    assert.equal((await record()).outcome, 'captcha');
  });

  it('answers an early caller, shows when the meeting opens, and joins it then', async () => {
    await open(start - 70 * minute);
    const leg = await dial();
    assert.deepEqual(leg.told, ['ring', 'accept']);
    const scene = slates.shown.at(-1);
    assert.ok(scene?.kind === 'early');
    assert.match(scene.startsAt, /08:50/);
    assert.equal(guests.legs.length, 0);
    await clock.advance(60 * minute);
    assert.equal(guests.legs.length, 1);
    assert.equal(calls.live()[0]?.state, 'joining');
  });

  it('tells an early caller when the meeting is cancelled while it waits', async () => {
    await open(start - 70 * minute);
    const leg = await dial();
    directory.entries.clear();
    await clock.advance(minute);
    assert.deepEqual(leg.hungUp, outcomeTable.withdrawn.reason);
    assert.equal((await record()).outcome, 'withdrawn');
    assert.equal(guests.legs.length, 0);
  });

  it('waits longer when the meeting is moved back while the room waits', async () => {
    await open(start - 70 * minute);
    await dial();
    directory.entries.set(token, tokenEntry(start + 30 * minute));
    await clock.advance(61 * minute);
    assert.equal(calls.live()[0]?.state, 'early');
    await clock.advance(30 * minute);
    assert.equal(calls.live()[0]?.state, 'joining');
  });

  it('gives every caller that is not let in the same 404', async () => {
    await open();
    const unknown = await dial({ user: 'somebody' });
    directory.entries.set('late', { ...tokenEntry(start), window: { from: 0, until: start } });
    const late = await dial({ user: 'late' });
    directory.entries.set(
      'guarded',
      tokenEntry(start, { room: { callers: { networks: [], identities: [], trustedPeers: [] } } }),
    );
    const stranger = await dial({ user: 'guarded' });
    for (const leg of [unknown, late, stranger]) assert.deepEqual(leg.told, ['reject 404']);
    assert.deepEqual(refused, ['unknown', 'unknown', 'unknown']);
    assert.deepEqual(await calls.records({}), []);
  });

  it('refuses more calls than it may hold with 503 and Retry-After, and says so in the records', async () => {
    await open(start, { maxCalls: 1, retryAfterSeconds: 45 });
    await dial();
    const second = await dial({ callId: 'call-2' });
    assert.deepEqual(second.rejected, { status: 503, retryAfterSeconds: 45 });
    assert.deepEqual((await calls.records({})).map(({ outcome }) => outcome).sort(), ['busy', null]);
  });

  it('ends quickly when nothing in common is found', async () => {
    await open();
    bridge.refuseNext = true;
    const leg = new FakeLeg();
    edge.call(leg);
    await clock.advance(1);
    assert.equal((await record()).outcome, 'no-common-media');
    assert.equal(guests.legs.length, 0);
  });

  it('says 503 when there is no bridge', async () => {
    await open();
    bridge.broken = true;
    const leg = await dial();
    assert.equal(leg.rejected?.status, 503);
    assert.equal((await record()).outcome, 'bridge-failed');
  });

  it('ends a call whose room has fallen silent, and one whose worker died', async () => {
    await open();
    const silent = await admitted();
    silent.media.emit('silent');
    await clock.advance(1);
    assert.deepEqual(silent.leg.hungUp, outcomeTable.silent.reason);
    const broken = await admitted();
    broken.media.emit('failed', new Error('the worker died'));
    await clock.advance(1);
    assert.deepEqual(broken.leg.hungUp, outcomeTable['bridge-failed'].reason);
    assert.deepEqual((await calls.records({})).map(({ outcome }) => outcome).sort(), ['bridge-failed', 'silent']);
  });

  it('goes on without a slate, and replaces one that is lost', async () => {
    await open();
    await admitted();
    slates.lose?.();
    await clock.advance(1);
    assert.equal(slates.opened, 2);
    slates.broken = true;
    slates.lose?.();
    await clock.advance(1);
    assert.equal(calls.live()[0]?.state, 'admitted');
  });

  it('lets the slate rest while the room is in the meeting, one that was replaced as well, and no longer', async () => {
    await open();
    await dial();
    guests.last.become({ state: 'lobby' });
    await clock.advance(1);
    assert.equal(slates.resting, false);
    guests.last.become({ state: 'admitted' });
    await clock.advance(1);
    assert.deepEqual([slates.shown.at(-1)?.kind, slates.resting], ['admitted', true]);
    slates.resting = false;
    slates.lose?.();
    await clock.advance(1);
    assert.deepEqual([slates.opened, slates.resting], [2, true]);
    guests.last.become({ state: 'ended', outcome: 'removed', detail: null });
    await clock.advance(1);
    assert.deepEqual([slates.shown.at(-1)?.kind, slates.resting], ['ended', false]);
  });

  it('passes key frame requests both ways and notes hold and resume', async () => {
    await open();
    const { leg, media } = await admitted();
    const before = media.keyFrames;
    leg.emit('keyFrameRequested');
    assert.equal(media.keyFrames, before + 1);
    media.emit('keyFrameNeeded');
    assert.equal(leg.told.at(-1), 'key frame');
    await leg.session?.answer('v=0\r\nm=audio 1 RTP/AVP 0\r\na=sendonly\r\nm=video 0 RTP/AVP 96\r\na=sendrecv\r\n');
    await leg.session?.answer('v=0\r\nm=audio 1 RTP/AVP 0\r\na=sendrecv\r\n');
    await clock.advance(1);
    assert.match(states(await record()), /admitted hold resume$/);
  });

  it('closes the gate again when the guest is gone before it was open', async () => {
    await open();
    await dial();
    guests.last.become({ state: 'admitted' });
    guests.last.end('removed');
    await clock.advance(1);
    assert.equal(bridge.opened[0]?.gate, 'closed');
  });

  it('tells live rooms that it shuts down', async () => {
    await open();
    const { leg } = await admitted();
    const closed = calls.close();
    await clock.advance(1);
    await closed;
    assert.deepEqual(leg.hungUp, outcomeTable['shutting-down'].reason);
    const late = await dial();
    assert.equal(late.rejected?.status, 503);
  });

  it('closes the records of calls that a crash cut off', async () => {
    await open();
    await admitted();
    const collection = await store.collection(callCollection);
    const [stored] = await collection.find();
    assert.equal(stored?.value.outcome, null);
    const again = await createCalls({ edge, bridge, slates, guests: [guests], directory, store, clock, log: () => {} });
    await again.close();
    assert.equal((await collection.find())[0]?.value.outcome, 'interrupted');
  });

  it('asks for pages before a busy time, within bounds', async () => {
    directory.planned = 4;
    await open(start, { warmPages: 2, maxWarmPages: 3 });
    await clock.advance(1);
    directory.planned = 0;
    await clock.advance(minute);
    assert.deepEqual(
      [guests.warmed, slates.warmed],
      [
        [3, 2],
        [3, 2],
      ],
    );
  });

  it('keeps nothing of 50 calls', async () => {
    await open(start, { maxCalls: 50, maxCallsPerRoom: 50 });
    const legs: FakeLeg[] = [];
    for (let n = 0; n < 50; n++) legs.push(await dial({ callId: `call-${n}` }));
    assert.equal(calls.live().length, 50);
    const ways: Outcome[] = ['denied', 'meeting-ended', 'failed', 'captcha'];
    for (const [n, leg] of legs.entries()) {
      const way = ways[n % 5];
      if (way === undefined) leg.end({ by: 'remote', how: 'bye', reason: null });
      else guests.legs[n]?.end(way);
    }
    await clock.advance(minute);
    for (const guest of guests.legs) if (guest.state.state !== 'ended') guest.end('failed');
    await clock.advance(5 * minute);
    for (const guest of guests.legs) if (guest.state.state !== 'ended') guest.end('failed');
    await clock.advance(5 * minute);
    assert.deepEqual(calls.live(), []);
    assert.equal(bridge.calls, 0);
    assert.equal(slates.live, 0);
    assert.deepEqual(errors, []);
  });
});
