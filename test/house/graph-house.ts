/** A whole house over a simulated tenant, for tests and benches. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openHouse, type RunningHouse } from '../../src/house/house.ts';
import type { Room } from '../../src/rooms/room.ts';
import { createLog } from '../../src/telemetry/log.ts';

export interface TenantFacts {
  origin: string;
  /** PEM. */
  ca: string;
  tenant: string;
  clientId: string;
  secret: string;
}

export interface GraphHouseOptions {
  clock: Clock;
  /** Their addresses are `<id>@example.com`. */
  rooms: readonly { id: string; timeZone?: string; devices?: readonly object[] }[];
  pollMinutes: number;
  /** Default: with notifications. */
  notified?: boolean;
  /** Further keys of `microsoft365`. */
  online?: Readonly<Record<string, unknown>>;
}

export interface GraphHouse {
  house: RunningHouse;
  room(id: string): Room;
  close(): Promise<void>;
}

export async function openGraphHouse(facts: TenantFacts, options: GraphHouseOptions): Promise<GraphHouse> {
  const data = await mkdtemp(join(tmpdir(), 'usher-online-'));
  const { origin, ca, tenant, clientId, secret } = facts;
  const { clock, pollMinutes, notified = true, online = {} } = options;
  const notifications = notified ? { notifications: { publicUrl: 'http://127.0.0.1:0', port: 0 } } : {};
  const config = await parseConfig(
    JSON.stringify({
      web: { port: 0 },
      microsoft365: {
        ...{ tenant, clientId, secret, ca, endpoints: { login: origin, graph: origin }, requestsPerDay: 10_000_000 },
        ...notifications,
        ...online,
      },
      rooms: options.rooms.map((room) => ({
        name: room.id,
        email: `${room.id}@example.com`,
        calendar: { type: 'graph', pollMinutes },
        ...room,
      })),
    }),
    join(data, 'usher.yaml'),
    {},
  );
  const log = createLog({ level: 'silent' });
  const house = await openHouse({ config, base: data, clock, log, mode: 'serve', version: 'test' });
  return {
    house,
    room(id) {
      const room = house.rooms.get(id);
      if (room === null) throw new Error(`there is no room ${id}`);
      return room;
    },
    async close() {
      await house.close();
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** Resolves when the room's plan is as wanted. */
export function planned(room: Room, wanted: (titles: readonly string[]) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!wanted(titlesOf(room))) return;
      stop();
      resolve();
    };
    const stop = room.onChange(look);
    look();
  });
}

export function titlesOf(room: Room): string[] {
  return room.plan.planned.map(({ entry }) => entry.title);
}
