import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
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

  /** INVITE, ACK and BYE by one socket; gives back the 200 of the INVITE and the status of the BYE. */
  async function callByUdp(type: 'udp4' | 'udp6', host: string): Promise<[invited: string, left: string]> {
    const port = rig?.port ?? 0;
    const socket = createSocket(type);
    socket.bind(0, host);
    await once(socket, 'listening');
    try {
      const from = { host, port: socket.address().port };
      const uri = `sip:token@${host.includes(':') ? `[${host}]` : host}:${port}`;
      const final = async (message: string): Promise<string> => {
        socket.send(message, port, host);
        for (;;) {
          const [data] = await once(socket, 'message');
          if (!/^SIP\/2\.0 1/.test(String(data))) return String(data);
        }
      };
      const common = { transport: 'UDP', uri, from } as const;
      const invited = await final(request({ ...common, method: 'INVITE', cseq: 1, body: sdp('sendrecv') }));
      const to = /^To: (.*)\r$/m.exec(invited)?.[1] ?? '';
      socket.send(request({ ...common, method: 'ACK', cseq: 1, to }), port, host);
      return [invited, await final(request({ ...common, method: 'BYE', cseq: 2, to }))];
    } finally {
      socket.close();
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
    const socket = createSocket('udp6');
    socket.bind(0, '::1');
    await once(socket, 'listening');
    const from = { host: '::1', port: socket.address().port };
    const uri = `sip:token@[::1]:${rig.port}`;
    const heard = (pattern: RegExp): Promise<string> =>
      new Promise((resolve) => {
        socket.on('message', (data) => pattern.test(String(data)) && resolve(String(data)));
      });
    const answer = heard(/^SIP\/2\.0 200/);
    const bye = heard(/^BYE /);
    socket.send(
      request({ transport: 'UDP', method: 'INVITE', uri, from, cseq: 1, body: sdp('sendrecv') }),
      rig.port,
      '::1',
    );
    const to = /^To: (.*)\r$/m.exec(await answer)?.[1] ?? '';
    socket.send(request({ transport: 'UDP', method: 'ACK', uri, from, cseq: 1, to }), rig.port, '::1');
    assert.match(
      await bye,
      new RegExp(`^BYE sip:room@\\[::1\\]:${from.port} SIP/2\\.0\r\nVia: SIP/2\\.0/UDP \\[::1\\]:`),
    );
    socket.close();
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
