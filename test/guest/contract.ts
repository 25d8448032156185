/**
 * The contract of guest adapters (media/guest/guest.ts), as a suite that each of them runs against a meeting with a real
 * lobby. What a meeting decides comes through `MeetingUnderTest`, never through the adapter.
 */
import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import type {
  GuestAdapter,
  GuestEnvironment,
  GuestLeg,
  GuestState,
  MeetingAddress,
  Outcome,
} from '../../media/guest/guest.ts';
import { systemClock } from '../../src/clock.ts';
import { type DeadBridge, deadBridge } from './dead-bridge.ts';

/** A meeting and its host, seen from the host's side. */
export interface MeetingUnderTest {
  address: MeetingAddress;
  /** Resolves with the names in the lobby once there are as many as this. */
  waiting(people: number): Promise<string[]>;
  /** Resolves with the outcome that the meeting itself recorded for its last guest, once there is one. */
  recorded(): Promise<Outcome>;
  admit(): Promise<void>;
  deny(): Promise<void>;
  remove(): Promise<void>;
  end(): Promise<void>;
  /** The meeting itself ends everybody's part in this way. */
  finish(outcome: Outcome): Promise<void>;
  /** Joins under a name that had been denied here. */
  knocksAfterDenial(): Promise<number>;
  /** Signals, messages and packets from somebody who was not admitted. */
  earlyMedia(): Promise<number>;
}

/** What an adapter's test must bring. */
export interface GuestSetting {
  /** The browser that the adapter opens its pages in. */
  browser(): Promise<Browser>;
  adapter(environment: Omit<GuestEnvironment, 'options'>): Promise<GuestAdapter>;
  /** A new meeting; with `ends` every join to it ends so: at once, or, past the door, when `finish` is called. */
  meeting(ends?: Outcome): Promise<MeetingUnderTest>;
  /** The link of no meeting. */
  nowhere: MeetingAddress;
  stop(): Promise<void>;
}

export interface GuestContract {
  /** The adapter's name. */
  name: string;
  /** The tag of its describe title, with the @. */
  tag: string;
  /** Which outcomes this adapter can tell apart; the others are not asked of it. `left` goes without saying. */
  outcomes: readonly Outcome[];
  /** Set up once for the suite; `null` skips it, after having said why. */
  start(): Promise<GuestSetting | null>;
}

const roomName = 'Room Ångström 2.14';

export function guestAdapterContract(contract: GuestContract): void {
  describe(`the guest adapter "${contract.name}" keeps the contract ${contract.tag}`, function () {
    this.timeout(60_000);
    let setting: GuestSetting;
    let adapter: GuestAdapter;

    before(async function () {
      const started = await contract.start();
      if (started === null) return this.skip();
      setting = started;
      adapter = await setting.adapter(environment(setting));
    });

    after(async () => {
      if (adapter === undefined) return;
      await adapter.close();
      const left = (await setting.browser()).contexts().length;
      await setting.stop();
      assert.equal(left, 0, 'contexts left after close()');
    });

    it('waits in the lobby under the room’s own name, and goes in when the host lets it in', async () => {
      const meeting = await setting.meeting();
      const guest = join(adapter, meeting.address);
      await guest.until('lobby');
      assert.deepEqual(await meeting.waiting(1), [roomName]);
      assert.deepEqual(guest.states, ['lobby']);
      assert.equal(await meeting.earlyMedia(), 0);
      await meeting.admit();
      await guest.until('admitted');
      await meeting.remove();
      await guest.until('ended');
      assert.deepEqual(guest.states, ['lobby', 'admitted', 'ended']);
      assert.equal(guest.outcome(), 'removed');
      assert.equal(await meeting.earlyMedia(), 0);
    });

    it('takes a denial as the last word: no second knock', async () => {
      const meeting = await setting.meeting();
      const guest = join(adapter, meeting.address);
      await guest.until('lobby');
      await meeting.waiting(1);
      await meeting.deny();
      await guest.until('ended');
      assert.equal(guest.outcome(), 'denied');
      assert.deepEqual(guest.states, ['lobby', 'ended']);
      await guest.leg.leave();
      assert.equal(await meeting.knocksAfterDenial(), 0);
      assert.equal(guest.outcome(), 'denied', 'leaving later changes nothing');
    });

    it('ends with the meeting, from the lobby and from inside', async () => {
      const meeting = await setting.meeting();
      const inside = join(adapter, meeting.address);
      await inside.until('lobby');
      await meeting.waiting(1);
      await meeting.admit();
      await inside.until('admitted');
      const outside = join(adapter, meeting.address);
      await outside.until('lobby');
      await meeting.waiting(1);
      await meeting.end();
      await Promise.all([inside.until('ended'), outside.until('ended')]);
      assert.deepEqual([inside.outcome(), outside.outcome()], ['meeting-ended', 'meeting-ended']);
    });

    for (const outcome of contract.outcomes) {
      it(`ends as ${outcome} when that is what happened`, async () => {
        const meeting = await setting.meeting(outcome);
        const guest = join(adapter, meeting.address);
        await guest.until('lobby', 'ended');
        if (!guest.has('ended')) {
          await meeting.waiting(1);
          if (needsAdmission.has(outcome)) {
            await meeting.admit();
            await guest.until('admitted');
          }
          await meeting.finish(outcome);
        }
        await guest.until('ended');
        assert.equal(guest.outcome(), outcome, guest.detail());
        assert.equal(guest.has('admitted'), needsAdmission.has(outcome));
        assert.equal(await meeting.earlyMedia(), 0);
      });
    }

    it('calls a link that leads nowhere a wrong link, and an address without any link as well', async () => {
      const empty: MeetingAddress = {
        url: null,
        meetingId: null,
        passcode: null,
        threadId: null,
        messageId: null,
        tenantId: null,
        organizerId: null,
      };
      const guests = [join(adapter, setting.nowhere), join(adapter, empty)];
      await Promise.all(guests.map((guest) => guest.until('ended')));
      assert.deepEqual(
        guests.map((guest) => guest.outcome()),
        ['wrong-link', 'wrong-link'],
      );
    });

    it('leaves the lobby and the meeting when told to, as often as it is told', async () => {
      const meeting = await setting.meeting();
      const guest = join(adapter, meeting.address);
      await guest.until('lobby');
      await meeting.waiting(1);
      await Promise.all([guest.leg.leave(), guest.leg.leave()]);
      await guest.leg.leave();
      assert.deepEqual(guest.states, ['lobby', 'ended']);
      assert.equal(guest.outcome(), 'left');
      assert.equal(await meeting.recorded(), 'left');
      assert.equal(guest.port.closed, true, 'the bridge’s port is closed');

      const again = join(adapter, meeting.address);
      await again.until('lobby');
      await meeting.waiting(1);
      await meeting.admit();
      await again.until('admitted');
      await again.leg.leave();
      assert.equal(again.outcome(), 'left');
      assert.equal(await meeting.recorded(), 'left');
    });

    it('gives up before it has begun, when told to at once', async () => {
      const meeting = await setting.meeting();
      const guest = join(adapter, meeting.address);
      await guest.leg.leave();
      assert.deepEqual(guest.states, ['ended']);
      assert.equal(guest.outcome(), 'left');
    });

    it('is patient in the lobby for as long as it was told, then leaves it', async () => {
      const impatient = await setting.adapter({ ...environment(setting), lobbyTimeoutMs: 400 });
      try {
        const meeting = await setting.meeting();
        const guest = join(impatient, meeting.address);
        await guest.until('ended');
        assert.deepEqual(guest.states, ['lobby', 'ended']);
        assert.equal(guest.outcome(), 'lobby-timeout');
        assert.equal(await meeting.recorded(), 'left');
      } finally {
        await impatient.close();
      }
    });

    it('ends as connection-lost when its page crashes', async () => {
      const meeting = await setting.meeting();
      const before = new Set((await setting.browser()).contexts());
      const guest = join(adapter, meeting.address);
      await guest.until('lobby');
      await meeting.waiting(1);
      await meeting.admit();
      await guest.until('admitted');
      const browser = await setting.browser();
      const fresh = browser.contexts().filter((context) => !before.has(context));
      // A warm page that was there before may be the one in use: crash every page that shows a meeting.
      for (const context of fresh.length > 0 ? browser.contexts() : [...before]) {
        for (const page of context.pages()) page.goto('chrome://crash').catch(() => undefined);
      }
      await guest.until('ended');
      assert.equal(guest.outcome(), 'connection-lost');
      await guest.leg.leave();
    });

    it('leaves no page behind for a leg that has ended', async () => {
      const meeting = await setting.meeting();
      await adapter.warm?.(0);
      const idle = (await setting.browser()).contexts().length;
      const guests = Array.from({ length: 3 }, () => join(adapter, meeting.address));
      await Promise.all(guests.map((guest) => guest.until('lobby')));
      await Promise.all(guests.map((guest) => guest.leg.leave()));
      assert.equal((await setting.browser()).contexts().length, idle);
    });
  });
}

/** Outcomes that only somebody who was inside can meet. */
const needsAdmission: ReadonlySet<Outcome> = new Set<Outcome>(['removed', 'meeting-ended', 'connection-lost']);

interface Joined {
  leg: GuestLeg;
  port: DeadBridge;
  /** Every state that was reported, in order. */
  states: GuestState['state'][];
  has(state: GuestState['state']): boolean;
  /** Resolves once any of these was reported; rejects if the leg ends without. */
  until(...states: GuestState['state'][]): Promise<void>;
  outcome(): Outcome | null;
  detail(): string;
}

function join(adapter: GuestAdapter, meeting: MeetingAddress): Joined {
  const port = deadBridge();
  const leg = adapter.join({ meeting, displayName: roomName, media: port, audioCodec: 'PCMU', video: true });
  const states: GuestState['state'][] = [];
  const waiters = new Set<() => void>();
  assert.equal(leg.state.state, 'joining');
  leg.onState((state) => {
    states.push(state.state);
    for (const wake of waiters) wake();
  });
  return {
    leg,
    port,
    states,
    has: (state) => states.includes(state),
    until: (...wanted) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const state = leg.state;
          const seen = wanted.some((one) => states.includes(one));
          if (!seen && state.state !== 'ended') return;
          waiters.delete(look);
          if (seen) resolve();
          else reject(new Error(`ended before it was ${wanted.join(' or ')}: ${JSON.stringify(state)}`));
        };
        waiters.add(look);
        look();
      }),
    outcome: () => (leg.state.state === 'ended' ? leg.state.outcome : null),
    detail: () => (leg.state.state === 'ended' ? (leg.state.detail ?? '') : ''),
  };
}

function environment(setting: GuestSetting): Omit<GuestEnvironment, 'options'> {
  return { browser: () => setting.browser(), clock: systemClock, lobbyTimeoutMs: 60_000, log: () => {} };
}
