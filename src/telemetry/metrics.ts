/** Prometheus metrics: one registry for a running Usher, handed to whoever counts. Labels never hold titles or secrets. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  /** Others register theirs here; names begin with `usher_`. */
  readonly registry: Registry;
  readonly web: WebMetrics;
}

export interface WebMetrics {
  requests: Counter<'route' | 'method' | 'status'>;
  seconds: Histogram<'route'>;
  streams: Gauge;
  refused: Counter<'why'>;
  joins: Counter<'outcome'>;
}

/** `process`: also the process's own (CPU, memory, event loop). */
export function createMetrics(options: { process?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (options.process === true) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    web: {
      requests: new Counter({
        name: 'usher_web_requests_total',
        help: 'Requests answered, by route, method and status.',
        labelNames: ['route', 'method', 'status'],
        registers,
      }),
      seconds: new Histogram({
        name: 'usher_web_request_seconds',
        help: 'Time to answer a request, event streams excepted.',
        labelNames: ['route'],
        buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
        registers,
      }),
      streams: new Gauge({ name: 'usher_web_streams', help: 'Open event streams of panels.', registers }),
      refused: new Counter({
        name: 'usher_web_refused_total',
        help: 'Requests refused: wrong-secret, cross-origin, rate, streams.',
        labelNames: ['why'],
        registers,
      }),
      joins: new Counter({
        name: 'usher_web_joins_total',
        help: 'Presses of Join, by how asking the device to dial ended.',
        labelNames: ['outcome'],
        registers,
      }),
    },
  };
}

/** What the gauges over rooms are computed from. */
export interface CountedRoom {
  problems: readonly string[];
  call: string;
  /** When the calendar was last read, `null` if never. */
  lastRead: number | null;
  devices: readonly { kind: string; upToDate: boolean }[];
}

/** Gauges over the rooms, computed when Prometheus asks. */
export function addRoomGauges(metrics: Metrics, now: () => number, rooms: () => readonly CountedRoom[]): void {
  const registers = [metrics.registry];
  const wrong = new Gauge({
    name: 'usher_rooms_with_problems',
    help: 'Rooms where something is wrong; `usher rooms --wrong` says what.',
    registers: [],
  });
  const calls = new Gauge({
    name: 'usher_rooms_in_call',
    help: 'Rooms whose call is dialling, in the lobby or connected.',
    labelNames: ['state'],
    registers: [],
  });
  const unread = new Gauge({
    name: 'usher_rooms_never_read',
    help: 'Rooms whose calendar has not been read yet.',
    registers: [],
  });
  const oldest = new Gauge({
    name: 'usher_calendar_oldest_reading_seconds',
    help: 'Age of the reading of the room that was read longest ago.',
    registers: [],
  });
  const devices = new Gauge({
    name: 'usher_devices',
    help: 'Devices, by kind and by whether they hold what their room should show.',
    labelNames: ['kind', 'state'],
    registers: [],
  });
  new Gauge({
    name: 'usher_rooms',
    help: 'Rooms configured.',
    registers,
    // Registered before the others, so that one look at the rooms serves them all.
    collect() {
      const all = rooms();
      this.set(all.length);
      wrong.set(all.filter((room) => room.problems.length > 0).length);
      for (const state of ['dialling', 'lobby', 'connected']) {
        calls.set({ state }, all.filter((room) => room.call === state).length);
      }
      const readings = all.flatMap(({ lastRead }) => (lastRead === null ? [] : [lastRead]));
      unread.set(all.length - readings.length);
      oldest.set(readings.length === 0 ? 0 : (now() - readings.reduce((a, b) => Math.min(a, b))) / 1000);
      devices.reset();
      for (const room of all) {
        for (const { kind, upToDate } of room.devices) devices.inc({ kind, state: upToDate ? 'up-to-date' : 'behind' });
      }
    },
  });
  for (const gauge of [wrong, calls, unread, oldest, devices]) metrics.registry.registerMetric(gauge);
}
