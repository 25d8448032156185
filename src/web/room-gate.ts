/** Lets requests into a room's routes: by the secret in the address, within the room's limits. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { notFound, tooMany } from './answers.ts';
import type { WebContext } from './context.ts';
import { opensRoom } from './guard.ts';

const paramsSchema = z.object({ roomId: z.string().max(100), secret: z.string().max(100) });

/** The room that a request's address opens. */
export type OpenedRoom = z.infer<typeof paramsSchema>;

type RateLimit = ReturnType<FastifyInstance['createRateLimit']>;

export class RoomGate {
  readonly #context: WebContext;
  readonly #limits: Readonly<Record<'read' | 'press' | 'wrong', RateLimit>>;

  constructor(app: FastifyInstance, context: WebContext) {
    this.#context = context;
    const { readsPerRoomPerMinute, pressesPerRoomPerMinute, wrongSecretsPerAddressPerMinute } = context.limits;
    const perRoom = (max: number, purpose: string): RateLimit =>
      app.createRateLimit({
        max,
        timeWindow: 60_000,
        // One key per room and purpose, whoever asks: the address of a room names the room.
        keyGenerator: (request) => `${purpose} ${paramsSchema.safeParse(request.params).data?.roomId ?? ''}`,
      });
    this.#limits = {
      read: perRoom(readsPerRoomPerMinute, 'read'),
      press: perRoom(pressesPerRoomPerMinute, 'press'),
      wrong: app.createRateLimit({ max: wrongSecretsPerAddressPerMinute, timeWindow: 60_000 }),
    };
  }

  /** The room that the address opens; else answers, the same for an unknown room and a wrong secret, and gives `null`. */
  async admit(request: FastifyRequest, reply: FastifyReply, purpose: 'read' | 'press'): Promise<OpenedRoom | null> {
    const { house, metrics } = this.#context;
    const params = paramsSchema.safeParse(request.params);
    if (!params.success || !opensRoom(house, params.data.roomId, params.data.secret)) {
      metrics.web.refused.inc({ why: 'wrong-secret' });
      const tries = await this.#limits.wrong(request);
      if (tries.isAllowed || !tries.isExceeded) notFound(reply);
      else tooMany(reply, tries.ttlInSeconds);
      return null;
    }
    const used = await this.#limits[purpose](request);
    if (!used.isAllowed && used.isExceeded) {
      metrics.web.refused.inc({ why: 'rate' });
      tooMany(reply, used.ttlInSeconds);
      return null;
    }
    return params.data;
  }
}
