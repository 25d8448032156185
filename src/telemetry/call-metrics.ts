/** Guest calls as Prometheus counts them: how many are in which state, how each ended, how long rooms wait in lobbies. */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { CallOutcome } from '../calls/outcomes.ts';
import type { CallState } from '../calls/states.ts';
import type { Clock } from '../clock.ts';
import type { Metrics } from './metrics.ts';

export interface CallMetrics {
  /** To be told of every change of every call. */
  changed(change: { id: string; state: CallState; outcome: CallOutcome | null }): void;
  /** `unknown`: no such token, its time is over, or the caller is not the room. */
  refused(why: 'unknown' | 'busy'): void;
}

interface Known {
  state: CallState;
  /** Monotonic milliseconds; `null` outside the lobby. */
  lobbySince: number | null;
}

export function addCallMetrics({ registry }: Metrics, clock: Pick<Clock, 'monotonic'>): CallMetrics {
  const registers = [registry];
  const live = new Gauge({
    name: 'usher_calls',
    help: 'Live guest calls, by state.',
    labelNames: ['state'],
    registers,
  });
  const ended = new Counter({
    name: 'usher_calls_ended_total',
    help: 'Guest calls that ended, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  const refused = new Counter({
    name: 'usher_calls_refused_total',
    help: 'Calls not let in: unknown (no such token, out of its time, not the room), busy.',
    labelNames: ['why'],
    registers,
  });
  const lobby = new Histogram({
    name: 'usher_call_lobby_seconds',
    help: 'Time that rooms waited in lobbies, however the waiting ended.',
    buckets: [2, 5, 15, 30, 60, 180, 600, 1800],
    registers,
  });
  const known = new Map<string, Known>();
  return {
    changed({ id, state, outcome }) {
      const before = known.get(id);
      if (before?.state === state) return;
      if (before !== undefined) live.dec({ state: before.state });
      if (before?.lobbySince != null) lobby.observe((clock.monotonic() - before.lobbySince) / 1000);
      if (state === 'ended') {
        known.delete(id);
        if (outcome !== null) ended.inc({ outcome });
        return;
      }
      live.inc({ state });
      known.set(id, { state, lobbySince: state === 'lobby' ? clock.monotonic() : null });
    },
    refused: (why) => refused.inc({ why }),
  };
}
