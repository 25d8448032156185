/** The rig's way into its meetings: the simulator's own adapter, or one of the product's over what stands in for Microsoft. */
import { fileURLToPath } from 'node:url';
import type { MeetingServer } from '../../fixtures/meeting/server.ts';
import { startTeamsWebStandIn } from '../../fixtures/teams-web/server.ts';
import type { SharedBrowser } from '../../media/guest/browser.ts';
import type { GuestAdapter } from '../../media/guest/guest.ts';
import { type GuestAdapterChoice, loadGuestAdapter } from '../../media/guest/load.ts';
import { systemClock } from '../../src/clock.ts';

export type GuestWayIn = 'simulator' | 'acs' | 'teams-web';

export interface OpenedGuests {
  adapter: GuestAdapter;
  close(): Promise<void>;
}

interface Surroundings {
  server: MeetingServer;
  shared: SharedBrowser;
  log: (level: string, message: string, fields?: Record<string, unknown>) => void;
}

const variable = 'USHER_TEST_RIG_ACS';

export async function openGuests(
  options: { guest?: GuestWayIn; warmPages?: number },
  { server, shared, log }: Surroundings,
): Promise<OpenedGuests> {
  const warm = options.warmPages ?? 0;
  const load = (choice: GuestAdapterChoice): Promise<GuestAdapter> =>
    loadGuestAdapter(choice, { browser: () => shared.get(), clock: systemClock, lobbyTimeoutMs: 600_000, log });
  switch (options.guest ?? 'simulator') {
    case 'simulator': {
      const simulator = { server: server.url, warm };
      const honest = await load({ module: fixture('meeting/guest-adapter.ts'), options: simulator });
      const hostile = await load({ module: fixture('meeting/hostile-adapter.ts'), options: simulator });
      return {
        adapter: choosing(honest, hostile),
        close: async () => void (await Promise.all([honest.close(), hostile.close()])),
      };
    }
    case 'acs': {
      const standIn = { calling: fixture('acs/calling.ts'), identity: fixture('acs/identity.ts') };
      process.env[variable] = `endpoint=${server.url};accesskey=c3RhbmQtaW4=`;
      try {
        const adapter = await load({ module: 'acs', options: { connectionStringVariable: variable, standIn, warm } });
        return { adapter, close: () => adapter.close() };
      } finally {
        delete process.env[variable];
      }
    }
    case 'teams-web': {
      const standIn = await startTeamsWebStandIn({ server: server.url });
      const adapter = await load({
        module: 'teams-web',
        options: { standIn: standIn.origin, warm, unknownPatienceMs: 15_000 },
      });
      return {
        adapter,
        async close() {
          await adapter.close();
          await standIn.close();
        },
      };
    }
  }
}

/** Rooms whose name says so are given the hostile guest. */
function choosing(honest: GuestAdapter, hostile: GuestAdapter): GuestAdapter {
  return {
    name: 'simulator',
    warm: async (pages) => honest.warm?.(pages),
    join: (request) => (request.displayName.includes('hostile') ? hostile : honest).join(request),
    close: async () => {},
  };
}

function fixture(path: string): string {
  return fileURLToPath(new URL(`../../fixtures/${path}`, import.meta.url));
}
