/** Opens the SIP edge of a configuration and works out what dial strings to us look like. */
import type { MediaClock } from '../../media/call.ts';
import { createSipEdge, type ObservableSipEdge } from '../../media/sip/edge.ts';
import type { Config } from '../config/schema.ts';
import type { Log } from '../telemetry/log.ts';

export interface OpenedSip {
  edge: ObservableSipEdge;
  /** `host:port` of the first listener, as peers reach it. */
  address: string;
  /** Host part of dial strings. */
  domain: string;
}

/** @throws Error that names the address that cannot be listened on, and the remedy */
export async function openSip(sip: NonNullable<Config['sip']>, clock: MediaClock, log: Log): Promise<OpenedSip> {
  const edge = createSipEdge({
    listen: sip.listen,
    ...(sip.advertisedAddress === undefined ? {} : { advertisedAddress: sip.advertisedAddress }),
    clock,
    log: (level, message, fields) => log[level](fields ?? {}, message),
  });
  const [first] = await edge.listen();
  if (first === undefined) throw new Error('sip.listen: name at least one address to listen on');
  const address = hostAndPort(sip.advertisedAddress ?? first.address, first.port);
  return { edge, address, domain: sip.domain ?? address };
}

function hostAndPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
