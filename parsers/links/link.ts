/** What the link finder hands on: a link as it stood, and what it points at once every known wrapper is taken off. */

/**
 * Why a link may not be used as a way into a meeting:
 * `userinfo` (`https://teams.microsoft.com@host/`), `look-alike` (`teams.microsoft.com.example.net`),
 * `homograph` (letters of another script that look like a meeting host), `redirector` (an unknown site that would
 * forward to a meeting: not dug into), `bad-escape` (a known wrapper whose content cannot be read).
 */
export type Refusal = 'userinfo' | 'look-alike' | 'homograph' | 'redirector' | 'bad-escape';

/** A link without its wrappers. Wrapping is undone by decoding alone; nothing is ever fetched. */
export interface Unwrapped {
  /** `href` of the innermost URL; the link itself where nothing could be taken off. */
  url: string;
  /** Names of the wrappers taken off, the outermost first: `safelinks`, `proofpoint`, … */
  wrappers: readonly string[];
  /** The wrapper that hides its target (`mimecast`); `null` where the target is known. */
  opaque: string | null;
  /** The host that an opaque wrapper gives away (`teams.microsoft.com`), else `null`. */
  opaqueDomain: string | null;
  /** Set where the link must not be followed or matched; `url` then says what it is. */
  refused: Refusal | null;
}

/** Where a link stood: `body link` (an `href`), `body text`, `location`, `subject`, `property <name>`, … */
export type LinkSource = string;

export interface FoundLink extends Unwrapped {
  /** As written, entities decoded, before anything was taken off. */
  raw: string;
  /** The anchor's text, or in plain text the words before `<url>` on the same line; `null` where there is none. */
  text: string | null;
  source: LinkSource;
  /** Offset in the text that was searched (for an anchor: where its text begins). */
  at: number;
  /** Offset behind the link in the text that was searched (for an anchor: where its text ends). */
  end: number;
}

/** An e-mail-shaped token: a person, a tenant key, a SIP address. */
export interface FoundAddress {
  /** As written before the `@`. */
  user: string;
  /** Lower case, no trailing dot. */
  domain: string;
  /** The scheme that stood directly before it, in lower case; `null` where there is none. */
  scheme: 'sip' | 'sips' | 'h323' | 'mailto' | null;
  at: number;
  end: number;
}
