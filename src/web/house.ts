/**
 * What the web asks of the composition. The web shows and forwards; it decides nothing about rooms, calls or entries.
 */
import type { RoomView } from '../../connectors/devices/device.ts';
import type { IcsFeedDevice } from '../../connectors/devices/ics-feed/ics-feed.ts';
import type { PanelDevice } from '../../connectors/devices/panel/panel.ts';
import type { JoinOutcome, RoomCall } from '../../connectors/devices/panel/state.ts';
import type { Instant, Route } from '../../parsers/invite.ts';
import type { CallQuery, CallRecord } from '../calls/records.ts';
import type { StoredRefusal } from '../rooms/refusals.ts';

export interface RoomName {
  id: string;
  name: string;
}

/** How a request to dial or hang up ended. */
export interface JoinResult {
  outcome: JoinOutcome;
  /** One English sentence for log and status: what happened and, where something is wrong, what to do. */
  words: string;
}

export interface DeviceStatus {
  id: string;
  label: string;
  kind: 'pushed' | 'pulled';
  /** When its list was last confirmed (pushed) or last read by it (pulled). */
  lastSeen: Instant | null;
  /** When it last answered at all, however that went on. */
  lastContact: Instant | null;
  /** How many entries it confirmed then; `null` where it reads them itself. */
  confirmed: number | null;
  /** What went wrong the last time, `null` where nothing did. */
  problem: string | null;
  /** What is not on it as it should be, each a few words without a title. */
  differs: readonly string[];
  upToDate: boolean;
}

/** One line of the status page and of `usher rooms`. Titles have had privacy applied. */
export interface RoomStatus {
  id: string;
  name: string;
  timeZone: string;
  /** The entry that runs or comes next, `null` where there is none in the window. */
  next: { id: string; title: string; start: Instant; end: Instant; route: Route; private: boolean } | null;
  /** When the calendar was last read whole, `null` if never since the start. */
  lastRead: Instant | null;
  devices: readonly DeviceStatus[];
  call: RoomCall['state'];
  /** What is wrong, each a sentence with the remedy; empty where all is well. No secrets, no titles. */
  problems: readonly string[];
}

/** What many rooms depend on, and how it is. */
export interface ServiceStatus {
  name: string;
  /** How it is, each a sentence. */
  facts: readonly string[];
  /** What is wrong, each a sentence with the remedy; empty where all is well. No secrets. */
  problems: readonly string[];
}

/** What the start page explains. */
export interface StartFacts {
  mode: 'demo' | 'serve';
  version: string;
  /** In words: `The bridge is being set up: installing …`, `ready`; `null` where this instance has no bridge. */
  bridge: string | null;
  /** The simulated meeting host's page (demo), else `null`. */
  meetingHost: string | null;
  /** Calendar files to edit (demo), by room id. */
  calendars: Readonly<Record<string, string>>;
}

export interface House {
  rooms(): readonly RoomName[];
  /** `null` for a room that does not exist. */
  view(roomId: string): RoomView | null;
  /** The room's panel, `null` where the room is configured without one. */
  panel(roomId: string): PanelDevice | null;
  feed(roomId: string): IcsFeedDevice | null;
  /** Calls `changed` after the room's view or call has changed. Returns the function that stops it. */
  subscribe(roomId: string, changed: () => void): () => void;
  /**
   * The secrets that open the room's pages, the one to hand out first. During a rotation the old one stands behind it
   * until it is dropped. Empty for a room that does not exist.
   */
  secrets(roomId: string): readonly string[];
  /** Gives the room a new secret; the old one is good for `graceMs` more. The room exists. */
  renewSecret(roomId: string, graceMs: number): Promise<void>;
  /** Opens `/`, `/status` and `/metrics` from elsewhere than this machine; `null`: from this machine only. */
  adminSecret(): string | null;
  call(roomId: string): RoomCall;
  /** Asks the room's device to dial the entry. Never rejects. */
  join(roomId: string, entryId: string): Promise<JoinResult>;
  /** Never rejects. */
  hangUp(roomId: string): Promise<JoinResult>;
  status(): readonly RoomStatus[];
  services(): readonly ServiceStatus[];
  /** What tenants refused to guests lately, newest first. */
  refusals(): readonly StoredRefusal[];
  /** Forgets all of it, so that it is tried again. @returns how many there were */
  forgetRefusals(): Promise<number>;
  /** What became of the rooms' calls, newest first. */
  calls(query: CallQuery): Promise<readonly CallRecord[]>;
  start(): StartFacts;
  /** `null` when every part is up; else what is missing, in words without secrets. */
  notReady(): string | null;
}
