import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type GuestLeg, type GuestState, type Outcome, outcomes } from '../../media/guest/guest.ts';
import { type LegControl, type LegPage, startLeg } from '../../media/guest/leg.ts';
import { SimulatedClock } from '../../src/clock.ts';

const joinTimeoutMs = 45_000;
const lobbyTimeoutMs = 60_000;
/** More than any timer of a leg. */
const ages = 600_000;

/** A leg whose page, meeting and time do what a test says, and when. */
class Rig {
  readonly clock = new SimulatedClock(0);
  readonly leg: GuestLeg;
  /** Every state that was reported, in order. */
  readonly states: GuestState[] = [];
  /** What the adapter was given; null until the page is there. */
  control: LegControl | null = null;
  released = 0;
  clearedAway = 0;
  /** How often the adapter was told to say goodbye. */
  goodbyes = 0;
  readonly #page = Promise.withResolvers<{ page: LegPage; release(): Promise<void> }>();
  readonly #joining = Promise.withResolvers<void>();
  readonly #goodbye = Promise.withResolvers<void>();
  readonly #heard = { crash: new Set<() => void>(), close: new Set<() => void>() };
  #closed = false;

  constructor() {
    // They may fail before anybody waits for them.
    this.#joining.promise.catch(() => {});
    this.#goodbye.promise.catch(() => {});
    this.leg = startLeg({
      clock: this.clock,
      joinTimeoutMs,
      lobbyTimeoutMs,
      page: () => this.#page.promise,
      join: (_page, control) => {
        this.control = control;
        return this.#joining.promise;
      },
      goodbye: () => {
        this.goodbyes++;
        return this.#goodbye.promise;
      },
      ended: () => {
        this.clearedAway++;
      },
    });
    this.leg.onState((state) => this.states.push(state));
  }

  /** As a call's gate: open from one report to the next. */
  get gate(): 'open' | 'closed' {
    return this.states.at(-1)?.state === 'admitted' ? 'open' : 'closed';
  }

  get ended(): boolean {
    return this.leg.state.state === 'ended';
  }

  get words(): string[] {
    return this.states.map((state) => (state.state === 'ended' ? state.outcome : state.state));
  }

  opens(): void {
    const page: LegPage = {
      once: (event, listener) => this.#heard[event].add(listener),
      isClosed: () => this.#closed,
    };
    const release = async (): Promise<void> => {
      this.released++;
      this.breaks('close');
    };
    this.#page.resolve({ page, release });
  }

  neverOpens(): void {
    this.#page.reject(new Error('there is no browser'));
  }

  breaks(how: 'crash' | 'close'): void {
    if (how === 'close') this.#closed = true;
    for (const listener of this.#heard[how]) listener();
    this.#heard[how].clear();
  }

  joinFails(): void {
    this.#joining.reject(new Error('the page threw'));
  }

  goodbyeIsSaid(): void {
    this.#goodbye.resolve();
  }

  goodbyeFails(): void {
    this.#goodbye.reject(new Error('the page is gone'));
  }

  settle(): Promise<void> {
    return this.clock.advance(0);
  }
}

describe('a guest leg that is leaving @guests @sgj', () => {
  /** A leg as far as the lobby. */
  async function waiting(): Promise<Rig> {
    const rig = new Rig();
    rig.opens();
    await rig.settle();
    rig.control?.lobby();
    assert.deepEqual(rig.words, ['lobby']);
    return rig;
  }

  it('is not let in by what was seen before it left and is told afterwards', async () => {
    const rig = await waiting();
    const look = Promise.withResolvers<'the call'>();
    const looked = look.promise.then(() => rig.control?.admitted());
    const left = rig.leg.leave();
    await rig.settle();
    assert.equal(rig.goodbyes, 1, 'it is saying goodbye');
    look.resolve('the call');
    await looked;
    assert.deepEqual(rig.words, ['lobby'], 'between its goodbye and its end nothing happens');
    rig.goodbyeIsSaid();
    await left;
    assert.deepEqual(rig.words, ['lobby', 'left']);
    rig.control?.admitted();
    assert.deepEqual(rig.words, ['lobby', 'left']);
  });

  it('is not let in while it leaves a lobby where nobody came, and ends for that reason', async () => {
    const rig = await waiting();
    await rig.clock.advance(lobbyTimeoutMs);
    assert.equal(rig.goodbyes, 1);
    rig.control?.admitted();
    rig.control?.end('left');
    await rig.settle();
    assert.deepEqual(rig.words, ['lobby', 'lobby-timeout']);
  });

  it('does not come to the lobby any more, and the adapter knows', async () => {
    const rig = new Rig();
    rig.opens();
    await rig.settle();
    assert.equal(rig.control?.leaving, false);
    void rig.leg.leave();
    assert.equal(rig.control?.leaving, true);
    rig.control?.lobby();
    rig.goodbyeIsSaid();
    await rig.leg.leave();
    assert.deepEqual(rig.words, ['left']);
    assert.equal(rig.control?.leaving, true);
  });

  for (const how of ['crash', 'close'] as const) {
    it(`has left, and is not lost, when its page's ${how} comes first`, async () => {
      const rig = await waiting();
      const left = rig.leg.leave();
      rig.breaks(how);
      await left;
      assert.deepEqual(rig.words, ['lobby', 'left']);
      assert.equal(rig.released, 1);
    });
  }

  it('waits for a goodbye that never comes no longer than it promised', async () => {
    const rig = await waiting();
    const left = rig.leg.leave();
    await rig.clock.advance(1_499);
    assert.deepEqual(rig.words, ['lobby']);
    await rig.clock.advance(1);
    await left;
    assert.deepEqual(rig.words, ['lobby', 'left']);
  });

  it('gives a page back that comes only after it has left, and does not join in it', async () => {
    const rig = new Rig();
    const left = rig.leg.leave();
    await rig.settle();
    assert.deepEqual(rig.words, ['left']);
    rig.opens();
    await left;
    assert.equal(rig.control, null);
    assert.equal(rig.released, 1);
  });
});

type Event =
  | { do: 'opens' | 'never-opens' | 'lobby' | 'admitted' | 'crash' | 'close' | 'join-fails' | 'leave' }
  | { do: 'goodbye-said' | 'goodbye-fails' | 'settle' }
  | { do: 'end'; outcome: Outcome }
  | { do: 'time'; ms: number };

const anEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Event>({ do: 'opens' }, { do: 'lobby' }, { do: 'admitted' }) },
  { weight: 2, arbitrary: fc.constantFrom<Event>({ do: 'leave' }, { do: 'settle' }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Event>(
      { do: 'never-opens' },
      { do: 'crash' },
      { do: 'close' },
      { do: 'join-fails' },
      { do: 'goodbye-said' },
      { do: 'goodbye-fails' },
    ),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), outcome: fc.constantFrom(...outcomes) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('time' as const),
      ms: fc.constantFrom(1, 1_500, joinTimeoutMs - 1, joinTimeoutMs, lobbyTimeoutMs),
    }),
  },
);

describe('a guest leg in whatever order things happen @guests @sgj', function () {
  this.timeout(600_000);

  it('opens nothing unless it was let in and is not leaving, ends once and in one way, and gives its page back', async () => {
    const property = fc.asyncProperty(fc.array(anEvent, { maxLength: 14 }), walk);
    await fc.assert(property, { numRuns: process.env['USHER_LONG'] === '1' ? 50_000 : 1_000 });
  });

  async function walk(events: readonly Event[]): Promise<void> {
    const rig = new Rig();
    const leaves: Promise<void>[] = [];
    let [parting, opened]: [Outcome | null, boolean] = [null, false];
    rig.leg.onState((state) => {
      if (state.state === 'admitted') assert.equal(rig.goodbyes, 0, 'nobody comes in who has said goodbye');
    });
    for (const event of events) {
      const before = rig.gate;
      const live = !rig.ended;
      if (event.do === 'leave' && live && rig.goodbyes === 0) parting ??= 'left';
      await happen(rig, event, leaves);
      if (rig.goodbyes > 0) parting ??= 'lobby-timeout';
      if (before === 'closed' && rig.gate === 'open') {
        assert.equal(event.do, 'admitted', 'only the meeting lets in');
        assert.equal(parting, null, 'nobody comes in who is leaving');
      }
      if (live && rig.ended && parting !== null) assert.equal(rig.words.at(-1), parting);
      opened ||= event.do === 'opens' || event.do === 'never-opens';
    }
    leaves.push(rig.leg.leave());
    // A page that nobody brought may still come; the first word about it is the one that counts.
    if (!opened) rig.opens();
    await rig.clock.advance(ages);
    await Promise.all(leaves);
    const said = [...rig.words];
    rig.control?.lobby();
    rig.control?.admitted();
    rig.control?.end('denied');
    rig.breaks('crash');
    await rig.clock.advance(ages);
    assert.deepEqual(rig.words, said, 'after the end nothing is heard');
    const { length } = rig.states.filter(({ state }) => state === 'ended');
    assert.equal(length, 1, said.join());
    assert.match(rig.states.map(({ state }) => state).join(' '), /^(lobby )?(admitted )?ended$/);
    assert.equal(rig.clearedAway, 1);
    assert.ok(rig.released <= 1 && (rig.control === null || rig.released === 1), 'the page was given back');
    assert.ok(rig.goodbyes <= 1);
  }

  async function happen(rig: Rig, event: Event, leaves: Promise<void>[]): Promise<void> {
    switch (event.do) {
      case 'opens':
        return rig.opens();
      case 'never-opens':
        return rig.neverOpens();
      case 'lobby':
        return rig.control?.lobby();
      case 'admitted':
        return rig.control?.admitted();
      case 'end':
        return rig.control?.end(event.outcome);
      case 'crash':
      case 'close':
        return rig.breaks(event.do);
      case 'join-fails':
        return rig.joinFails();
      case 'goodbye-said':
        return rig.goodbyeIsSaid();
      case 'goodbye-fails':
        return rig.goodbyeFails();
      case 'leave':
        leaves.push(rig.leg.leave());
        return;
      case 'settle':
        return rig.settle();
      case 'time':
        return rig.clock.advance(event.ms);
    }
  }
});
