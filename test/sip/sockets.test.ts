import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { generate } from 'selfsigned';
import type { SipLeg } from '../../media/call.ts';
import type { SipLimits } from '../../media/sip/flow.ts';
import { SimulatedClock } from '../../src/clock.ts';
import { answering, type Rig, StubSession, sdp, startEdge } from './rig.ts';

function invite(
  callId: string,
  port: number,
  options: { branch?: string; user?: string; headers?: string[] } = {},
): string {
  const body = sdp('sendrecv');
  const lines = [
    `INVITE sip:${options.user ?? 'token'}@127.0.0.1:${port} SIP/2.0`,
    `Via: SIP/2.0/TCP 127.0.0.1:5999;branch=${options.branch ?? `z9hG4bK${callId}`}`,
    'Max-Forwards: 70',
    'From: "Besprechungsraum Zürich" <sip:room@127.0.0.1>;tag=r',
    `To: <sip:token@127.0.0.1:${port}>`,
    `Call-ID: ${callId}`,
    'CSeq: 1 INVITE',
    'Contact: <sip:room@127.0.0.1:5999>',
    ...(options.headers ?? []),
    'Content-Type: application/sdp',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** Everything a connection has received, and a wait for a pattern in it. */
class Wire {
  text = '';
  readonly socket: Socket;

  constructor(port: number, tls = false) {
    // A test's own certificate is nobody's: what is tested is the way, not the trust.
    this.socket = tls ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }) : connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('data', (data) => {
      this.text += data.toString('utf8');
    });
  }

  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.text);
      if (found !== null) return found[0];
      await Promise.race([
        once(this.socket, 'data'),
        once(this.socket, 'close').then(() => Promise.reject(new Error(`closed: ${this.text}`))),
      ]);
    }
  }
}

describe('SIP edge on its sockets @sgj', () => {
  let rig: Rig;
  let clock: SimulatedClock | null = null;
  let wires: Wire[] = [];

  async function start(conduct: (leg: SipLeg) => void, limits: Partial<SipLimits> = {}, simulated?: SimulatedClock) {
    clock = simulated ?? null;
    rig = await startEdge(conduct, simulated === undefined ? { limits } : { limits, clock: simulated });
  }

  function open(): Wire {
    const wire = new Wire(rig.port);
    wires.push(wire);
    return wire;
  }

  afterEach(async () => {
    for (const wire of wires) wire.socket.destroy();
    wires = [];
    const closed = rig.close();
    await clock?.advance(5_000);
    await closed;
  });

  it('gives back the room name byte for byte, and its own tag once', async () => {
    await start((leg) => void leg.reject(486));
    const wire = open();
    wire.socket.write(invite('a', rig.port));
    const answer = await wire.until(/SIP\/2\.0 486[\s\S]*\r\n\r\n/);
    assert.match(answer, /From: "Besprechungsraum Zürich" <sip:room@127\.0\.0\.1>;tag=r\r\n/);
    assert.equal(answer.match(/;tag=/g)?.length, 2);
  });

  it('says 488 and why when the offer cannot be carried', async () => {
    const { UnacceptableOffer } = await import('../../media/call.ts');
    const refused: unknown[] = [];
    class Deaf extends StubSession {
      override answer(): Promise<string> {
        return Promise.reject(new UnacceptableOffer('no audio codec in common'));
      }
    }
    await start((leg) => void leg.accept(new Deaf()).catch((error: unknown) => refused.push(error)));
    const wire = open();
    wire.socket.write(invite('b', rig.port));
    await wire.until(/SIP\/2\.0 488 [\s\S]*Warning: 399 usher "no audio codec in common"/);
    assert.ok(refused[0] instanceof UnacceptableOffer);
    assert.equal(rig.edge.load.legs, 0);
  });

  it('takes the same INVITE by another way for what it is: 482', async () => {
    await start((leg) => void leg.ring());
    const wire = open();
    wire.socket.write(invite('c', rig.port) + invite('c', rig.port, { branch: 'z9hG4bKother' }));
    await wire.until(/SIP\/2\.0 482/);
    assert.equal(rig.edge.load.legs, 1);
  });

  it('ends the call with a BYE when the answer is never acknowledged', async () => {
    const clock = new SimulatedClock(0);
    const ends: unknown[] = [];
    await start(
      (leg) => {
        leg.on('ended', (end) => ends.push(end));
        answering(leg);
      },
      {},
      clock,
    );
    const wire = open();
    wire.socket.write(invite('d', rig.port));
    await wire.until(/SIP\/2\.0 200/);
    await clock.advance(32_000);
    await wire.until(/BYE sip:room@127\.0\.0\.1:5999 SIP\/2\.0/);
    assert.deepEqual(ends, [{ by: 'failure', detail: 'the peer never acknowledged the answer' }]);
    await clock.advance(40_000);
    assert.equal(rig.edge.load.legs, 0);
  });

  it('refuses more calls than it may hold with 503 and Retry-After', async () => {
    await start((leg) => void leg.ring(), { legs: 2, retryAfterSeconds: 17 });
    const wire = open();
    wire.socket.write(invite('e1', rig.port) + invite('e2', rig.port) + invite('e3', rig.port));
    await wire.until(/SIP\/2\.0 503 [\s\S]*Retry-After: 17\r\n/);
    assert.equal(rig.edge.load.legs, 2);
  });

  it('answers 513 to a message that is too large, and closes', async () => {
    await start(answering, { messageBytes: 4_096 });
    const wire = open();
    wire.socket.write(invite('f', rig.port, { headers: [`X-Large: ${'x'.repeat(5_000)}`] }));
    await wire.until(/SIP\/2\.0 (513|400)/);
    if (!wire.socket.closed) await once(wire.socket, 'close');
  });

  it('closes idle connections and half messages, but not those of a call', async () => {
    const clock = new SimulatedClock(0);
    await start(answering, { idleConnectionMs: 60_000, partialMessageMs: 10_000 }, clock);
    const [idle, partial, calling] = [open(), open(), open()];
    idle.socket.write('\r\n\r\n');
    await idle.until(/\r\n/);
    calling.socket.write(invite('g', rig.port));
    const to = /^To: .*$/m.exec(await calling.until(/SIP\/2\.0 200[\s\S]*\r\n\r\n/))?.[0] ?? '';
    const ack = invite('g', rig.port, { branch: 'z9hG4bKack' })
      .replaceAll('INVITE', 'ACK')
      .replace(/^To: .*\r?$/m, to.trim());
    calling.socket.write(ack);
    partial.socket.write('INVITE sip:half');
    // The last bytes to be sent are the last to be read: a ping on a further connection shows that they were.
    const last = open();
    last.socket.write('\r\n\r\n');
    await last.until(/\r\n/);
    await Promise.all([once(partial.socket, 'close'), clock.advance(10_001)]);
    await Promise.all([once(idle.socket, 'close'), clock.advance(60_000)]);
    assert.equal(calling.socket.closed, false);
  });

  it('drops what one source sends above its rate', async () => {
    await start(answering, { messagesPerSecond: 1, burst: 5 }, new SimulatedClock(0));
    const wire = open();
    wire.socket.write(Array.from({ length: 8 }, (_, n) => invite(`h${n}`, rig.port)).join(''));
    await once(wire.socket, 'data');
    assert.equal(rig.edge.load.dropped, 3);
    assert.equal(rig.edge.load.legs, 5);
  });

  it('is not moved by datagrams of noise', async () => {
    await start(answering);
    const socket = createSocket('udp4');
    const noise = [
      Buffer.alloc(0),
      Buffer.from('\r\n\r\n'),
      Buffer.alloc(60_000, 0x20),
      Buffer.alloc(60_000, 0xff),
      Buffer.from('SIP/2.0 200 OK\r\n\r\n'),
    ];
    for (const data of noise) await new Promise((resolve) => socket.send(data, rig.port, '127.0.0.1', resolve));
    const options = invite('i', rig.port)
      .replaceAll('INVITE', 'OPTIONS')
      .replace('SIP/2.0/TCP 127.0.0.1:5999', 'SIP/2.0/UDP 127.0.0.1:5999;rport');
    socket.send(options, rig.port, '127.0.0.1');
    const [answer] = await once(socket, 'message');
    socket.close();
    assert.match(String(answer), /^SIP\/2\.0 200 OK/);
  });

  it('takes calls over TLS, sips included, and refuses sips elsewhere', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'usher.example.com' }], {
      algorithm: 'sha256',
    });
    const attempts: string[] = [];
    rig = await startEdge(
      (leg) => {
        attempts.push(`${leg.attempt.source.transport} ${leg.attempt.user}`);
        answering(leg);
      },
      { listen: [{ transport: 'tls', address: '127.0.0.1', port: 0 }], tls: { key, cert } },
    );
    const wire = new Wire(rig.port, true);
    wires.push(wire);
    wire.socket.write(
      invite('j', rig.port).replace('INVITE sip:', 'INVITE sips:').replace('SIP/2.0/TCP', 'SIP/2.0/TLS'),
    );
    assert.match(await wire.until(/SIP\/2\.0 200[\s\S]*\r\n\r\n/), /Contact: <sips:token@127\.0\.0\.1:\d+>\r\n/);
    assert.deepEqual(attempts, ['tls token']);
    await rig.close();
    await start(answering);
    const plain = open();
    plain.socket.write(invite('k', rig.port).replace('INVITE sip:', 'INVITE sips:'));
    await plain.until(/SIP\/2\.0 416/);
  });

  it('says which address it cannot listen on, and what to do', async () => {
    await start(answering);
    await assert.rejects(
      startEdge(answering, { listen: [{ transport: 'tcp', address: '127.0.0.1', port: rig.port }] }),
      /SIP cannot listen on tcp 127\.0\.0\.1:\d+: .*EADDRINUSE.*sip\.listen/,
    );
  });
});
