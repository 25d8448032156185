/** The routes of one room: panel, events, feed, join. Each begins with the room's secret. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { PulledAnswer } from '../../connectors/devices/answer.ts';
import { joinOutcomes } from '../../connectors/devices/panel/state.ts';
import { notFound, say } from './answers.ts';
import type { WebContext } from './context.ts';
import { sameOrigin } from './guard.ts';
import { roomPath } from './paths.ts';
import { type OpenedRoom, RoomGate } from './room-gate.ts';
import type { Streams } from './streams.ts';

const pageQuery = z.object({
  theme: z.enum(['light', 'dark']).nullable().catch(null),
  outcome: z.enum(joinOutcomes).nullable().catch(null),
});
const joinBody = z.object({ entry: z.string().min(1).max(100) });

export function addRoomRoutes(app: FastifyInstance, context: WebContext, streams: Streams): void {
  const gate = new RoomGate(app, context);
  addPages(app, context, gate);
  addEvents(app, context, gate, streams);
  for (const action of ['join', 'hang-up'] as const) {
    app.post(`/r/:roomId/:secret/${action}`, async (request, reply) => {
      const room = await gate.admit(request, reply, 'press');
      return room === null ? reply : press(context, action, room, request, reply);
    });
  }
}

function send(reply: FastifyReply, answer: PulledAnswer): FastifyReply {
  return reply.code(answer.status).headers(answer.headers).send(answer.body);
}

/** What devices read: the panel's page and state, the feed. */
function addPages(app: FastifyInstance, context: WebContext, gate: RoomGate): void {
  const { house, clock, assets } = context;
  app.get('/r/:roomId/:secret/panel', async (request, reply) => {
    const room = await gate.admit(request, reply, 'read');
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
    const room = await gate.admit(request, reply, 'read');
    if (room === null) return reply;
    const update = context.update(room.roomId);
    return update === null ? notFound(reply) : reply.send(update);
  });

  app.get('/r/:roomId/:secret/feed.ics', async (request, reply) => {
    const room = await gate.admit(request, reply, 'read');
    if (room === null) return reply;
    const view = house.view(room.roomId);
    const feed = house.feed(room.roomId);
    if (view === null || feed === null) return notFound(reply);
    return send(reply, feed.feed(view, { now: clock.now(), ifNoneMatch: request.headers['if-none-match'] ?? null }));
  });
}

function addEvents(app: FastifyInstance, context: WebContext, gate: RoomGate, streams: Streams): void {
  app.get('/r/:roomId/:secret/events', { exposeHeadRoute: false }, async (request, reply) => {
    const room = await gate.admit(request, reply, 'read');
    if (room === null) return reply;
    if (context.update(room.roomId) === null) return notFound(reply);
    if (!streams.hasRoomFor(room.roomId)) {
      context.metrics.web.refused.inc({ why: 'streams' });
      return say(reply.header('retry-after', '30'), 503, 'Too many open streams; poll instead');
    }
    const last = request.headers['last-event-id'];
    reply.hijack();
    streams.add(room.roomId, room.secret, typeof last === 'string' ? last : null, reply.raw);
    return reply;
  });
}

/** Asks the room's device to dial or to hang up, for a page of ours alone. */
async function press(
  { house, metrics, log, publicUrl }: WebContext,
  action: 'join' | 'hang-up',
  room: OpenedRoom,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (!sameOrigin(request, publicUrl)) {
    metrics.web.refused.inc({ why: 'cross-origin' });
    return say(reply, 403, 'Only the panel itself may ask for this');
  }
  const body = joinBody.safeParse(request.body);
  if (action === 'join' && !body.success) {
    return say(reply, 400, 'Send the id of the entry to join as `entry`');
  }
  const entry = body.data?.entry ?? '';
  const result = action === 'join' ? await house.join(room.roomId, entry) : await house.hangUp(room.roomId);
  metrics.web.joins.inc({ outcome: result.outcome });
  log.info({ room: room.roomId, action, entry, outcome: result.outcome, words: result.words }, 'pressed on the panel');
  const done = result.outcome === 'calling' || result.outcome === 'hung-up';
  if ((request.headers.accept ?? '').includes('application/json')) {
    return reply.code(done ? 202 : 409).send({ outcome: result.outcome });
  }
  const back = roomPath(room.roomId, room.secret, 'panel');
  return reply.redirect(done ? back : `${back}?outcome=${result.outcome}`, 303);
}
