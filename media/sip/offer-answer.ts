/** Between sip.js, which wants a session description handler, and the bridge's side of offer and answer (RFC 3264). */
import type { SessionDescriptionHandler } from 'sip.js';
import type { MediaSession } from '../call.ts';

/**
 * Knows from the order of calls whether a description is an offer or an answer: sip.js does not say. The first answer
 * or offer is prepared before sip.js asks, so that a refusal keeps its own status.
 */
export class OfferAnswer implements SessionDescriptionHandler {
  readonly #session: MediaSession;
  #prepared: string | null = null;
  #remoteOffer: string | null = null;
  #offered = false;
  /** Why the peer's answer could not be taken; sip.js ends the call then and says nothing of it. */
  failure: Error | null = null;

  constructor(session: MediaSession) {
    this.#session = session;
  }

  /** Makes the first description: the answer to `offer`, or our offer where the INVITE came without. @throws UnacceptableOffer */
  async prepare(offer: string | null): Promise<void> {
    this.#prepared = offer === null ? await this.#session.offer() : await this.#session.answer(offer);
  }

  /** True while the peer's answer to an offer of ours is awaited, in its ACK. */
  get awaitsAnswer(): boolean {
    return this.#offered;
  }

  async getDescription(): Promise<{ body: string; contentType: string }> {
    const prepared = this.#prepared;
    const remoteOffer = this.#remoteOffer;
    this.#prepared = null;
    this.#remoteOffer = null;
    if (remoteOffer === null) this.#offered = true;
    const body =
      prepared ?? (remoteOffer === null ? await this.#session.offer() : await this.#session.answer(remoteOffer));
    return { body, contentType: 'application/sdp' };
  }

  async setDescription(sdp: string): Promise<void> {
    if (!this.#offered) {
      this.#remoteOffer = sdp;
      return;
    }
    this.#offered = false;
    try {
      await this.#session.accept(sdp);
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  async rollbackDescription(): Promise<void> {
    this.#remoteOffer = null;
    this.#offered = false;
  }

  hasDescription(contentType: string): boolean {
    return contentType.toLowerCase() === 'application/sdp';
  }

  sendDtmf(): boolean {
    return false;
  }

  close(): void {}
}
