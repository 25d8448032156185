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

/** Gauges over the rooms, computed when Prometheus asks. */
export function addRoomGauges(
  metrics: Metrics,
  rooms: () => readonly { problems: readonly string[]; call: string }[],
): void {
  const registers = [metrics.registry];
  new Gauge({
    name: 'usher_rooms',
    help: 'Rooms configured.',
    registers,
    collect() {
      this.set(rooms().length);
    },
  });
  new Gauge({
    name: 'usher_rooms_with_problems',
    help: 'Rooms where something is wrong; `usher rooms` says what.',
    registers,
    collect() {
      this.set(rooms().filter((room) => room.problems.length > 0).length);
    },
  });
  new Gauge({
    name: 'usher_rooms_in_call',
    help: 'Rooms whose call is dialling, in the lobby or connected.',
    registers,
    collect() {
      this.set(rooms().filter((room) => room.call !== 'idle').length);
    },
  });
}
