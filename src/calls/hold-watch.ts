/** Notices in the offers of a room that it holds the call, on their way to the bridge. */
import type { MediaSession } from '../../media/call.ts';

export class HoldWatch implements MediaSession {
  readonly #session: MediaSession;
  readonly #onHold: (held: boolean) => void;
  #held = false;

  constructor(session: MediaSession, onHold: (held: boolean) => void) {
    this.#session = session;
    this.#onHold = onHold;
  }

  async answer(offer: string): Promise<string> {
    const answer = await this.#session.answer(offer);
    const held = holds(offer);
    if (held !== this.#held) this.#onHold(held);
    this.#held = held;
    return answer;
  }

  offer(): Promise<string> {
    return this.#session.offer();
  }

  accept(answer: string): Promise<void> {
    return this.#session.accept(answer);
  }
}

/**
 * RFC 3264 section 8.4: every stream that is not off is sendonly or inactive; or, of old, the address is 0.0.0.0. What
 * stands before the first m= line holds for streams that say nothing else.
 */
function holds(sdp: string): boolean {
  const [session = '', ...sections] = sdp.split(/\r?\nm=/);
  const live = sections.filter((section) => !/^\S+ 0[ /]/.test(section));
  const nobody = (section: string): boolean => /^c=IN IP4 0\.0\.0\.0\s*$/m.test(section);
  const oneWay = (section: string): boolean | null => {
    const direction = /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m.exec(section)?.[1];
    return direction === undefined ? null : direction === 'sendonly' || direction === 'inactive';
  };
  const general = oneWay(session) ?? false;
  return live.length > 0 && live.every((section) => nobody(section) || nobody(session) || (oneWay(section) ?? general));
}
