/**
 * Which addresses a feed may be read from. A feed's URL, and every place it redirects to, is resolved once and judged at
 * the moment of connecting, so that a name that resolves differently a second later gains nothing.
 */
import { lookup as resolve } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';

export class AddressRefused extends Error {
  override name = 'AddressRefused';

  constructor(host: string, address: string) {
    const what = host === address ? address : `${host} (${address})`;
    super(`${what} is a private, loopback or link-local address; allow private addresses for this feed if it is meant`);
  }
}

/** Everything that is not reachable from the public internet (IANA's special-purpose registries). */
const notPublic = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  notPublic.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2002::', 16],
  ['2001::', 32],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
] as const) {
  notPublic.addSubnet(network, prefix, 'ipv6');
}

/** Also true for IPv4 written as IPv6 and for the tunnels that carry IPv4: they would lead around the list. */
export function isPrivateAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined) return notPublic.check(mapped, 'ipv4');
  const family = isIP(bare);
  return family === 0 || notPublic.check(bare, family === 6 ? 'ipv6' : 'ipv4');
}

/** A connector for undici that refuses private addresses unless they are allowed. `timeout` in milliseconds. */
export function guardedConnector(allowPrivate: boolean, timeout: number): buildConnector.connector {
  if (allowPrivate) return buildConnector({ timeout });
  const guardedLookup: LookupFunction = (host, options, callback) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const refused = addresses.find(({ address }) => isPrivateAddress(address));
      if (refused !== undefined) return callback(new AddressRefused(host, refused.address), []);
      const [chosen] = addresses;
      if (options.all === true || chosen === undefined) return callback(null, addresses);
      callback(null, chosen.address, chosen.family);
    });
  };
  const connect = buildConnector({ timeout, lookup: guardedLookup });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    // node:net resolves no name that is an address already, so the look-up above never sees it.
    if (isIP(host) !== 0 && isPrivateAddress(host)) return callback(new AddressRefused(host, host), null);
    connect(options, callback);
  };
}
