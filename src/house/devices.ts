/** Opens the devices of a room from the configuration. */
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ConnectorClock } from '../../connectors/calendars/calendar.ts';
import { CiscoDevice } from '../../connectors/devices/cisco/device.ts';
import { FeedbackListener } from '../../connectors/devices/cisco/feedback-listener.ts';
import type { CiscoTls } from '../../connectors/devices/cisco/tls.ts';
import type { Device, Dialer } from '../../connectors/devices/device.ts';
import { IcsFeedDevice } from '../../connectors/devices/ics-feed/ics-feed.ts';
import { PanelDevice } from '../../connectors/devices/panel/panel.ts';
import { WebexAccount } from '../../connectors/devices/webex/account.ts';
import { WebexDevice } from '../../connectors/devices/webex/device.ts';
import type { Config, DeviceConfig, RoomConfig } from '../config/schema.ts';
import type { Secret } from '../rooms/secret.ts';

/** What a device module's default export is called with. */
export interface DeviceModuleOptions {
  deviceId: string;
  roomName: string;
  /** `options` of the device in the configuration, unparsed. */
  options: unknown;
  clock: ConnectorClock;
}

export type DeviceModule = (options: DeviceModuleOptions) => Promise<Device>;

export interface RoomDevices {
  devices: readonly Device[];
  panel: PanelDevice | null;
  feed: IcsFeedDevice | null;
  /** Of the one device that dials. */
  dialer: Dialer | null;
}

/** Opens the Webex organisation of the configuration, `null` where it names none. */
export function openWebexAccount({ webex }: Config, clock: ConnectorClock, product: string): WebexAccount | null {
  if (webex === undefined) return null;
  const { baseUrl } = webex;
  if (webex.auth === 'token') {
    return new WebexAccount({ baseUrl, credential: { kind: 'token', token: webex.token }, clock, product });
  }
  const { clientId, clientSecret, refreshToken } = webex;
  return new WebexAccount({
    baseUrl,
    credential: { kind: 'refresh', clientId, clientSecret, refreshToken },
    clock,
    product,
  });
}

/**
 * Listens for what Cisco devices tell, `null` where the configuration does not ask for it.
 * @throws Error when the address cannot be listened on
 */
export async function openCiscoFeedback({ cisco }: Config, clock: ConnectorClock): Promise<FeedbackListener | null> {
  if (cisco?.feedback === undefined) return null;
  const listener = new FeedbackListener({ ...cisco.feedback, clock });
  await listener.listen();
  return listener;
}

/** What devices are opened with. */
export interface DeviceGround {
  /** Folder that relative module paths start from. */
  base: string;
  clock: ConnectorClock;
  webex: WebexAccount | null;
  ciscoFeedback: FeedbackListener | null;
  secret: Secret;
  /** What requests to devices say they are from, as `Usher/1.2.3`. */
  product: string;
}

/**
 * @throws Error that names the room, the device and the remedy
 */
export async function openDevices(room: RoomConfig, ground: DeviceGround): Promise<RoomDevices> {
  const opened: Device[] = [];
  let dialer: Dialer | null = null;
  for (const [index, config] of room.devices.entries()) {
    if (config.type === 'panel' || config.type === 'ics-feed') continue;
    const device = await openOne(room, config, `${room.id}/${index}`, ground);
    opened.push(device);
    if (!config.dials) continue;
    if (device.dialer === null)
      throw new Error(`room ${room.id}: ${device.description.label} cannot dial; remove dials: true`);
    dialer = device.dialer;
  }
  let panel: PanelDevice | null = null;
  let feed: IcsFeedDevice | null = null;
  for (const { type } of room.devices) {
    if (type === 'panel') panel ??= new PanelDevice({ id: `${room.id}/panel`, dialer });
    if (type === 'ics-feed') feed ??= new IcsFeedDevice({ id: `${room.id}/ics-feed` });
  }
  for (const device of [panel, feed]) if (device !== null) opened.push(device);
  return { devices: opened, panel, feed, dialer };
}

async function openOne(
  room: RoomConfig,
  config: Exclude<DeviceConfig, { type: 'panel' | 'ics-feed' }>,
  deviceId: string,
  { base, clock, webex, ciscoFeedback: listener, secret, product }: DeviceGround,
): Promise<Device> {
  switch (config.type) {
    case 'module':
      return openModule(room, config, deviceId, base, clock);
    case 'webex': {
      if (webex === null)
        throw new Error(`room ${room.id}: a device of type webex needs webex at the top of usher.yaml`);
      return new WebexDevice({ id: deviceId, deviceId: config.deviceId, account: webex, clock });
    }
    case 'cisco': {
      const { address, port, username, password, tls } = config;
      const feedback = listener === null ? {} : { feedback: { listener, key: secret.feedbackKey(deviceId) } };
      const account = { username, password, tls: ciscoTls(tls) };
      return new CiscoDevice({ id: deviceId, address, port, ...account, clock, product, ...feedback });
    }
  }
}

function ciscoTls({ ca, fingerprint, verify }: Extract<DeviceConfig, { type: 'cisco' }>['tls']): CiscoTls {
  if (!verify) return { kind: 'none' };
  return fingerprint === undefined
    ? { kind: 'authority', ca: ca ?? null }
    : { kind: 'fingerprint', sha256: fingerprint };
}

async function openModule(
  room: RoomConfig,
  config: Extract<DeviceConfig, { type: 'module' }>,
  deviceId: string,
  base: string,
  clock: ConnectorClock,
): Promise<Device> {
  const { module, options } = config;
  const isPath = isAbsolute(module) || module.startsWith('.');
  const loaded: unknown = await import(isPath ? pathToFileURL(resolve(base, module)).href : module).catch(
    (error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`room ${room.id}: device module "${module}" cannot be loaded: ${why}`, { cause: error });
    },
  );
  const open = typeof loaded === 'object' && loaded !== null && 'default' in loaded ? loaded.default : undefined;
  if (!isDeviceModule(open)) {
    throw new Error(`room ${room.id}: device module "${module}" must export a function by default that opens a device`);
  }
  return open({ deviceId, roomName: room.name, options, clock });
}

function isDeviceModule(value: unknown): value is DeviceModule {
  return typeof value === 'function';
}
