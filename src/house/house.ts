/** Puts the parts together by a configuration: store, rooms, devices, guest calls, web. The one place that knows them all. */
import { resolve } from 'node:path';
import type { Part } from '../../media/setup/find.ts';
import { slateWords } from '../../media/slate/slate.ts';
import { type UnderstandOptions, understand } from '../../parsers/understand.ts';
import type { CallChange } from '../calls/dispatch.ts';
import { outcomeTable } from '../calls/outcomes.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Config, Language } from '../config/schema.ts';
import { clockJobs } from '../jobs/clock-jobs.ts';
import { startJobs } from '../jobs/jobs.ts';
import { SqliteAgendaBackend } from '../jobs/sqlite-backend/backend.ts';
import { openParsePool } from '../parsing/pool.ts';
import { deviceCollection } from '../rooms/device-store.ts';
import { Dialling, type GuestProgress } from '../rooms/dialling.ts';
import { planCollection } from '../rooms/plan-store.ts';
import { Reconciler } from '../rooms/reconciler.ts';
import { Room, type RoomSurroundings, type Understand } from '../rooms/room.ts';
import { Rooms } from '../rooms/rooms.ts';
import { loadSecret } from '../rooms/secret.ts';
import { openSqliteStore } from '../store/sqlite/store.ts';
import type { Log } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import type { StartFacts } from '../web/house.ts';
import { createWeb } from '../web/web.ts';
import { openCalendar } from './calendars.ts';
import { openDevices, type RoomDevices } from './devices.ts';
import { Directory } from './directory.ts';
import { GuestCalls } from './guest-calls.ts';
import { generationCollection, PanelSecrets } from './panel-secrets.ts';
import { roomSettings } from './settings.ts';
import { openSip } from './sip.ts';
import { WebHouse } from './web-house.ts';

export interface HouseOptions {
  config: Config;
  /** Folder that relative paths in the configuration start from. */
  base: string;
  clock: Clock;
  log: Log;
  mode: StartFacts['mode'];
  version: string;
  /** The demo's simulated meeting and calendar files, for the start page. */
  meetingHost?: string | null;
  calendarFiles?: Readonly<Record<string, string>>;
  /** What besides the bridge's own parts is to be set up, e.g. the demo's video system. */
  extraParts?: readonly Part[];
}

export interface RunningHouse {
  /** Origin of the web. */
  readonly web: string;
  /** `host:port` of the SIP edge, `null` where no guest calls are taken. */
  readonly sip: string | null;
  readonly rooms: Rooms;
  readonly reconciler: Reconciler;
  /** Resolves when guest calls are possible (true) or cannot be had (false); at once where none are configured. */
  readonly bridgeReady: Promise<boolean>;
  /** How far the bridge is, in words; `null` where no guest calls are configured. */
  bridgeProgress(): string | null;
  /** Path of a room's panel, secret included. */
  panelUrl(roomId: string): string;
  adminUrl(): string;
  /** Ends everything in order: no new calls, web drained, work finished, store closed. Idempotent. */
  close(): Promise<void>;
}

const day = 24 * 60 * 60_000;

/** @throws Error, StoreUnavailable … with a sentence for the administrator; nothing is left open then */
export async function openHouse(options: HouseOptions): Promise<RunningHouse> {
  const opened: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.splice(0).reverse()) await close();
  };
  try {
    return await open(options, opened, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function open(
  options: HouseOptions,
  opened: (() => Promise<void>)[],
  closeAll: () => Promise<void>,
): Promise<RunningHouse> {
  const { config, base, clock, log, mode, version, meetingHost = null, calendarFiles = {} } = options;
  const dataFolder = resolve(base, config.dataFolder);
  const secret = await loadSecret(dataFolder);
  const storePath = resolve(dataFolder, config.store.path ?? 'usher.db');
  const store = await openSqliteStore({ path: storePath, clock });
  opened.push(() => store.close());

  const sip = config.sip === undefined ? null : await openSip(config.sip, clock, log);
  if (sip !== null) opened.push(() => sip.edge.close({ protocol: 'Q.850', cause: 41, text: 'Usher is shutting down' }));
  const sipDomain = sip?.domain ?? null;
  const around: RoomSurroundings = {
    clock,
    secret,
    plans: await store.collection(planCollection),
    understand: openUnderstanding(config, clock, log, opened),
    window: { backMs: config.window.backDays * day, aheadMs: config.window.aheadDays * day },
  };
  const devices = new Map<string, RoomDevices>();
  const rooms = new Map<string, Room>();
  for (const room of config.rooms) {
    const settings = roomSettings(config, room, sipDomain);
    const own = await openDevices(room, base, clock);
    devices.set(room.id, own);
    const { calendar, pollMs } = openCalendar(room.calendar, {
      timeZone: settings.timeZone,
      email: room.email,
      base,
      clock,
    });
    rooms.set(room.id, new Room({ settings, calendar, devices: own.devices, pollMs }, around));
  }

  const reconciler = new Reconciler({ clock, log, devices: await store.collection(deviceCollection) });
  const secrets = await PanelSecrets.open(secret, clock, await store.collection(generationCollection));
  let webHouse: WebHouse | null = null;
  let bridge: GuestCalls | null = null;
  const dialling = new Dialling({ clock, changed: (roomId) => webHouse?.changed(roomId) });
  opened.push(() => dialling.close());
  webHouse = new WebHouse({
    clock,
    rooms,
    devices,
    dialling,
    reconciler,
    secrets,
    adminSecret: secret.adminSecret(),
    start: () => ({ mode, version, bridge: bridge?.progress ?? null, meetingHost, calendars: calendarFiles }),
    notReady: () => null,
  });
  // agenda follows the system's clock and no other: on a simulated one, jobs follow that.
  const jobs =
    clock === systemClock
      ? await startJobs({ backend: new SqliteAgendaBackend({ path: storePath, clock }), clock, log })
      : clockJobs(clock, log);
  opened.push(() => jobs.stop());
  const all = new Rooms({ rooms: [...rooms.values()], clock, log, reconciler, jobs });
  opened.push(() => all.close());
  await all.start();
  const callers = new Map(config.rooms.map((room) => [room.id, room.callers]));
  const graceMs = (config.sip?.graceMinutes ?? 0) * 60_000;
  const guestCalls =
    sip === null
      ? null
      : new GuestCalls({
          config,
          sip,
          directory: new Directory({ rooms: all, callers, graceMs }),
          store,
          base,
          clock,
          log,
          extraParts: options.extraParts ?? [],
          onCall: (change) => {
            const language = rooms.get(change.roomId)?.settings.language ?? config.language;
            dialling.guestCall(change.roomId, guestProgress(change), endNotice(change, language));
          },
        });
  if (guestCalls !== null) opened.push(() => guestCalls.close());
  bridge = guestCalls;

  const listen = { address: config.web.address, port: config.web.port };
  const { trustedProxies, frameAncestors, publicUrl = null } = config.web;
  const metrics = createMetrics({ process: true });
  const web = await createWeb({
    house: webHouse,
    listen,
    clock,
    log,
    metrics,
    publicUrl,
    trustedProxies,
    frameAncestors,
  });
  opened.push(() => web.close());
  const origin = config.web.publicUrl?.replace(/\/$/, '') ?? web.url;
  let closing: Promise<void> | null = null;
  return {
    web: origin,
    sip: sip?.address ?? null,
    bridgeReady: guestCalls?.ready ?? Promise.resolve(false),
    bridgeProgress: () => guestCalls?.progress ?? null,
    rooms: all,
    reconciler,
    panelUrl: (roomId) => `${origin}/r/${roomId}/${secrets.of(roomId)[0]}/panel`,
    adminUrl: () => `${origin}/`,
    close: () => {
      closing ??= closeAll();
      return closing;
    },
  };
}

/** In a thread of its own; on a simulated clock in this one, since a thread's time is real. */
function openUnderstanding(config: Config, clock: Clock, log: Log, opened: (() => Promise<void>)[]): Understand {
  const { ownTenants, ownDomains, policy, rules } = config;
  const options: UnderstandOptions = { ownTenants, ownDomains, policy, rules };
  if (clock !== systemClock) return async (invites) => invites.map((invite) => understand(invite, options));
  const pool = openParsePool({ ...options, onTrouble: (message) => log.warn({ event: 'parse-trouble' }, message) });
  opened.push(() => pool.close());
  return (invites) => pool.understand(invites);
}

/** What the room's panel says of its guest call. */
function guestProgress({ state, entryId }: CallChange): GuestProgress {
  if (state === 'ended') return null;
  if (state === 'admitted' || state === 'farewell') return { state: 'connected', entryId };
  return { state: state === 'lobby' ? 'lobby' : 'dialling', entryId };
}

/** One sentence on how a call ended, for the panel; `null` where people need none. */
function endNotice({ state, outcome }: CallChange, language: Language): string | null {
  if (state !== 'ended' || outcome === null) return null;
  const slate = outcomeTable[outcome].slate;
  return slate === null ? null : slateWords({ kind: 'ended', outcome: slate, room: '', title: null }, language).heading;
}
