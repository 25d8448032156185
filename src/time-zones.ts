/** Names of time zones, as people and Windows write them. */
import { findIana } from 'windows-iana';

/** The IANA name for an IANA or Windows name, `null` if it is neither. */
export function iana(name: string): string | null {
  const candidate = findIana(name)[0] ?? name;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: candidate }).resolvedOptions().timeZone;
  } catch {
    return null;
  }
}
