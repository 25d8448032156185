/**
 * Where Cisco devices post their feedback (API guides, "Feedback from the device over HTTP"): a listener of its own, which
 * only the network of the devices need reach. What is posted is not read: it is only ever a reason to look at the device.
 */
import { type FastifyInstance, fastify } from 'fastify';
import type { ConnectorClock } from '../../calendars/calendar.ts';

export interface FeedbackListenerOptions {
  /** How devices reach the listener: `http://usher.example.org:8082`, with a path if a proxy adds one. */
  publicUrl: string;
  /** IP address to listen on. */
  address: string;
  /** 0 for any free port; a port 0 in `publicUrl` then becomes it. */
  port: number;
  clock: ConnectorClock;
}

/** Events of bookings are a few hundred bytes. */
const largestBody = 256 * 1024;
/** However much a device posts, it is not looked at more often than so, milliseconds. */
const lookAtMostEveryMs = 1_000;

interface Watched {
  changed: () => void;
  /** Monotonic; when it was last told. */
  toldAt: number;
  cancelPending: (() => void) | null;
}

export class FeedbackListener {
  readonly #options: FeedbackListenerOptions;
  readonly #server: FastifyInstance;
  readonly #watched = new Map<string, Watched>();
  #base: string;

  constructor(options: FeedbackListenerOptions) {
    this.#options = options;
    this.#base = options.publicUrl.replace(/\/+$/, '');
    const server = fastify({
      bodyLimit: largestBody,
      logger: false,
      requestTimeout: 10_000,
      forceCloseConnections: true,
    });
    server.removeAllContentTypeParsers();
    server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null, null));
    server.post<{ Params: { key: string } }>('/cisco/:key', async (request, reply) => {
      const watched = this.#watched.get(request.params.key);
      if (watched === undefined) return reply.code(404).send();
      this.#tell(watched);
      return reply.code(204).send();
    });
    this.#server = server;
  }

  /** @throws Error when the address cannot be listened on */
  async listen(): Promise<void> {
    const { address: host, port } = this.#options;
    try {
      await this.#server.listen({ host, port });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const remedy = 'free it, or change cisco.feedback.address and port';
      throw new Error(`the feedback of Cisco devices cannot be received at ${host}:${port} (${why}): ${remedy}`, {
        cause: error,
      });
    }
    const bound = this.#server.server.address();
    const actual = typeof bound === 'object' && bound !== null ? bound.port : port;
    this.#base = this.#base.replace(/:0(?=\/|$)/, `:${actual}`);
  }

  /**
   * The address to give to a device. Posts to it call `changed`, the first at once, further ones at most once a second.
   * @param key unguessable, and good for one device
   */
  open(key: string, changed: () => void): { url: string; close(): void } {
    const watched: Watched = { changed, toldAt: Number.NEGATIVE_INFINITY, cancelPending: null };
    this.#watched.set(key, watched);
    return {
      url: `${this.#base}/cisco/${key}`,
      close: () => {
        watched.cancelPending?.();
        if (this.#watched.get(key) === watched) this.#watched.delete(key);
      },
    };
  }

  async close(): Promise<void> {
    for (const { cancelPending } of this.#watched.values()) cancelPending?.();
    this.#watched.clear();
    await this.#server.close();
  }

  #tell(watched: Watched): void {
    if (watched.cancelPending !== null) return;
    const { clock } = this.#options;
    const tell = (): void => {
      watched.cancelPending = null;
      watched.toldAt = clock.monotonic();
      watched.changed();
    };
    const wait = watched.toldAt + lookAtMostEveryMs - clock.monotonic();
    if (wait <= 0) tell();
    else watched.cancelPending = clock.after(wait, tell);
  }
}
