/**
 * A bridge's port for pages whose media goes nowhere: it answers as the bridge does, with transports that never connect.
 * For tests of how a guest joins, which must not need mediasoup's worker.
 */
import { randomUUID } from 'node:crypto';
import type { Json, PagePort } from '../../media/call.ts';

const audio: Json = { kind: 'audio', mimeType: 'audio/PCMU', clockRate: 8000, channels: 1, preferredPayloadType: 0 };
const video: Json = {
  kind: 'video',
  mimeType: 'video/H264',
  clockRate: 90_000,
  preferredPayloadType: 96,
  parameters: { 'packetization-mode': 1, 'profile-level-id': '42e01f', 'level-asymmetry-allowed': 1 },
};

export interface DeadBridge extends PagePort {
  readonly asked: string[];
  readonly closed: boolean;
}

export function deadBridge(): DeadBridge {
  const asked: string[] = [];
  let closed = false;
  return {
    asked,
    get closed() {
      return closed;
    },
    async request(method) {
      asked.push(method);
      if (closed) throw new Error('the port is closed');
      return answers[method]?.() ?? null;
    },
    close() {
      closed = true;
    },
  };
}

const answers: Record<string, () => Json> = {
  capabilities: () => ({
    router: { codecs: [audio, video], headerExtensions: [] },
    audio,
    video: { codec: video, maxFrameSize: 3600, maxMacroblocksPerSecond: 108_000, maxBitrate: 1_500_000 },
  }),
  createTransport: () => ({
    id: randomUUID(),
    iceParameters: { usernameFragment: 'nobodyishere', password: 'nobodyisherenobodyishere', iceLite: true },
    iceCandidates: [],
    dtlsParameters: { role: 'auto', fingerprints: [{ algorithm: 'sha-256', value: fingerprint }] },
  }),
  produce: () => randomUUID(),
  consume: () => [],
};

const fingerprint = Array.from({ length: 32 }, () => 'AB').join(':');
