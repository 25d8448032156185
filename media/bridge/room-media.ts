/**
 * The room's side of one m= line: a plain RTP or SRTP transport, the producer of what the room sends, and the consumer
 * through which it gets its one continuous stream.
 */
import { isIP } from 'node:net';
import type { types } from 'mediasoup';
import type { MediaClock, StreamStats } from '../call.ts';
import type { PortPair } from './ports.ts';
import { isUnspecified, roomFeedback, roomReceives, roomSends, routerCodecs, type Selected } from './sdp/select.ts';
import type { LocalMedia } from './sdp/write.ts';
import type { Splice } from './splice.ts';
import { tapSsrc } from './ssrc-tap.ts';

export interface RoomMediaOptions {
  router: types.Router;
  selected: Selected;
  ports: PortPair;
  listenAddress: string;
  /** What the room is to get. */
  toRoom: Splice;
  clock: MediaClock;
  /** The producer of what the room sends, whenever it is another one. */
  onProducer(producer: types.Producer | null): void;
  log(level: 'debug' | 'warn', message: string, fields?: Record<string, unknown>): void;
}

interface Totals {
  packets: number;
  bytes: number;
  lost: number;
}

/** How long to listen for a packet that tells an SSRC, milliseconds. */
const tapMs = 2000;
/** After how many looks without a packet of the room its SDP is believed about where it is. */
const looksBeforeConnect = 2;
/** More bytes a second than RTCP has; a still picture has twice as many, a voice ten times. */
const mostRtcp = 600;

export class RoomMedia {
  readonly #options: RoomMediaOptions;
  #selected: Selected;
  #transport: types.PlainTransport | null = null;
  #consumer: types.Consumer | null = null;
  #producer: types.Producer | null = null;
  #tap: { cancel(): void } | null = null;
  #closed = false;
  /** Where the room was by its SDP when the transport was set up. */
  #where: string | null = null;
  #looks = 0;
  #bySdp = false;
  #rtcpHeard = false;
  #received = { bytes: 0, produced: 0 };
  /** Of producers that are no more. */
  readonly #past: Totals = { packets: 0, bytes: 0, lost: 0 };

  private constructor(options: RoomMediaOptions) {
    this.#options = options;
    this.#selected = options.selected;
  }

  static async open(options: RoomMediaOptions): Promise<RoomMedia> {
    const media = new RoomMedia(options);
    await options.ports.release();
    try {
      await media.#connect('first-packet');
    } catch (error) {
      await media.close();
      throw error;
    }
    return media;
  }

  get selected(): Selected {
    return this.#selected;
  }

  get local(): LocalMedia {
    const { ports } = this.#options;
    return {
      rtpPort: ports.rtp,
      rtcpPort: ports.rtcp,
      rtcpMux: this.#selected.media.rtcpMux,
      srtpKey: this.#transport?.srtpParameters?.keyBase64 ?? null,
    };
  }

  /** Whether a key frame of the room can be asked for by RTCP: it said so, and it is known where its RTCP is. */
  get takesKeyFrameRequests(): boolean {
    const negotiated = roomFeedback(this.#selected).some(({ parameter }) => parameter !== undefined);
    return negotiated && (this.#bySdp || this.#selected.media.rtcpMux || this.#rtcpHeard);
  }

  /** Takes what a later offer or answer says: hold and resume, another address, another key. */
  async update(selected: Selected): Promise<void> {
    const wasHeld = !roomReceives(this.#selected);
    this.#selected = selected;
    const where = whereabouts(selected);
    if (where !== null && where !== this.#where) await this.#connect('first-packet');
    else await this.#applyDirection(wasHeld);
  }

  /** The m= line was refused or removed by a later offer. */
  async suspend(): Promise<void> {
    await Promise.all([this.#consumer?.pause(), this.#producer?.pause()]);
  }

  /**
   * Looks, once a second, whether the room sends with an SSRC that is not known, or from nowhere yet. Returns all bytes
   * that came from the room so far, RTCP included.
   */
  async look(): Promise<number> {
    const transport = this.#transport;
    if (transport === null || transport.closed) return 0;
    const [stat] = await transport.getStats();
    if (stat === undefined || transport !== this.#transport) return 0;
    const { bytesReceived: bytes, tuple } = stat;
    this.#rtcpHeard = stat.rtcpTuple?.remotePort !== undefined;
    const produced = await this.#producedPackets();
    const before = this.#received;
    this.#received = { bytes, produced };
    if (bytes - before.bytes > mostRtcp && produced === before.produced) this.#learnSoon(tuple);
    else if (tuple.remoteIp === undefined && ++this.#looks === looksBeforeConnect) await this.#connect('sdp');
    return bytes;
  }

  async stats(): Promise<StreamStats[]> {
    const { kind, format } = this.#selected;
    const codec = format.name;
    const [[from], [to]] = await Promise.all([this.#producer?.getStats() ?? [], this.#consumer?.getStats() ?? []]);
    const clock = format.clockRate / 1000;
    return [
      {
        kind,
        direction: 'from-room',
        codec,
        packets: this.#past.packets + (from?.packetCount ?? 0),
        bytes: this.#past.bytes + (from?.byteCount ?? 0),
        lost: this.#past.lost + (from?.packetsLost ?? 0),
        jitterMs: from === undefined ? null : from.jitter / clock,
        roundTripMs: from?.roundTripTime ?? null,
      },
      {
        kind,
        direction: 'to-room',
        codec,
        packets: to?.packetCount ?? 0,
        bytes: to?.byteCount ?? 0,
        lost: to?.packetsLost ?? 0,
        jitterMs: null,
        roundTripMs: to?.roundTripTime ?? null,
      },
    ];
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#tap?.cancel();
    this.#transport?.close();
    await this.#options.ports.free();
  }

  /**
   * Sets the transport up on our ports, in place of the one before. `first-packet` sends to wherever the room's first
   * packet comes from, which its SDP does not always know (NAT); `sdp` goes by the SDP, for a room that sends nothing
   * until it hears something.
   */
  async #connect(way: 'first-packet' | 'sdp'): Promise<void> {
    const { router, listenAddress, ports, toRoom } = this.#options;
    const { media, crypto } = this.#selected;
    const known = isIP(media.address ?? '') !== 0 && !isUnspecified(media.address);
    const bySdp = known && (way === 'sdp' || media.direction === 'recvonly');
    this.#where = whereabouts(this.#selected);
    this.#tap?.cancel();
    await this.#forgetProducer();
    this.#transport?.close();
    this.#received = { bytes: 0, produced: 0 };
    this.#bySdp = bySdp;
    this.#rtcpHeard = false;
    this.#looks = way === 'sdp' ? looksBeforeConnect : 0;
    const listen = (port: number): types.TransportListenInfo => ({
      protocol: 'udp',
      ip: listenAddress,
      port,
      // For ssrc-tap.ts; the pool (ports.ts) has made sure that the port is ours.
      flags: { udpReusePort: true },
    });
    const transport = await router.createPlainTransport({
      listenInfo: listen(ports.rtp),
      ...(media.rtcpMux ? {} : { rtcpListenInfo: listen(ports.rtcp) }),
      rtcpMux: media.rtcpMux,
      comedia: !bySdp,
      ...(crypto === null ? {} : { enableSrtp: true, srtpCryptoSuite: crypto.suite }),
    });
    if (this.#closed) return transport.close();
    this.#transport = transport;
    const srtp = crypto === null ? {} : { srtpParameters: { cryptoSuite: crypto.suite, keyBase64: crypto.key } };
    if (bySdp) {
      const rtcp = media.rtcpMux ? {} : { rtcpPort: media.rtcpPort ?? media.port + 1 };
      await transport.connect({ ip: media.address ?? '', port: media.port, ...rtcp, ...srtp });
    } else if (crypto !== null) {
      await transport.connect(srtp);
    }
    transport.on('rtcptuple', () => {
      this.#rtcpHeard = true;
    });
    if (media.ssrc === null) await this.#awaitFirstPacket(transport);
    if (media.ssrc !== null) await this.#produce(media.ssrc);
    this.#consumer = await transport.consume({
      producerId: toRoom.output.id,
      rtpCapabilities: this.#roomCapabilities(),
      paused: true,
    });
    await this.#applyDirection(true);
  }

  #roomCapabilities(): types.RtpCapabilities {
    const rtcpFeedback = roomFeedback(this.#selected);
    const [main] = routerCodecs(this.#selected);
    if (main === undefined) throw new Error(`no codec for ${this.#selected.kind}`);
    const preferredPayloadType = this.#selected.format.payloadType;
    return { codecs: [{ ...main, preferredPayloadType, rtcpFeedback }], headerExtensions: [] };
  }

  async #applyDirection(wasHeld: boolean): Promise<void> {
    const consumer = this.#consumer;
    if (consumer !== null && !consumer.closed) {
      if (roomReceives(this.#selected)) {
        await consumer.resume();
        if (wasHeld) this.#options.toRoom.requestKeyFrame();
      } else await consumer.pause();
    }
    const producer = this.#producer;
    if (producer === null || producer.closed) return;
    if (roomSends(this.#selected)) await producer.resume();
    else await producer.pause();
  }

  /** The event is missed when the room sends already: its news can come before anybody can listen. */
  async #awaitFirstPacket(transport: types.PlainTransport): Promise<void> {
    transport.on('tuple', (tuple) => this.#learnSoon(tuple));
    const [stat] = await transport.getStats();
    if (!this.#bySdp && stat?.tuple.remoteIp !== undefined) this.#learnSoon(stat.tuple);
  }

  #learnSoon(tuple: types.TransportTuple): void {
    this.#learn(tuple).catch((error: unknown) => {
      if (this.#closed) return;
      this.#options.log('warn', "the room's SSRC could not be used", { detail: String(error) });
    });
  }

  async #learn(tuple: types.TransportTuple): Promise<void> {
    const transport = this.#transport;
    if (this.#tap !== null || this.#closed || tuple.remoteIp === undefined || tuple.remotePort === undefined) return;
    const { listenAddress, clock, log } = this.#options;
    const tap = tapSsrc({
      local: { address: listenAddress, port: tuple.localPort },
      remote: { address: tuple.remoteIp, port: tuple.remotePort },
      payloadTypes: new Set(this.#payloadTypes()),
      clock,
      timeoutMs: tapMs,
    });
    this.#tap = tap;
    const ssrc = await tap.ssrc;
    this.#tap = null;
    if (this.#closed || transport !== this.#transport) return;
    if (ssrc === null) {
      // The room sends from elsewhere than its SDP said.
      if (this.#bySdp && this.#producer === null) await this.#connect('first-packet');
      return;
    }
    if (ssrc === this.#producer?.rtpParameters.encodings?.[0]?.ssrc) return;
    log('debug', 'learned the SSRC of the room', { kind: this.#selected.kind, ssrc });
    await this.#forgetProducer();
    await this.#produce(ssrc);
    await this.#applyDirection(false);
  }

  #payloadTypes(): number[] {
    const { format, telephoneEvent } = this.#selected;
    return telephoneEvent === null ? [format.payloadType] : [format.payloadType, telephoneEvent.payloadType];
  }

  async #produce(ssrc: number): Promise<void> {
    const transport = this.#transport;
    if (transport === null || transport.closed) return;
    const feedback = roomFeedback(this.#selected);
    const codecs = routerCodecs(this.#selected).map(
      ({ mimeType, clockRate, channels, parameters, preferredPayloadType }) => ({
        mimeType,
        clockRate,
        payloadType: preferredPayloadType ?? this.#selected.format.payloadType,
        parameters: parameters ?? {},
        ...(channels === undefined ? {} : { channels }),
        rtcpFeedback: feedback,
      }),
    );
    const producer = await transport.produce({
      kind: this.#selected.kind,
      rtpParameters: { codecs, encodings: [{ ssrc }], rtcp: { cname: 'room' } },
      paused: !roomSends(this.#selected),
    });
    if (this.#closed || transport !== this.#transport) return producer.close();
    this.#producer = producer;
    this.#options.onProducer(producer);
  }

  async #forgetProducer(): Promise<void> {
    const producer = this.#producer;
    if (producer === null) return;
    this.#producer = null;
    if (!producer.closed) {
      const stat = await producer.getStats().then(
        ([first]) => first,
        () => undefined,
      );
      this.#past.packets += stat?.packetCount ?? 0;
      this.#past.bytes += stat?.byteCount ?? 0;
      this.#past.lost += stat?.packetsLost ?? 0;
    }
    producer.close();
    this.#options.onProducer(null);
  }

  async #producedPackets(): Promise<number> {
    const stats = (await this.#producer?.getStats()) ?? [];
    return stats.reduce((sum, { packetCount }) => sum + packetCount, 0);
  }
}

/** Where the room's media is by its SDP, and how it is protected; null while a hold hides it. */
function whereabouts({ media, crypto }: Selected): string | null {
  if (isUnspecified(media.address) || media.port === 0) return null;
  return [media.address, media.port, media.rtcpMux, crypto?.suite, crypto?.key].join(' ');
}
