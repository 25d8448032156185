/**
 * Makes the lists on pushed devices equal to the plans of their rooms: compare what is wanted with what the device says
 * it has, write the difference, read back, again and again until they agree. A device that is away waits in its own
 * back-off and holds no place that another device needs.
 */
import type { BaseLogger } from 'pino';
import {
  type DeviceEntry,
  DeviceError,
  type JoinEntry,
  type PushedDevice,
  type Writer,
} from '../../connectors/devices/device.ts';
import type { Clock } from '../clock.ts';
import { type Collection, StoreConflict, type Stored } from '../store/store.ts';
import { type DeviceRecord, newDeviceRecord } from './device-store.ts';
import { differences, digest } from './differences.ts';
import { inDoubtRetryMs, type LeaseOf, unshared } from './lease.ts';
import { KeyedQueue, RetryAfter } from './queue.ts';
import type { Room } from './room.ts';

export interface ReconcilerOptions {
  clock: Clock;
  log: BaseLogger;
  devices: Collection<DeviceRecord>;
  /** Devices that are written to at the same time. */
  concurrency?: number;
  /** How often a device's list is compared when nothing changed, milliseconds. Default 10 minutes. */
  compareEveryMs?: number;
  /** How long a pass over a device may take, milliseconds. Default 30 seconds. */
  passTimeoutMs?: number;
}

/** So many times within the hour may confirmed entries vanish before we take it that another system manages the device. */
const vanishingsTolerated = 3;
const vanishingWindowMs = 60 * 60_000;
/** Where they are gone at once, again and again while we retry, they count as often as this, milliseconds. */
const goneAtOnceEveryMs = 5 * 60_000;
/** After this long we try a device again that we left to another system. */
const heldBackForMs = 24 * 60 * 60_000;
/** A device whose record another process stored meanwhile is looked at again after this, milliseconds, if it is ours still. */
const overtakenRetryMs = 200;

interface Target {
  room: Room;
  device: PushedDevice;
  record: DeviceRecord;
  /** At which version the store had it when this process last read or wrote it there; null where it has none. */
  version: number | null;
  /** What it listed last, `null` until it has: what vanished before, a reboot may have taken. */
  found: readonly DeviceEntry[] | null;
  /** Whether it could not be reached since it confirmed a list: what it forgot meanwhile, nobody took away. */
  away: boolean;
  cancelCompare: (() => void) | null;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #targets = new Map<string, Target>();
  readonly #queue: KeyedQueue;
  readonly #stops: (() => Promise<void>)[] = [];
  /** Passes under way, by device. */
  readonly #passes = new Map<string, Promise<void>>();
  #leaseOf: LeaseOf = unshared;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#queue = new KeyedQueue({
      clock: options.clock,
      concurrency: options.concurrency ?? 64,
      placeForMs: 10,
      firstRetryMs: 2_000,
      longestRetryMs: 5 * 60_000,
      work: (deviceId, signal) => this.#leasedPass(deviceId, signal),
      onFailure: (deviceId, error, retryInMs) => this.#failed(deviceId, error, retryInMs),
    });
  }

  /** @param leaseOf which rooms are this process's, where several share the store */
  async start(rooms: readonly Room[], leaseOf: LeaseOf = unshared): Promise<void> {
    this.#leaseOf = leaseOf;
    for (const room of rooms) {
      for (const device of room.devices) {
        if (device.kind !== 'pushed') continue;
        const { id } = device.description;
        const record = newDeviceRecord(id, room.id);
        const unseen = { version: null, found: null, away: false, cancelCompare: null };
        const target: Target = { room, device, record, ...unseen };
        takeUp(target, await this.#options.devices.get(id));
        // Whoever restarts Usher may have set it right; of several processes one is restarted now and then for other reasons.
        if (leaseOf === unshared) target.record = { ...target.record, heldBackSince: null };
        this.#targets.set(id, target);
        if (device.watch) this.#stops.push(device.watch(() => this.#queue.add(id)));
        // A plan that has never been read is not pushed: an empty list that nobody meant would take buttons away.
        if (room.plan.readAt !== null) this.#queue.add(id);
      }
    }
  }

  /** Begins to act for a room that another process acted for. */
  async takeOver(room: Room): Promise<void> {
    for (const target of this.#targetsOf(room.id)) {
      const stored = await this.#options.devices.get(target.record.deviceId);
      // Never backwards: a push of this process may have stored something while the store answered.
      if (stored !== null && stored.version > (target.version ?? 0)) takeUp(target, stored);
      target.found = null;
      target.away = false;
    }
    this.planChanged(room);
  }

  /** Resolves when nothing is under way for the room any more; its lease, which has ended, keeps anything else from it. */
  async released(roomId: string): Promise<void> {
    const targets = this.#targetsOf(roomId);
    for (const target of targets) target.cancelCompare?.();
    await Promise.allSettled(targets.map(({ record }) => this.#passes.get(record.deviceId)));
  }

  planChanged(room: Room): void {
    for (const device of room.devices) if (device.kind === 'pushed') this.#queue.add(device.description.id);
  }

  /** What is known of a device, for status. */
  record(deviceId: string): DeviceRecord | null {
    return this.#targets.get(deviceId)?.record ?? null;
  }

  /**
   * What differs on a device from what its room should have there, each a few words; none where the device confirmed all
   * of it. Of a room that another process acts for nothing is known here.
   */
  differs(deviceId: string): readonly string[] {
    const target = this.#targets.get(deviceId);
    if (target === undefined || target.room.plan.readAt === null || this.#leaseOf(target.room.id) === null) return [];
    const { room, device, found, record } = target;
    const now = this.#options.clock.now();
    return differences({ device, wanted: wantedOn(room, now), found, sent: record.sent, now });
  }

  settled(): Promise<void> {
    return this.#queue.idle();
  }

  async close(): Promise<void> {
    for (const target of this.#targets.values()) target.cancelCompare?.();
    await Promise.all(this.#stops.map((stop) => stop()));
    await this.#queue.close();
    await Promise.all([...this.#targets.values()].map(({ device }) => device.close()));
  }

  #targetsOf(roomId: string): Target[] {
    return [...this.#targets.values()].filter(({ room }) => room.id === roomId);
  }

  async #leasedPass(deviceId: string, stop: AbortSignal): Promise<void> {
    const room = this.#targets.get(deviceId)?.room;
    const lease = room === undefined ? null : this.#leaseOf(room.id);
    if (lease === null) return;
    if (!lease.valid()) throw inDoubt();
    const { holder, fence } = lease;
    const pass = this.#pass(deviceId, AbortSignal.any([stop, lease.signal]), {
      lease: holder === undefined || fence === undefined ? null : { holder, fence },
      mayWrite: () => lease.valid(),
    });
    this.#passes.set(deviceId, pass);
    try {
      await pass;
    } catch (error) {
      // Cut off because the room is another process's now: nothing to try again.
      if (!lease.signal.aborted) throw error;
    } finally {
      this.#passes.delete(deviceId);
    }
  }

  async #pass(deviceId: string, stop: AbortSignal, writer: Writer): Promise<void> {
    const target = this.#targets.get(deviceId);
    if (target === undefined || target.room.plan.readAt === null) return;
    const { clock } = this.#options;
    const { record, version } = target;
    if (record.heldBackSince !== null && clock.now() - record.heldBackSince < heldBackForMs) {
      this.#compareLater(deviceId, target, heldBackForMs - (clock.now() - record.heldBackSince));
      return;
    }
    await this.#withTimeout(stop, async (signal) => {
      const { revision } = target.room.plan;
      const wanted = wantedOn(target.room, clock.now());
      const found = await target.device.list(signal);
      // Whoever acts for the room by now has looked later than this.
      signal.throwIfAborted();
      if (await this.#noteVanished(target, wanted, found, signal)) {
        await this.#storeHeldBack(target, version);
        return;
      }
      // The list may have taken long. The device asks once more when the first byte of a write is about to go.
      if (!writer.mayWrite()) throw inDoubt();
      const { sent } = target.record;
      const same = differences({ device: target.device, wanted, found, sent, now: clock.now() }).length === 0;
      if (!same && (await this.#write(target, wanted, signal, writer)) === 'held back') {
        await this.#storeHeldBack(target, version);
        return;
      }
      signal.throwIfAborted();
      await this.#confirmed(target, wanted, version);
      const facts = { room: target.room.id, device: deviceId, entries: wanted.length, revision, written: !same };
      this.#options.log.debug(facts, 'device has the plan');
    });
    this.#compareLater(deviceId, target, this.#options.compareEveryMs ?? 10 * 60_000);
  }

  /** @throws DeviceError where the device does not show what it took */
  async #write(
    target: Target,
    wanted: readonly JoinEntry[],
    signal: AbortSignal,
    writer: Writer,
  ): Promise<'written' | 'held back'> {
    const { device } = target;
    const { clock } = this.#options;
    const from = clock.now();
    await device.replace(wanted, signal, writer);
    const found = await device.list(signal);
    target.found = found;
    const left = differences({ device, wanted, found, sent: null, now: clock.now() });
    if (left.length === 0) return 'written';
    const missing = wanted.filter(({ id }) => !found.some((entry) => entry.id === id)).length;
    const allGone = missing > 0 && missing === wanted.length;
    const last = target.record.vanishedAt.at(-1) ?? Number.NEGATIVE_INFINITY;
    const counts = allGone && clock.now() - last >= goneAtOnceEveryMs;
    if (counts && !(await this.#restartedSince(target, from, signal)) && this.#vanished(target)) return 'held back';
    throw new DeviceError(
      'refused',
      `took the list but does not show it as sent (${missing} of ${wanted.length} entries missing, the rest differ)` +
        (allGone ? '; another system (TMS, a hybrid calendar) may replace its list' : ''),
    );
  }

  async #confirmed(target: Target, wanted: readonly JoinEntry[], known: number | null): Promise<void> {
    const now = this.#options.clock.now();
    target.away = false;
    target.record = {
      ...target.record,
      confirmed: wanted.map(({ id }) => id),
      sent: Object.fromEntries(wanted.map((entry) => [entry.id, digest(entry)])),
      confirmedAt: now,
      contactAt: now,
      problem: null,
      problemAt: null,
    };
    await this.#store(target, known);
  }

  /**
   * Only over what this process knew of when it began with the device: one that stood still in a push does not undo what its
   * successor stored. An old record would not only have a device written to once more than needed: of what a device does not
   * tell back (the organiser) it says what the device no longer has.
   */
  async #store(target: Target, known: number | null): Promise<void> {
    const { devices } = this.#options;
    const { record } = target;
    try {
      const stored =
        known === null
          ? await devices.insert(record.deviceId, record)
          : await devices.replace(record.deviceId, record, known);
      target.version = stored.version;
    } catch (error) {
      if (!(error instanceof StoreConflict)) throw error;
      takeUp(target, await devices.get(record.deviceId));
      throw new RetryAfter(overtakenRetryMs, { cause: error });
    }
  }

  async #storeHeldBack(target: Target, known: number | null): Promise<void> {
    const { deviceId } = target.record;
    this.#options.log.error({ room: target.room.id, device: deviceId }, managedElsewhere);
    try {
      await this.#store(target, known);
    } catch (error) {
      if (error instanceof RetryAfter) throw error;
      this.#options.log.error({ device: deviceId, err: error }, 'not stored');
    }
  }

  /**
   * Counts entries that the device confirmed, that are still wanted and that nobody of us removed, but that are all gone;
   * not where it was restarted or away meanwhile, since devices forget their list then.
   * @returns whether the device is left to another system from now on
   */
  async #noteVanished(
    target: Target,
    wanted: readonly JoinEntry[],
    found: readonly DeviceEntry[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const now = this.#options.clock.now();
    const { record } = target;
    const expected = wanted.filter(({ id }) => record.confirmed.includes(id));
    const gone = expected.filter(({ id }) => !found.some((entry) => entry.id === id));
    const allGone = target.found !== null && expected.length > 0 && gone.length === expected.length;
    target.found = found;
    const recent = record.vanishedAt.filter((at) => now - at < vanishingWindowMs);
    target.record = { ...record, contactAt: now, vanishedAt: recent, heldBackSince: null };
    if (!allGone || target.away || (await this.#restartedSince(target, record.confirmedAt ?? 0, signal))) return false;
    return this.#vanished(target);
  }

  async #restartedSince(target: Target, since: number, signal: AbortSignal): Promise<boolean> {
    try {
      const startedAt = (await target.device.startedAt?.(signal)) ?? null;
      signal.throwIfAborted();
      return startedAt !== null && startedAt >= since;
    } catch (error) {
      if (error instanceof DeviceError && !signal.aborted) return false;
      throw error;
    }
  }

  /**
   * Counts a list of ours that somebody took away.
   * @returns whether that has happened so often that the device is left to them
   */
  #vanished(target: Target): boolean {
    const now = this.#options.clock.now();
    const vanishedAt = [...target.record.vanishedAt, now];
    const held = vanishedAt.length > vanishingsTolerated;
    target.record = held
      ? { ...target.record, vanishedAt: [], heldBackSince: now, problem: managedElsewhere, problemAt: now }
      : { ...target.record, vanishedAt };
    return held;
  }

  #failed(deviceId: string, error: unknown, retryInMs: number): void {
    const target = this.#targets.get(deviceId);
    if (target === undefined) return;
    if (error instanceof DeviceError && error.kind === 'unreachable') target.away = true;
    const problem = error instanceof Error ? error.message : String(error);
    target.record = { ...target.record, problem, problemAt: this.#options.clock.now() };
    this.#options.log.warn({ room: target.room.id, device: deviceId, problem, retryInMs }, 'device not up to date');
  }

  #compareLater(deviceId: string, target: Target, ms: number): void {
    target.cancelCompare?.();
    target.cancelCompare = this.#options.clock.after(ms, () => this.#queue.add(deviceId));
  }

  async #withTimeout(stop: AbortSignal, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const limit = this.#options.passTimeoutMs ?? 30_000;
    const late = new AbortController();
    const cancel = this.#options.clock.after(limit, () =>
      late.abort(new DeviceError('unreachable', `did not finish within ${limit / 1000} s`)),
    );
    try {
      await run(AbortSignal.any([stop, late.signal]));
    } finally {
      cancel();
    }
  }
}

const managedElsewhere =
  'Our entries keep vanishing from this device: another system (TMS, a hybrid calendar) manages its list. Usher has ' +
  'stopped pushing to it for a day, or until it is restarted. Take the device out of the other system, or out of usher.yaml.';

/** What the store knows of a device; where it knows nothing, what this process knows. */
function takeUp(target: Target, stored: Stored<DeviceRecord> | null): void {
  target.version = stored?.version ?? null;
  if (stored !== null) target.record = stored.value;
}

/** Thrown where the room may be another process's soon, or may not. */
function inDoubt(): RetryAfter {
  return new RetryAfter(inDoubtRetryMs, { cause: new Error('waits: the store was not reached lately') });
}

/** Entries whose button is gone for good are not pushed; a device forgets them by itself. */
function wantedOn(room: Room, now: number): JoinEntry[] {
  return room.view().entries.filter(({ buttonUntil }) => buttonUntil > now);
}
