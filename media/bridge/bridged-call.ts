/**
 * One call on the bridge: negotiates with the room (RFC 3264), has its media set up once the codecs are known
 * (call-media.ts), and looks after it: silence, key frames, the worker's death.
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
import { CallMedia } from './call-media.ts';
import type { Gate } from './gate.ts';
import { type PageAccess, PageConnection } from './page-port.ts';
import type { PortPair, PortPool } from './ports.ts';
import { type Description, readDescription } from './sdp/description.ts';
import { answerDirection, type Kind, roomSends, type Selected, select, selectAgain } from './sdp/select.ts';
import { answerMedia, LocalDescription, type LocalMedia, offerMedia } from './sdp/write.ts';

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

/** How often the room's streams are looked at, milliseconds. */
const lookEvery = 1000;
/** In looks. */
const slateKeyFrameEvery = 5;
/** Between requests for a key frame by INFO, milliseconds: it is signalling. */
const keyFrameEvery = 1000;
export class MediasoupCall extends EventEmitter<BridgedCallEvents> implements BridgedCall {
  readonly #options: BridgedCallOptions;
  readonly #local: LocalDescription;
  readonly #ready = Promise.withResolvers<CallMedia>();
  #media: CallMedia | null = null;
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
    if (this.#media === null) {
      await this.#establish(select(remote), new Map());
    } else {
      await this.#renegotiate(this.#media, selectAgain(remote, this.#selection(this.#media)));
    }
    this.#remote = remote;
    return this.#writeAnswer(remote);
  }

  async offer(): Promise<string> {
    this.#assertOpen();
    if (this.#media !== null) return this.#writeOffer(this.#media);
    this.#offered ??= { audio: await this.#options.ports.take(), video: await this.#options.ports.take() };
    const { audio, video } = this.#offered;
    return this.#local.write(offerMedia(localOf(audio), localOf(video)));
  }

  async accept(answer: string): Promise<void> {
    this.#assertOpen();
    const remote = readDescription(answer);
    if (this.#media !== null) {
      await this.#renegotiate(this.#media, selectAgain(remote, this.#selection(this.#media)));
      this.#remote = remote;
      return;
    }
    const offered = this.#offered;
    if (offered === null) throw new Error('there was no offer that this could answer');
    const selected = select(remote);
    this.#offered = null;
    if (!selected.some(({ kind }) => kind === 'video')) await offered.video.free();
    await this.#establish(
      selected,
      new Map([
        ['audio', offered.audio],
        ['video', offered.video],
      ]),
    );
    this.#remote = remote;
  }

  async setGate(state: GateState): Promise<void> {
    this.#wantedGate = state;
    await this.#media?.gate.set(state);
  }

  guestPort(): PagePort {
    this.#guest?.close();
    this.#guest = this.#page(
      (media) => media.toGuest.map(({ output }) => output),
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
    for (const splice of this.#media?.toRoom ?? []) splice.requestKeyFrame();
  }

  async stats(): Promise<readonly StreamStats[]> {
    const rooms = [...(this.#media?.rooms.values() ?? [])];
    return (await Promise.all(rooms.map((room) => room.stats()))).flat();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopLooking();
    this.#ready.reject(new Error('the call is over'));
    this.#guest?.close();
    this.#slate?.close();
    const media = this.#media;
    const offered = Object.values(this.#offered ?? {});
    await media?.close();
    await Promise.all(offered.map((pair) => pair.free()));
    this.#options.onClosed();
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('the call is over');
  }

  async #establish(selected: readonly Selected[], reserved: ReadonlyMap<Kind, PortPair>): Promise<void> {
    const media = await CallMedia.open(
      {
        ...this.#options,
        onDigit: (digit) => this.emit('dtmf', digit),
        onRoomKeyFrameNeeded: (asking) => this.#askRoomForKeyFrame(asking),
        onLost: () => this.#fail(new Error('the worker that carried the media died')),
      },
      selected,
      reserved,
    );
    if (this.#closed) {
      await media.close();
      this.#assertOpen();
    }
    this.#media = media;
    await media.gate.set(this.#wantedGate);
    this.#heard = { bytes: 0, at: this.#options.clock.monotonic(), silent: false };
    this.#lookLater();
    this.#ready.resolve(media);
  }

  async #renegotiate(media: CallMedia, selected: readonly Selected[]): Promise<void> {
    for (const [kind, room] of media.rooms) {
      const choice = selected.find((candidate) => candidate.kind === kind);
      if (choice === undefined) await room.suspend();
      else await room.update(choice);
    }
    // A resumed call starts its silence anew.
    this.#heard.at = this.#options.clock.monotonic();
  }

  #selection({ rooms }: CallMedia): Selected[] {
    return [...rooms.values()].map((room) => room.selected);
  }

  #writeAnswer(remote: Description): string {
    const carried: Parameters<typeof answerMedia>[1] = new Map(
      [...(this.#media?.rooms.values() ?? [])]
        .filter(({ selected }) => remote.media[selected.index]?.port !== 0)
        .map((room) => [
          room.selected.index,
          { selected: room.selected, local: room.local, direction: answerDirection(room.selected) },
        ]),
    );
    return this.#local.write(answerMedia(remote, carried));
  }

  /** An offer in a live call says what is, so that the peer's answer changes nothing unless it wants to. */
  #writeOffer({ rooms }: CallMedia): string {
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
    outputs: (media: CallMedia) => types.Producer[],
    set: (gate: Gate, kind: Kind, producer: types.Producer | null) => Promise<void>,
  ): PageConnection {
    const ready = this.#ready.promise.then(
      (media): PageAccess => ({
        router: media.router,
        capabilities: media.capabilities,
        outputs: outputs(media),
        onProducer: (kind, producer) => this.#routed(set(media.gate, kind, producer)),
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

  #askRoomForKeyFrame({ rooms }: CallMedia): void {
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
    const rooms = [...(this.#media?.rooms.values() ?? [])];
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
