/**
 * How a call of Azure Communication Services ended, as our outcomes. One table; each row says where it is from:
 * `messages`, the texts that belong to code and subcode in the package @azure/communication-calling 2.0.0 itself;
 * `names`, the names of subcodes in the same package. Codes that are not here end a join as `failed`, with code and
 * subcode as the detail.
 */
import type { Outcome } from '../guest.ts';

export interface CallEnd {
  code: number;
  subCode: number | null;
}

interface Row {
  code: number | null;
  subCode: number;
  outcome: Outcome;
  /** What it means, for the administrator. */
  means: string;
  source: 'messages' | 'names';
}

export const callEnds: readonly Row[] = [
  { code: 0, subCode: 0, outcome: 'left', means: 'ended by this side', source: 'messages' },
  { code: 0, subCode: 5854, outcome: 'denied', means: 'removed from the lobby by a participant', source: 'messages' },
  { code: 0, subCode: 5855, outcome: 'lobby-timeout', means: 'waited in the lobby too long', source: 'messages' },
  { code: 0, subCode: 5300, outcome: 'removed', means: 'removed by a participant', source: 'messages' },
  { code: 0, subCode: 5000, outcome: 'removed', means: 'removed by a participant', source: 'messages' },
  {
    code: 0,
    subCode: 4097,
    outcome: 'meeting-ended',
    means: 'ended for everybody by the organiser',
    source: 'messages',
  },
  { code: 0, subCode: 5003, outcome: 'meeting-ended', means: 'the call has ended', source: 'messages' },
  { code: 0, subCode: 5010, outcome: 'meeting-ended', means: 'nobody else was left', source: 'messages' },
  { code: 404, subCode: 404, outcome: 'wrong-link', means: 'no such meeting, or it is over', source: 'messages' },
  { code: 404, subCode: 4500, outcome: 'wrong-link', means: 'no such meeting, or it is over', source: 'messages' },
  { code: 490, subCode: 4502, outcome: 'connection-lost', means: 'the network failed', source: 'messages' },
  { code: 410, subCode: 301004, outcome: 'connection-lost', means: 'media could not be set up', source: 'messages' },
  { code: 410, subCode: 301005, outcome: 'connection-lost', means: 'media was lost', source: 'messages' },
  { code: 408, subCode: 10056, outcome: 'connection-lost', means: 'no answer while joining', source: 'messages' },
  { code: 408, subCode: 10057, outcome: 'connection-lost', means: 'no answer while joining', source: 'messages' },
  {
    code: 401,
    subCode: 10009,
    outcome: 'failed',
    means: 'the token of Azure Communication Services is not valid',
    source: 'messages',
  },
  {
    code: null,
    subCode: 5723,
    outcome: 'anonymous-join-disabled',
    means: 'AnonymousJoinDisabledByPolicy',
    source: 'names',
  },
  { code: null, subCode: 5724, outcome: 'anonymous-join-disabled', means: 'B2bJoinDisabledByPolicy', source: 'names' },
  { code: null, subCode: 5354, outcome: 'sign-in-required', means: 'NoLobbyForBroadcastJoin', source: 'names' },
  { code: null, subCode: 5807, outcome: 'capacity', means: 'MaxLobbyParticipantLimitReached', source: 'names' },
  { code: null, subCode: 5808, outcome: 'capacity', means: 'MaxParticipantLimitReached', source: 'names' },
  { code: null, subCode: 5817, outcome: 'capacity', means: 'MaxParticipantLimitReached', source: 'names' },
  { code: null, subCode: 3100, outcome: 'connection-lost', means: 'MediaDropDuringConnect', source: 'names' },
  { code: null, subCode: 3101, outcome: 'connection-lost', means: 'MediaDropAfterConnect', source: 'names' },
];

export function outcomeOf(end: CallEnd | null): { outcome: Outcome; detail: string | null } {
  if (end === null) return { outcome: 'failed', detail: 'the call ended and the SDK gave no reason' };
  const said = `code ${end.code}, subcode ${end.subCode ?? 'none'}`;
  const row =
    callEnds.find(({ code, subCode }) => code === end.code && subCode === end.subCode) ??
    callEnds.find(({ code, subCode }) => code === null && subCode === end.subCode);
  if (row === undefined) return { outcome: 'failed', detail: `Azure Communication Services ended the call: ${said}` };
  return { outcome: row.outcome, detail: `${row.means} (${said})` };
}
