/**
 * Port: a room's video system or panel. Owns `JoinEntry`, what a device is given, and the two kinds of device: one that
 * we push to (and read back from), and one that pulls its entries from us over HTTP.
 */
import type { Instant, Provider, Route } from '../../parsers/invite.ts';

/** Entries of ours have ids that begin so; everything else on a device belongs to others and is kept. */
export const ownIdPrefix = 'usher-';

export interface DialTarget {
  /** With scheme: `sip:…`, `h323:…`. */
  address: string;
  protocol: 'sip' | 'h323';
}

/** One meeting as a device is given it ("OBTP booking" to Cisco). Privacy has been applied: what is here may be shown. */
export interface JoinEntry {
  /** `usher-` and 26 base32 characters; the same for the same room, item and occurrence over restarts and edits. */
  id: string;
  title: string;
  /** What the room may show of the organiser; `null` where hidden. */
  organizer: { name: string; email: string | null } | null;
  start: Instant;
  end: Instant;
  /** The Join button is shown from here … */
  buttonFrom: Instant;
  /** … until here (exclusive). */
  buttonUntil: Instant;
  /** `private` where the meeting is marked so; the title has been replaced already. */
  privacy: 'public' | 'private';
  provider: Provider | null;
  route: Route;
  /** `null` where the room cannot join: listed without a button. */
  dial: DialTarget | null;
  /** One sentence for the people in the room, e.g. which id to type at an IVR or why there is no button; else `null`. */
  note: string | null;
}

/** What a device holds now, as it said itself. */
export interface DeviceEntry {
  id: string;
  title: string;
  start: Instant;
  end: Instant;
  dial: string | null;
}

/** A device could not be reached, refused us or answered nonsense. `kind` decides what the reconciler does next. */
export class DeviceError extends Error {
  override name = 'DeviceError';
  readonly kind:
    | 'unreachable'
    | 'refused-credentials'
    | 'certificate'
    | 'refused'
    | 'bad-answer'
    | 'list-full'
    | 'unsupported';

  constructor(kind: DeviceError['kind'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.kind = kind;
  }
}

export interface DeviceDescription {
  /** Unique within the configuration. */
  id: string;
  /** For status and logs: `Cisco Room Kit at 10.1.2.3`, `panel`. */
  label: string;
}

/** State of a call that we asked a device to place. */
export type DialState = 'connecting' | 'connected' | 'disconnected';

export interface DialedCall {
  readonly id: string;
  readonly state: DialState;
  /** Calls `changed` on every change of state; returns the function that stops it. */
  onState(changed: (state: DialState, reason: string | null) => void): () => void;
  /** Resolves when the call has ended. */
  hangUp(): Promise<void>;
}

/** Can place a call from the room's video system: what a panel's Join button asks for. */
export interface Dialer {
  /** @throws DeviceError */
  dial(target: DialTarget): Promise<DialedCall>;
}

/** One thing that was looked at on a device, for status and `usher doctor`. */
export interface DeviceCheck {
  /** `certificate`, `clock`, … */
  what: string;
  ok: boolean;
  /** What was found and, where it is wrong, the remedy. */
  words: string;
}

/** On whose behalf a device's list is written, where several processes may act for its room. */
export interface Writer {
  /**
   * The process that writes, and the fencing token of its lease on the room: it grows with every change of hands, so that of
   * two writers the later one can be told. `null` where a process shares its rooms with nobody.
   */
  readonly lease: { readonly holder: string; readonly fence: number } | null;
  /** To be asked when the first byte of a request that changes something is about to go: the answer may change at any time. */
  mayWrite(): boolean;
}

/** A device whose list we write. The reconciler compares `list` with what is wanted until they agree. */
export interface PushedDevice {
  readonly kind: 'pushed';
  readonly description: DeviceDescription;
  /** @throws DeviceError */
  list(signal: AbortSignal): Promise<readonly DeviceEntry[]>;
  /**
   * Makes `entries` our entries on the device; entries of others are kept. When `signal` is aborted, nothing more is sent;
   * what is on its way is waited for a little, since the device will act on it.
   * @param writer without it, nobody else acts for the room
   * @throws DeviceError
   */
  replace(entries: readonly JoinEntry[], signal: AbortSignal, writer?: Writer): Promise<void>;
  /** What `list` will report for an entry once it is taken: devices cut titles and know no seconds. */
  shows(entry: JoinEntry): DeviceEntry;
  /** Calls `changed` when the device says that its list should be looked at again (reboot, `SyncRequired`). */
  watch?(changed: () => void): () => Promise<void>;
  /**
   * When it was last started, by our clock; `null` where it does not tell. A restart explains a list that is gone.
   * @throws DeviceError
   */
  startedAt?(signal: AbortSignal): Promise<Instant | null>;
  /** What the administrator should know although the list is right: a clock that is off, a certificate that is not checked. */
  notices?(): readonly string[];
  /** Looks at everything that can be wrong and writes nothing. Rejects only when `signal` is aborted. */
  check?(signal: AbortSignal): Promise<readonly DeviceCheck[]>;
  readonly dialer: Dialer | null;
  close(): Promise<void>;
}

/** What a pulled device's routes see of a room. */
export interface RoomView {
  roomId: string;
  roomName: string;
  /** IANA time zone of the room. */
  timeZone: string;
  /** BCP 47, e.g. `en`. */
  language: string;
  entries: readonly JoinEntry[];
  /** Rises with every change of `entries`. */
  revision: number;
}

/** A device that reads its entries from us: the panel page, the iCalendar feed. */
export interface PulledDevice {
  readonly kind: 'pulled';
  readonly description: DeviceDescription;
  /** When it last read its entries, `null` if never; and which revision that was. */
  lastRead(): { at: Instant; revision: number } | null;
  readonly dialer: Dialer | null;
}

export type Device = PushedDevice | PulledDevice;
