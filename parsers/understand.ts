/** The parsers' entry: what an invite says about how to join. Pure: no I/O, no clock, no configuration of its own. */
import type { Invite, Understanding } from './invite.ts';

export interface UnderstandOptions {
  /** GUIDs, lower case: the tenants that are the administrator's own. */
  ownTenants: readonly string[];
}

/** Never throws, whatever the invite holds. */
export function understand(_invite: Invite, _options: UnderstandOptions): Understanding {
  return { cancelled: false, tenancy: null, route: 'none', dial: null, join: null, warnings: [], evidence: [] };
}
