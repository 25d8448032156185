/** The web: panels, feeds, the administrator's pages. Serves what the house knows, and defends itself. */
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { PanelUpdate } from '../../connectors/devices/panel/state.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../telemetry/log.ts';
import { addRoomGauges, type Metrics } from '../telemetry/metrics.ts';
import { notFound, say } from './answers.ts';
import { bundleAssets } from './assets.ts';
import { defaultLimits, type WebContext, type WebLimits } from './context.ts';
import { opensRoom } from './guard.ts';
import type { House } from './house.ts';
import { addHouseRoutes } from './house-routes.ts';
import { addRoomRoutes } from './room-routes.ts';
import { Streams } from './streams.ts';

export interface WebOptions {
  house: House;
  /** Port 0: any free one. */
  listen: { address: string; port: number };
  clock: Clock;
  log: Log;
  metrics: Metrics;
  limits?: Partial<WebLimits>;
  /** How panels reach Usher where a proxy gives it another Host (`https://usher.example.com`). Default: as listened. */
  publicUrl?: string | null;
  /** Addresses or CIDRs of proxies whose X-Forwarded-* headers are believed. Default: none. */
  trustedProxies?: readonly string[];
  /** Who may show the pages in a frame, as CSP sources. Default: nobody. */
  frameAncestors?: readonly string[];
}

export interface Web {
  /** `http://127.0.0.1:8080`, without a slash at the end. */
  readonly url: string;
  /** Ends the event streams, lets open requests finish for a while, then closes. */
  close(): Promise<void>;
}

/** @throws Error when the address cannot be listened on; the message names it and what to change. */
export async function createWeb(options: WebOptions): Promise<Web> {
  const { house, clock, log, metrics } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const assets = bundleAssets();
  let url = '';
  const update = (roomId: string): PanelUpdate | null => {
    const view = house.view(roomId);
    const panel = house.panel(roomId);
    if (view === null || panel === null) return null;
    return panel.update(view, { now: clock.now(), call: house.call(roomId), build: assets.build });
  };
  const context: WebContext = {
    house,
    clock,
    log,
    metrics,
    limits,
    assets,
    publicUrl: options.publicUrl ?? null,
    proxied: options.publicUrl != null || (options.trustedProxies ?? []).length > 0,
    address: () => options.publicUrl?.replace(/\/+$/, '') ?? url,
    update,
  };
  const streams = new Streams({
    clock,
    total: limits.streams,
    perRoom: limits.streamsPerRoom,
    beatMs: limits.beatMs,
    update,
    subscribe: (roomId, changed) => house.subscribe(roomId, changed),
    opens: (roomId, secret) => opensRoom(house, roomId, secret),
    counted: (open) => metrics.web.streams.set(open),
  });
  const app = createApp(limits, options.trustedProxies ?? []);
  await app.register(helmet, security(options.frameAncestors ?? []));
  await app.register(rateLimit, { max: limits.requestsPerAddressPerMinute, timeWindow: 60_000 });
  addForms(app);
  addRecords(app, context);
  addRoomRoutes(app, context, streams);
  addHouseRoutes(app, context);
  addRoomGauges(
    metrics,
    () => clock.now(),
    () => house.status(),
  );
  // What comes beyond is closed at once: streams, and a thousand short requests beside them.
  app.server.maxConnections = limits.streams + 1_000;
  url = await listen(app, options.listen);
  log.info({ url }, 'web listens');
  return {
    url,
    async close() {
      streams.close();
      const force = clock.after(limits.drainMs, () => app.server.closeAllConnections());
      await app.close();
      force();
    },
  };
}

function createApp(limits: WebLimits, trustedProxies: readonly string[]): FastifyInstance {
  return Fastify({
    logger: false,
    bodyLimit: 4_096,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: 10_000,
    forceCloseConnections: 'idle',
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    http: {
      maxHeaderSize: 16_384,
      headersTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(1_000, limits.requestMs),
    },
    routerOptions: { maxParamLength: 200 },
    // Malformed percent escapes and the like: said without repeating what was sent.
    frameworkErrors: (_error, _request, reply) => {
      reply.hijack();
      reply.raw
        .writeHead(400, { 'content-type': 'text/plain', 'x-content-type-options': 'nosniff' })
        .end('Bad request\n');
    },
  });
}

/** The header set of every answer. No inline script or style anywhere, so none is allowed. */
function security(frameAncestors: readonly string[]) {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        connectSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: frameAncestors.length === 0 ? ["'none'"] : [...frameAncestors],
      },
    },
    // The URL carries the room's secret: no other site may learn it.
    referrerPolicy: { policy: 'no-referrer' as const },
    frameguard: frameAncestors.length === 0 ? { action: 'deny' as const } : false,
    // TLS is the proxy's, and so is the promise to keep using it.
    strictTransportSecurity: false,
  } as const;
}

/** Forms of pages without script. */
function addForms(app: FastifyInstance): void {
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(body.toString())));
  });
}

/** Log, metrics, and the answers to what has no route or went wrong. */
function addRecords(app: FastifyInstance, { log, metrics }: WebContext): void {
  app.addHook('onSend', async (request, reply) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    // An open connection would hold up the end.
    if (request.server.server.listening === false) reply.header('connection', 'close');
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const status = reply.statusCode;
    const ms = Math.round(reply.elapsedTime);
    metrics.web.requests.inc({ route, method: request.method, status: String(status) });
    if (!route.endsWith('/events')) metrics.web.seconds.observe({ route }, reply.elapsedTime / 1000);
    // The route stands for the address: the address of a room holds its secret.
    const line = { route, method: request.method, status, ms, room: roomOf(request), from: request.ip };
    if (status >= 500) log.warn(line, 'request');
    else if (status >= 400) log.info(line, 'request');
    else log.debug(line, 'request');
  });
  app.setNotFoundHandler((_request, reply) => notFound(reply));
  app.setErrorHandler((error: unknown, request, reply) => {
    const known = typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : undefined;
    const status = typeof known === 'number' && known >= 400 && known < 500 ? known : 500;
    if (status === 500) log.error({ err: error, route: request.routeOptions.url ?? 'none' }, 'a route failed');
    if (status === 429) metrics.web.refused.inc({ why: 'rate' });
    const text = {
      413: 'Too large',
      415: 'Not a form or JSON',
      429: 'Too many requests',
      500: 'Something went wrong here',
    };
    const words = Object.entries(text).find(([code]) => Number(code) === status)?.[1] ?? 'Bad request';
    return say(reply, status, words);
  });
}

function roomOf(request: FastifyRequest): string | undefined {
  const params = request.params;
  if (typeof params !== 'object' || params === null || !('roomId' in params)) return undefined;
  return typeof params.roomId === 'string' ? params.roomId : undefined;
}

async function listen(app: FastifyInstance, { address, port }: { address: string; port: number }): Promise<string> {
  try {
    await app.listen({ host: address, port });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new Error(`web.listen: cannot listen on ${address} port ${port} (${code}); free it or choose another`, {
      cause,
    });
  }
  const bound = app.server.address();
  const actual = typeof bound === 'object' && bound !== null ? bound.port : port;
  const wildcard = address === '0.0.0.0' || address === '::';
  const host = wildcard ? '127.0.0.1' : address.includes(':') ? `[${address}]` : address;
  return `http://${host}:${actual}`;
}
