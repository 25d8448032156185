/**
 * A web page's connection to the bridge, for guest pages and the slate: sends the page's tracks towards the room and
 * hands out what the room sends. Runs in the browser; adapters bundle it with their page.
 */

import type { types } from 'mediasoup-client';
import { Device } from 'mediasoup-client';
import type { PageCapabilities, PageMethods, PageVideo } from '../../bridge/page-protocol.ts';

/**
 * Carries a request to the bridge's PagePort; `usherBridge`, which the page host installs, is one. The bridge is part of
 * this program and checks what it is asked; its answers are taken as typed.
 */
export type BridgeRequest = <M extends keyof PageMethods>(
  method: M,
  data: PageMethods[M]['data'],
) => Promise<PageMethods[M]['answer']>;

declare global {
  interface Window {
    /** Typed for whoever keeps to the methods; what else is asked is refused by the bridge. */
    usherBridge: BridgeRequest & ((method: string, data: unknown) => Promise<unknown>);
  }
}

/** Tracks for the room; null stops that kind, a missing one is left as it is. */
export interface Tracks {
  audio?: MediaStreamTrack | null;
  video?: MediaStreamTrack | null;
}

export interface BridgeLink {
  /** What the room speaks. */
  readonly capabilities: PageCapabilities;
  /**
   * What the room sends: an audio track, and a video track when the room has video. They are there from the start and
   * carry nothing until the bridge lets the room's media pass. Null until `receive()`.
   */
  readonly roomStream: MediaStream;
  /** Sends these tracks, or exchanges them for those sent before without the room noticing. */
  sendTracks(tracks: Tracks): Promise<void>;
  /** WebRTC statistics of what is sent and received. */
  stats(): Promise<RTCStatsReport[]>;
  close(): void;
}

export interface BridgeLinkOptions {
  /** False for pages that only send. By default true. */
  receive?: boolean;
  /** How the picture suffers when there is not enough bandwidth. By default `balanced`. */
  degradationPreference?: RTCDegradationPreference;
}

/** Connects the page; resolves when tracks can be sent. @throws Error when the bridge or the browser refuses */
export async function connectBridge(
  request: BridgeRequest = window.usherBridge,
  options: BridgeLinkOptions = {},
): Promise<BridgeLink> {
  const ask: BridgeRequest = (method, data) => request(method, plain(data));
  // A warm page waits here for its call, with everything done that needs none.
  const [capabilities, device] = await Promise.all([ask('capabilities', null), makeDevice()]);
  await device.load({ routerRtpCapabilities: capabilities.router });

  const open = async (direction: 'send' | 'recv'): Promise<types.Transport> => {
    const given = await ask('createTransport', { direction });
    const transport = direction === 'send' ? device.createSendTransport(given) : device.createRecvTransport(given);
    transport.on('connect', ({ dtlsParameters }, done, failed) => {
      ask('connectTransport', { transportId: transport.id, dtlsParameters }).then(() => done(), failed);
    });
    transport.on('produce', ({ kind, rtpParameters }, done, failed) => {
      ask('produce', { transportId: transport.id, kind, rtpParameters }).then((id) => done({ id }), failed);
    });
    return transport;
  };

  const receive = async (): Promise<{ transports: types.Transport[]; tracks: MediaStreamTrack[] }> => {
    if (options.receive === false) return { transports: [], tracks: [] };
    const receiving = await open('recv');
    const { recvRtpCapabilities: rtpCapabilities } = device;
    const offered = await ask('consume', { transportId: receiving.id, rtpCapabilities });
    // At once: one negotiation with the browser for all.
    const tracks = await Promise.all(
      offered.map(async ({ id, producerId, kind, rtpParameters }) => {
        const { track } = await receiving.consume({ id, producerId, kind, rtpParameters });
        await ask('resume', { consumerId: id });
        return track;
      }),
    );
    return { transports: [receiving], tracks };
  };
  const [sending, received] = await Promise.all([open('send'), receive()]);
  const transports = [sending, ...received.transports];
  const roomStream = new MediaStream(received.tracks);
  const sender = new TrackSender(sending, capabilities, options.degradationPreference ?? 'balanced');
  return {
    capabilities,
    roomStream,
    sendTracks: (tracks) => sender.send(tracks),
    stats: () => Promise.all(transports.map((transport) => transport.getStats())),
    close() {
      for (const transport of transports) transport.close();
    },
  };
}

/** Also has the browser start what all peer connections share, which takes longer than a connection does. */
async function makeDevice(): Promise<Device> {
  // mediasoup-client does not know headless Chromium by its name.
  const device = await Device.factory({ handlerName: 'Chrome111' });
  const connection = new RTCPeerConnection();
  connection.addTransceiver('audio');
  connection.addTransceiver('video');
  await connection.setLocalDescription();
  connection.close();
  return device;
}

/** One producer for each kind, made with the first track and kept. */
class TrackSender {
  readonly #transport: types.Transport;
  readonly #capabilities: PageCapabilities;
  readonly #degradation: RTCDegradationPreference;
  readonly #producers = new Map<'audio' | 'video', types.Producer>();
  #turn: Promise<void> = Promise.resolve();

  constructor(transport: types.Transport, capabilities: PageCapabilities, degradation: RTCDegradationPreference) {
    this.#transport = transport;
    this.#capabilities = capabilities;
    this.#degradation = degradation;
  }

  /** One after the other: a track that is taken back while it is being sent must not be what stays. */
  send(tracks: Tracks): Promise<void> {
    const done = this.#turn.then(() => this.#send(tracks));
    this.#turn = done.catch(() => {
      // Told to whoever asked for it; the next is not to blame.
    });
    return done;
  }

  async #send(tracks: Tracks): Promise<void> {
    if (tracks.audio !== undefined) await this.#set('audio', tracks.audio);
    if (tracks.video !== undefined && this.#capabilities.video !== null) await this.#set('video', tracks.video);
  }

  async #set(kind: 'audio' | 'video', track: MediaStreamTrack | null): Promise<void> {
    const { audio, video } = this.#capabilities;
    const producer = this.#producers.get(kind);
    if (producer !== undefined) {
      await producer.replaceTrack({ track });
      // Another source may be larger.
      if (kind === 'video' && video !== null && track !== null) await this.#limit(producer, video, track);
      return;
    }
    if (track === null) return;
    const common = { track, stopTracks: false, disableTrackOnPause: false, zeroRtpOnPause: false };
    if (kind === 'audio') {
      // Without DTX the stream has no gaps: a room's jitter buffer stays as it is.
      const codecOptions = { opusDtx: false, opusStereo: false };
      this.#producers.set(kind, await this.#transport.produce({ ...common, codec: audio, codecOptions }));
      return;
    }
    if (video === null) return;
    const made = await this.#transport.produce({
      ...common,
      codec: video.codec,
      encodings: [encodingFor(video, track)],
      codecOptions: { videoGoogleStartBitrate: 1000 },
    });
    this.#producers.set(kind, made);
    await this.#limit(made, video, track);
  }

  async #limit(producer: types.Producer, video: PageVideo, track: MediaStreamTrack): Promise<void> {
    const sender = producer.rtpSender;
    if (sender === undefined) return;
    const parameters = sender.getParameters();
    parameters.degradationPreference = this.#degradation;
    for (const encoding of parameters.encodings) Object.assign(encoding, encodingFor(video, track));
    await sender.setParameters(parameters);
  }
}

/** Keeps picture and frame rate within what the room's decoder said it takes. */
function encodingFor(video: PageVideo, track: MediaStreamTrack): RTCRtpEncodingParameters {
  const { width = 1280, height = 720, frameRate = 30 } = track.getSettings();
  const macroblocks = (scale: number): number => Math.ceil(width / scale / 16) * Math.ceil(height / scale / 16);
  let scale = 1;
  while (macroblocks(scale) > video.maxFrameSize && scale < 16) scale += 0.25;
  const most = Math.floor(video.maxMacroblocksPerSecond / macroblocks(scale));
  return {
    maxBitrate: video.maxBitrate,
    maxFramerate: Math.max(1, Math.min(30, most, Math.ceil(frameRate) || 30)),
    scaleResolutionDownBy: scale,
  };
}

/** As JSON: `undefined` left out, prototypes gone. */
function plain<T>(data: T): T {
  return JSON.parse(JSON.stringify(data));
}
