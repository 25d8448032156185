/** Routes that are no room's: assets, health, and the administrator's pages. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { adminMay } from './guard.ts';
import { startPage, statusPage } from './pages.ts';
import { notFound } from './room-routes.ts';
import type { StatusAnswer } from './status-answer.ts';
import type { WebContext } from './web.ts';

/** What is not as it should be is taken as not asked for. */
const statusQuery = z.object({
  room: z.string().max(100).catch(''),
  wrong: z.string().optional().catch(undefined),
  page: z.coerce.number().int().min(1).max(1_000).catch(1),
});

export function addHouseRoutes(app: FastifyInstance, { house, clock, metrics, assets, limits }: WebContext): void {
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
    const may = adminMay(house, request);
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
  app.get('/metrics', { onRequest: forAdmin }, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}
