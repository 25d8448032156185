/**
 * A plain SIP address: `sip:` and `sips:` links, and `user@domain` that the text itself calls SIP (the abbreviation is
 * the same in every language). People's addresses are none.
 */
import type { FoundAddress } from '../links/link.ts';
import type { ProviderParser, Reading } from './provider.ts';

export const sip: ProviderParser = {
  name: 'sip',
  readUrl(url) {
    if (url.protocol !== 'sip:' && url.protocol !== 'sips:') return null;
    const address = sipAddress(url.href);
    return address === null ? null : { url: null, id: address, sip: address };
  },
};

/** `user@domain` of a SIP URI without password, port and parameters; `null` for telephone numbers and conference focuses. */
export function sipAddress(uri: string): string | null {
  const found = /^sips?:(?:\/\/)?([^@;?:\s/]{1,128})(?::[^@\s]{1,64})?@([a-z0-9.-]{1,253})(?::(\d{1,5}))?/i.exec(uri);
  if (found === null || /;gruu|opaque=app:conf|user=phone/i.test(uri)) return null;
  const [, user = '', domain = '', port] = found;
  if (!domain.includes('.') || /^\+\d/.test(user)) return null;
  return `${decode(user)}@${domain.toLowerCase()}${port === undefined || port === '5060' || port === '5061' ? '' : `:${port}`}`;
}

function decode(user: string): string {
  return /^(?:[\w.+*#!~-]|%(?:2[0-9a-e]|40))+$/i.test(user) ? user.replace(/%2e/gi, '.').replace(/%2d/gi, '-') : user;
}

/** Mailboxes that a sentence about SIP may name and no meeting has. */
const mailboxes =
  /^(?:info|sales|support|help|helpdesk|service|contact|noreply|no-reply|admin|office|team|privacy|it)$/i;

/** An address that is written with the scheme, or stands directly behind the label `SIP:`, `SIP address:`, `SIP-Adresse:`. */
export function isSipAddress(text: string, address: FoundAddress): boolean {
  if (address.scheme === 'sip' || address.scheme === 'sips') return true;
  if (address.scheme === 'mailto' || address.scheme === 'h323' || mailboxes.test(address.user)) return false;
  const before = text.slice(Math.max(0, address.at - 40), address.at);
  return /\bSIP(?:[ -]?\p{L}{2,14})?[ \u00a0]*[:：]?[\s<]*$/u.test(before);
}

export function readSipAddress(address: FoundAddress): Reading {
  const sipAddress = `${address.user}@${address.domain}`;
  return { url: null, id: sipAddress, sip: sipAddress };
}
