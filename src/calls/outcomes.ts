/**
 * Every way a call can end, in one table: what the video system is told, what the room is shown, for how long, and
 * whether the guest may knock again. An outcome is made where the thing happens and carried here unchanged.
 */
import type { SipReason } from '../../media/call.ts';
import { outcomes as guestOutcomes, type Outcome } from '../../media/guest/guest.ts';

/** The guest's outcomes (media/guest/guest.ts), and what can end a call besides. */
export const callOutcomes = [
  ...guestOutcomes,
  /** The room hung up, before or after the answer. */
  'room-left',
  /** No media came from the room for too long. */
  'silent',
  /** Offer and answer found nothing in common: refused with 488. */
  'no-common-media',
  /** The bridge could not be opened, or lost its worker. */
  'bridge-failed',
  /** The SIP dialog broke: no ACK, no answer to a request. */
  'signalling-failed',
  /** The meeting was cancelled or moved away while the room waited for it. */
  'withdrawn',
  'shutting-down',
  /** Usher ended without saying goodbye; found at the next start. */
  'interrupted',
  /** The limits of calls were reached: 503. */
  'busy',
] as const;
export type CallOutcome = (typeof callOutcomes)[number];

export interface OutcomeRow {
  /** What BYE says (RFC 3326). Its text is shown by some video systems. */
  reason: SipReason;
  /** The guest outcome whose words the slate shows before BYE; null: none, there is nobody to read it or no time. */
  slate: Outcome | null;
  /** How long the slate is shown before BYE, milliseconds. */
  slateMs: number;
  /** Whether the same call may try to join again. Never where a person has decided. */
  knockAgain: boolean;
}

const sip = (cause: number, text: string): SipReason => ({ protocol: 'SIP', cause, text });
const q850 = (cause: number, text: string): SipReason => ({ protocol: 'Q.850', cause, text });

const readable = 8_000;
const short = 4_000;

/** Words on the slate for `readable`, and no second try. */
function told(outcome: Outcome, reason: SipReason, slateMs = readable): OutcomeRow {
  return { reason, slate: outcome, slateMs, knockAgain: false };
}

/** No words, no delay. */
function atOnce(reason: SipReason): OutcomeRow {
  return { reason, slate: null, slateMs: 0, knockAgain: false };
}

export const outcomeTable: Readonly<Record<CallOutcome, OutcomeRow>> = {
  denied: told('denied', sip(603, 'The host did not let the room in')),
  'lobby-timeout': told('lobby-timeout', sip(480, 'Nobody let the room in')),
  removed: told('removed', sip(403, 'The host removed the room'), short),
  'meeting-ended': told('meeting-ended', q850(16, 'The meeting has ended'), short),
  'not-started': told('not-started', sip(480, 'The meeting has not started')),
  'anonymous-join-disabled': told('anonymous-join-disabled', sip(403, 'The meeting takes no guests')),
  'sign-in-required': told('sign-in-required', sip(401, 'The meeting asks guests to sign in')),
  captcha: told('captcha', sip(403, 'The meeting asks for a check by hand')),
  'email-verification': told('email-verification', sip(403, 'The meeting asks for a confirmed address')),
  'watermark-or-encryption-required': told('watermark-or-encryption-required', sip(488, 'The meeting is protected')),
  'wrong-link': told('wrong-link', sip(404, 'The meeting was not found')),
  capacity: told('capacity', sip(503, 'The meeting is full')),
  'connection-lost': { ...told('connection-lost', sip(504, 'The meeting was lost'), short), knockAgain: true },
  failed: { ...told('failed', sip(500, 'The meeting could not be joined')), knockAgain: true },
  left: atOnce(q850(16, 'The room left')),
  'room-left': atOnce(q850(16, 'The room left')),
  silent: atOnce(sip(408, 'No media came from the room')),
  'no-common-media': atOnce(sip(488, 'No media format in common')),
  'bridge-failed': atOnce(sip(500, 'The media bridge failed')),
  'signalling-failed': atOnce(sip(408, 'The signalling was lost')),
  withdrawn: told('wrong-link', sip(410, 'The meeting was cancelled or moved')),
  'shutting-down': atOnce(sip(503, 'Usher is shutting down')),
  interrupted: atOnce(sip(500, 'Usher was interrupted')),
  busy: atOnce(sip(503, 'Too many calls')),
};

/** Ends that are nothing to look into: for the exit status of `usher calls` and for colours. */
const ordinary: ReadonlySet<CallOutcome> = new Set(['left', 'room-left', 'meeting-ended', 'removed', 'denied']);

export function isOrdinary(outcome: CallOutcome): boolean {
  return ordinary.has(outcome);
}
