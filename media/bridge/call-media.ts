/**
 * Everything that carries one call's media, from the moment that its codecs are known: routers, a plain transport for
 * each m= line, one continuous stream a kind in each direction, and the gate between room and meeting.
 */
import type { types } from 'mediasoup';
import type { MediaClock } from '../call.ts';
import { Gate } from './gate.ts';
import type { PageAccess } from './page-port.ts';
import type { PortPair, PortPool } from './ports.ts';
import { RoomMedia } from './room-media.ts';
import { eventsMimeType, type Kind, routerCodecs, type Selected } from './sdp/select.ts';
import { type Side, Splice } from './splice.ts';

export interface CallMediaOptions {
  createRouter(codecs: types.RouterRtpCodecCapability[]): Promise<types.Router>;
  ports: PortPool;
  listenAddress: string;
  clock: MediaClock;
  log(level: 'debug' | 'warn', message: string, fields?: Record<string, unknown>): void;
  onDigit(digit: string): void;
  /** A page that receives the room needs a key frame of it. */
  onRoomKeyFrameNeeded(media: CallMedia): void;
  /** The worker died. */
  onLost(): void;
}

/** Most that a page sends for the room's picture, bits a second, whatever the room would take. */
const mostVideo = 2_500_000;

export class CallMedia {
  readonly gate: Gate;
  /** What goes to the room, and what goes to the guest's page. */
  readonly toRoom: readonly Splice[];
  readonly toGuest: readonly Splice[];
  readonly rooms = new Map<Kind, RoomMedia>();
  /** Of the pages. */
  readonly router: types.Router;
  readonly capabilities: PageAccess['capabilities'];
  readonly #routers: readonly types.Router[];
  readonly #options: CallMediaOptions;

  /** Sets everything up, or leaves nothing behind. `reserved`: port pairs that an offer of ours has named. */
  static async open(
    options: CallMediaOptions,
    selected: readonly Selected[],
    reserved: ReadonlyMap<Kind, PortPair>,
  ): Promise<CallMedia> {
    const routers: types.Router[] = [];
    const pairs = [...reserved.values()];
    try {
      const lines = await openLines(options, selected, routers);
      const media = await CallMedia.#splice(options, selected, lines, routers);
      for (const line of lines) {
        const pair = reserved.get(line.selected.kind) ?? (await options.ports.take());
        pairs.push(pair);
        await media.#openRoom(line, pair);
      }
      return media;
    } catch (error) {
      for (const router of routers) router.close();
      await Promise.all(pairs.map((pair) => pair.free()));
      throw error;
    }
  }

  static async #splice(
    options: CallMediaOptions,
    selected: readonly Selected[],
    lines: readonly Line[],
    routers: readonly types.Router[],
  ): Promise<CallMedia> {
    const { clock, onDigit } = options;
    const [toRoom, toGuest]: [Splice[], Splice[]] = [[], []];
    for (const { selected: choice, page, room } of lines) {
      const { kind } = choice;
      const events = choice.telephoneEvent?.payloadType ?? null;
      toRoom.push(await Splice.open({ kind, from: page, to: room, eventsPayloadType: null, clock }));
      toGuest.push(await Splice.open({ kind, from: room, to: page, eventsPayloadType: events, clock, onDigit }));
    }
    return new CallMedia(options, selected, toRoom, toGuest, routers);
  }

  private constructor(
    options: CallMediaOptions,
    selected: readonly Selected[],
    toRoom: readonly Splice[],
    toGuest: readonly Splice[],
    routers: readonly types.Router[],
  ) {
    const [router] = routers;
    if (router === undefined) throw new Error('a call needs a router');
    this.#options = options;
    this.#routers = routers;
    this.router = router;
    this.toRoom = toRoom;
    this.toGuest = toGuest;
    this.gate = new Gate(toRoom, toGuest);
    this.capabilities = pageCapabilities(router, selected);
    for (const one of routers) one.on('workerclose', () => options.onLost());
    for (const splice of toGuest) splice.onKeyFrameNeeded(() => options.onRoomKeyFrameNeeded(this));
  }

  async close(): Promise<void> {
    this.gate.close();
    await Promise.all([...this.rooms.values()].map((room) => room.close()));
    for (const router of this.#routers) router.close();
  }

  async #openRoom({ selected, room }: Line, ports: PortPair): Promise<void> {
    const { listenAddress, clock, log } = this.#options;
    const { kind } = selected;
    const toRoom = this.toRoom.find((splice) => splice.kind === kind);
    if (toRoom === undefined) throw new Error(`no stream for ${kind}`);
    const media = await RoomMedia.open({
      router: room.router,
      selected,
      ports,
      listenAddress,
      toRoom,
      clock,
      onProducer: (producer) => {
        // Routes are made in the background; that one of their ends is gone by then is no failure.
        this.gate.setRoom(kind, producer).catch((error: unknown) => {
          log('debug', 'the room was gone before it was routed', { kind, detail: String(error) });
        });
      },
      log,
    });
    this.rooms.set(kind, media);
  }
}

/** One m= line with where its pages and where its room are. */
interface Line {
  selected: Selected;
  page: Side;
  room: Side;
}

/**
 * One router serves pages and room, with the payload types that the room chose. Where the room uses a number twice, in
 * two m= lines, which it may and a router may not, the second line's room has a router of its own.
 */
async function openLines(
  { createRouter }: CallMediaOptions,
  selected: readonly Selected[],
  routers: types.Router[],
): Promise<Line[]> {
  const used = new Set<number | undefined>();
  const exact: types.RouterRtpCodecCapability[] = [];
  const renumbered: types.RouterRtpCodecCapability[] = [];
  const apart = new Set<Selected>();
  // Audio first: a router gives numbers of its own to what goes with each video codec, and must know by then which are taken.
  for (const choice of selected.toSorted((a, b) => a.kind.localeCompare(b.kind))) {
    const codecs = routerCodecs(choice);
    if (codecs.some(({ preferredPayloadType }) => used.has(preferredPayloadType))) {
      apart.add(choice);
      for (const { preferredPayloadType: _, ...codec } of codecs.slice(0, 1)) renumbered.push(codec);
    } else {
      for (const { preferredPayloadType } of codecs) used.add(preferredPayloadType);
      exact.push(...codecs);
    }
  }
  const open = async (codecs: types.RouterRtpCodecCapability[]) => {
    const router = await createRouter(codecs);
    routers.push(router);
    return { router, direct: await router.createDirectTransport() };
  };
  const common = await open([...exact, ...renumbered]);
  const lines: Line[] = [];
  for (const choice of selected) {
    const own = apart.has(choice) ? await open(routerCodecs(choice)) : common;
    const { kind } = choice;
    const page = { ...common, codec: routerCodec(common.router, kind) };
    lines.push({ selected: choice, page, room: { ...own, codec: routerCodec(own.router, kind) } });
  }
  return lines;
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
