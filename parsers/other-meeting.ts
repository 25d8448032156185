/** A meeting of any provider but Teams, with the SIP address that its link, its block or the text around it gives. */
import type { Block, OtherReading } from './blocks.ts';
import { around, evidence } from './evidence.ts';
import type { Evidence } from './invite.ts';
import { findAddresses } from './links/find.ts';
import type { FoundAddress } from './links/link.ts';
import { textWithoutLinks } from './numbers.ts';
import { addressText, type Reading } from './providers/provider.ts';
import { isSipAddress } from './providers/sip.ts';
import type { Section } from './read/section.ts';
import type { Meeting } from './teams-meeting.ts';

/** The text that a meeting's own block takes up. */
export interface Part {
  text: string;
  addresses: readonly FoundAddress[];
  /** Where each of the meeting's links ends in `text`: a passcode may follow at once. */
  ends: readonly number[];
}

export function partOfBlock(block: Block): Part {
  const text = block.section.text.slice(block.from, block.to);
  const ends = block.anchors.map((anchor) => anchor.link.end - block.from);
  return { text: block.text.slice(block.from, block.to), addresses: findAddresses(text), ends };
}

export function partOfSection(section: Section): Part {
  return { text: textWithoutLinks(section), addresses: findAddresses(section.text), ends: [] };
}

export function assembleOther(read: OtherReading, part: Part, source: string, shown: string): Meeting {
  const lines: Evidence[] = [evidence('provider', source, shown)];
  const { reading, parser } = read;
  if (reading.url !== null) lines.push(evidence('url', source, reading.url));
  const given = parser.sip?.(reading, part) ?? reading.sip;
  const address = given === null ? ownAddress(reading, part) : null;
  const sip = given ?? (address === null ? null : addressText(address));
  if (address !== null) lines.push(evidence('sip', 'text', around(part.text, address.at, address.end)));
  else if (sip !== null) lines.push(sipEvidence(sip, part, source, reading));
  return {
    join: { provider: read.provider, url: reading.url, sip, teams: null, cvi: null },
    evidence: lines,
    h323: reading.h323 ?? null,
  };
}

function sipEvidence(sip: string, part: Part, source: string, reading: Reading): Evidence {
  const written = part.addresses.find((address) => addressText(address) === sip);
  if (written !== undefined) return evidence('sip', 'body text', around(part.text, written.at, written.end));
  return evidence('sip', source, `${reading.url ?? reading.id ?? ''} → ${sip}`);
}

/** An address in the block that is the meeting's: its user part is the meeting's number, or the text calls it SIP. */
function ownAddress(reading: Reading, part: Part): FoundAddress | null {
  const id = reading.id?.toLowerCase() ?? null;
  const numbered = part.addresses.find((address) => {
    const user = address.user.toLowerCase();
    return id !== null && /\d/.test(id) && address.scheme !== 'h323' && (user === id || user.startsWith(`${id}.`));
  });
  return numbered ?? part.addresses.find((address) => isSipAddress(part.text, address)) ?? null;
}
