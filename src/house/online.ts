/** Opens the Microsoft 365 tenant of a configuration. */
import { type GraphTenant, openGraph } from '../../connectors/calendars/graph/tenant.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import type { Secret } from '../rooms/secret.ts';

/** @throws TypeError when the certificate cannot be read; Error when the notification listener cannot listen */
export async function openOnline(config: Config, secret: Secret, clock: Clock): Promise<GraphTenant | null> {
  const online = config.microsoft365;
  if (online === undefined) return null;
  const { tenant, clientId, certificate, cloud, endpoints, proxy, ca, requestsPerDay, notifications } = online;
  const graph = openGraph({
    tenant,
    clientId,
    credential:
      certificate === undefined
        ? { kind: 'secret', secret: online.secret ?? '' }
        : { kind: 'certificate', ...certificate },
    clock,
    cloud,
    requestsPerDay,
    ...(endpoints === undefined ? {} : { endpoints }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(ca === undefined ? {} : { ca }),
    ...(notifications === undefined
      ? {}
      : {
          notifications: {
            publicUrl: notifications.publicUrl,
            secret: secret.notificationSecret(),
            listen: {
              host: notifications.address,
              port: notifications.port,
              ...(notifications.tls === undefined ? {} : { tls: notifications.tls }),
            },
          },
        }),
  });
  await graph.start();
  return graph;
}
