/**
 * The parts of Microsoft's packages that this adapter uses, as types of our own: the packages are not a dependency, since
 * @azure/communication-calling has a proprietary licence and is installed by whoever wants it. That these types fit the
 * real ones is checked by a test wherever the package is present.
 */

/** @azure/communication-calling and @azure/communication-common, in the page, on `window.usherAcsSdk`. */
export interface AcsSdk {
  CallClient: new () => AcsCallClient;
  LocalAudioStream: new (source: MediaStream) => object;
  LocalVideoStream: new (source: MediaStream) => object;
  AzureCommunicationTokenCredential: new (token: string) => AcsCredential;
}

export interface AcsCredential {
  dispose(): void;
}

export interface AcsCallClient {
  createCallAgent(credential: AcsCredential, options?: { displayName: string }): Promise<AcsCallAgent>;
}

export interface AcsCallAgent {
  join(locator: { meetingLink: string }, options?: AcsJoinOptions): AcsCall;
  join(locator: { meetingId: string; passcode?: string }, options?: AcsJoinOptions): AcsCall;
  dispose(): Promise<void>;
}

export interface AcsJoinOptions {
  audioOptions?: { muted?: boolean; localAudioStreams?: object[] };
  videoOptions?: { localVideoStreams?: object[] };
}

export type AcsCallState =
  | 'None'
  | 'Connecting'
  | 'Ringing'
  | 'Connected'
  | 'LocalHold'
  | 'RemoteHold'
  | 'InLobby'
  | 'Disconnecting'
  | 'Disconnected'
  | 'EarlyMedia';

export interface AcsCall {
  readonly state: AcsCallState;
  readonly callEndReason?: { readonly code: number; readonly subCode?: number };
  readonly remoteAudioStreams: readonly AcsRemoteStream[];
  readonly remoteParticipants: readonly AcsRemoteParticipant[];
  on(event: 'stateChanged', listener: () => void): void;
  on(event: 'remoteAudioStreamsUpdated' | 'remoteParticipantsUpdated', listener: () => void): void;
  hangUp(): Promise<void>;
}

export interface AcsRemoteStream {
  getMediaStream(): Promise<MediaStream>;
}

export interface AcsRemoteVideoStream extends AcsRemoteStream {
  readonly id: number;
  readonly isAvailable: boolean;
  on(event: 'isAvailableChanged', listener: () => void): void;
}

export interface AcsRemoteParticipant {
  readonly videoStreams: readonly AcsRemoteVideoStream[];
  on(event: 'videoStreamsUpdated', listener: () => void): void;
}
