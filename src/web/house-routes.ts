/** Routes that are no room's: assets, health, and the administrator's pages. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { callsQuerySchema } from '../calls/command.ts';
import { adminMay, bearsAdminSecret } from './guard.ts';
import type { RoomName } from './house.ts';
import { startPage, statusPage } from './pages.ts';
import { roomPath } from './paths.ts';
import { notFound } from './room-routes.ts';
import type { AddressesAnswer, StatusAnswer } from './status-answer.ts';
import type { WebContext } from './web.ts';

/** What is not as it should be is taken as not asked for. */
const statusQuery = z.object({
  room: z.string().max(100).catch(''),
  wrong: z.string().optional().catch(undefined),
  page: z.coerce.number().int().min(1).max(1_000).catch(1),
});

const renewal = z.strictObject({ room: z.string(), graceHours: z.number().int().min(0).max(720) });

export function addHouseRoutes(app: FastifyInstance, context: WebContext): void {
  const { house, clock, metrics, assets, limits } = context;
  app.get<{ Params: { file: string } }>('/assets/:file', async (request, reply) => {
    const file = assets.files.get(request.params.file);
    if (file === undefined) return notFound(reply);
    return reply.header('cache-control', 'public, max-age=31536000, immutable').type(file.type).send(file.body);
  });
  app.get('/healthz', async (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', async (_request, reply) => {
    const missing = house.notReady();
    return reply
      .code(missing === null ? 200 : 503)
      .type('text/plain')
      .send(`${missing ?? 'ready'}\n`);
  });

  const wrongLimit = app.createRateLimit({ max: limits.wrongSecretsPerAddressPerMinute, timeWindow: 60_000 });
  const forAdmin = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const may = adminMay(house, request, context.proxied);
    if (may === 'yes') return undefined;
    const tries = await wrongLimit(request);
    if (!tries.isAllowed && tries.isExceeded) return reply.code(429).type('text/plain').send('Too many requests\n');
    if (may === 'challenge') {
      reply.code(401).header('www-authenticate', 'Basic realm="Usher", charset="UTF-8"');
      return reply.type('text/plain').send('The administrator secret is the password\n');
    }
    const words =
      'This page opens on the machine that Usher runs on, by its loopback address; elsewhere only with the administrator secret\n';
    return reply.code(403).type('text/plain').send(words);
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
    const answer: StatusAnswer = { now: clock.now(), rooms: [...house.status()] };
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
  addAddressRoutes(app, context, wrongLimit);
}

/** Addresses hold the rooms' secrets, so these two ask for the administrator's own, wherever the request comes from. */
function addAddressRoutes(
  app: FastifyInstance,
  { house, log, address }: WebContext,
  wrongLimit: ReturnType<FastifyInstance['createRateLimit']>,
): void {
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
    if (!tries.isAllowed && tries.isExceeded) return reply.code(429).type('text/plain').send('Too many requests\n');
    return reply
      .code(401)
      .header('www-authenticate', 'Bearer')
      .type('text/plain')
      .send('Administrator secret needed\n');
  };
  app.get('/addresses.json', { onRequest: withSecret }, async (_request, reply) =>
    reply.send(addressesOf(house.rooms())),
  );
  app.post('/new-address', { onRequest: withSecret }, async (request, reply) => {
    const asked = renewal.safeParse(request.body);
    const room = house.rooms().find(({ id }) => asked.success && id === asked.data.room);
    if (!asked.success) return reply.code(400).type('text/plain').send('Send { "room", "graceHours": 0 to 720 }\n');
    if (room === undefined) return reply.code(409).type('text/plain').send('there is no room of that id\n');
    await house.renewSecret(room.id, asked.data.graceHours * 3_600_000);
    log.info({ room: room.id, graceHours: asked.data.graceHours }, 'the room has new addresses');
    return reply.send(addressesOf([room]));
  });
}
