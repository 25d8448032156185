/**
 * A Cisco video system on the local network (RoomOS, CE), through its own HTTPS API. Its list of bookings is always
 * written whole, so every write reads first, and bookings of others go back as they were.
 */
import type { ConnectorClock } from '../../calendars/calendar.ts';
import {
  type DeviceCheck,
  type DeviceDescription,
  type DeviceEntry,
  DeviceError,
  type JoinEntry,
  type PushedDevice,
  type Writer,
} from '../device.ts';
import { bookingOf, entryOf, isOurs } from '../xapi/booking.ts';
import { XapiDialer } from '../xapi/calls.ts';
import { type Listed, readListing } from '../xapi/listing.ts';
import { refusal, teamsMode } from '../xapi/refusal.ts';
import { CiscoCallControl } from './call-control.ts';
import { checkCisco } from './checks.ts';
import { bookingsDocument, clearCommand, listCommand, putCommand, resultOf } from './commands.ts';
import { CiscoConnection } from './connection.ts';
import { clockToleratedMs, type Facts, readFacts, readUptime, type Way, wayOf } from './facts.ts';
import { CiscoFeedback, type FeedbackOptions } from './feedback.ts';
import type { CiscoTls } from './tls.ts';

export interface CiscoOptions {
  /** Unique within the configuration. */
  id: string;
  address: string;
  /** Default 443. */
  port?: number;
  /** A local account with the role Admin. */
  username: string;
  password: string;
  tls: CiscoTls;
  clock: ConnectorClock;
  /** Milliseconds for one request. Default 10,000. */
  requestTimeoutMs?: number;
  /** What requests say they are from, as `Usher/1.2.3`. */
  product?: string;
  /** Without it, changes on the device are noticed when its list is compared. */
  feedback?: FeedbackOptions;
}

/** What a device is asked of itself again after so long, milliseconds: firmware and registration change rarely. */
const factsGoodForMs = 60 * 60_000;

export class CiscoDevice implements PushedDevice {
  readonly kind = 'pushed';
  readonly dialer: XapiDialer;
  readonly #options: CiscoOptions;
  readonly #connection: CiscoConnection;
  #facts: { facts: Facts; way: Way; at: number } | null = null;
  #feedback: CiscoFeedback | null = null;

  constructor(options: CiscoOptions) {
    this.#options = options;
    this.#connection = new CiscoConnection({ ...options, port: options.port ?? 443 });
    this.dialer = new XapiDialer(new CiscoCallControl(this.#connection), options.clock);
  }

  get description(): DeviceDescription {
    const product = this.#facts?.facts.product ?? 'Cisco video system';
    return { id: this.#options.id, label: `${product} at ${this.#options.address}` };
  }

  async list(signal: AbortSignal): Promise<readonly DeviceEntry[]> {
    await this.#known(signal);
    const listed = await this.#listing(signal);
    this.#feedback?.begin();
    return listed.map(({ booking }) => entryOf(booking));
  }

  async replace(entries: readonly JoinEntry[], signal: AbortSignal, writer?: Writer): Promise<void> {
    const { way } = await this.#known(signal);
    const before = await this.#listing(signal);
    const foreign = before.filter(({ booking }) => !isOurs(booking));
    if (entries.length === 0 && foreign.length === before.length) return;
    if (entries.length === 0 && foreign.length === 0) {
      resultOf(await this.#connection.write('/putxml', clearCommand, signal, writer), 'BookingsClearResult');
      return;
    }
    const write = (by: Way): Promise<void> => this.#write(by, { entries, foreign }, signal, writer);
    try {
      await write(way);
    } catch (error) {
      if (!(error instanceof DeviceError) || error.kind !== 'unsupported' || this.#facts === null) throw error;
      // Firmware that has not what its version promises: the other way, and that one from now on.
      const other = way === 'json' ? 'xml' : 'json';
      await write(other).catch(() => {
        throw error;
      });
      this.#facts.way = other;
    }
  }

  shows(entry: JoinEntry): DeviceEntry {
    return entryOf(bookingOf(entry));
  }

  watch(changed: () => void): () => Promise<void> {
    const { feedback: options, clock } = this.#options;
    if (options === undefined) return async () => {};
    const feedback = new CiscoFeedback(options, this.#connection, clock, changed);
    this.#feedback = feedback;
    return () => feedback.close();
  }

  async startedAt(signal: AbortSignal): Promise<number | null> {
    const seconds = await readUptime(this.#connection, signal);
    return seconds === null ? null : this.#options.clock.now() - seconds * 1000;
  }

  notices(): readonly string[] {
    const notices: string[] = [];
    const trouble = this.#feedback?.trouble ?? null;
    if (trouble !== null) notices.push(trouble);
    if (this.#options.tls.kind === 'none') {
      notices.push(
        'its certificate is NOT checked (tls.verify: false): whoever answers at its address gets the password',
      );
    }
    const ahead = this.#facts?.facts.aheadMs ?? 0;
    if (Math.abs(ahead) > clockToleratedMs) {
      const minutes = Math.round(Math.abs(ahead) / 60_000);
      notices.push(
        `its clock is ${minutes} min ${ahead > 0 ? 'fast' : 'slow'}, so its Join buttons are too: set its NTP server`,
      );
    }
    return notices;
  }

  check(signal: AbortSignal): Promise<readonly DeviceCheck[]> {
    const read = () => readFacts(this.#connection, () => this.#options.clock.now(), signal);
    return checkCisco({ tls: this.#options.tls, read, list: () => this.#listing(signal) });
  }

  async close(): Promise<void> {
    this.dialer.close();
    await this.#connection.close();
  }

  async #write(
    way: Way,
    { entries, foreign }: { entries: readonly JoinEntry[]; foreign: readonly Listed[] },
    signal: AbortSignal,
    writer: Writer | undefined,
  ): Promise<void> {
    const ours = entries.map(bookingOf);
    if (way === 'json') {
      const all = [...foreign.map(({ booking }) => booking), ...ours];
      resultOf(await this.#connection.write('/putxml', putCommand(all), signal, writer), 'BookingsPutResult');
      return;
    }
    const answer = await this.#connection.write('/bookingsputxml', bookingsDocument(ours, foreign), signal, writer);
    if (
      answer.attributes['status'] !== 'OK' &&
      answer.children.every(({ attributes }) => attributes['status'] !== 'OK')
    ) {
      throw refusal(answer.text.trim() || answer.children.map(({ text }) => text.trim()).join(' '));
    }
  }

  async #listing(signal: AbortSignal): Promise<Listed[]> {
    return readListing(resultOf(await this.#connection.post('/putxml', listCommand, signal), 'BookingsListResult'));
  }

  async #known(signal: AbortSignal): Promise<{ way: Way }> {
    const { clock } = this.#options;
    if (this.#facts === null || clock.monotonic() - this.#facts.at > factsGoodForMs) {
      const facts = await readFacts(this.#connection, () => clock.now(), signal);
      this.#facts = { facts, way: wayOf(facts), at: clock.monotonic() };
    }
    const { facts, way } = this.#facts;
    if (facts.teams) {
      this.#facts = { ...this.#facts, at: Number.NEGATIVE_INFINITY };
      throw new DeviceError('unsupported', teamsMode);
    }
    return { way };
  }
}
