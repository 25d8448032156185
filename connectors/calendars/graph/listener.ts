/**
 * Where Microsoft Graph delivers change notifications: a listener of its own, the one part of Usher that the internet
 * may reach. It answers at once and works afterwards; what it is told is only ever a reason to read a calendar.
 */
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { z } from 'zod';

export interface ListenerOptions {
  /** Default 127.0.0.1: a reverse proxy with a public certificate stands in front. */
  host?: string;
  /** 0 for any free port. */
  port: number;
  /** PEM, where no proxy ends TLS. */
  tls?: { key: string; certificate: string };
}

/** A notification of either kind, as far as it is looked at (learn.microsoft.com/graph/api/resources/changenotification). */
export interface Notification {
  subscriptionId: string;
  clientState: string;
  tenantId: string | null;
  /** `missed`, `subscriptionRemoved` or `reauthorizationRequired`; `null` for a change. */
  lifecycleEvent: string | null;
}

export const notificationPath = '/graph/notifications';
export const lifecyclePath = '/graph/lifecycle';

const text = z.string().max(4_096);
const notificationSchema = z.object({
  subscriptionId: text,
  clientState: text.nullish(),
  tenantId: text.nullish(),
  lifecycleEvent: text.nullish(),
});
const bodySchema = z.object({ value: z.array(z.unknown()).max(10_000) });
/** `key` is the query that our own addresses carry: whose subscription this is. */
const querySchema = z.object({ validationToken: text.optional(), key: text.optional() });

export class NotificationListener {
  readonly #server: FastifyInstance;
  readonly #options: ListenerOptions;

  constructor(options: ListenerOptions, received: (key: string, notification: Notification) => void) {
    this.#options = options;
    const common = {
      bodyLimit: 4 * 1024 * 1024,
      logger: false,
      requestTimeout: 10_000,
      forceCloseConnections: true,
    } as const;
    const { tls } = options;
    const server: FastifyInstance =
      tls === undefined ? fastify(common) : fastify({ ...common, https: { key: tls.key, cert: tls.certificate } });
    // The handshake comes as text, and without a body worth reading.
    server.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, _body, done) => done(null, null));
    for (const path of [notificationPath, lifecyclePath]) {
      server.post(path, (request, reply) => answer(request, reply, received));
    }
    this.#server = server;
  }

  /** Resolves to the port. */
  async listen(): Promise<number> {
    await this.#server.listen({ host: this.#options.host ?? '127.0.0.1', port: this.#options.port });
    const address = this.#server.server.address();
    return typeof address === 'object' && address !== null ? address.port : this.#options.port;
  }

  async close(): Promise<void> {
    await this.#server.close();
  }
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  received: (key: string, notification: Notification) => void,
): Promise<FastifyReply> {
  const query = querySchema.safeParse(request.query);
  if (!query.success) return reply.code(400).send();
  const { validationToken, key } = query.data;
  if (validationToken !== undefined) {
    // Whoever sends a token gets it back as plain text and nothing else: no browser makes a page of it.
    return reply
      .code(200)
      .header('x-content-type-options', 'nosniff')
      .type('text/plain; charset=utf-8')
      .send(validationToken);
  }
  const body = bodySchema.safeParse(request.body);
  if (!body.success || key === undefined) return reply.code(400).send();
  // Graph counts an answer later than three seconds as a failure, and slow endpoints lose notifications.
  await reply.code(202).send();
  for (const value of body.data.value) {
    const parsed = notificationSchema.safeParse(value);
    if (!parsed.success) continue;
    const { subscriptionId, clientState, tenantId, lifecycleEvent } = parsed.data;
    received(key, {
      subscriptionId,
      clientState: clientState ?? '',
      tenantId: tenantId ?? null,
      lifecycleEvent: lifecycleEvent ?? null,
    });
  }
  return reply;
}
