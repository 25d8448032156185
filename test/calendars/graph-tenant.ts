/** The product's side of a simulated tenant, for tests. */
import { type GraphOptions, type GraphTenant, openGraph } from '../../connectors/calendars/graph/tenant.ts';
import type { GraphSimulator } from '../../fixtures/graph/simulator.ts';
import { systemClock } from '../../src/clock.ts';

export function tenantOf(simulator: GraphSimulator, options: Partial<GraphOptions> = {}): GraphTenant {
  const { tenant, clientId, secret } = simulator.options;
  return openGraph({
    tenant,
    clientId,
    credential: { kind: 'secret', secret },
    clock: systemClock,
    endpoints: simulator.endpoints,
    ca: simulator.ca,
    ...options,
  });
}

/** Resolves when `condition` holds; a condition that never does is the test's time-out. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
