/** The routes of one room: panel, events, feed, join. Each begins with the room's secret. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { PulledAnswer } from '../../connectors/devices/answer.ts';
import { joinOutcomes } from '../../connectors/devices/panel/state.ts';
import { opensRoom, sameOrigin } from './guard.ts';
import { roomPath } from './paths.ts';
import type { Streams } from './streams.ts';
import type { WebContext } from './web.ts';

const paramsSchema = z.object({ roomId: z.string().max(100), secret: z.string().max(100) });
const pageQuery = z.object({
  theme: z.enum(['light', 'dark']).nullable().catch(null),
  outcome: z.enum(joinOutcomes).nullable().catch(null),
});
const joinBody = z.object({ entry: z.string().min(1).max(100) });

type Room = z.infer<typeof paramsSchema>;

export function notFound(reply: FastifyReply): FastifyReply {
  return reply.code(404).type('text/plain; charset=utf-8').send('Not found\n');
}

function send(reply: FastifyReply, answer: PulledAnswer): FastifyReply {
  return reply.code(answer.status).headers(answer.headers).send(answer.body);
}

export function addRoomRoutes(app: FastifyInstance, context: WebContext, streams: Streams): void {
  const { house, clock, metrics, assets, limits, log } = context;
  const perMinute = (max: number, name: string) =>
    app.createRateLimit({
      max,
      timeWindow: 60_000,
      // The URL of a room names the room: one key per room and purpose, whoever asks.
      keyGenerator: (request) => `${name} ${paramsSchema.safeParse(request.params).data?.roomId ?? ''}`,
    });
  const readLimit = perMinute(limits.readsPerRoomPerMinute, 'read');
  const pressLimit = perMinute(limits.pressesPerRoomPerMinute, 'press');
  const wrongLimit = app.createRateLimit({ max: limits.wrongSecretsPerAddressPerMinute, timeWindow: 60_000 });

  /** The room that the URL opens; else answers, the same for an unknown room and a wrong secret, and gives `null`. */
  async function admit(request: FastifyRequest, reply: FastifyReply, limit: typeof readLimit): Promise<Room | null> {
    const params = paramsSchema.safeParse(request.params);
    if (!params.success || !opensRoom(house, params.data.roomId, params.data.secret)) {
      metrics.web.refused.inc({ why: 'wrong-secret' });
      const tries = await wrongLimit(request);
      if (tries.isAllowed || !tries.isExceeded) notFound(reply);
      else tooMany(reply, tries.ttlInSeconds);
      return null;
    }
    const used = await limit(request);
    if (!used.isAllowed && used.isExceeded) {
      metrics.web.refused.inc({ why: 'rate' });
      tooMany(reply, used.ttlInSeconds);
      return null;
    }
    return params.data;
  }

  app.get('/r/:roomId/:secret/panel', async (request, reply) => {
    const room = await admit(request, reply, readLimit);
    if (room === null) return reply;
    const view = house.view(room.roomId);
    const panel = house.panel(room.roomId);
    if (view === null || panel === null) return notFound(reply);
    const query = pageQuery.parse(request.query);
    const call = house.call(room.roomId);
    const { build, panelScript: script, panelStyle: style } = assets;
    return send(reply, panel.page(view, { now: clock.now(), call, build, script, style, ...query }));
  });

  app.get('/r/:roomId/:secret/view', async (request, reply) => {
    const room = await admit(request, reply, readLimit);
    if (room === null) return reply;
    const update = context.update(room.roomId);
    return update === null ? notFound(reply) : reply.send(update);
  });

  app.get('/r/:roomId/:secret/events', { exposeHeadRoute: false }, async (request, reply) => {
    const room = await admit(request, reply, readLimit);
    if (room === null) return reply;
    if (context.update(room.roomId) === null) return notFound(reply);
    if (!streams.hasRoomFor(room.roomId)) {
      metrics.web.refused.inc({ why: 'streams' });
      return reply
        .code(503)
        .header('retry-after', '30')
        .type('text/plain')
        .send('Too many open streams; poll instead\n');
    }
    const last = request.headers['last-event-id'];
    reply.hijack();
    streams.add(room.roomId, room.secret, typeof last === 'string' ? last : null, reply.raw);
    return reply;
  });

  app.get('/r/:roomId/:secret/feed.ics', async (request, reply) => {
    const room = await admit(request, reply, readLimit);
    if (room === null) return reply;
    const view = house.view(room.roomId);
    const feed = house.feed(room.roomId);
    if (view === null || feed === null) return notFound(reply);
    return send(reply, feed.feed(view, { now: clock.now(), ifNoneMatch: request.headers['if-none-match'] ?? null }));
  });

  for (const action of ['join', 'hang-up'] as const) {
    app.post(`/r/:roomId/:secret/${action}`, async (request, reply) => {
      const room = await admit(request, reply, pressLimit);
      if (room === null) return reply;
      if (!sameOrigin(request, context.publicUrl)) {
        metrics.web.refused.inc({ why: 'cross-origin' });
        return reply.code(403).type('text/plain').send('Only the panel itself may ask for this\n');
      }
      const body = joinBody.safeParse(request.body);
      if (action === 'join' && !body.success) {
        return reply.code(400).type('text/plain').send('Send the id of the entry to join as `entry`\n');
      }
      const entry = body.data?.entry ?? '';
      const result = action === 'join' ? await house.join(room.roomId, entry) : await house.hangUp(room.roomId);
      metrics.web.joins.inc({ outcome: result.outcome });
      log.info(
        { room: room.roomId, action, entry, outcome: result.outcome, words: result.words },
        'pressed on the panel',
      );
      const done = result.outcome === 'calling' || result.outcome === 'hung-up';
      if ((request.headers.accept ?? '').includes('application/json')) {
        return reply.code(done ? 202 : 409).send({ outcome: result.outcome });
      }
      const back = roomPath(room.roomId, room.secret, 'panel');
      return reply.redirect(done ? back : `${back}?outcome=${result.outcome}`, 303);
    });
  }
}

function tooMany(reply: FastifyReply, seconds: number): void {
  reply
    .code(429)
    .header('retry-after', String(seconds))
    .type('text/plain')
    .send(`Too many requests; wait ${seconds} s\n`);
}
