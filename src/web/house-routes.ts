/** Routes that are no room's: assets, health, and the administrator's pages. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { callsQuerySchema } from '../calls/command.ts';
import { notFound, say, tooMany } from './answers.ts';
import type { WebContext } from './context.ts';
import { adminMay, bearsAdminSecret } from './guard.ts';
import type { RoomName } from './house.ts';
import { startPage, statusPage } from './pages.ts';
import { roomPath } from './paths.ts';
import type { AddressesAnswer, StatusAnswer } from './status-answer.ts';

/** What is not as it should be is taken as not asked for. */
const statusQuery = z.object({
  room: z.string().max(100).catch(''),
  wrong: z.string().optional().catch(undefined),
  page: z.coerce.number().int().min(1).max(1_000).catch(1),
});

const renewal = z.strictObject({ room: z.string(), graceHours: z.number().int().min(0).max(720) });

export function addHouseRoutes(app: FastifyInstance, context: WebContext): void {
  addOpenRoutes(app, context);
  const max = context.limits.wrongSecretsPerAddressPerMinute;
  const wrongLimit = app.createRateLimit({ max, timeWindow: 60_000 });
  addAdminRoutes(app, context, wrongLimit);
  addAddressRoutes(app, context, wrongLimit);
}

/** What everybody may ask for. */
function addOpenRoutes(app: FastifyInstance, { house, assets }: WebContext): void {
  app.get<{ Params: { file: string } }>('/assets/:file', async (request, reply) => {
    const file = assets.files.get(request.params.file);
    if (file === undefined) return notFound(reply);
    return reply.header('cache-control', 'public, max-age=31536000, immutable').type(file.type).send(file.body);
  });
  app.get('/healthz', async (_request, reply) => say(reply, 200, 'ok'));
  app.get('/readyz', async (_request, reply) => {
    const missing = house.notReady();
    return say(reply, missing === null ? 200 : 503, missing ?? 'ready');
  });
}

type RateLimit = ReturnType<FastifyInstance['createRateLimit']>;

/** Status and metrics: on this machine, or with the administrator's secret. */
function addAdminRoutes(app: FastifyInstance, context: WebContext, wrongLimit: RateLimit): void {
  const { house, clock, metrics, assets } = context;
  const forAdmin = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const may = adminMay(house, request, context.proxied);
    if (may === 'yes') return undefined;
    const tries = await wrongLimit(request);
    if (!tries.isAllowed && tries.isExceeded) return tooMany(reply, tries.ttlInSeconds);
    if (may === 'challenge') {
      reply.header('www-authenticate', 'Basic realm="Usher", charset="UTF-8"');
      return say(reply, 401, 'The administrator secret is the password');
    }
    const words =
      'This page opens on the machine that Usher runs on, by its loopback address; elsewhere only with the administrator secret';
    return say(reply, 403, words);
  };
  const page = 'text/html; charset=utf-8';
  app.get('/', { onRequest: forAdmin }, async (_request, reply) =>
    reply.type(page).send(startPage(house, assets.pageStyle, clock.now())),
  );
  app.get('/status', { onRequest: forAdmin }, async (request, reply) => {
    const { room, wrong, page: at } = statusQuery.parse(request.query);
    const query = { room, wrongOnly: wrong !== undefined, page: at };
    return reply.type(page).send(statusPage(house, assets.pageStyle, clock.now(), query));
  });
  app.get('/status.json', { onRequest: forAdmin }, async (_request, reply) => {
    const answer: StatusAnswer = {
      now: clock.now(),
      rooms: [...house.status()],
      services: house.services(),
      refusals: [...house.refusals()],
    };
    return reply.send(answer);
  });
  app.get('/calls.json', { onRequest: forAdmin }, async (request, reply) => {
    const { room, since, limit } = callsQuerySchema.parse(request.query);
    const calls = await house.calls({
      limit,
      ...(room === undefined ? {} : { roomId: room }),
      ...(since === undefined ? {} : { since }),
    });
    return reply.send({ calls });
  });
  app.get('/metrics', { onRequest: forAdmin }, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}

/**
 * Addresses hold the rooms' secrets, and forgetting changes something: these ask for the administrator's own secret,
 * wherever the request comes from.
 */
function addAddressRoutes(app: FastifyInstance, { house, log, address }: WebContext, wrongLimit: RateLimit): void {
  const addressesOf = (rooms: readonly RoomName[]): AddressesAnswer => ({
    rooms: rooms.map(({ id, name }) => {
      const secret = house.secrets(id)[0] ?? '';
      const panel = house.panel(id) === null ? null : address() + roomPath(id, secret, 'panel');
      const feed = house.feed(id) === null ? null : address() + roomPath(id, secret, 'feed.ics');
      return { id, name, panel, feed };
    }),
  });
  const withSecret = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (bearsAdminSecret(house, request)) return undefined;
    const tries = await wrongLimit(request);
    if (!tries.isAllowed && tries.isExceeded) return tooMany(reply, tries.ttlInSeconds);
    return say(reply.header('www-authenticate', 'Bearer'), 401, 'Administrator secret needed');
  };
  app.get('/addresses.json', { onRequest: withSecret }, async (_request, reply) =>
    reply.send(addressesOf(house.rooms())),
  );
  app.post('/forget-refusals', { onRequest: withSecret }, async (_request, reply) => {
    const forgotten = await house.forgetRefusals();
    log.info({ forgotten }, 'what tenants refused is forgotten');
    return reply.send({ forgotten });
  });
  app.post('/new-address', { onRequest: withSecret }, async (request, reply) => {
    const asked = renewal.safeParse(request.body);
    const room = house.rooms().find(({ id }) => asked.success && id === asked.data.room);
    if (!asked.success) return say(reply, 400, 'Send { "room", "graceHours": 0 to 720 }');
    if (room === undefined) return say(reply, 409, 'there is no room of that id');
    await house.renewSecret(room.id, asked.data.graceHours * 3_600_000);
    log.info({ room: room.id, graceHours: asked.data.graceHours }, 'the room has new addresses');
    return reply.send(addressesOf([room]));
  });
}
