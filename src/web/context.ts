/** What the web's routes share: the house behind them, the limits, what is served. */
import type { PanelUpdate } from '../../connectors/devices/panel/state.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Assets } from './assets.ts';
import type { House } from './house.ts';

/** What one address or room may ask for. Each has a default that a site of 10,000 rooms behind one proxy can live with. */
export interface WebLimits {
  /** Every request, by address. Default 6,000. */
  requestsPerAddressPerMinute: number;
  /** Default 300. */
  readsPerRoomPerMinute: number;
  /** Join and Hang up together. Default 12. */
  pressesPerRoomPerMinute: number;
  /** Default 30; then 429. */
  wrongSecretsPerAddressPerMinute: number;
  /** Open event streams. Default 20,000, and 16 for one room. */
  streams: number;
  streamsPerRoom: number;
  /** Milliseconds for a request to arrive whole. Default 10,000. */
  requestMs: number;
  /** Milliseconds between the beats of an event stream. Default 15,000; panels take 40 s of silence for a break. */
  beatMs: number;
  /** Milliseconds that open requests are given when Usher ends. Default 3,000. */
  drainMs: number;
}

export const defaultLimits: WebLimits = {
  requestsPerAddressPerMinute: 6_000,
  readsPerRoomPerMinute: 300,
  pressesPerRoomPerMinute: 12,
  wrongSecretsPerAddressPerMinute: 30,
  streams: 20_000,
  streamsPerRoom: 16,
  requestMs: 10_000,
  beatMs: 15_000,
  drainMs: 3_000,
};

/** What the routes share. */
export interface WebContext {
  house: House;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  limits: WebLimits;
  assets: Assets;
  publicUrl: string | null;
  /** Whether a proxy is configured, by `publicUrl` or `trustedProxies`. */
  proxied: boolean;
  /** What addresses of ours begin with: the public URL, else where we listen. */
  address(): string;
  /** What a room's panels should know now; `null` where there is no such room or panel. */
  update(roomId: string): PanelUpdate | null;
}
