import assert from 'node:assert/strict';
import type { LegEnd, MediaSession, SipLeg } from '../../media/call.ts';
import { createSipEdge, type ObservableSipEdge } from '../../media/sip/edge.ts';
import type { Flow } from '../../media/sip/flow.ts';
import { SimulatedClock } from '../../src/clock.ts';
import { answering, StubSession, sdp } from './rig.ts';

/** A video system behind a proxy, without sockets: what it sends is given to the edge, what it gets is kept. */
class Peer {
  readonly got: { text: string; port: number }[] = [];
  readonly flow: Flow;
  readonly #edge: ObservableSipEdge;
  #branch = 0;
  to = '<sip:token@usher.example.com>';

  constructor(edge: ObservableSipEdge, port = 40_000) {
    this.#edge = edge;
    this.flow = this.#flowTo(port);
  }

  #flowTo(port: number): Flow {
    return {
      transport: 'udp',
      remote: { address: '192.0.2.5', port },
      local: { address: '198.51.100.1', port: 5060 },
      open: true,
      send: (data) => void this.got.push({ text: data.toString(), port }),
      toPort: (other) => this.#flowTo(other),
      hold: () => () => {},
    };
  }

  /** `CSeq` number, method, further header lines and a body. Returns what was sent, to be repeated. */
  send(method: string, cseq: number, headers: string[] = [], body = '', branch = `b${++this.#branch}`): string {
    const lines = [
      `${method} sip:token@usher.example.com SIP/2.0`,
      `Via: SIP/2.0/UDP 192.0.2.5:5062;branch=z9hG4bK${branch}`,
      'Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKinner',
      'From: <sip:room@example.com>;tag=room',
      `To: ${this.to}`,
      'Call-ID: dialog-1',
      `CSeq: ${cseq} ${method}`,
      'Max-Forwards: 70',
      'Contact: <sip:room@192.0.2.5:5062>',
      ...headers,
      `Content-Length: ${body.length}`,
    ];
    if (body !== '') lines.splice(-1, 0, 'Content-Type: application/sdp');
    const text = `${lines.join('\r\n')}\r\n\r\n${body}`;
    this.repeat(text);
    return text;
  }

  repeat(text: string): void {
    this.#edge.receive(Buffer.from(text), this.flow, false);
  }

  /** Start lines since the last time. */
  lines(): string[] {
    return this.got.splice(0).map(({ text }) => text.split('\r\n')[0] ?? '');
  }

  last(): string {
    return this.got.at(-1)?.text ?? '';
  }
}

describe('SIP dialogs and transactions @sgj', () => {
  let clock: SimulatedClock;
  let edge: ObservableSipEdge;
  let peer: Peer;
  let leg: SipLeg;
  let ends: LegEnd[];
  let conduct: (leg: SipLeg) => void;

  beforeEach(() => {
    clock = new SimulatedClock(0);
    ends = [];
    conduct = answering;
    edge = createSipEdge({ listen: [], clock, log: () => {} });
    edge.onCall((incoming) => {
      leg = incoming;
      leg.on('ended', (end) => ends.push(end));
      conduct(leg);
    });
    peer = new Peer(edge);
  });

  afterEach(async () => {
    const closed = edge.close({ protocol: 'SIP', cause: 503, text: 'bye' });
    await clock.advance(5_000);
    await closed;
    assert.deepEqual(
      { ...edge.load, dropped: 0 },
      { legs: 0, serverTransactions: 0, clientTransactions: 0, dropped: 0 },
    );
  });

  async function establish(headers: string[] = []): Promise<void> {
    peer.send('INVITE', 1, headers, sdp('sendrecv'));
    await clock.advance(1);
    peer.to = /^To: (.*)$/m.exec(peer.last())?.[1]?.trim() ?? '';
    peer.send('ACK', 1);
    await clock.advance(1);
  }

  /** A later INVITE and its ACK; gives back the 200. */
  async function reinvite(cseq: number, headers: string[]): Promise<string> {
    peer.send('INVITE', cseq, headers, sdp('sendrecv'));
    // The edge hands it on in a later turn of the loop, and the answer is made in another.
    for (let turn = 0; turn < 1_000 && !peer.last().startsWith('SIP/2.0 2'); turn++) await new Promise(setImmediate);
    assert.match(peer.last(), /^SIP\/2\.0 200/);
    const answer = peer.last();
    peer.send('ACK', cseq);
    await clock.advance(1);
    return answer;
  }

  it('answers to the port of the Via, or of the source where rport asks for it', async () => {
    peer.send('OPTIONS', 1);
    assert.equal(peer.got.at(-1)?.port, 5062);
    assert.match(
      peer.last(),
      /Via: SIP\/2\.0\/UDP 192\.0\.2\.5:5062;branch=z9hG4bKb1\r\nVia: SIP\/2\.0\/UDP 10\.0\.0\.9;branch=z9hG4bKinner\r\n/,
    );
    peer.repeat(peer.send('OPTIONS', 2).replace(';branch=z9hG4bKb2', ';rport;branch=z9hG4bKb3'));
    assert.equal(peer.got.at(-1)?.port, 40_000);
    assert.match(peer.last(), /;rport=40000;branch=z9hG4bKb3;received=192\.0\.2\.5\r\n/);
  });

  it('repeats its last answer to a repeated INVITE, and a refusal until it is acknowledged', async () => {
    conduct = (incoming) => void incoming.ring();
    const invite = peer.send('INVITE', 1, [], sdp('sendrecv'));
    await clock.advance(1);
    assert.deepEqual(peer.lines(), ['SIP/2.0 100 Trying', 'SIP/2.0 180 Ringing']);
    peer.repeat(invite);
    assert.deepEqual(peer.lines(), ['SIP/2.0 180 Ringing']);
    await leg.reject(486);
    await clock.advance(4_000);
    // At 0, 0.5, 1.5 and 3.5 s: timer G doubles.
    assert.deepEqual(peer.lines(), Array(4).fill('SIP/2.0 486 Busy Here'));
    peer.send('ACK', 1, [], '', 'b1');
    await clock.advance(40_000);
    assert.deepEqual(peer.lines(), []);
    assert.deepEqual(ends, [{ by: 'local', reason: null }]);
  });

  it('goes back by the route that the INVITE came, with the peer own From and To', async () => {
    await establish([
      'Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>',
      'Record-Route: <sip:p3.example.com;lr>',
    ]);
    assert.match(
      peer.got.find(({ text }) => text.includes('200 OK'))?.text ?? '',
      /Record-Route: <sip:p1\.example\.com;lr>, <sip:p2/,
    );
    peer.lines();
    void leg.hangUp({ protocol: 'Q.850', cause: 16, text: 'Ende: "größer"' });
    const bye = peer.last();
    assert.match(
      bye,
      /^BYE sip:room@192\.0\.2\.5:5062 SIP\/2\.0\r\nVia: SIP\/2\.0\/UDP 198\.51\.100\.1:5060;branch=z9hG4bK\S+;rport\r\n/,
    );
    assert.match(
      bye,
      /Route: <sip:p1\.example\.com;lr>\r\nRoute: <sip:p2\.example\.com;lr>\r\nRoute: <sip:p3\.example\.com;lr>\r\n/,
    );
    assert.match(bye, /From: <sip:token@usher\.example\.com>;tag=\w+\r\nTo: <sip:room@example\.com>;tag=room\r\n/);
    assert.match(bye, /Reason: Q\.850;cause=16;text="Ende: \\"größer\\""\r\n/);
    assert.equal(peer.got.at(-1)?.port, 40_000);
  });

  it('serves a proxy that routes strictly', async () => {
    await establish(['Record-Route: <sip:old.example.com>']);
    void leg.hangUp({ protocol: 'SIP', cause: 200, text: '' });
    assert.match(peer.last(), /^BYE sip:old\.example\.com SIP\/2\.0\r\n[\s\S]*Route: <sip:room@192\.0\.2\.5:5062>\r\n/);
  });

  it('repeats a BYE that nobody answers, then lets go', async () => {
    await establish();
    peer.lines();
    const hungUp = leg.hangUp({ protocol: 'SIP', cause: 200, text: '' });
    assert.equal(peer.got.at(-1)?.port, 5062);
    await clock.advance(33_000);
    await hungUp;
    // Timer E: 0.5, 1, 2, 4, 4 … s until timer F at 32 s.
    assert.equal(peer.lines().length, 11);
    assert.equal(edge.load.legs, 0);
  });

  it('takes a BYE that crosses its own', async () => {
    await establish();
    void leg.hangUp({ protocol: 'SIP', cause: 200, text: '' });
    peer.lines();
    peer.send('BYE', 2);
    assert.deepEqual(peer.lines(), ['SIP/2.0 200 OK']);
    assert.equal(ends.length, 1);
  });

  it('tells why the peer hung up', async () => {
    await establish();
    peer.send('BYE', 2, ['Reason: Preemption;cause=1, Q.850;cause=31;text="room \\"7\\" lost power"']);
    assert.deepEqual(ends, [
      { by: 'remote', how: 'bye', reason: { protocol: 'Q.850', cause: 31, text: 'room "7" lost power' } },
    ]);
    peer.lines();
    peer.send('INFO', 3);
    assert.deepEqual(peer.lines(), ['SIP/2.0 481 Call/Transaction Does Not Exist']);
  });

  it('agrees to refreshes by the room, as often as they come, and ends a call that is not refreshed in time', async () => {
    await establish(['Supported: timer', 'Session-Expires: 120;refresher=uac', 'Min-SE: 90']);
    const agreed = /^Supported: timer\r\nRequire: timer\r\nSession-Expires: 120;refresher=uac\r\n/m;
    assert.match(peer.got.find(({ text }) => text.startsWith('SIP/2.0 200'))?.text ?? '', agreed);
    for (let cseq = 2; cseq < 5; cseq++) {
      // A third of the interval is kept for the BYE, at most 32 s.
      await clock.advance(87_000);
      assert.deepEqual(ends, []);
      // x and k: the compact forms.
      assert.match(await reinvite(cseq, ['k: timer', 'x: 120']), agreed);
    }
    peer.lines();
    await clock.advance(87_000);
    assert.deepEqual(peer.lines(), []);
    await clock.advance(1_500);
    assert.match(peer.lines()[0] ?? '', /^BYE /);
    await clock.advance(40_000);
    const [end] = ends;
    assert.match(end?.by === 'failure' ? end.detail : '', /did not refresh .* 120 s/);
  });

  it('runs no session timer that it would have to keep up, that the room does not know, or that was taken back', async () => {
    await establish(['Supported: timer', 'Session-Expires: 90;refresher=uas']);
    const has = (text: string): boolean => /^Session-Expires:/m.test(text);
    const agreed = [has(peer.got.map(({ text }) => text).join(''))];
    // A proxy may have put it in for a room that cannot refresh; the last one takes back what the one before agreed.
    const offers = [['Session-Expires: 90'], ['Supported: timer', 'Session-Expires: 90'], ['Supported: timer']];
    for (const [index, headers] of offers.entries()) agreed.push(has(await reinvite(index + 2, headers)));
    assert.deepEqual(agreed, [false, false, true, false]);
    await clock.advance(500_000);
    assert.deepEqual(ends, []);
  });

  it('says what it asks of session timers: 422 for too short ones, 420 where it were to refresh', async () => {
    conduct = () => assert.fail('was let in');
    peer.send('INVITE', 1, ['Supported: timer', 'Session-Expires: 60'], sdp('sendrecv'));
    assert.match(peer.last(), /^SIP\/2\.0 422 Session Interval Too Small\r\n[\s\S]*Min-SE: 90\r\n/);
    peer.send('INVITE', 2, ['Require: timer', 'Session-Expires: 1800;refresher=uas'], sdp('sendrecv'));
    assert.match(peer.last(), /^SIP\/2\.0 420 [\s\S]*Unsupported: timer\r\n/);
    peer.send('INVITE', 3, ['Require: 100rel'], sdp('sendrecv'));
    assert.match(peer.last(), /^SIP\/2\.0 420 [\s\S]*Unsupported: 100rel\r\n/);
    await clock.advance(40_000);
  });

  it('takes no harm from a CANCEL that comes too late, and knows one that is about nothing', async () => {
    await establish();
    peer.lines();
    peer.send('CANCEL', 1, [], '', 'b1');
    assert.deepEqual(peer.lines(), ['SIP/2.0 200 OK']);
    assert.deepEqual(ends, []);
    peer.send('CANCEL', 9, [], '', 'unknown');
    assert.deepEqual(peer.lines(), ['SIP/2.0 481 Call/Transaction Does Not Exist']);
  });

  it('lets a CANCEL win against an answer that is still being made', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    class Slow extends StubSession {
      override answer(): Promise<string> {
        return promise;
      }
    }
    const accepted: Promise<void>[] = [];
    conduct = (incoming) => void accepted.push(incoming.accept(new Slow()));
    peer.send('INVITE', 1, [], sdp('sendrecv'));
    await clock.advance(1);
    peer.send('CANCEL', 1, ['Reason: SIP;cause=200;text="Call completed elsewhere"'], '', 'b1');
    resolve(sdp('sendrecv'));
    await Promise.all(accepted);
    assert.deepEqual(peer.lines(), ['SIP/2.0 100 Trying', 'SIP/2.0 200 OK', 'SIP/2.0 487 Request Terminated']);
    assert.equal(ends.length, 1);
    peer.send('ACK', 1, [], '', 'b1');
  });

  it('answers a re-INVITE that comes before the last one is done with 500, and a wrong one with 488', async () => {
    const answers: ((text: string) => void)[] = [];
    const session: MediaSession = {
      answer: (offer) => {
        if (offer.includes('nonsense')) return Promise.reject(new Error('no SDP'));
        return ends.length === 0 && answers.length === 0 && first
          ? Promise.resolve(sdp('sendrecv'))
          : new Promise((resolve) => answers.push(resolve));
      },
      offer: () => Promise.resolve(sdp('sendrecv')),
      accept: () => Promise.resolve(),
    };
    let first = true;
    conduct = (incoming) => void incoming.accept(session);
    await establish();
    first = false;
    peer.lines();
    peer.send('INVITE', 2, [], sdp('sendonly'));
    peer.send('INVITE', 3, [], sdp('sendrecv'));
    await clock.advance(1);
    assert.deepEqual(peer.lines(), [...Array(2).fill('SIP/2.0 100 Trying'), 'SIP/2.0 500 Server Internal Error']);
    answers[0]?.(sdp('recvonly'));
    await clock.advance(1);
    assert.deepEqual(peer.lines(), ['SIP/2.0 200 OK']);
    peer.send('ACK', 3, [], '', 'b4');
    peer.send('ACK', 2);
    peer.send('INVITE', 4, [], 'nonsense');
    await clock.advance(1);
    assert.equal(peer.lines().at(-1), 'SIP/2.0 488 Not Acceptable Here');
    assert.deepEqual(ends, []);
  });

  it('follows a peer that moves: the Contact of a re-INVITE counts', async () => {
    await establish();
    const moved = peer.send('INVITE', 2, [], sdp('sendrecv'));
    peer.repeat(
      moved
        .replace('CSeq: 2', 'CSeq: 3')
        .replace('z9hG4bKb3', 'z9hG4bKmoved')
        .replace('room@192.0.2.5:5062', 'room@192.0.2.5:5099'),
    );
    await clock.advance(1);
    peer.send('ACK', 2);
    peer.repeat(
      moved
        .replace('CSeq: 2', 'CSeq: 4')
        .replace('z9hG4bKb3', 'z9hG4bKagain')
        .replace('room@192.0.2.5:5062', 'room@192.0.2.5:5099'),
    );
    await clock.advance(1);
    peer.send('ACK', 4);
    void leg.hangUp({ protocol: 'SIP', cause: 200, text: '' });
    assert.match(peer.last(), /^BYE sip:room@192\.0\.2\.5:5099 SIP\/2\.0/);
    assert.equal(peer.got.at(-1)?.port, 5099);
  });

  it('ends a call whose peer says that it knows it no more', async () => {
    await establish();
    peer.lines();
    await leg.requestKeyFrame();
    const info = peer.last();
    assert.match(info, /^INFO /);
    assert.match(info, /picture_fast_update/);
    const head = info.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line));
    peer.repeat(`SIP/2.0 481 Gone\r\n${head.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`);
    assert.equal(ends[0]?.by, 'failure');
    assert.match(peer.last(), /^BYE /);
  });

  it('answers 500 to a call that its conductor fails on, and goes on', async () => {
    conduct = () => {
      throw new Error('a fault of our own');
    };
    peer.send('INVITE', 1, [], sdp('sendrecv'));
    assert.equal(peer.lines().at(-1), 'SIP/2.0 500 Server Internal Error');
    assert.equal(edge.load.legs, 0);
    peer.send('OPTIONS', 2);
    assert.deepEqual(peer.lines(), ['SIP/2.0 200 OK']);
  });

  it('keeps the identity that a proxy asserts, and the caller as it is called', async () => {
    await establish(['P-Asserted-Identity: "Board" <sip:board@example.com>, <tel:+15550100>', 'User-Agent: VTC/1']);
    assert.equal(leg.attempt.assertedIdentity, 'sip:board@example.com');
    assert.equal(leg.attempt.userAgent, 'VTC/1');
    assert.equal(leg.attempt.from.uri, 'sip:room@example.com');
  });
});
