/** Opens the SIP edge of a configuration and works out what dial strings to us look like. */
import type { MediaClock } from '../../media/call.ts';
import { createSipEdge, type ObservableSipEdge } from '../../media/sip/edge.ts';
import type { Config } from '../config/schema.ts';
import type { Log } from '../telemetry/log.ts';

export interface OpenedSip {
  edge: ObservableSipEdge;
  /** `host:port` of the first listener, as peers reach it. */
  address: string;
  /** Host part of dial strings; where the first listener is TLS, with the parameter that says so (RFC 3261 section 19.1.1). */
  domain: string;
}

/** @throws Error that names the address that cannot be listened on, and the remedy */
export async function openSip(sip: NonNullable<Config['sip']>, clock: MediaClock, log: Log): Promise<OpenedSip> {
  const edge = createSipEdge({
    listen: sip.listen,
    ...(sip.tls === undefined ? {} : { tls: { key: sip.tls.key, cert: sip.tls.certificate } }),
    ...(sip.advertisedAddress === undefined ? {} : { advertisedAddress: sip.advertisedAddress }),
    clock,
    log: (level, message, fields) => log[level](fields ?? {}, message),
  });
  const [first] = await edge.listen();
  if (first === undefined) throw new Error('sip.listen: name at least one address to listen on');
  const address = hostAndPort(sip.advertisedAddress ?? first.address, first.port);
  const byTls = first.transport === 'tls' ? ';transport=tls' : '';
  return { edge, address, domain: sip.domain ?? `${address}${byTls}` };
}

function hostAndPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
