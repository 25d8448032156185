/** What can be read; every refusal ends with it. */
export const readable =
  '.ics, .eml, .html, .txt, .url.txt, .json (Graph event or onlineMeeting) and .xml (EWS CalendarItem) can be read';

/** A file that holds no invite; the message says what was found and what can be read. */
export class UnreadableInvite extends Error {
  override readonly name = 'UnreadableInvite';

  constructor(found: string) {
    super(`${found}; ${readable}`);
  }
}
