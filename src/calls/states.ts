/**
 * The states of a call, and the way from one to the next. The table is the machine: what stands not here cannot happen.
 *
 * | from | to | when (docs: "Dial tokens", "Bridge", "Guest legs") |
 * | --- | --- | --- |
 * | attempt | answered | admission said yes; 200 is sent at once, since many systems give up on a long 180 |
 * | attempt | ended | no common media (488), no bridge (503), cancelled by the room |
 * | answered | early | dialled before the window opens: the slate names the start |
 * | answered | joining | the guest leg starts |
 * | early | joining | the window opens |
 * | early | farewell | the meeting was cancelled or moved while the room waited |
 * | joining | lobby | the meeting says so |
 * | joining | admitted | a meeting without a lobby |
 * | joining | joining | a technical failure: the next way in, or the same again, at most as often as configured |
 * | lobby | admitted | the host lets the room in: the one place where the gate opens |
 * | lobby | joining | the guest page was lost: the guest knocks again |
 * | admitted | joining | the guest page was lost: slate, and the lobby once more. Never after a denial or removal |
 * | joining, lobby, admitted | farewell | the guest leg has ended: the slate says why |
 * | answered … farewell | ended | the room hung up, fell silent, or the farewell is over. Time alone ends no call |
 */
export const callStates = [
  'attempt',
  'answered',
  'early',
  'joining',
  'lobby',
  'admitted',
  'farewell',
  'ended',
] as const;
export type CallState = (typeof callStates)[number];

const next: Readonly<Record<CallState, readonly CallState[]>> = {
  attempt: ['answered', 'ended'],
  answered: ['early', 'joining', 'ended'],
  early: ['joining', 'farewell', 'ended'],
  joining: ['joining', 'lobby', 'admitted', 'farewell', 'ended'],
  lobby: ['joining', 'admitted', 'farewell', 'ended'],
  admitted: ['joining', 'farewell', 'ended'],
  farewell: ['ended'],
  ended: [],
};

export function mayFollow(from: CallState, to: CallState): boolean {
  return next[from].includes(to);
}
