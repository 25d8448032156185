/** A video system that is reached through the Webex cloud: xAPI commands by HTTPS (developer.webex.com, "xAPI"). */
import { z } from 'zod';
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
import { sole } from '../writing.ts';
import { bookingOf, entryOf, isOurs, putBody } from '../xapi/booking.ts';
import { XapiDialer } from '../xapi/calls.ts';
import { type Listed, readListing } from '../xapi/listing.ts';
import { treeOf } from '../xapi/tree.ts';
import type { WebexAccount } from './account.ts';
import { WebexCallControl } from './call-control.ts';

export interface WebexOptions {
  /** Unique within the configuration. */
  id: string;
  /** As Webex lists it under `/devices`. */
  deviceId: string;
  account: WebexAccount;
  clock: ConnectorClock;
}

const commandAnswer = z.object({ result: z.unknown() });
const uptimeAnswer = z.object({
  result: z.object({ SystemUnit: z.object({ Uptime: z.coerce.number().nonnegative() }) }),
});
const deviceAnswer = z.object({
  displayName: z.string().optional(),
  product: z.string().optional(),
  connectionStatus: z.string().optional(),
  software: z.string().optional(),
});
const devicesAnswer = z.object({
  items: z.array(z.object({ id: z.string(), displayName: z.string().default(''), product: z.string().default('') })),
});

export interface WebexListedDevice {
  id: string;
  displayName: string;
  product: string;
}

/** The RoomOS devices that the token may see, for who writes a configuration. @throws DeviceError */
export async function listWebexDevices(
  account: WebexAccount,
  signal?: AbortSignal,
): Promise<readonly WebexListedDevice[]> {
  const found: WebexListedDevice[] = [];
  const pageSize = 100;
  for (let start = 0; start < 100_000; start += pageSize) {
    const parsed = devicesAnswer.safeParse(
      await account.get(`/devices?type=roomdesk&start=${start}&max=${pageSize}`, signal),
    );
    if (!parsed.success)
      throw new DeviceError('bad-answer', 'Webex answered /devices with something else than devices');
    found.push(...parsed.data.items);
    if (parsed.data.items.length < pageSize) break;
  }
  return found;
}

export class WebexDevice implements PushedDevice {
  readonly kind = 'pushed';
  readonly description: DeviceDescription;
  readonly dialer: XapiDialer;
  readonly #deviceId: string;
  readonly #account: WebexAccount;
  readonly #clock: ConnectorClock;

  constructor({ id, deviceId, account, clock }: WebexOptions) {
    this.#clock = clock;
    this.dialer = new XapiDialer(new WebexCallControl(account, deviceId), clock);
    this.#deviceId = deviceId;
    this.#account = account;
    this.description = { id, label: `Webex device …${deviceId.slice(-8)}` };
  }

  async list(signal: AbortSignal): Promise<readonly DeviceEntry[]> {
    return (await this.#listing(signal)).map(({ booking }) => entryOf(booking));
  }

  async replace(entries: readonly JoinEntry[], signal: AbortSignal, writer?: Writer): Promise<void> {
    const before = await this.#listing(signal);
    const foreign = before.filter(({ booking }) => !isOurs(booking));
    if (entries.length === 0 && foreign.length === before.length) return;
    if (entries.length === 0 && foreign.length === 0) {
      await this.#command('Bookings.Clear', {}, signal, writer ?? sole);
      return;
    }
    const bookings = [...foreign.map(({ booking }) => booking), ...entries.map(bookingOf)];
    await this.#command('Bookings.Put', { body: putBody(bookings) }, signal, writer ?? sole);
  }

  shows(entry: JoinEntry): DeviceEntry {
    return entryOf(bookingOf(entry));
  }

  async startedAt(signal: AbortSignal): Promise<number | null> {
    const query = new URLSearchParams({ deviceId: this.#deviceId, name: 'SystemUnit.Uptime' });
    const parsed = uptimeAnswer.safeParse(await this.#account.get(`/xapi/status?${query}`, signal));
    return parsed.success ? this.#clock.now() - parsed.data.result.SystemUnit.Uptime * 1000 : null;
  }

  async check(signal: AbortSignal): Promise<readonly DeviceCheck[]> {
    try {
      const parsed = deviceAnswer.safeParse(
        await this.#account.get(`/devices/${encodeURIComponent(this.#deviceId)}`, signal),
      );
      if (!parsed.success) throw new DeviceError('bad-answer', 'Webex answered with something else than the device');
      const { displayName = '', product = '', software = '', connectionStatus = 'unknown' } = parsed.data;
      const known = { what: 'known to Webex', ok: true, words: [displayName, product, software].join(' ').trim() };
      const online = { what: 'online', ok: /^connected/.test(connectionStatus), words: connectionStatus };
      return [known, online, await this.#checkList(signal)];
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      const words = error.kind === 'refused' ? `${error.message}${await this.#others(signal)}` : error.message;
      return [{ what: 'known to Webex', ok: false, words }];
    }
  }

  /** What `deviceId` may have been meant to be. */
  async #others(signal: AbortSignal): Promise<string> {
    const most = 10;
    try {
      const listed = await listWebexDevices(this.#account, signal);
      const named = listed.slice(0, most).map(({ id, displayName }) => `${displayName} is ${id}`);
      const more = listed.length > most ? `, and ${listed.length - most} more` : '';
      return named.length === 0 ? '. The token sees no devices' : `. The token sees: ${named.join(', ')}${more}`;
    } catch (error) {
      if (error instanceof DeviceError) return '';
      throw error;
    }
  }

  /** The account lives on: other devices use it. */
  async close(): Promise<void> {
    this.dialer.close();
  }

  async #checkList(signal: AbortSignal): Promise<DeviceCheck> {
    try {
      const listed = await this.#listing(signal);
      const ours = listed.filter(({ booking }) => isOurs(booking)).length;
      return { what: 'list', ok: true, words: `${ours} bookings of Usher, ${listed.length - ours} of others` };
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      return { what: 'list', ok: false, words: error.message };
    }
  }

  async #listing(signal: AbortSignal): Promise<Listed[]> {
    const args = { Days: 365, DayOffset: 0, Limit: 5000, Offset: 0 };
    const result = await this.#command('Bookings.List', { arguments: args }, signal);
    return readListing(treeOf('BookingsListResult', result));
  }

  async #command(name: string, parameters: object, signal: AbortSignal, writer?: Writer): Promise<unknown> {
    const answer = await this.#account.post(
      `/xapi/command/${name}`,
      { deviceId: this.#deviceId, ...parameters },
      signal,
      writer,
    );
    const parsed = commandAnswer.safeParse(answer);
    if (
      !parsed.success ||
      (name === 'Bookings.List' && (typeof parsed.data.result !== 'object' || parsed.data.result === null))
    ) {
      throw new DeviceError('bad-answer', `Webex answered ${name} without a result`);
    }
    return parsed.data.result;
  }
}
