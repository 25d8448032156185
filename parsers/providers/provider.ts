/**
 * How one provider's invites say "join here". One small file per provider implements this; `index.ts` lists them, and
 * docs/adding-a-provider.md says how to add one.
 */
import type { Provider } from '../invite.ts';
import type { FoundAddress } from '../links/link.ts';

/** What a link, or an address alone, says of a meeting. */
export interface Reading {
  url: string | null;
  /** What the meeting is numbered or called at this provider; also finds its SIP address in the text. */
  id: string | null;
  /** `user@domain`, no scheme; `null` where the link alone does not say. */
  sip: string | null;
  /** `user@host` or `host##id`, no scheme; `null` or missing where there is none. */
  h323?: string | null;
}

/** The block of the invite around a link: from it to the next meeting's link. */
export interface Surroundings {
  /** Links written out are blanked. */
  text: string;
  addresses: readonly FoundAddress[];
  /** Where each of the meeting's links ends in `text`. */
  ends: readonly number[];
}

export interface ProviderParser {
  name: Provider;
  /** `null` where the link opens no meeting of this provider: help, registration and dial-in pages are none. */
  readUrl(url: URL): Reading | null;
  /** A `user@domain` that by itself is a meeting of this provider. */
  readAddress?(address: FoundAddress): Reading | null;
  /** The SIP address that the block gives, or that follows from link and block together. */
  sip?(reading: Reading, around: Surroundings): string | null;
}

/** The path's segments, decoded; damaged escapes stay as they are. */
export function segmentsOf(url: URL): string[] {
  return url.pathname
    .split('/', 20)
    .filter((segment) => segment !== '')
    .map((segment) => {
      try {
        return decodeURIComponent(segment);
      } catch {
        return segment;
      }
    });
}

/** Query of the link itself and of its fragment (`#/?conference=…`), the first that is set. */
export function parameterOf(url: URL, name: string): string | null {
  const question = url.hash.indexOf('?');
  const inFragment = question < 0 ? null : new URLSearchParams(url.hash.slice(question + 1)).get(name);
  return url.searchParams.get(name) || inFragment || null;
}

export function addressText(address: FoundAddress): string {
  return `${address.user}@${address.domain}`;
}
