/** What tells one Cloud Video Interop partner from another, and how each wants to be dialled. */
import type { CviInfo } from '../invite.ts';

/** What a partner's "more info" link says. A field that is missing is not said. */
export interface CviUrl {
  tenantKey?: string | undefined;
  domain?: string | undefined;
  conferenceId?: string | undefined;
  /** Stands before the conference id when dialled directly. */
  prefix?: string | undefined;
  /** A complete direct-dial address. */
  direct?: string | undefined;
}

export interface CviCoordinates {
  tenantKey: string;
  domain: string;
  conferenceId: string;
  prefix: string;
}

export interface CviPartner {
  name: CviInfo['partner'];
  /** Whether tenant keys at this domain are this partner's; a vanity domain is nobody's. */
  ownsDomain(domain: string): boolean;
  /** `null` where the link is not this partner's. */
  readUrl(url: URL): CviUrl | null;
  /** `user@domain` that reaches the meeting without the IVR; `null` where the order is not known. */
  directDial(at: CviCoordinates): string | null;
}

/** A query value, `undefined` where it is missing or empty. */
export function queryOf(url: URL, name: string): string | undefined {
  return url.searchParams.get(name)?.trim() || undefined;
}

/** `user@domain` taken apart; a plain key has no domain. */
export function keyAndDomain(text: string | undefined): {
  tenantKey?: string | undefined;
  domain?: string | undefined;
} {
  if (text === undefined) return {};
  const plain = text.replace(/^(?:sips?|mailto):/i, '');
  const sign = plain.lastIndexOf('@');
  if (sign < 0) return { tenantKey: plain };
  return { tenantKey: plain.slice(0, sign) || undefined, domain: plain.slice(sign + 1).toLowerCase() || undefined };
}
