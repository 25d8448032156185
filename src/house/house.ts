/** Puts the parts together by a configuration: store, rooms, devices, guest calls, web. The one place that knows them all. */
import { resolve } from 'node:path';
import type { GraphTenant } from '../../connectors/calendars/graph/tenant.ts';
import { type IcsReader, readerHere } from '../../connectors/calendars/ics/reader.ts';
import type { Part } from '../../media/setup/find.ts';
import { slateWords } from '../../media/slate/slate.ts';
import { languageOf } from '../../media/slate/texts.ts';
import { type UnderstandOptions, understand } from '../../parsers/understand.ts';
import type { CallChange } from '../calls/dispatch.ts';
import { outcomeTable } from '../calls/outcomes.ts';
import { callCollection, findCalls } from '../calls/records.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import type { Language } from '../config/values.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { openCalendarThreads } from '../parsing/calendar-threads.ts';
import { openParsePool } from '../parsing/pool.ts';
import { deviceCollection } from '../rooms/device-store.ts';
import { Dialling, type GuestProgress } from '../rooms/dialling.ts';
import { planCollection } from '../rooms/plan-store.ts';
import { Reconciler } from '../rooms/reconciler.ts';
import { concerns, Refusals } from '../rooms/refusals.ts';
import { Room, type RoomSurroundings, type Understand } from '../rooms/room.ts';
import { Rooms } from '../rooms/rooms.ts';
import { loadSecret, type Secret } from '../rooms/secret.ts';
import type { Store } from '../store/store.ts';
import { addCallMetrics } from '../telemetry/call-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import type { StartFacts } from '../web/house.ts';
import { roomPath } from '../web/paths.ts';
import { createWeb, type Web } from '../web/web.ts';
import { openCalendar } from './calendars.ts';
import { startCleanUp } from './clean-up.ts';
import { openCiscoFeedback, openDevices, openWebexAccount, type RoomDevices } from './devices.ts';
import { Directory } from './directory.ts';
import { GuestCalls } from './guest-calls.ts';
import { MailboxMarks } from './mailbox-marks.ts';
import { openOnline } from './online.ts';
import { addOnlineGauges, onlineStatus } from './online-status.ts';
import { generationCollection, PanelSecrets } from './panel-secrets.ts';
import { roomSettings } from './settings.ts';
import { type OpenedSip, openSip } from './sip.ts';
import { type LeaseSettings, type OpenedStore, openStore } from './stores.ts';
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
  /** Of this process among those that share its store. Default: the host's name, and times that suit most. */
  leases?: LeaseSettings;
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
  /** Ends everything in order: no new calls, web drained, work finished, store closed. Idempotent. */
  close(): Promise<void>;
}

const day = 24 * 60 * 60_000;
/** What other processes learnt of refusals is known here after this, milliseconds. */
const followRefusalsMs = 60_000;

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
  const { config, clock, log } = options;
  const ground = await openGround(options, opened);
  const openedRooms = await openRooms(options, ground, opened);
  const { rooms, devices, around, online } = openedRooms;
  if (online !== null) addOnlineGauges(ground.metrics, online);
  const reconciler = new Reconciler({ clock, log, devices: await ground.store.collection(deviceCollection) });
  const secrets = await PanelSecrets.open(ground.secret, clock, await ground.store.collection(generationCollection));
  const callRecords = await ground.store.collection(callCollection);
  let webHouse: WebHouse | null = null;
  let guestCalls: GuestCalls | null = null;
  const dialling = new Dialling({ clock, changed: (roomId) => webHouse?.changed(roomId) });
  opened.push(() => dialling.close());
  webHouse = new WebHouse({
    clock,
    rooms,
    devices,
    dialling,
    reconciler,
    secrets,
    refusals: ground.refusals,
    adminSecret: ground.secret.adminSecret(),
    calls: (query) => findCalls(callRecords, query),
    services: () => (online === null ? [] : [onlineStatus(online)]),
    start: () => ({
      mode: options.mode,
      version: options.version,
      bridge: guestCalls?.progress ?? null,
      meetingHost: options.meetingHost ?? null,
      calendars: options.calendarFiles ?? {},
    }),
    notReady: () => (guestCalls === null || guestCalls.progress === 'ready' ? null : guestCalls.progress),
  });
  const shared = ground.share === null ? {} : { share: ground.share };
  const all = new Rooms({ rooms: [...rooms.values()], clock, log, reconciler, jobs: ground.ownJobs, ...shared });
  opened.push(() => all.close());
  await followRefusals(ground, all);
  await all.start();
  const marks = openMailboxMarks(options, openedRooms);
  if (marks !== null) opened.push(() => marks.close());
  await startCleanUp({
    jobs: ground.jobs,
    clock,
    plans: around.plans,
    callRecords,
    refusals: ground.refusals,
    isRoom: (id) => rooms.has(id),
  });
  guestCalls = openGuestCalls(options, ground, all, (change) => {
    const language = rooms.get(change.roomId)?.settings.language ?? config.language;
    dialling.guestCall(change.roomId, guestProgress(change), endNotice(change, language));
  });
  const bridge = guestCalls;
  if (bridge !== null) opened.push(() => bridge.close());
  const web = await openWeb(options, ground.metrics, webHouse);
  opened.push(() => web.close());
  const origin = config.web.publicUrl?.replace(/\/$/, '') ?? web.url;
  let closing: Promise<void> | null = null;
  return {
    web: origin,
    sip: ground.sip?.address ?? null,
    bridgeReady: bridge?.ready ?? Promise.resolve(false),
    bridgeProgress: () => bridge?.progress ?? null,
    rooms: all,
    reconciler,
    panelUrl: (roomId) => origin + roomPath(roomId, secrets.of(roomId)[0] ?? '', 'panel'),
    close: () => {
      closing ??= closeAll();
      return closing;
    },
  };
}

/** What everything else stands on. */
interface Ground {
  secret: Secret;
  store: Store;
  jobs: Jobs;
  ownJobs: Jobs;
  share: OpenedStore['share'];
  sip: OpenedSip | null;
  metrics: Metrics;
  refusals: Refusals;
}

async function openGround(
  { config, base, clock, log, leases }: HouseOptions,
  opened: (() => Promise<void>)[],
): Promise<Ground> {
  const dataFolder = resolve(base, config.dataFolder);
  const secret = await loadSecret(dataFolder);
  const around = { config, dataFolder, secret, clock, log, ...(leases !== undefined && { leases }) };
  const { store, jobs, ownJobs, share } = await openStore(around, opened);
  const sip = config.sip === undefined ? null : await openSip(config.sip, clock, log);
  if (sip !== null) opened.push(() => sip.edge.close({ protocol: 'Q.850', cause: 41, text: 'Usher is shutting down' }));
  const refusals = await Refusals.open(store, clock, (error) =>
    log.error({ err: error }, 'what a tenant refused could not be stored'),
  );
  return { secret, store, jobs, ownJobs, share, sip, metrics: createMetrics({ process: true }), refusals };
}

interface OpenedRooms {
  rooms: Map<string, Room>;
  devices: Map<string, RoomDevices>;
  around: RoomSurroundings;
  online: GraphTenant | null;
}

async function openRooms(
  { config, base, clock, log, version }: HouseOptions,
  { secret, store, sip, refusals }: Ground,
  opened: (() => Promise<void>)[],
): Promise<OpenedRooms> {
  const around: RoomSurroundings = {
    clock,
    secret,
    plans: await store.collection(planCollection),
    understand: openUnderstanding(config, clock, log, opened),
    refusals: (meeting) => refusals.of(meeting),
    window: { backMs: config.window.backDays * day, aheadMs: config.window.aheadDays * day },
  };
  const online = await openOnline(config, secret, clock);
  if (online !== null) opened.push(() => online.close());
  const product = `Usher/${version}`;
  const webex = openWebexAccount(config, clock, product);
  if (webex !== null) opened.push(() => webex.close());
  const ciscoFeedback = await openCiscoFeedback(config, clock);
  if (ciscoFeedback !== null) opened.push(() => ciscoFeedback.close());
  const reader = openCalendarReading(clock, opened);
  const devices = new Map<string, RoomDevices>();
  const rooms = new Map<string, Room>();
  for (const room of config.rooms) {
    const settings = roomSettings(config, room, sip?.domain ?? null);
    const own = await openDevices(room, { base, clock, webex, ciscoFeedback, secret, product });
    devices.set(room.id, own);
    for (const device of own.devices) {
      if (device.kind !== 'pushed') continue;
      for (const notice of device.notices?.() ?? []) log.warn({ room: room.id, device: device.description.id }, notice);
    }
    const place = { timeZone: settings.timeZone, email: room.email, base, clock, online, reader };
    const { calendar, pollMs } = openCalendar(room.calendar, place);
    rooms.set(room.id, new Room({ settings, calendar, devices: own.devices, pollMs }, around));
  }
  return { rooms, devices, around, online };
}

/** Writes dial strings into mailboxes, where the configuration asks for it. */
function openMailboxMarks({ config, clock, log }: HouseOptions, { rooms, around, online }: OpenedRooms) {
  const place = config.microsoft365?.writeBack;
  if (online === null || place === undefined) return null;
  const written = config.rooms.flatMap(({ id, calendar, email }) => {
    const room = rooms.get(id);
    const mailbox = calendar.type === 'graph' ? (calendar.mailbox ?? email) : undefined;
    if (room === undefined || mailbox === undefined) return [];
    return [{ room, writeBack: online.writeBack(mailbox, place) }];
  });
  return new MailboxMarks({ rooms: written, clock, log, window: around.window });
}

function openGuestCalls(
  { config, base, clock, log, extraParts = [] }: HouseOptions,
  { store, sip, metrics, refusals }: Ground,
  rooms: Rooms,
  changed: (change: CallChange) => void,
): GuestCalls | null {
  if (sip === null || config.sip === undefined) return null;
  const callers = new Map(config.rooms.map((room) => [room.id, room.callers]));
  const directory = new Directory({ rooms, callers, graceMs: config.sip.graceMinutes * 60_000 });
  const counts = addCallMetrics(metrics, clock);
  const onCall = (change: CallChange): void => {
    counts.changed(change);
    changed(change);
  };
  const onRefused = (why: 'unknown' | 'busy'): void => counts.refused(why);
  return new GuestCalls({ config, sip, directory, store, refusals, base, clock, log, extraParts, onCall, onRefused });
}

/** A room whose meetings a refusal decides on is planned anew; other processes' refusals are looked for now and then. */
async function followRefusals({ refusals, share, ownJobs }: Ground, rooms: Rooms): Promise<void> {
  refusals.onChange((subject) => {
    for (const room of rooms.all()) if (concerns(subject, room.plan.planned)) rooms.refresh(room.id);
  });
  if (share !== null) await ownJobs.every('follow-refusals', followRefusalsMs, () => refusals.follow());
}

function openWeb({ config, clock, log }: HouseOptions, metrics: Metrics, house: WebHouse): Promise<Web> {
  const { address, port, trustedProxies, frameAncestors, publicUrl = null } = config.web;
  const listen = { address, port };
  return createWeb({ house, listen, clock, log, metrics, publicUrl, trustedProxies, frameAncestors });
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

/** Reads iCalendar in threads of its own; on a simulated clock in this one, since a thread's time is real. */
function openCalendarReading(clock: Clock, opened: (() => Promise<void>)[]): () => IcsReader {
  if (clock !== systemClock) return readerHere;
  const threads = openCalendarThreads();
  opened.push(() => threads.close());
  return () => threads.reader();
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
  return slate === null
    ? null
    : slateWords({ kind: 'ended', outcome: slate, room: '', title: null }, languageOf(language)).heading;
}
