/** The edge's sockets: one UDP socket, TCP and TLS servers. Everything that arrives leaves here as a message on a flow. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createServer as createTlsServer } from 'node:tls';
import type { MediaClock, SipTransport } from '../call.ts';
import type { Flow, Log, SipLimits } from './flow.ts';
import { StreamFramer } from './framing.ts';

export interface ListenAddress {
  transport: SipTransport;
  address: string;
  /** 0: any free port; UDP and TCP listeners with port 0 on the same address share the one they get. */
  port: number;
}

/** Key and certificate chain of a TLS listener, PEM. */
export interface TlsIdentity {
  key: string;
  cert: string;
}

export interface Listening {
  clock: MediaClock;
  log: Log;
  limits: SipLimits;
  tls: TlsIdentity | null;
  /** What Via and Contact name instead of the socket's own address, behind a NAT. */
  advertisedAddress: string | null;
  /** False: the source is over its rate. */
  admit(source: string): boolean;
  onMessage(data: Buffer, flow: Flow, stream: boolean): void;
  /** A stream that lost its framing; `head` is what there is of the message. */
  onBroken(head: Buffer, flow: Flow): void;
}

export interface Listener {
  readonly bound: ListenAddress;
  close(): Promise<void>;
}

/** How often a pair of equal free ports for UDP and TCP is looked for. */
const pairAttempts = 20;

/** Opens every listener, or none. @throws Error that names the address and the remedy */
export async function openListeners(addresses: readonly ListenAddress[], context: Listening): Promise<Listener[]> {
  for (let attempt = 1; ; attempt++) {
    const opened: Listener[] = [];
    try {
      const chosen = new Map<string, number>();
      for (const address of addresses) {
        const shared =
          address.port === 0 && address.transport !== 'tls' ? (chosen.get(address.address) ?? 0) : address.port;
        const listener = await openListener({ ...address, port: shared }, context);
        opened.push(listener);
        if (address.transport !== 'tls') chosen.set(address.address, listener.bound.port);
      }
      return opened;
    } catch (error) {
      await Promise.all(opened.map((listener) => listener.close()));
      const sharedPort = addresses.some((address) => address.port === 0);
      // The port that was free for UDP may be taken for TCP: take another pair.
      if (!sharedPort || attempt === pairAttempts || codeOf(error) !== 'EADDRINUSE') throw error;
    }
  }
}

function codeOf(error: unknown): string | null {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : null;
}

function openListener(address: ListenAddress, context: Listening): Promise<Listener> {
  return address.transport === 'udp' ? openUdp(address, context) : openStream(address, context);
}

function cannotListen(address: ListenAddress, cause: Error): Error {
  const where = `${address.transport} ${address.address}:${address.port}`;
  const remedy = 'Choose another port or address in `sip.listen`, or stop what holds it.';
  return new Error(`SIP cannot listen on ${where}: ${cause.message}. ${remedy}`, { cause });
}

/** What a peer may reach us at when the socket is bound to every address. */
function localAddress(bound: string, peer: string, advertised: string | null): string {
  if (advertised !== null) return advertised;
  if (bound !== '0.0.0.0' && bound !== '::') return bound;
  if (peer.startsWith('127.') || peer === '::1') return peer;
  const family = isIPv6(peer) ? 'IPv6' : 'IPv4';
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find((candidate) => !candidate.internal && candidate.family === family)?.address ?? bound;
}

function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

async function openUdp(address: ListenAddress, context: Listening): Promise<Listener> {
  const socket = createSocket({ type: isIPv6(address.address) ? 'udp6' : 'udp4', recvBufferSize: 1 << 21 });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => reject(cannotListen(address, error)));
    socket.bind(address.port, address.address, () => {
      socket.removeAllListeners('error');
      resolve();
    });
  });
  const bound = { ...address, port: socket.address().port };
  let open = true;
  socket.on('error', (error) => context.log('warn', 'SIP UDP socket reported an error', { error: error.message }));
  const state: UdpState = { isOpen: () => open, isIpv6: isIPv6(bound.address) };
  socket.on('message', (data, peer) => {
    const source = plainAddress(peer.address);
    // RFC 5626 section 4.4.2 and what many systems send to keep a NAT open: nothing to parse.
    if (data.length < 16 || !context.admit(source)) return;
    const local = { address: localAddress(bound.address, source, context.advertisedAddress), port: bound.port };
    context.onMessage(data, new UdpFlow(socket, { address: source, port: peer.port }, local, state), false);
  });
  return {
    bound,
    close: () =>
      new Promise((resolve) => {
        open = false;
        socket.close(() => resolve());
      }),
  };
}

/** What all flows of one UDP socket have in common. */
interface UdpState {
  isOpen(): boolean;
  isIpv6: boolean;
}

class UdpFlow implements Flow {
  readonly transport = 'udp';
  readonly remote: { address: string; port: number };
  readonly local: { address: string; port: number };
  readonly #socket: UdpSocket;
  readonly #state: UdpState;
  /** A socket of IPv6 reaches peers of IPv4 by their mapped address alone (RFC 4291 section 2.5.5.2). */
  readonly #address: string;

  constructor(
    socket: UdpSocket,
    remote: { address: string; port: number },
    local: { address: string; port: number },
    state: UdpState,
  ) {
    this.#socket = socket;
    this.remote = remote;
    this.local = local;
    this.#state = state;
    this.#address = state.isIpv6 && !isIPv6(remote.address) ? `::ffff:${remote.address}` : remote.address;
  }

  get open(): boolean {
    return this.#state.isOpen();
  }

  send(data: Buffer): void {
    // An unreachable peer is found out by the transaction's timers.
    if (this.open) this.#socket.send(data, this.remote.port, this.#address, () => {});
  }

  toPort(port: number): Flow {
    if (port === this.remote.port) return this;
    return new UdpFlow(this.#socket, { address: this.remote.address, port }, this.local, this.#state);
  }

  hold(): () => void {
    return () => {};
  }
}

async function openStream(address: ListenAddress, context: Listening): Promise<Listener> {
  const connections = new Set<StreamFlow>();
  const accept = (socket: Socket): void => acceptConnection(socket, address, context, connections);
  const server = address.transport === 'tls' ? tlsServer(context, accept) : createServer(accept);
  server.maxConnections = context.limits.connections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(address, error)));
    server.listen(address.port, address.address, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
  server.on('error', (error) => context.log('warn', 'SIP listener reported an error', { error: error.message }));
  const at = server.address();
  const port = typeof at === 'object' && at !== null ? at.port : address.port;
  return {
    bound: { ...address, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const connection of connections) connection.end();
      }),
  };
}

function tlsServer(context: Listening, accept: (socket: Socket) => void): Server {
  if (context.tls === null) throw new Error('SIP over TLS needs a key and a certificate: set `sip.tls`.');
  let server: Server;
  try {
    server = createTlsServer({ ...context.tls, minVersion: 'TLSv1.2', handshakeTimeout: 10_000 }, accept);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const remedy = 'Give the private key and the certificate chain that belong together, both as PEM, in `sip.tls`.';
    throw new Error(`SIP over TLS cannot use its key and certificate: ${why}. ${remedy}`, { cause });
  }
  server.on('tlsClientError', (error) => context.log('debug', 'TLS handshake failed', { error: error.message }));
  return server;
}

function acceptConnection(socket: Socket, address: ListenAddress, context: Listening, all: Set<StreamFlow>): void {
  const source = plainAddress(socket.remoteAddress ?? '');
  const fromSource = [...all].filter((other) => other.remote.address === source).length;
  if (source === '' || fromSource >= context.limits.connectionsPerSource) {
    socket.on('error', () => {});
    socket.destroy();
    return;
  }
  socket.setNoDelay(true);
  const own = plainAddress(socket.localAddress ?? address.address);
  const local = { address: context.advertisedAddress ?? own, port: socket.localPort ?? address.port };
  const remote = { address: source, port: socket.remotePort ?? 0 };
  const flow = new StreamFlow(socket, address.transport, remote, local, context);
  all.add(flow);
  socket.on('close', () => all.delete(flow));
}

/** Bytes that may wait for a slow reader before its connection is given up. */
const maximumQueuedBytes = 1 << 20;

class StreamFlow implements Flow {
  readonly transport: SipTransport;
  readonly remote: { address: string; port: number };
  readonly local: { address: string; port: number };
  readonly #socket: Socket;
  readonly #context: Listening;
  readonly #framer: StreamFramer;
  #holds = 0;
  #cancelIdle: (() => void) | null = null;
  #cancelPartial: (() => void) | null = null;

  constructor(
    socket: Socket,
    transport: SipTransport,
    remote: { address: string; port: number },
    local: { address: string; port: number },
    context: Listening,
  ) {
    this.#socket = socket;
    this.transport = transport;
    this.remote = remote;
    this.local = local;
    this.#context = context;
    this.#framer = new StreamFramer(context.limits.messageBytes);
    socket.on('error', (error) =>
      context.log('debug', 'SIP connection failed', { source: remote.address, error: error.message }),
    );
    socket.on('data', (data) => this.#onData(data));
    socket.on('end', () => socket.end());
    socket.on('close', () => this.#stopTimers());
    this.#restartIdle();
  }

  get open(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  send(data: Buffer): void {
    if (!this.open) return;
    if (this.#socket.writableLength > maximumQueuedBytes) this.#socket.destroy();
    else this.#socket.write(data);
  }

  toPort(): Flow {
    return this;
  }

  hold(): () => void {
    let held = true;
    this.#holds++;
    return () => {
      if (!held) return;
      held = false;
      this.#holds--;
      this.#restartIdle();
    };
  }

  /** Sends what is queued and closes. */
  end(): void {
    this.#stopTimers();
    this.#socket.end();
    this.#socket.destroySoon();
  }

  #onData(data: Buffer): void {
    this.#restartIdle();
    let complete = false;
    for (const frame of this.#framer.push(data)) {
      complete = true;
      if (frame.kind === 'ping') this.send(Buffer.from('\r\n'));
      else if (frame.kind === 'broken') {
        this.#context.onBroken(frame.head, this);
        this.end();
        return;
      } else if (this.#context.admit(this.remote.address)) this.#context.onMessage(frame.data, this, true);
    }
    if (complete || !this.#framer.partial) this.#stopPartial();
    if (this.#framer.partial) {
      this.#cancelPartial ??= this.#context.clock.after(this.#context.limits.partialMessageMs, () => this.end());
    }
  }

  #restartIdle(): void {
    this.#cancelIdle?.();
    if (!this.open) return;
    this.#cancelIdle = this.#context.clock.after(this.#context.limits.idleConnectionMs, () => {
      if (this.#holds === 0) this.end();
    });
  }

  #stopPartial(): void {
    this.#cancelPartial?.();
    this.#cancelPartial = null;
  }

  #stopTimers(): void {
    this.#stopPartial();
    this.#cancelIdle?.();
    this.#cancelIdle = null;
  }
}
