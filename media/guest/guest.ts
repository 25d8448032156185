/**
 * Port: a guest leg, the meeting's side of a call. An adapter joins a meeting in a web page as an ordinary guest would,
 * through the lobby, under the room's own name. Adapters are modules named in the configuration; each passes the
 * contract suite in `test/guest/contract.ts`.
 *
 * There is no way around the lobby: an adapter reports `admitted` only when the meeting itself says so, and even then
 * only the bridge's gate (media/bridge) lets media pass.
 */
import type { Browser } from 'playwright-core';
import type { MediaClock, PagePort } from '../call.ts';

/** Every way a join can end. Made where it happens and carried unchanged to SIP Reason, slate, record and metric. */
export const outcomes = [
  'denied',
  'lobby-timeout',
  'removed',
  'meeting-ended',
  'not-started',
  'anonymous-join-disabled',
  'sign-in-required',
  'captcha',
  'email-verification',
  'watermark-or-encryption-required',
  'wrong-link',
  'capacity',
  'connection-lost',
  'failed',
  /** We left: the room hung up, or Usher is shutting down. */
  'left',
] as const;
export type Outcome = (typeof outcomes)[number];

/** `joining` → `lobby` → `admitted` → `ended`; any state may go to `ended`, `joining` may go to `admitted`. */
export type GuestState =
  | { state: 'joining' }
  | { state: 'lobby' }
  | { state: 'admitted' }
  | { state: 'ended'; outcome: Outcome; detail: string | null };

/** Which meeting; what the parsers found, so an adapter can pick the form it supports. */
export interface MeetingAddress {
  url: string | null;
  meetingId: string | null;
  passcode: string | null;
  threadId: string | null;
  messageId: string | null;
  tenantId: string | null;
  organizerId: string | null;
}

export interface JoinRequest {
  meeting: MeetingAddress;
  /** The room's name, as the host will see it. */
  displayName: string;
  /** The bridge's port for this guest's page. */
  media: PagePort;
  /** The audio codec that the room speaks (`PCMU`, `G722`, `opus`): mediasoup never transcodes, so the page produces it. */
  audioCodec: string;
  /** Whether the room sends and receives video. */
  video: boolean;
}

/** One attempt to take part in one meeting. */
export interface GuestLeg {
  readonly state: GuestState;
  /** Called on every change, in order; never called with the same state twice in a row. */
  onState(listener: (state: GuestState) => void): void;
  /** Leaves, or gives up waiting; ends in `ended` with outcome `left` unless it had ended already. Idempotent. */
  leave(): Promise<void>;
}

export interface GuestAdapter {
  /** The name it has in the configuration and in call records, e.g. `acs`. */
  readonly name: string;
  /**
   * Starts to join; never throws and never rejects: what goes wrong is an outcome of the leg. After a denial the caller
   * must not join again, and the adapter does not knock by itself.
   */
  join(request: JoinRequest): GuestLeg;
  /** Makes pages ready ahead of need; optional. */
  warm?(pages: number): Promise<void>;
  close(): Promise<void>;
}

/** What an adapter module is given. */
export interface GuestEnvironment {
  /** A running Chromium shared by all calls; an adapter opens one context a call. Relaunched by its owner if it dies. */
  browser(): Promise<Browser>;
  clock: MediaClock;
  /** `options` of this adapter in the configuration, unparsed: the adapter parses it with its own schema. */
  options: unknown;
  /** How long to wait in the lobby, milliseconds. */
  lobbyTimeoutMs: number;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>): void;
}

/** What an adapter module exports by default. */
export type GuestAdapterFactory = (environment: GuestEnvironment) => Promise<GuestAdapter>;
