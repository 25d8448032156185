/**
 * One call's media. Negotiates with the room (RFC 3264), and once it knows the codecs sets up everything else: a router,
 * a plain transport for each m= line, one continuous stream a kind in each direction, and the gate between them.
 */
import { EventEmitter } from 'node:events';
import type { types } from 'mediasoup';
import {
  type BridgedCall,
  type BridgedCallEvents,
  type GateState,
  type MediaClock,
  type PagePort,
  type StreamStats,
  UnacceptableOffer,
} from '../call.ts';
import { Gate } from './gate.ts';
import { type PageAccess, PageConnection } from './page-port.ts';
import type { PortPair, PortPool } from './ports.ts';
import { RoomMedia } from './room-media.ts';
import { type Description, readDescription } from './sdp/description.ts';
import {
  answerDirection,
  eventsMimeType,
  type Kind,
  roomSends,
  routerCodecs,
  type Selected,
  select,
  selectAgain,
} from './sdp/select.ts';
import { answerMedia, LocalDescription, type LocalMedia, offerMedia } from './sdp/write.ts';
import { Splice } from './splice.ts';

export interface BridgedCallOptions {
  callId: string;
  createRouter(codecs: types.RouterRtpCodecCapability[]): Promise<types.Router>;
  ports: PortPool;
  /** Where the room's media is listened for. */
  listenAddress: string;
  /** Where the room is told to send it. */
  announcedAddress: string;
  clock: MediaClock;
  /** How long a room may send neither RTP nor RTCP, milliseconds. */
  silenceMs: number;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>): void;
  onClosed(): void;
}

/** Everything that exists once the codecs are known. */
interface Established {
  router: types.Router;
  gate: Gate;
  rooms: Map<Kind, RoomMedia>;
  toRoom: Splice[];
  toGuest: Splice[];
  capabilities: PageAccess['capabilities'];
}

/** How often the room's streams are looked at, milliseconds. */
const lookEvery = 1000;
/** In looks. */
const slateKeyFrameEvery = 5;
/** Between requests for a key frame by INFO, milliseconds: it is signalling. */
const keyFrameEvery = 1000;
/** Most that a page sends for the room's picture, bits a second, whatever the room would take. */
const mostVideo = 2_500_000;

export class MediasoupCall extends EventEmitter<BridgedCallEvents> implements BridgedCall {
  readonly #options: BridgedCallOptions;
  readonly #local: LocalDescription;
  readonly #ready = Promise.withResolvers<Established>();
  #established: Established | null = null;
  #remote: Description | null = null;
  /** m= lines of ours in an offer that waits for its answer. */
  #offered: { audio: PortPair; video: PortPair } | null = null;
  #wantedGate: GateState = 'closed';
  #guest: PageConnection | null = null;
  #slate: PageConnection | null = null;
  #closed = false;
  #stopLooking: () => void = () => {};
  #heard = { bytes: 0, at: 0, silent: false };
  #lookCount = 0;
  #keyFrameAskedAt = Number.NEGATIVE_INFINITY;

  constructor(options: BridgedCallOptions) {
    super();
    this.#options = options;
    this.#local = new LocalDescription(options.announcedAddress);
    this.#ready.promise.catch(() => {});
  }

  get gate(): GateState {
    return this.#wantedGate;
  }

  async answer(offer: string): Promise<string> {
    this.#assertOpen();
    const remote = readDescription(offer);
    if (this.#established === null) {
      await this.#establish(select(remote), new Map());
    } else {
      await this.#renegotiate(this.#established, selectAgain(remote, this.#selection(this.#established)));
    }
    this.#remote = remote;
    return this.#writeAnswer(remote);
  }

  async offer(): Promise<string> {
    this.#assertOpen();
    if (this.#established !== null) return this.#writeOffer(this.#established);
    this.#offered ??= { audio: await this.#options.ports.take(), video: await this.#options.ports.take() };
    const { audio, video } = this.#offered;
    return this.#local.write(offerMedia(localOf(audio), localOf(video)));
  }

  async accept(answer: string): Promise<void> {
    this.#assertOpen();
    const remote = readDescription(answer);
    if (this.#established !== null) {
      await this.#renegotiate(this.#established, selectAgain(remote, this.#selection(this.#established)));
      this.#remote = remote;
      return;
    }
    const offered = this.#offered;
    if (offered === null) throw new Error('there was no offer that this could answer');
    const selected = select(remote);
    this.#offered = null;
    if (!selected.some(({ kind }) => kind === 'video')) await offered.video.free();
    await this.#establish(selected, new Map(Object.entries(offered)));
    this.#remote = remote;
  }

  async setGate(state: GateState): Promise<void> {
    this.#wantedGate = state;
    await this.#established?.gate.set(state);
  }

  guestPort(): PagePort {
    this.#guest?.close();
    this.#guest = this.#page(
      (established) => established.toGuest.map(({ output }) => output),
      (gate, kind, producer) => gate.setGuest(kind, producer),
    );
    return this.#guest;
  }

  slatePort(): PagePort {
    this.#slate?.close();
    this.#slate = this.#page(
      () => [],
      (gate, kind, producer) => gate.setSlate(kind, producer),
    );
    return this.#slate;
  }

  requestKeyFrame(): void {
    for (const splice of this.#established?.toRoom ?? []) splice.requestKeyFrame();
  }

  async stats(): Promise<readonly StreamStats[]> {
    const rooms = [...(this.#established?.rooms.values() ?? [])];
    return (await Promise.all(rooms.map((room) => room.stats()))).flat();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopLooking();
    this.#ready.reject(new Error('the call is over'));
    this.#guest?.close();
    this.#slate?.close();
    const established = this.#established;
    const offered = Object.values(this.#offered ?? {});
    if (established !== null) {
      established.gate.close();
      await Promise.all([...established.rooms.values()].map((room) => room.close()));
      established.router.close();
    }
    await Promise.all(offered.map((pair) => pair.free()));
    this.#options.onClosed();
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('the call is over');
  }

  /** Sets everything up, or leaves nothing behind. `reserved`: port pairs that an offer of ours has named. */
  async #establish(selected: readonly Selected[], reserved: ReadonlyMap<string, PortPair>): Promise<void> {
    const { createRouter, ports, clock, listenAddress, log } = this.#options;
    const taken: PortPair[] = [];
    let router: types.Router | null = null;
    try {
      router = await createRouter(selected.flatMap((choice) => routerCodecs(choice)));
      const direct = await router.createDirectTransport();
      const established: Established = {
        router,
        gate: new Gate([], []),
        rooms: new Map(),
        toRoom: [],
        toGuest: [],
        capabilities: pageCapabilities(router, selected),
      };
      for (const choice of selected) {
        const { kind } = choice;
        const codec = routerCodec(router, kind);
        const common = { direct, router, kind, codec, clock };
        const events = choice.telephoneEvent?.payloadType ?? null;
        established.toRoom.push(await Splice.open({ ...common, eventsPayloadType: null }));
        established.toGuest.push(
          await Splice.open({
            ...common,
            eventsPayloadType: events,
            onDigit: (digit) => this.emit('dtmf', digit),
          }),
        );
      }
      established.gate = new Gate(established.toRoom, established.toGuest);
      for (const choice of selected) {
        const { kind } = choice;
        const pair = reserved.get(kind) ?? (await ports.take());
        taken.push(pair);
        const toRoom = established.toRoom.find((splice) => splice.kind === kind);
        if (toRoom === undefined) throw new Error(`no stream for ${kind}`);
        const room = await RoomMedia.open({
          router,
          selected: choice,
          ports: pair,
          listenAddress,
          toRoom,
          clock,
          onProducer: (producer) => this.#routed(established.gate.setRoom(kind, producer)),
          log,
        });
        established.rooms.set(kind, room);
      }
      this.#assertOpen();
      await this.#begin(established);
    } catch (error) {
      router?.close();
      await Promise.all([...reserved.values(), ...taken].map((pair) => pair.free()));
      throw error;
    }
  }

  async #begin(established: Established): Promise<void> {
    const { router, toGuest, gate } = established;
    router.on('workerclose', () => this.#fail(new Error('the worker that carried the media died')));
    for (const splice of toGuest) splice.onKeyFrameNeeded(() => this.#askRoomForKeyFrame(established));
    this.#established = established;
    await gate.set(this.#wantedGate);
    this.#heard = { bytes: 0, at: this.#options.clock.monotonic(), silent: false };
    this.#lookLater();
    this.#ready.resolve(established);
  }

  async #renegotiate(established: Established, selected: readonly Selected[]): Promise<void> {
    for (const [kind, room] of established.rooms) {
      const choice = selected.find((candidate) => candidate.kind === kind);
      if (choice === undefined) await room.suspend();
      else await room.update(choice);
    }
    // A resumed call starts its silence anew.
    this.#heard.at = this.#options.clock.monotonic();
  }

  #selection({ rooms }: Established): Selected[] {
    return [...rooms.values()].map((room) => room.selected);
  }

  #writeAnswer(remote: Description): string {
    const carried: Parameters<typeof answerMedia>[1] = new Map(
      [...(this.#established?.rooms.values() ?? [])]
        .filter(({ selected }) => remote.media[selected.index]?.port !== 0)
        .map((room) => [
          room.selected.index,
          { selected: room.selected, local: room.local, direction: answerDirection(room.selected) },
        ]),
    );
    return this.#local.write(answerMedia(remote, carried));
  }

  /** An offer in a live call says what is, so that the peer's answer changes nothing unless it wants to. */
  #writeOffer({ rooms }: Established): string {
    const before = this.#remote;
    if (before === null) throw new UnacceptableOffer('nothing was negotiated yet');
    const carried: Parameters<typeof answerMedia>[1] = new Map(
      [...rooms.values()].map((room) => [
        room.selected.index,
        { selected: room.selected, local: room.local, direction: 'sendrecv' as const },
      ]),
    );
    return this.#local.write(answerMedia(before, carried));
  }

  #page(
    outputs: (established: Established) => types.Producer[],
    set: (gate: Gate, kind: Kind, producer: types.Producer | null) => Promise<void>,
  ): PageConnection {
    const ready = this.#ready.promise.then(
      (established): PageAccess => ({
        router: established.router,
        capabilities: established.capabilities,
        outputs: outputs(established),
        onProducer: (kind, producer) => this.#routed(set(established.gate, kind, producer)),
      }),
    );
    return new PageConnection(ready);
  }

  /** Routes are made in the background; that one of their ends is gone by then is no failure. */
  #routed(routing: Promise<void>): void {
    routing.catch((error: unknown) => {
      if (!this.#closed)
        this.#options.log('debug', 'a stream was gone before it was routed', { detail: String(error) });
    });
  }

  #askRoomForKeyFrame({ rooms }: Established): void {
    const room = rooms.get('video');
    if (room === undefined || room.takesKeyFrameRequests || !roomSends(room.selected)) return;
    const now = this.#options.clock.monotonic();
    if (now - this.#keyFrameAskedAt < keyFrameEvery) return;
    this.#keyFrameAskedAt = now;
    this.emit('keyFrameNeeded');
  }

  #lookLater(): void {
    if (this.#closed) return;
    this.#stopLooking = this.#options.clock.after(lookEvery, () => {
      this.#look().then(
        () => this.#lookLater(),
        (error: unknown) => {
          if (this.#closed) return;
          this.#options.log('debug', "the room's streams could not be looked at", { detail: String(error) });
          this.#lookLater();
        },
      );
    });
  }

  async #look(): Promise<void> {
    const rooms = [...(this.#established?.rooms.values() ?? [])];
    const bytes = (await Promise.all(rooms.map((room) => room.look()))).reduce((sum, count) => sum + count, 0);
    // A room that lost a packet of the slate and cannot say so has a whole picture again soon.
    if (++this.#lookCount % slateKeyFrameEvery === 0 && this.gate === 'closed') this.requestKeyFrame();
    const now = this.#options.clock.monotonic();
    const expected = rooms.some((room) => roomSends(room.selected));
    if (bytes !== this.#heard.bytes || !expected) {
      this.#heard = { bytes, at: now, silent: false };
    } else if (!this.#heard.silent && now - this.#heard.at >= this.#options.silenceMs) {
      this.#heard.silent = true;
      this.emit('silent');
    }
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    this.#options.log('error', 'the call lost its media', { callId: this.#options.callId, detail: error.message });
    this.emit('failed', error);
  }
}

function localOf(pair: PortPair): LocalMedia {
  return { rtpPort: pair.rtp, rtcpPort: pair.rtcp, rtcpMux: true, srtpKey: null };
}

function routerCodec(router: types.Router, kind: Kind): types.RtpCodecCapability {
  const found = router.rtpCapabilities.codecs?.find(
    (codec) => codec.kind === kind && codec.mimeType !== eventsMimeType && !/\/rtx$/i.test(codec.mimeType),
  );
  if (found === undefined) throw new Error(`the router has no codec for ${kind}`);
  return found;
}

function pageCapabilities(router: types.Router, selected: readonly Selected[]): PageAccess['capabilities'] {
  const { codecs = [], headerExtensions = [] } = router.rtpCapabilities;
  const video = selected.find(({ kind }) => kind === 'video');
  return {
    // Events come from the room and go no further than the bridge.
    router: { codecs: codecs.filter(({ mimeType }) => mimeType !== eventsMimeType), headerExtensions },
    audio: routerCodec(router, 'audio'),
    video: video === undefined ? null : pageVideo(router, video),
  };
}

function pageVideo(router: types.Router, { h264, media }: Selected): PageAccess['capabilities']['video'] {
  if (h264 === null) return null;
  const { maxFrameSize, maxMacroblocksPerSecond, level } = h264;
  const maxBitrate = Math.floor(Math.min(mostVideo, level.maxBitrate, media.bandwidth ?? mostVideo));
  return { codec: routerCodec(router, 'video'), maxFrameSize, maxMacroblocksPerSecond, maxBitrate };
}
