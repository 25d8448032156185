/** One Microsoft 365 tenant: its rooms' calendars by Microsoft Graph, with one app registration. */
import type { Calendar, ConnectorClock } from '../calendar.ts';
import { GraphApi } from './api.ts';
import { type BudgetMeter, RequestBudget } from './budget.ts';
import { GraphCalendar } from './calendar.ts';
import { clouds, type GraphCloud, type GraphEndpoints } from './clouds.ts';
import { Gate } from './gate.ts';
import { Http } from './http.ts';
import type { MarkPlace } from './mark.ts';
import { type NotificationCounters, type NotificationOptions, Notifications } from './notifications.ts';
import { CalendarReader } from './reader.ts';
import { Recovery } from './recovery.ts';
import { type RoomImport, roomsFromPlaces } from './rooms.ts';
import type { SubscriptionStatus } from './subscription.ts';
import { TenantId } from './tenant-id.ts';
import { type GraphCredential, Tokens } from './tokens.ts';
import { WriteBack } from './write-back.ts';

export interface GraphOptions {
  /** GUID or domain of the tenant. */
  tenant: string;
  clientId: string;
  credential: GraphCredential;
  clock: ConnectorClock;
  /** Default `commercial`. */
  cloud?: GraphCloud;
  /** Instead of a cloud's own addresses. */
  endpoints?: GraphEndpoints;
  /** `http://proxy.example.org:3128`. */
  proxy?: string;
  /** PEM of further certificate authorities. */
  ca?: string;
  /** Default 1,000,000. */
  requestsPerDay?: number;
  /** Milliseconds for one request, whole. Default 30,000. */
  timeoutMs?: number;
  /** Without a public address rooms are polled. */
  notifications?: NotificationOptions;
}

export interface NotificationStatus {
  /** One for each mailbox that is watched. */
  mailboxes: readonly SubscriptionStatus[];
  counters: Readonly<NotificationCounters>;
}

export interface GraphTenant {
  /** Listens for notifications, where they are configured. Call it before calendars are watched. */
  start(): Promise<void>;
  /** Asks for an access token and for nothing else. @throws CalendarUnavailable with what is wrong with the app */
  signIn(): Promise<void>;
  /** @param timeZone the room's, an IANA name */
  calendar(mailbox: string, timeZone: string): Calendar;
  /**
   * All rooms of the tenant with their names and zones.
   * @throws CalendarUnavailable
   */
  rooms(signal: AbortSignal): Promise<RoomImport>;
  /** Writes dial strings into the room's own copies; for devices that read nothing but the mailbox. */
  writeBack(mailbox: string, place: MarkPlace): WriteBack;
  readonly budget: BudgetMeter;
  /**
   * How long to wait until a mailbox is polled again, milliseconds.
   * @param plannedMs as configured
   */
  pollMs(mailbox: string, plannedMs: number): number;
  /** `null` where there are none and rooms are polled. */
  readonly notifications: NotificationStatus | null;
  /** Removes the subscriptions that are left, and closes listener and connections. */
  close(): Promise<void>;
}

const silentPollMs = 60_000;

/** @throws TypeError when the certificate of the app cannot be read */
export function openGraph(options: GraphOptions): GraphTenant {
  const { clock } = options;
  const endpoints = options.endpoints ?? clouds[options.cloud ?? 'commercial'];
  const http = new Http({
    clock,
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  });
  const { tenant, clientId, credential } = options;
  const tokens = new Tokens({ tenant, clientId, credential, endpoints, http });
  const budget = new RequestBudget(clock, options.requestsPerDay ?? 1_000_000);
  const api = new GraphApi({ graph: endpoints.graph, http, tokens, gate: new Gate(clock), budget, clock });
  const reader = new CalendarReader(api, clock);
  const recovery = new Recovery(clock);
  const serverNow = (): number => http.serverNow();
  const tenantId = new TenantId({ tenant, login: endpoints.login, http });
  const told =
    options.notifications === undefined
      ? null
      : new Notifications(options.notifications, { api, clock, serverNow, tenantId });
  return {
    async start() {
      await told?.listen();
    },
    async signIn() {
      await tokens.get();
    },
    calendar: (mailbox, timeZone) =>
      new GraphCalendar({
        mailbox,
        timeZone,
        reader,
        recovery,
        clock,
        told:
          told === null
            ? null
            : {
                watch: (changed) => told.watch(mailbox, changed),
                problem: () => told.problem(mailbox),
                foundChange: (since) => told.foundChange(mailbox, since),
              },
      }),
    get notifications() {
      return told === null ? null : { mailboxes: told.status(), counters: told.counters };
    },
    rooms: (signal) => roomsFromPlaces(api, signal),
    writeBack: (mailbox, place) => new WriteBack(api, reader, mailbox, place),
    get budget() {
      return budget.meter;
    },
    pollMs(mailbox, plannedMs) {
      // Rooms that should be told of changes and are not at the moment are looked after more often.
      const silent = told !== null && !told.tells(mailbox);
      return (silent ? Math.min(plannedMs, silentPollMs) : plannedMs) * budget.meter.stretch;
    },
    async close() {
      recovery.close();
      await told?.close();
      await http.close();
    },
  };
}
