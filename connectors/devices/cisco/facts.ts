/** What a device says of itself, and which way its list is written. */
import { childText, descend, type XmlElement } from '../../../parsers/read/xml.ts';
import { DeviceError } from '../device.ts';
import type { CiscoConnection } from './connection.ts';

export interface Facts {
  product: string;
  /** As the device writes it, e.g. `ce9.15.0.0c2c8dd5f2e`. */
  software: string;
  registeredWithWebex: boolean;
  teams: boolean;
  /** Milliseconds that its clock is ahead of ours; `null` where it tells no time. */
  aheadMs: number | null;
}

/** A clock that is off by more than this shows Join buttons visibly too early or too late. */
export const clockToleratedMs = 60_000;

/** `json` is `xCommand Bookings Put`, `xml` the endpoint `bookingsputxml`. */
export type Way = 'json' | 'xml';

/**
 * Reads the parts of the status that matter. Parts that a firmware does not know are left out.
 * @throws DeviceError
 */
export async function readFacts(connection: CiscoConnection, now: () => number, signal?: AbortSignal): Promise<Facts> {
  const system = await connection.status('/Status/SystemUnit', signal);
  const unit = descend(system, ['SystemUnit']);
  const version = unit === null ? null : descend(unit, ['Software']);
  const software = (version === null ? null : childText(version, 'Version')) ?? system.attributes['version'] ?? '';
  if (unit === null && software === '') {
    throw new DeviceError('bad-answer', 'is no Cisco video system: it has no /Status/SystemUnit');
  }
  const webex = await part(connection, '/Status/Webex', signal);
  const spark = webex ?? (await part(connection, '/Status/Spark', signal));
  const teams = await part(connection, '/Status/MicrosoftTeams', signal);
  const time = await part(connection, '/Status/Time', signal);
  const shown = Date.parse((time === null ? null : childText(time, 'SystemTime')) ?? '');
  return {
    product: (unit === null ? null : childText(unit, 'ProductId')) ?? 'Cisco video system',
    software,
    registeredWithWebex: spark !== null && childText(spark, 'Status') === 'Registered',
    teams: teams !== null && hasVersion(teams),
    aheadMs: Number.isNaN(shown) ? null : shown - now(),
  };
}

/** Seconds since it was started (`SystemUnit Uptime`), `null` where it does not tell. @throws DeviceError */
export async function readUptime(connection: CiscoConnection, signal: AbortSignal): Promise<number | null> {
  const unit = descend(await connection.status('/Status/SystemUnit', signal), ['SystemUnit']);
  const text = (unit === null ? null : childText(unit, 'Uptime')) ?? '';
  return /^\d{1,12}$/.test(text) ? Number(text) : null;
}

/**
 * Seen in the field: `Bookings Put` works locally from CE 9.14 on where the device is registered with Webex; all others
 * take `bookingsputxml`.
 */
export function wayOf({ software, registeredWithWebex }: Facts): Way {
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(software) ?? []).slice(1).map(Number);
  const knowsPut = major > 9 || (major === 9 && minor >= 14);
  return knowsPut && registeredWithWebex ? 'json' : 'xml';
}

/** Teams is there where its software has a version. */
function hasVersion(teams: XmlElement): boolean {
  return descend(teams, ['Software'])?.children.some(({ text }) => text.trim() !== '') ?? false;
}

/** A part of the status, `null` where the device knows no such part. */
async function part(connection: CiscoConnection, path: string, signal?: AbortSignal): Promise<XmlElement | null> {
  try {
    const status = await connection.status(path, signal);
    return descend(status, path.split('/').slice(2));
  } catch (error) {
    if (error instanceof DeviceError && (error.kind === 'unsupported' || error.kind === 'refused')) return null;
    throw error;
  }
}
