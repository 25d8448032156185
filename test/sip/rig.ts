/** A SIP edge on loopback with stub media, for tests of signalling. */
import type { MediaSession, SipEdge, SipLeg } from '../../media/call.ts';
import { createSipEdge, type ObservableSipEdge, type SipEdgeOptions } from '../../media/sip/edge.ts';
import { systemClock } from '../../src/clock.ts';

/** Answers every offer with PCMU and the opposite direction; remembers what it was given. */
export class StubSession implements MediaSession {
  readonly offers: string[] = [];
  readonly answers: string[] = [];

  async answer(offer: string): Promise<string> {
    this.offers.push(offer);
    return sdp(offer.includes('a=sendonly') ? 'recvonly' : 'sendrecv');
  }

  async offer(): Promise<string> {
    return sdp('sendrecv');
  }

  async accept(answer: string): Promise<void> {
    this.answers.push(answer);
  }
}

export function sdp(direction: string): string {
  const lines = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 40000 RTP/AVP 0'];
  return [...lines, 'a=rtpmap:0 PCMU/8000', `a=${direction}`, ''].join('\r\n');
}

export interface Rig {
  edge: ObservableSipEdge;
  port: number;
  target: string;
  close(): Promise<void>;
}

/** Starts an edge on a free port of 127.0.0.1, UDP and TCP, that treats each call with `conduct`. */
export async function startEdge(conduct: (leg: SipLeg) => void, options: Partial<SipEdgeOptions> = {}): Promise<Rig> {
  const edge = createSipEdge({
    listen: [
      { transport: 'udp', address: '127.0.0.1', port: 0 },
      { transport: 'tcp', address: '127.0.0.1', port: 0 },
    ],
    clock: systemClock,
    log: () => {},
    ...options,
  });
  edge.onCall(conduct);
  const [bound] = await edge.listen();
  const port = bound?.port ?? 0;
  return { edge, port, target: `127.0.0.1:${port}`, close: () => closeEdge(edge) };
}

export function closeEdge(edge: SipEdge): Promise<void> {
  return edge.close({ protocol: 'SIP', cause: 503, text: 'Shutting down' });
}

/** Answers with stub media. */
export function answering(leg: SipLeg): StubSession {
  const session = new StubSession();
  void leg.ring().then(() => leg.accept(session));
  return session;
}
