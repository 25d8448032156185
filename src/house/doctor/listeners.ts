/** Where Usher is to listen: whether the address is this machine's, and the port free or the running Usher's. */
import { createSocket } from 'node:dgram';
import { createServer, isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Finding } from './finding.ts';
import { ownerOf } from './port-owner.ts';
import type { RunningUsher } from './store.ts';

export interface WantedListener {
  /** `SIP udp 0.0.0.0:5060`. */
  what: string;
  transport: 'udp' | 'tcp';
  address: string;
  /** 0 takes any. */
  port: number;
  /** Where the configuration says it: `sip.listen`. */
  setting: string;
}

/** Takes the port for a moment and gives it back; one that is taken is left alone. */
export async function checkListener(wanted: WantedListener, running: RunningUsher | null): Promise<Finding> {
  const { what, address, port, setting, transport } = wanted;
  const code = await tryBinding(wanted);
  switch (code) {
    case null:
      if (running === null || running.pid === null || port === 0) return { what, state: 'ok', words: 'free' };
      return {
        what,
        state: 'warning',
        words: `free, though an Usher runs (${running.words}): was the configuration changed since it started? Restart it to take that up`,
      };
    case 'EADDRINUSE':
      return taken(wanted, running);
    case 'EADDRNOTAVAIL':
    case 'EINVAL':
    case 'EAFNOSUPPORT':
      return {
        what,
        state: 'error',
        words: `${address} is not an address of this machine (it has ${ownAddresses()}): correct ${setting}`,
      };
    case 'EACCES':
    case 'EPERM':
      return {
        what,
        state: 'error',
        words: `this account may not listen on port ${port}: choose one above 1023 in ${setting}, or give Usher the capability CAP_NET_BIND_SERVICE`,
      };
    default:
      return {
        what,
        state: 'error',
        words: `cannot listen on ${transport} ${address}:${port} (${code}): correct ${setting}`,
      };
  }
}

async function taken(
  { what, transport, address, port, setting }: WantedListener,
  running: RunningUsher | null,
): Promise<Finding> {
  const owner = await ownerOf(transport, address, port);
  // Whoever has this store has opened all its listeners, or it would not run.
  if (running?.here && (owner === null || owner.pid === running.pid || (running.pid === null && owner.isUsher))) {
    return { what, state: 'ok', words: `the Usher that runs (${running.words}) listens there` };
  }
  const by =
    owner === null
      ? 'another process'
      : `${owner.isUsher ? 'another Usher, ' : ''}process ${owner.pid} (${owner.command})`;
  const words = `the port is taken by ${by}: end that, or choose another port in ${setting}`;
  return { what, state: 'error', words };
}

/** @returns null where it can be bound, else the system's code of why not */
export function tryBinding({
  transport,
  address,
  port,
}: Pick<WantedListener, 'transport' | 'address' | 'port'>): Promise<string | null> {
  const codeOf = (error: Error): string => ('code' in error ? String(error.code) : error.message);
  return new Promise((resolve) => {
    if (transport === 'udp') {
      const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
      socket.once('error', (error) => socket.close(() => resolve(codeOf(error))));
      socket.bind({ port, address, exclusive: true }, () => socket.close(() => resolve(null)));
      return;
    }
    const server = createServer((connection) => connection.destroy());
    server.once('error', (error) => resolve(codeOf(error)));
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** @param host as addresses are written, or as `URL` writes them */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));
}

function ownAddresses(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.map(({ address }) => address).join(', ') || 'none';
}
