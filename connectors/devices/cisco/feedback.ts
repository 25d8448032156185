/**
 * A feedback slot of one device: taken where one is free, looked at from time to time, taken again when it is gone (a
 * reboot, another system), given back at the end. Slots that others use are left alone.
 */
import { childrenNamed, childText } from '../../../parsers/read/xml.ts';
import type { ConnectorClock } from '../../calendars/calendar.ts';
import { DeviceError } from '../device.ts';
import { deregisterFeedbackCommand, registerFeedbackCommand, resultOf } from './commands.ts';
import type { CiscoConnection } from './connection.ts';
import type { FeedbackListener } from './feedback-listener.ts';

export interface FeedbackOptions {
  listener: FeedbackListener;
  /** The unguessable part of the device's address at the listener. */
  key: string;
  /** How often the slot is looked at, milliseconds. Default 2 minutes. */
  lookEveryMs?: number;
}

/** A device has four; slot 3 is what TMS takes, whether it has done so yet or not (API guides, HttpFeedback Register). */
const slots = ['1', '2', '4'] as const;
/** `/Event/Bookings` has SyncRequired, Updated, Deleted and the others; what a firmware does not know is never sent. */
const expressions = ['/Event/Bookings', '/Event/BootEvent'] as const;
/** How long giving the slot back may take when Usher ends, milliseconds. */
const closeWithinMs = 1_500;

export class CiscoFeedback {
  readonly #options: FeedbackOptions;
  readonly #connection: CiscoConnection;
  readonly #clock: ConnectorClock;
  readonly #changed: () => void;
  readonly #address: { url: string; close(): void };
  readonly #stop = new AbortController();
  #begun = false;
  /** Whether it could not be reached the last time. */
  #away = false;
  #cancelLook: () => void = () => {};
  /** Why there is no slot, `null` where there is one or nobody has looked. */
  #trouble: string | null = null;

  constructor(options: FeedbackOptions, connection: CiscoConnection, clock: ConnectorClock, changed: () => void) {
    this.#options = options;
    this.#connection = connection;
    this.#clock = clock;
    this.#changed = changed;
    this.#address = options.listener.open(options.key, changed);
  }

  get trouble(): string | null {
    return this.#unreachable ?? this.#trouble;
  }

  /** Where the address leads to this machine alone, the device would post to itself. */
  get #unreachable(): string | null {
    const { hostname } = new URL(this.#address.url);
    if (!isThisMachine(hostname) || isThisMachine(this.#connection.address)) return null;
    return `cannot reach ${hostname}, where it is to tell of changes: set cisco.feedback.publicUrl to an address that it can`;
  }

  /** To be called when the device has answered: whoever never lists it (the room is another process's) takes no slot. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    void this.#look();
  }

  /** Never rejects, and does not wait for a device that hangs. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#cancelLook();
    this.#address.close();
    if (!this.#begun) return;
    const late = new AbortController();
    const cancel = this.#clock.after(closeWithinMs, () => late.abort());
    const ended = new Promise<void>((resolve) => late.signal.addEventListener('abort', () => resolve()));
    await Promise.race([this.#giveBack(late.signal).catch(() => {}), ended]);
    cancel();
  }

  /** Never rejects: what the device is asked next says why it cannot be reached. */
  async #look(): Promise<void> {
    const { signal } = this.#stop;
    try {
      const registered = await this.#keep(signal);
      // Until now nothing was told; and where a slot of ours is gone, the device was restarted. One that was away is back.
      if ((registered || this.#away) && !signal.aborted) this.#changed();
      this.#away = false;
    } catch (error) {
      if (error instanceof DeviceError && error.kind === 'unreachable') this.#away = true;
      if (error instanceof DeviceError && (error.kind === 'refused' || error.kind === 'unsupported')) {
        this.#trouble = `registers no HttpFeedback (${error.message}), ${onlyCompared}`;
      }
    }
    if (this.#stop.signal.aborted) return;
    this.#cancelLook = this.#clock.after(this.#options.lookEveryMs ?? 2 * 60_000, () => void this.#look());
  }

  /** @returns whether a slot had to be taken */
  async #keep(signal: AbortSignal): Promise<boolean> {
    const registered = await this.#registered(signal);
    if ([...registered.values()].includes(this.#address.url)) {
      this.#trouble = null;
      return false;
    }
    const free = slots.find((slot) => (registered.get(slot) ?? '') === '');
    if (free === undefined) {
      this.#trouble = `has no free HttpFeedback slot (1, 2 and 4 are others'), ${onlyCompared}`;
      return false;
    }
    const command = registerFeedbackCommand(free, this.#address.url, expressions);
    resultOf(await this.#connection.post('/putxml', command, signal), 'HttpFeedbackRegisterResult');
    this.#trouble = null;
    return true;
  }

  async #giveBack(signal: AbortSignal): Promise<void> {
    for (const [slot, url] of await this.#registered(signal)) {
      if (url !== this.#address.url) continue;
      const command = deregisterFeedbackCommand(slot);
      resultOf(await this.#connection.post('/putxml', command, signal), 'HttpFeedbackDeregisterResult');
    }
  }

  /** Address by slot. */
  async #registered(signal: AbortSignal): Promise<Map<string, string>> {
    const status = await this.#connection.status('/Status/HttpFeedback', signal);
    const listed = childrenNamed(status, 'HttpFeedback');
    return new Map(listed.map((slot) => [slot.attributes['item'] ?? '', (childText(slot, 'URL') ?? '').trim()]));
  }
}

/** By address or name: loopback, or no address at all. */
function isThisMachine(host: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|0\.0\.0\.0|\[?::1?\]?)$/i.test(host);
}

const onlyCompared = 'so changes on it by others are noticed only when its list is compared';
