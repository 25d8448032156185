/** One room at work: reads its calendar, keeps its plan, tells those who watch it. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Calendar, Window } from '../../connectors/calendars/calendar.ts';
import { CalendarUnavailable } from '../../connectors/calendars/calendar.ts';
import type { Device, RoomView } from '../../connectors/devices/device.ts';
import type { Invite, Understanding } from '../../parsers/invite.ts';
import type { Clock } from '../clock.ts';
import { type Collection, StoreConflict } from '../store/store.ts';
import { type PlannedEntry, planRoom, type RefusalsOf } from './plan.ts';
import { fromStored, type Plan, type StoredPlan, toStored } from './plan-store.ts';
import { RetryAfter } from './queue.ts';
import type { Secret } from './secret.ts';
import type { RoomSettings } from './settings.ts';

/** Understands invites, outside this thread; answers in order. Never rejects because of what an invite holds. */
export type Understand = (invites: readonly Invite[]) => Promise<readonly Understanding[]>;

/** When a room is read again whose plan another process stored meanwhile, milliseconds. */
const overtakenRetryMs = 200;
/** A calendar of more items than this is worked on in several turns of the event loop, so that no SIP message waits for all. */
const many = 500;

export interface RoomParts {
  settings: RoomSettings;
  calendar: Calendar;
  devices: readonly Device[];
  /** How long to wait until the calendar is read again if it tells of no change, milliseconds. */
  pollMs: () => number;
}

export interface RoomSurroundings {
  clock: Clock;
  secret: Secret;
  plans: Collection<StoredPlan>;
  understand: Understand;
  /** What was refused to guests before; default: nothing is known. */
  refusals?: RefusalsOf;
  window: { backMs: number; aheadMs: number };
}

export class Room {
  readonly settings: RoomSettings;
  readonly calendar: Calendar;
  readonly devices: readonly Device[];
  readonly pollMs: () => number;
  readonly #around: RoomSurroundings;
  readonly #listeners = new Set<() => void>();
  #plan: Plan = { revision: 0, readAt: null, problems: [], planned: [] };
  #byToken = new Map<string, PlannedEntry>();
  #unavailable: string | null = null;
  #unstored = false;
  /** Of what the store holds, as far as this process knows; `null` where it holds nothing. */
  #version: number | null = null;

  constructor(parts: RoomParts, around: RoomSurroundings) {
    this.settings = parts.settings;
    this.calendar = parts.calendar;
    this.devices = parts.devices;
    this.pollMs = parts.pollMs;
    this.#around = around;
  }

  get id(): string {
    return this.settings.id;
  }

  get plan(): Plan {
    return this.#plan;
  }

  /** What kept the last reading from being complete, `null` if nothing did. */
  get unavailable(): string | null {
    return this.#unavailable;
  }

  view(): RoomView {
    const { id, name, timeZone, language } = this.settings;
    const entries = this.#plan.planned.map(({ entry }) => entry);
    return { roomId: id, roomName: name, timeZone, language, entries, revision: this.#plan.revision };
  }

  /** The entry that a dial token is for; tokens are compared without regard to case. */
  byToken(token: string): PlannedEntry | null {
    return this.#byToken.get(token.toLowerCase()) ?? null;
  }

  tokens(): Iterable<string> {
    return this.#byToken.keys();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes up what the store kept from before. */
  async restore(): Promise<void> {
    const stored = await this.#around.plans.get(this.id);
    if (stored === null) return;
    this.#version = stored.version;
    this.#adopt(fromStored(this.settings, stored.value, this.#around.secret));
  }

  /**
   * Takes up what another process that acts for this room has stored since.
   * @returns whether what the room shows has changed
   */
  async follow(): Promise<boolean> {
    const stored = await this.#around.plans.get(this.id);
    // Never backwards: this process may have become the one that acts while the store answered.
    if (stored === null || stored.version <= (this.#version ?? 0)) return false;
    this.#version = stored.version;
    return this.#takeUp(stored.value);
  }

  /**
   * What another process has stored later holds, whatever its revision: a plan that could not be stored here may have been
   * counted with the same number.
   * @returns whether what the room shows has changed
   */
  #takeUp(value: StoredPlan): boolean {
    const before = this.#plan;
    const plan = fromStored(this.settings, value, this.#around.secret);
    this.#adopt(plan);
    const same = plan.revision === before.revision && JSON.stringify(plan.planned) === JSON.stringify(before.planned);
    if (!same) for (const listener of [...this.#listeners]) listener();
    return !same;
  }

  /**
   * Reads the calendar and brings the plan up to date. What cannot be read leaves the plan as it is.
   * @returns whether what the room shows has changed
   */
  async refresh(signal: AbortSignal): Promise<boolean> {
    const { clock, secret, understand, refusals, window } = this.#around;
    const now = clock.now();
    const known = this.#version;
    const span: Window = { from: now - window.backMs, to: now + window.aheadMs };
    const reading = await this.#read(span, signal);
    const understandings = await understand(reading.invites);
    const calendar = reading.invites.flatMap((invite, index) => {
      const understanding = understandings[index];
      return understanding === undefined ? [] : [{ invite, understanding }];
    });
    const breathe = reading.invites.length > many ? nextTurn : async (): Promise<void> => {};
    await breathe();
    const planned = planRoom(this.settings, calendar, secret, refusals);
    await breathe();
    const changed = JSON.stringify(planned) !== JSON.stringify(this.#plan.planned);
    const retold = JSON.stringify(reading.problems) !== JSON.stringify(this.#plan.problems);
    const first = this.#plan.readAt === null;
    const revision = this.#plan.revision + (changed || first ? 1 : 0);
    const plan = { revision, readAt: now, problems: reading.problems, planned };
    // Stored first: what anyone has seen is there after a crash. A store that fails keeps no button from a room, though.
    let unstored: { reason: unknown } | null = null;
    await breathe();
    // Whoever acts for the room by now has read it later than this.
    signal.throwIfAborted();
    if (changed || retold || first || this.#unstored) {
      await this.#store(toStored(this.settings, plan), known).catch(async (reason: unknown) => {
        if (reason instanceof StoreConflict) throw await this.#overtaken(reason);
        unstored = { reason };
      });
    }
    await breathe();
    this.#adopt(plan);
    if (changed || first) for (const listener of [...this.#listeners]) listener();
    this.#storing(unstored);
    return changed;
  }

  /**
   * Only over what this process knew of when it began to read, not over what it followed meanwhile: one that stood still in a
   * reading does not undo what its successor stored.
   */
  async #store(value: StoredPlan, known: number | null): Promise<void> {
    const { plans } = this.#around;
    const stored = known === null ? await plans.insert(this.id, value) : await plans.replace(this.id, value, known);
    this.#version = stored.version;
  }

  /** Takes up what another process stored meanwhile. Where the room is this process's after all, it is read again. */
  async #overtaken(reason: StoreConflict): Promise<unknown> {
    const found = await this.#around.plans.get(this.id);
    this.#version = found?.version ?? null;
    if (found !== null) this.#takeUp(found.value);
    this.#unstored = true;
    return new RetryAfter(overtakenRetryMs, { cause: reason });
  }

  /** @throws what kept the plan from being stored, so that it is tried again */
  #storing(failure: { reason: unknown } | null): void {
    this.#unstored = failure !== null;
    if (failure === null) return;
    const why = failure.reason instanceof Error ? failure.reason.message : String(failure.reason);
    this.#unavailable = `the plan is shown but could not be stored: ${why}`;
    throw failure.reason;
  }

  async #read(span: Window, signal: AbortSignal) {
    try {
      const reading = await this.calendar.read(span, signal);
      this.#unavailable = null;
      return reading;
    } catch (error) {
      this.#unavailable = error instanceof Error ? error.message : String(error);
      if (!(error instanceof CalendarUnavailable)) throw error;
      throw error.retryAfterMs === null ? error : new RetryAfter(error.retryAfterMs, { cause: error });
    }
  }

  #adopt(plan: Plan): void {
    this.#plan = plan;
    this.#byToken = new Map(
      plan.planned.flatMap((planned): [string, PlannedEntry][] =>
        planned.guest === null ? [] : [[planned.guest.token, planned]],
      ),
    );
  }
}
