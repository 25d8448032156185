/**
 * The guest's page for Azure Communication Services: the SDK on the meeting's side, the bridge on the room's. It says to
 * the adapter, through `window.usherAcsState`, what state the SDK reports; what that means is decided there.
 */
import { type BridgeLink, connectBridge } from '../../page/bridge-link.ts';
import { Stage } from '../../page/stage.ts';
import type { AcsLocator } from '../locator.ts';
import type { AcsCall, AcsCallAgent, AcsCallState, AcsCredential, AcsRemoteParticipant, AcsSdk } from '../sdk.ts';

export interface AcsJoin {
  token: string;
  displayName: string;
  locator: AcsLocator;
  video: boolean;
}

export interface AcsReport {
  state: AcsCallState;
  end: { code: number; subCode: number | null } | null;
}

declare global {
  interface Window {
    usherAcsSdk: AcsSdk;
    usherAcsState(report: AcsReport): Promise<void>;
    usherAcs: { join(request: AcsJoin): Promise<void>; leave(): Promise<void> };
  }
}

let call: AcsCall | null = null;
let agent: AcsCallAgent | null = null;
let left = false;

/** A warm page has this under way before there is a call. */
const linking = connectBridge();
linking.catch(() => {
  // Told by `join`.
});

async function join(request: AcsJoin): Promise<void> {
  const sdk = window.usherAcsSdk;
  const credential: AcsCredential = new sdk.AzureCommunicationTokenCredential(request.token);
  const signingIn = new sdk.CallClient().createCallAgent(credential, { displayName: request.displayName });
  const [link, made] = await Promise.all([linking, signingIn]);
  agent = made;
  // Told to leave while it was signing in: it does not knock any more.
  if (left) return made.dispose();
  const audio = new MediaStream(link.roomStream.getAudioTracks());
  const video = new MediaStream(link.roomStream.getVideoTracks());
  const options = {
    // The room's sound is a stream that is there from the start and silent until the bridge's gate opens.
    audioOptions: { muted: false, localAudioStreams: [new sdk.LocalAudioStream(audio)] },
    ...(request.video && video.getTracks().length > 0
      ? { videoOptions: { localVideoStreams: [new sdk.LocalVideoStream(video)] } }
      : {}),
  };
  const { locator } = request;
  const joined = 'meetingLink' in locator ? agent.join(locator, options) : agent.join(locator, options);
  call = joined;
  joined.on('stateChanged', () => report(joined));
  report(joined);
  hear(joined, link);
  see(joined, link);
}

function report(of: AcsCall): void {
  const reason = of.callEndReason;
  void window.usherAcsState({
    state: of.state,
    end: reason === undefined ? null : { code: reason.code, subCode: reason.subCode ?? null },
  });
}

/** The meeting's sound comes mixed, as one stream. */
function hear(of: AcsCall, link: BridgeLink): void {
  const player = new Audio();
  const update = async (): Promise<void> => {
    const stream = await of.remoteAudioStreams[0]?.getMediaStream();
    const [track] = stream?.getAudioTracks() ?? [];
    if (stream === undefined || track === undefined || player.srcObject === stream) return;
    // A remote track carries sound only while something plays it.
    player.srcObject = stream;
    player.play().catch(() => {});
    await link.sendTracks({ audio: track });
  };
  const retry = (): void => void update().catch(failed);
  of.on('remoteAudioStreamsUpdated', retry);
  of.on('stateChanged', retry);
  retry();
}

/** Each participant's picture is a stream of its own. */
function see(of: AcsCall, link: BridgeLink): void {
  const stage = new Stage((track) => void link.sendTracks({ video: track }).catch(failed));
  const known = new WeakSet<object>();
  const update = async (): Promise<void> => {
    const streams = of.remoteParticipants.flatMap((one) => watched(one));
    const available = streams.filter(({ stream }) => stream.isAvailable);
    stage.keep(new Set(available.map(({ id }) => id)));
    for (const { id, stream } of available) stage.set(id, await stream.getMediaStream());
  };
  const retry = (): void => void update().catch(failed);
  const names = new WeakMap<object, string>();
  let count = 0;
  const watched = (participant: AcsRemoteParticipant) => {
    if (!known.has(participant)) {
      known.add(participant);
      names.set(participant, `${count++}`);
      participant.on('videoStreamsUpdated', retry);
    }
    return participant.videoStreams.map((stream) => {
      if (!known.has(stream)) {
        known.add(stream);
        stream.on('isAvailableChanged', retry);
      }
      return { id: `${names.get(participant)}/${stream.id}`, stream };
    });
  };
  of.on('remoteParticipantsUpdated', retry);
  of.on('stateChanged', retry);
  retry();
}

/** Media that cannot be passed on is a matter for the log; the call itself goes on. */
function failed(error: unknown): void {
  console.warn(`media of the meeting could not be passed on: ${String(error)}`);
}

window.usherAcs = {
  join,
  async leave() {
    left = true;
    await call?.hangUp();
    await agent?.dispose();
  },
};
