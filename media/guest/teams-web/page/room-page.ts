/** The room's page: the bridge on one side, and on the other a peer connection to the meeting's page beside it. */
import { type BridgeLink, connectBridge } from '../../page/bridge-link.ts';

declare global {
  interface Window {
    usherRoom: { connect(): Promise<void>; offer(): Promise<string>; accept(answer: string): Promise<void> };
  }
}

let link: BridgeLink | null = null;
let connection: RTCPeerConnection | null = null;
const player = document.createElement('video');

/** A new connection each time the meeting's page has loaded another document. */
async function offer(): Promise<string> {
  const bridge = link;
  if (bridge === null) throw new Error('the bridge is not connected yet');
  connection?.close();
  const made = new RTCPeerConnection();
  connection = made;
  const stream = new MediaStream();
  made.ontrack = ({ track }) => {
    stream.addTrack(track);
    // Remote tracks carry something only while they are played.
    player.srcObject = stream;
    player.play().catch(() => {});
    const tracks = track.kind === 'audio' ? { audio: track } : { video: track };
    bridge.sendTracks(tracks).catch((error: unknown) => console.warn(`nothing goes to the room: ${String(error)}`));
  };
  for (const kind of ['audio', 'video'] as const) {
    const [track] = bridge.roomStream.getTracks().filter((one) => one.kind === kind);
    const transceiver = made.addTransceiver(kind, { direction: 'sendrecv' });
    if (track !== undefined) await transceiver.sender.replaceTrack(track);
  }
  await made.setLocalDescription();
  if (made.iceGatheringState !== 'complete') {
    await new Promise<void>((resolve) => {
      made.onicegatheringstatechange = () => {
        if (made.iceGatheringState === 'complete') resolve();
      };
    });
  }
  return made.localDescription?.sdp ?? '';
}

/** A warm page has this under way before there is a call. */
const linking = connectBridge();
linking.catch(() => {
  // Told by `connect`.
});

window.usherRoom = {
  async connect() {
    link = await linking;
  },
  offer,
  async accept(answer) {
    await connection?.setRemoteDescription({ type: 'answer', sdp: answer });
  },
};
