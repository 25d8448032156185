/**
 * Who gets in (docs: "Dial tokens"): a dial token is good for one room, one meeting and one span of time, and where the
 * room says who may call, for nobody else. Pure functions over the directory of the plans.
 */
import { BlockList, isIP } from 'node:net';
import type { CallAttempt } from '../../media/call.ts';
import type { MeetingTarget } from '../rooms/plan.ts';

const minute = 60_000;

/** Who may dial a room's tokens. An empty list allows nobody of its kind; a room without a rule takes every caller. */
export interface CallerRule {
  /** Networks that the room's system calls from, CIDR (`192.0.2.0/24`, `2001:db8::/32`) or single addresses. */
  networks: readonly string[];
  /** `P-Asserted-Identity` URIs (`sip:room@example.com`) that are believed when a trusted peer asserts them. */
  identities: readonly string[];
  /** Networks of the peers (a registrar, a session border controller) that may assert an identity. */
  trustedPeers: readonly string[];
}

/** A dial token that stands in a plan, and what it is for. */
export interface TokenEntry {
  room: { id: string; name: string; language: string; timeZone: string; callers: CallerRule | null };
  /** `title` has had privacy applied; null for a private meeting. */
  entry: { id: string; title: string | null; start: number; end: number };
  meeting: MeetingTarget;
  /** When the token admits, milliseconds since 1970: `from` ≤ now < `until`. See `tokenWindow`. */
  window: { from: number; until: number };
}

/** Finds dial tokens in the plans, as they stand now. */
export interface TokenDirectory {
  /** `token` is in lower case. */
  find(token: string): TokenEntry | null;
  /** How many guest calls may be dialled in the span, by the plans: entries whose button appears in it. */
  upcoming(from: number, until: number): number;
}

/** From 5 minutes before the button appears until `graceMs` after the meeting's end. */
export function tokenWindow(entry: { buttonFrom: number; end: number }, graceMs: number): TokenEntry['window'] {
  return { from: entry.buttonFrom - 5 * minute, until: entry.end + graceMs };
}

export interface Capacity {
  live: number;
  liveOfRoom(roomId: string): number;
  maxCalls: number;
  maxCallsPerRoom: number;
  retryAfterSeconds: number;
}

export type Admission =
  | { verdict: 'admit'; found: TokenEntry }
  /** Answered, shown the start time, and joined when the window opens. */
  | { verdict: 'early'; found: TokenEntry; opensAt: number }
  /** The same 404 to the caller in every case; why is for our own eyes. */
  | { verdict: 'not-found'; why: 'no-such-token' | 'window-over' | 'caller'; found: TokenEntry | null }
  | { verdict: 'busy'; found: TokenEntry; scope: 'total' | 'room'; retryAfterSeconds: number };

export function admit(
  attempt: CallAttempt,
  directory: Pick<TokenDirectory, 'find'>,
  capacity: Capacity,
  now: number,
): Admission {
  const found = directory.find(attempt.user.toLowerCase());
  if (found === null) return { verdict: 'not-found', why: 'no-such-token', found: null };
  if (now >= found.window.until) return { verdict: 'not-found', why: 'window-over', found };
  if (!callerMay(found.room.callers, attempt)) return { verdict: 'not-found', why: 'caller', found };
  const { retryAfterSeconds } = capacity;
  if (capacity.live >= capacity.maxCalls) return { verdict: 'busy', found, scope: 'total', retryAfterSeconds };
  if (capacity.liveOfRoom(found.room.id) >= capacity.maxCallsPerRoom) {
    return { verdict: 'busy', found, scope: 'room', retryAfterSeconds };
  }
  if (now < found.window.from) return { verdict: 'early', found, opensAt: found.window.from };
  return { verdict: 'admit', found };
}

/** Either the address is the room's, or a trusted peer vouches for the room. */
export function callerMay(rule: CallerRule | null, attempt: CallAttempt): boolean {
  if (rule === null) return true;
  const { address } = attempt.source;
  if (within(rule.networks, address)) return true;
  const asserted = attempt.assertedIdentity;
  if (asserted === null || !within(rule.trustedPeers, address)) return false;
  return rule.identities.some((identity) => plainUri(identity) === plainUri(asserted));
}

/** Without parameters and port, lower case, as identities are compared. `sip:` and `sips:` of a user are the same. */
function plainUri(uri: string): string {
  const [address = ''] = uri.toLowerCase().split(/[;?]/, 1);
  return address.replace(/^sips?:/, '').replace(/:\d+$/, '');
}

/** @throws Error where a network is none; the configuration has been checked before */
function within(networks: readonly string[], address: string): boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [base = '', bits] = network.split('/', 2);
    const family = isIP(base) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(base, family);
    else list.addSubnet(base, Number(bits), family);
  }
  return isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
