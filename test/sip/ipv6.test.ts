import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { answering, type Rig, sdp, startEdge } from './rig.ts';

/** Whether this machine has the loopback address of IPv6. */
async function hasIpv6(): Promise<boolean> {
  const socket = createSocket('udp6');
  const bound = await new Promise<boolean>((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind(0, '::1', () => resolve(true));
  });
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return bound;
}

interface Message {
  transport: 'UDP' | 'TCP';
  method: string;
  uri: string;
  from: { host: string; port: number };
  cseq: number;
  /** With its tag, once there is one. */
  to?: string;
  body?: string;
}

function request({ transport, method, uri, from, cseq, to, body = '' }: Message): string {
  const host = from.host.includes(':') ? `[${from.host}]` : from.host;
  const lines = [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/${transport} ${host}:${from.port};branch=z9hG4bK${method}${cseq};rport`,
    'Max-Forwards: 70',
    `From: <sip:room@${host}>;tag=r`,
    `To: ${to ?? `<${uri}>`}`,
    'Call-ID: six',
    `CSeq: ${cseq} ${method}`,
    `Contact: <sip:room@${host}:${from.port}>`,
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** A UDP socket that keeps what it hears. */
class Phone {
  readonly #socket: Socket;
  readonly #host: string;
  readonly #messages: string[] = [];

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.on('message', (data) => this.#messages.push(String(data)));
  }

  static async open(type: 'udp4' | 'udp6', host: string): Promise<Phone> {
    const socket = createSocket(type);
    socket.bind(0, host);
    await once(socket, 'listening');
    return new Phone(socket, host);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  send(message: string, port: number): void {
    this.#socket.send(message, port, this.#host);
  }

  /** The first message that fits, heard already or not yet. */
  async heard(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.#messages.find((message) => pattern.test(message));
      if (found !== undefined) return found;
      await once(this.#socket, 'message');
    }
  }

  close(): void {
    this.#socket.close();
  }
}

describe('SIP edge over IPv6 @sgj', () => {
  let rig: Rig | null = null;

  before(async function () {
    if (await hasIpv6()) return;
    process.stdout.write('      skipped: this machine has no IPv6 loopback address (::1)\n');
    this.skip();
  });
  afterEach(async () => {
    await rig?.close();
    rig = null;
  });

  /** INVITE, ACK and BYE by one socket; gives back the 200 of the INVITE and the answer to the BYE. */
  async function callByUdp(type: 'udp4' | 'udp6', host: string): Promise<[invited: string, left: string]> {
    const port = rig?.port ?? 0;
    const phone = await Phone.open(type, host);
    try {
      const uri = `sip:token@${host.includes(':') ? `[${host}]` : host}:${port}`;
      const common = { transport: 'UDP', uri, from: { host, port: phone.port } } as const;
      phone.send(request({ ...common, method: 'INVITE', cseq: 1, body: sdp('sendrecv') }), port);
      const invited = await phone.heard(/^SIP\/2\.0 [2-6][\s\S]*^CSeq: 1 INVITE/m);
      const to = /^To: (.*)\r$/m.exec(invited)?.[1] ?? '';
      phone.send(request({ ...common, method: 'ACK', cseq: 1, to }), port);
      phone.send(request({ ...common, method: 'BYE', cseq: 2, to }), port);
      return [invited, await phone.heard(/^SIP\/2\.0 [2-6][\s\S]*^CSeq: 2 BYE/m)];
    } finally {
      phone.close();
    }
  }

  it('takes a call over UDP on ::1, with its addresses in brackets', async () => {
    const ended = Promise.withResolvers<string>();
    rig = await startEdge(
      (leg) => {
        leg.on('ended', (end) => ended.resolve(`${leg.attempt.source.address} ${end.by}`));
        answering(leg);
      },
      { listen: [{ transport: 'udp', address: '::1', port: 0 }] },
    );
    const [invited, left] = await callByUdp('udp6', '::1');
    assert.match(invited, /^SIP\/2\.0 200 OK/);
    assert.match(invited, new RegExp(`^Contact: <sip:token@\\[::1\\]:${rig.port}>\r$`, 'm'));
    assert.match(left, /^SIP\/2\.0 200 OK/);
    assert.equal(await ended.promise, '::1 remote');
  });

  it('ends a call over UDP on ::1 from its own side', async () => {
    rig = await startEdge(
      (leg) => {
        leg.on('confirmed', () => void leg.hangUp({ protocol: 'Q.850', cause: 16, text: 'The meeting has ended' }));
        answering(leg);
      },
      { listen: [{ transport: 'udp', address: '::1', port: 0 }] },
    );
    const phone = await Phone.open('udp6', '::1');
    try {
      const uri = `sip:token@[::1]:${rig.port}`;
      const common = { transport: 'UDP', uri, from: { host: '::1', port: phone.port }, cseq: 1 } as const;
      phone.send(request({ ...common, method: 'INVITE', body: sdp('sendrecv') }), rig.port);
      const to = /^To: (.*)\r$/m.exec(await phone.heard(/^SIP\/2\.0 200/))?.[1] ?? '';
      phone.send(request({ ...common, method: 'ACK', to }), rig.port);
      const bye = new RegExp(`^BYE sip:room@\\[::1\\]:${phone.port} SIP/2\\.0\r\nVia: SIP/2\\.0/UDP \\[::1\\]:`);
      assert.match(await phone.heard(/^BYE /), bye);
    } finally {
      phone.close();
    }
  });

  it('takes a call over TCP on ::1', async () => {
    rig = await startEdge(answering, { listen: [{ transport: 'tcp', address: '::1', port: 0 }] });
    const socket = connect(rig.port, '::1');
    await once(socket, 'connect');
    try {
      const from = { host: '::1', port: socket.localPort ?? 0 };
      const uri = `sip:token@[::1]:${rig.port};transport=tcp`;
      let text = '';
      const answered = new Promise<void>((resolve) => {
        socket.on('data', (data) => {
          text += String(data);
          if (/SIP\/2\.0 200 OK[\s\S]*\r\n\r\nv=0/.test(text)) resolve();
        });
      });
      socket.write(request({ transport: 'TCP', method: 'INVITE', uri, from, cseq: 1, body: sdp('sendrecv') }));
      await answered;
      assert.match(text, new RegExp(`Contact: <sip:token@\\[::1\\]:${rig.port};transport=tcp>\r`));
    } finally {
      socket.destroy();
    }
  });

  it('takes calls over IPv4 as well when it listens on every address (::)', async () => {
    const sources: string[] = [];
    rig = await startEdge(
      (leg) => {
        sources.push(leg.attempt.source.address);
        answering(leg);
      },
      { listen: [{ transport: 'udp', address: '::', port: 0 }] },
    );
    for (const [type, host] of [
      ['udp4', '127.0.0.1'],
      ['udp6', '::1'],
    ] as const) {
      const [invited, left] = await callByUdp(type, host);
      assert.match(invited, /^SIP\/2\.0 200 OK/);
      assert.match(left, /^SIP\/2\.0 200 OK/);
    }
    assert.deepEqual(sources, ['127.0.0.1', '::1']);
  });
});
