import type { SipTransport } from '../call.ts';

/** A two-way path to one peer: a connection, or one peer's address on a UDP socket. */
export interface Flow {
  readonly transport: SipTransport;
  readonly remote: { readonly address: string; readonly port: number };
  /** Our end, as Via and Contact should name it. */
  readonly local: { readonly address: string; readonly port: number };
  /** False once a connection has closed; a UDP flow stays open as long as its socket. */
  readonly open: boolean;
  /** Queues bytes for the peer; what cannot be sent is dropped, and the transaction's timers see to the rest. */
  send(data: Buffer): void;
  /** The same socket towards another port of the same peer (UDP); a connection has no other port and returns itself. */
  toPort(port: number): Flow;
  /** Keeps an idle connection open until the returned function is called. */
  hold(): () => void;
}

/** Numbers that bound what strangers can make the edge hold. */
export interface SipLimits {
  /** Largest message, header and body, bytes. Default 65,535. */
  messageBytes: number;
  /** Server transactions remembered at once. Default 20,000; above that, 503. */
  transactions: number;
  /** Dialogs and pending INVITEs at once. Default 1,000; above that, 503. */
  legs: number;
  /** Open TCP and TLS connections. Default 1,000. */
  connections: number;
  /** Open connections of one source address. Default 100. */
  connectionsPerSource: number;
  /** A connection without a call is closed after this long without a byte, milliseconds. Default 5 minutes. */
  idleConnectionMs: number;
  /** A connection is closed when a message is begun but not complete after this long, milliseconds. Default 15 s. */
  partialMessageMs: number;
  /** Messages a second from one source address, sustained. Default 500; what is above is dropped. */
  messagesPerSecond: number;
  /** How many may come at once before that counts. Default 2,000. */
  burst: number;
  /** `Retry-After` of a 503, seconds. Default 30. */
  retryAfterSeconds: number;
}

export const defaultLimits: SipLimits = {
  messageBytes: 65_535,
  transactions: 20_000,
  legs: 1_000,
  connections: 1_000,
  connectionsPerSource: 100,
  idleConnectionMs: 5 * 60_000,
  partialMessageMs: 15_000,
  messagesPerSecond: 500,
  burst: 2_000,
  retryAfterSeconds: 30,
};

/** RFC 3261 section 17.1.1.1 and table 4, milliseconds. */
export const T1 = 500;
export const T2 = 4_000;
export const T4 = 5_000;

export type Log = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields?: Record<string, unknown>,
) => void;
