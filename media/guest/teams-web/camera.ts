/**
 * The room's picture and sound as camera and microphone of a page that is not ours, and that page's picture and sound for
 * the room; without any function of ours that the page could call. The room's page (`page/room-page.ts`), in the same
 * browser but another context, holds a peer connection to this one; offers and answers are carried by Node.
 */
import { randomBytes } from 'node:crypto';
import type { Page } from 'playwright-core';
import { z } from 'zod';

/** What the script leaves in the page, under a name that is made anew for each page. */
interface Camera {
  /** Takes the room's offer; what arrives is the camera from then on. */
  answer(offer: string): Promise<string>;
  /** Sends the page's own tab, picture and sound. */
  show(): Promise<void>;
}

const sdp = z.string().min(1).max(200_000);

export class MeetingCamera {
  readonly #meeting: Page;
  readonly #room: Page;
  readonly #key = `_${randomBytes(12).toString('hex')}`;
  #showing = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(meeting: Page, room: Page) {
    this.#meeting = meeting;
    this.#room = room;
  }

  /** Before the page is opened. Every document it loads is connected anew. `failed` hears what went wrong. */
  async install(failed: (error: unknown) => void): Promise<void> {
    await this.#meeting.addInitScript(cameraScript, this.#key);
    this.#meeting.on('domcontentloaded', () => {
      this.#turn = this.#turn.then(() => this.#connect()).catch(failed);
    });
  }

  /** From now on the page's tab is what the room sees and hears, also after the page has loaded another document. */
  async show(): Promise<void> {
    await this.#turn;
    this.#showing = true;
    await this.#show();
  }

  async #connect(): Promise<void> {
    if (this.#meeting.isClosed()) return;
    const offer = await this.#room.evaluate(() => window.usherRoom.offer());
    const given: unknown = await this.#meeting.evaluate(
      async ([key, offered]): Promise<unknown> => {
        const camera: unknown = Reflect.get(window, key);
        // A page without camera access, such as one that is not served securely, has none.
        return camera === undefined ? null : (camera as Camera).answer(offered);
      },
      [this.#key, offer] as const,
    );
    if (given === null) return;
    await this.#room.evaluate((answer) => window.usherRoom.accept(answer), sdp.parse(given));
    if (this.#showing) await this.#show();
  }

  async #show(): Promise<void> {
    await this.#meeting.evaluate((key) => (Reflect.get(window, key) as Camera).show(), this.#key);
  }
}

/** Runs in the meeting's page, before any of its scripts. Stands alone: nothing of this module is there. */
function cameraScript(key: string): void {
  const devices = navigator.mediaDevices;
  if (window !== window.top || devices === undefined) return;
  let connection: RTCPeerConnection | null = null;
  let room: MediaStreamTrack[] = [];
  const connected = Promise.withResolvers<void>();
  const capture = devices.getDisplayMedia.bind(devices);

  /** The room instead of this machine's devices, which a server does not have. Clones: the page may stop its own. */
  MediaDevices.prototype.getUserMedia = async (wanted = {}) => {
    await connected.promise;
    const tracks = room.filter(({ kind }) => Boolean(kind === 'audio' ? wanted.audio : wanted.video));
    if (tracks.length === 0) throw new DOMException('Requested device not found', 'NotFoundError');
    return new MediaStream(tracks.map((track) => track.clone()));
  };

  const camera: Camera = {
    async answer(offer) {
      connection?.close();
      const made = new RTCPeerConnection();
      connection = made;
      await made.setRemoteDescription({ type: 'offer', sdp: offer });
      for (const transceiver of made.getTransceivers()) transceiver.direction = 'sendrecv';
      room = made.getTransceivers().map(({ receiver }) => receiver.track);
      await made.setLocalDescription();
      if (made.iceGatheringState !== 'complete') {
        await new Promise<void>((resolve) => {
          made.onicegatheringstatechange = () => {
            if (made.iceGatheringState === 'complete') resolve();
          };
        });
      }
      connected.resolve();
      return made.localDescription?.sdp ?? '';
    },
    async show() {
      const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      const asked = { video: { frameRate: 30 }, audio, preferCurrentTab: true };
      const tab = await capture(asked);
      for (const { sender, receiver } of connection?.getTransceivers() ?? []) {
        const track = tab.getTracks().find(({ kind }) => kind === receiver.track.kind) ?? null;
        await sender.replaceTrack(track);
        const parameters = sender.getParameters();
        parameters.degradationPreference = 'maintain-resolution';
        if (parameters.encodings.length > 0) await sender.setParameters(parameters);
      }
    },
  };
  Object.defineProperty(window, key, { value: Object.freeze(camera), enumerable: false });
}
