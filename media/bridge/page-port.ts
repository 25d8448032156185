/**
 * The bridge's side of one web page: makes WebRTC transports on loopback, takes what the page produces and lets it
 * receive what it may. What a page asks for is checked here; what it sends reaches nobody unless the gate lets it.
 */
import type { types } from 'mediasoup';
import { z } from 'zod';
import type { Json, PagePort } from '../call.ts';
import type { PageCapabilitiesOf, PageConsumerOf } from './page-protocol.ts';

/** What a page may use of its call. */
export interface PageAccess {
  router: types.Router;
  capabilities: PageCapabilitiesOf<types.RtpCodecCapability, types.RtpCapabilities>;
  /** What the page may receive; empty for pages that only send. */
  outputs: readonly types.Producer[];
  /** The producer of a kind changed; null when there is none any more. */
  onProducer(kind: 'audio' | 'video', producer: types.Producer | null): void;
}

/** A page sends on one transport and receives on another; more is a mistake or worse. */
const mostTransports = 4;
const mostConsumers = 8;
/** Characters of JSON in one request; real ones stay below a tenth of it. */
const longestRequest = 100_000;

const id = z.string().max(64);
const fingerprint = z.object({
  algorithm: z.enum(['sha-1', 'sha-224', 'sha-256', 'sha-384', 'sha-512']),
  value: z.string().max(256),
});
/** mediasoup checks these itself, in full: here only that there is one stream and no more. */
const rtpParameters = z.custom<types.RtpParameters>(
  (value) =>
    z.looseObject({ codecs: z.array(z.unknown()).max(4), encodings: z.array(z.unknown()).length(1) }).safeParse(value)
      .success,
  'rtpParameters of one encoding',
);

const shapes = {
  createTransport: z.object({ direction: z.enum(['send', 'recv']) }),
  connectTransport: z.object({
    transportId: id,
    dtlsParameters: z.object({
      role: z.enum(['auto', 'client', 'server']).optional(),
      fingerprints: z.array(fingerprint).min(1).max(8),
    }),
  }),
  produce: z.object({ transportId: id, kind: z.enum(['audio', 'video']), rtpParameters }),
  consume: z.object({
    transportId: id,
    rtpCapabilities: z.custom<types.RtpCapabilities>((value) => typeof value === 'object' && value !== null),
  }),
  resume: z.object({ consumerId: id }),
};

export class PageConnection implements PagePort {
  readonly #ready: Promise<PageAccess>;
  readonly #transports = new Map<string, types.WebRtcTransport>();
  readonly #consumers = new Map<string, types.Consumer>();
  readonly #producers = new Map<'audio' | 'video', types.Producer>();
  #access: PageAccess | null = null;
  #closed = false;

  /** @param ready settles once the call knows its codecs; requests wait for it */
  constructor(ready: Promise<PageAccess>) {
    this.#ready = ready;
    // A page that never asks must not turn a call's failure into an unhandled rejection.
    ready.catch(() => {});
  }

  async request(method: string, data: Json): Promise<Json> {
    this.#assertOpen();
    if (JSON.stringify(data).length > longestRequest) throw new Error(`${method}: the request is too long`);
    const access = await this.#ready;
    this.#assertOpen();
    this.#access = access;
    switch (method) {
      case 'capabilities':
        return toJson(access.capabilities);
      case 'createTransport':
        return toJson(await this.#createTransport(access, read(method, shapes.createTransport, data)));
      case 'connectTransport':
        await this.#connectTransport(read(method, shapes.connectTransport, data));
        return null;
      case 'produce':
        return this.#produce(access, read(method, shapes.produce, data));
      case 'consume':
        return toJson(await this.#consume(access, read(method, shapes.consume, data)));
      case 'resume':
        await this.#resume(read(method, shapes.resume, data));
        return null;
      default:
        throw new Error(`no such method: ${method.slice(0, 40)}`);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const kinds = [...this.#producers.keys()];
    this.#producers.clear();
    for (const transport of this.#transports.values()) transport.close();
    this.#transports.clear();
    this.#consumers.clear();
    for (const kind of kinds) this.#access?.onProducer(kind, null);
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error("this page's connection to the bridge is closed");
  }

  async #createTransport(
    access: PageAccess,
    asked: z.infer<typeof shapes.createTransport>,
  ): Promise<Pick<types.WebRtcTransport, 'id' | 'iceParameters' | 'iceCandidates' | 'dtlsParameters'>> {
    if (this.#transports.size >= mostTransports) throw new Error('this page has too many transports');
    const transport = await access.router.createWebRtcTransport({
      listenInfos: [{ protocol: 'udp', ip: '127.0.0.1' }],
      // Loopback: no need to feel the way up from the default of 600 kbit/s.
      ...(asked.direction === 'recv' ? { initialAvailableOutgoingBitrate: 3_000_000 } : {}),
    });
    if (this.#closed) {
      transport.close();
      this.#assertOpen();
    }
    this.#transports.set(transport.id, transport);
    const { iceParameters, iceCandidates, dtlsParameters } = transport;
    return { id: transport.id, iceParameters, iceCandidates, dtlsParameters };
  }

  async #connectTransport(asked: z.infer<typeof shapes.connectTransport>): Promise<void> {
    const { role, fingerprints } = asked.dtlsParameters;
    const dtlsParameters = { fingerprints, ...(role === undefined ? {} : { role }) };
    await this.#transport(asked.transportId).connect({ dtlsParameters });
  }

  async #produce(access: PageAccess, asked: z.infer<typeof shapes.produce>): Promise<string> {
    const { kind } = asked;
    const producer = await this.#transport(asked.transportId).produce({ kind, rtpParameters: asked.rtpParameters });
    if (this.#closed || producer.closed) {
      producer.close();
      this.#assertOpen();
    }
    // One stream of a kind: a page that produces anew has done with what it sent before.
    this.#producers.get(kind)?.close();
    this.#producers.set(kind, producer);
    producer.observer.once('close', () => {
      if (this.#producers.get(kind) !== producer) return;
      this.#producers.delete(kind);
      access.onProducer(kind, null);
    });
    access.onProducer(kind, producer);
    return producer.id;
  }

  async #consume(
    access: PageAccess,
    asked: z.infer<typeof shapes.consume>,
  ): Promise<PageConsumerOf<types.RtpParameters>[]> {
    const transport = this.#transport(asked.transportId);
    if (access.outputs.length === 0) throw new Error('this page may only send');
    if (this.#consumers.size + access.outputs.length > mostConsumers) throw new Error('this page consumes too much');
    return Promise.all(
      access.outputs.map(async ({ id: producerId }) => {
        const { rtpCapabilities } = asked;
        const consumer = await transport.consume({ producerId, rtpCapabilities, paused: true });
        this.#consumers.set(consumer.id, consumer);
        return { id: consumer.id, producerId, kind: consumer.kind, rtpParameters: consumer.rtpParameters };
      }),
    );
  }

  async #resume({ consumerId }: z.infer<typeof shapes.resume>): Promise<void> {
    const consumer = this.#consumers.get(consumerId);
    if (consumer === undefined) throw new Error(`no such consumer: ${consumerId}`);
    await consumer.resume();
  }

  #transport(transportId: string): types.WebRtcTransport {
    const transport = this.#transports.get(transportId);
    if (transport === undefined) throw new Error(`no such transport: ${transportId}`);
    return transport;
  }
}

function read<T extends z.ZodType>(method: string, shape: T, data: Json): z.infer<T> {
  const result = shape.safeParse(data);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Error(`${method}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is not as agreed'}`);
}

function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value));
}
