/** A tenant key at a domain that no partner owns and no link explains: dial the IVR and send the id as tones. */
import type { CviPartner } from './partner.ts';

export const unknownPartner: CviPartner = {
  name: 'unknown',
  ownsDomain: () => true,
  readUrl: () => null,
  directDial: () => null,
};
