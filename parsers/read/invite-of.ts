import type { Invite, InviteSource } from '../invite.ts';

/** An invite of which only a body is known. */
export function bareInvite(source: InviteSource, body: { html?: string | null; text?: string | null }): Invite {
  return {
    source,
    uid: null,
    occurrence: null,
    sequence: 0,
    method: null,
    cancelled: false,
    subject: '',
    locations: [],
    organizer: null,
    start: null,
    end: null,
    allDay: false,
    sensitivity: 'normal',
    showAs: 'unknown',
    response: 'none',
    html: body.html ?? null,
    text: body.text ?? null,
    conferences: [],
    properties: {},
  };
}
