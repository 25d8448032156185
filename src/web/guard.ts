/** Who may do what: room secrets, the administrator's pages, requests that another site made a browser send. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { House } from './house.ts';

/** True if `given` is one of the room's secrets. Takes as long for a room that does not exist as for a wrong secret. */
export function opensRoom(house: Pick<House, 'secrets'>, roomId: string, given: string): boolean {
  const secrets = house.secrets(roomId);
  let opens = false;
  for (const secret of secrets.length === 0 ? [''] : secrets) {
    const same = equalSecrets(secret, given);
    if (same && secret !== '') opens = true;
  }
  return opens;
}

/** Compares in a time that tells nothing of where two texts differ, nor of how long they are. */
export function equalSecrets(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/**
 * True for a request that a page of ours made. Browsers say so by Sec-Fetch-Site; older ones, and all of them over plain
 * HTTP, by Origin. A request with neither is refused: it is no browser's POST. `publicUrl` is what panels call us by where
 * a proxy gives us another Host.
 */
export function sameOrigin(request: FastifyRequest, publicUrl: string | null): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const origin = request.headers.origin;
  if (origin === undefined || !URL.canParse(origin)) return false;
  const { host } = new URL(origin);
  return host === request.host || (publicUrl !== null && host === new URL(publicUrl).host);
}

/**
 * `yes`; `challenge`: a secret is set and was not given; `no`: from elsewhere, and no secret is set. `proxied`: a proxy is
 * configured, which may stand on this machine and call us by a loopback name, so that being local says nothing.
 */
export function adminMay(
  house: Pick<House, 'adminSecret'>,
  request: FastifyRequest,
  proxied: boolean,
): 'yes' | 'challenge' | 'no' {
  const secret = house.adminSecret();
  if (secret !== null && secret !== '') {
    const given = credentials(request.headers.authorization);
    if (given !== null && equalSecrets(given, secret)) return 'yes';
  }
  if (!proxied && fromThisMachine(request)) return 'yes';
  return secret === null || secret === '' ? 'no' : 'challenge';
}

/**
 * True for a request that itself holds the administrator's secret as a Bearer token: no browser sends one by itself, and
 * being on this machine is not enough.
 */
export function bearsAdminSecret(house: Pick<House, 'adminSecret'>, request: FastifyRequest): boolean {
  const secret = house.adminSecret();
  const { authorization } = request.headers;
  if (secret === null || secret === '' || authorization === undefined || !/^bearer /i.test(authorization)) return false;
  return equalSecrets(credentials(authorization) ?? '', secret);
}

/** The token of `Bearer`, or the password of `Basic` (any user name). */
function credentials(header: string | undefined): string | null {
  if (header === undefined || header.length > 1000) return null;
  const [scheme = '', value = ''] = header.split(' ', 2);
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return null;
  const pair = Buffer.from(value, 'base64').toString();
  return pair.slice(pair.indexOf(':') + 1);
}

/**
 * The socket and the Host header both say loopback, and no proxy stands in between. The Host matters: a web site whose name
 * is made to resolve to 127.0.0.1 reaches the socket, but cannot change the name it was called by.
 */
function fromThisMachine(request: FastifyRequest): boolean {
  const { headers } = request;
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined || headers.via !== undefined) {
    return false;
  }
  return isLoopback(request.socket.remoteAddress ?? '') && isLoopback(request.hostname);
}

function isLoopback(name: string): boolean {
  return /^(localhost|\[?::1\]?|(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/i.test(name);
}
