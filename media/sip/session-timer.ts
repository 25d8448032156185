/**
 * Session timers (RFC 4028), we being the server: a room that asks for one refreshes the session by re-INVITE, and a call
 * whose refresh never comes is over. Usher refreshes nothing itself: where a room wants that of us (`refresher=uas`), or
 * a proxy asks in place of a room that cannot refresh, the call goes on without a timer, as section 9 allows.
 */
import type { MediaClock } from '../call.ts';
import { type HeaderField, header, headerList, type SipRequest } from './message.ts';
import type { Refusal } from './request-checks.ts';

export const timerOption = 'timer';

/** Seconds; the least that the RFC allows (section 4), and all that a timer here needs to hold. */
const leastSeconds = 90;
const mostSeconds = 86_400;

interface Asked {
  seconds: number;
  refresher: string | null;
}

/** Null where there is no field, or none that can be read. */
function askedBy(request: SipRequest): Asked | null {
  const [, digits, parameters = ''] =
    /^([0-9]{1,10})\s*(?:;(.*))?$/s.exec(header(request, 'Session-Expires') ?? '') ?? [];
  if (digits === undefined) return null;
  const refresher = /(?:^|;)\s*refresher\s*=\s*(uac|uas)\s*(?:;|$)/i.exec(parameters)?.[1]?.toLowerCase() ?? null;
  return { seconds: Number(digits), refresher };
}

function names(request: SipRequest, field: 'Supported' | 'Require'): boolean {
  return headerList(request, field).some((option) => option.toLowerCase() === timerOption);
}

/** For an INVITE of either kind. 422: the interval is too short; 420: we are required to refresh. Null: it can be met. */
export function checkSessionTimer(request: SipRequest): Refusal | null {
  const asked = askedBy(request);
  if (asked === null) return null;
  if (asked.refresher === 'uas' && names(request, 'Require'))
    return { status: 420, headers: [{ name: 'Unsupported', value: timerOption }] };
  // Section 9: who does not know the extension cannot know 422.
  if (asked.seconds < leastSeconds && (names(request, 'Supported') || names(request, 'Require')))
    return { status: 422, headers: [{ name: 'Min-SE', value: String(leastSeconds) }] };
  return null;
}

export class SessionTimer {
  readonly #clock: MediaClock;
  readonly #expired: (seconds: number) => void;
  #answered: SipRequest | null = null;
  #fields: readonly HeaderField[] = [];
  #cancel: () => void = () => {};

  /** `expired` is told the interval that was agreed. */
  constructor(clock: MediaClock, expired: (seconds: number) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** What the 2xx to this INVITE says of the timer, which runs anew from its first sending on. */
  answer(request: SipRequest): readonly HeaderField[] {
    if (request === this.#answered) return this.#fields;
    this.#answered = request;
    this.stop();
    const asked = askedBy(request);
    const refreshes = names(request, 'Supported') || names(request, 'Require');
    this.#fields = [{ name: 'Supported', value: timerOption }];
    // Table 2 of section 9. No field in a 2xx ends what was agreed before.
    if (asked === null || !refreshes || asked.refresher === 'uas' || asked.seconds < leastSeconds) return this.#fields;
    const seconds = Math.min(asked.seconds, mostSeconds);
    this.#fields = [
      ...this.#fields,
      { name: 'Require', value: timerOption },
      { name: 'Session-Expires', value: `${seconds};refresher=uac` },
    ];
    // Section 10: the BYE goes out a little before the end.
    const runs = seconds - Math.min(32, seconds / 3);
    this.#cancel = this.#clock.after(1000 * runs, () => this.#expired(seconds));
    return this.#fields;
  }

  stop(): void {
    this.#cancel();
    this.#cancel = () => {};
  }
}
