/** Meetings of the simulator, for the guest adapters' contract. */
import { randomInt } from 'node:crypto';
import type { Directory } from '../../fixtures/meeting/directory.ts';
import type { Meeting, Participant } from '../../fixtures/meeting/meeting.ts';
import { naturalPlace, policySchema } from '../../fixtures/meeting/policy.ts';
import type { MeetingAddress, Outcome } from '../../media/guest/guest.ts';
import type { MeetingUnderTest } from './contract.ts';

/** An address as parsers make it of a short Teams link. */
export function addressOf(meetingId: string): MeetingAddress {
  return {
    url: `https://teams.microsoft.com/meet/${meetingId}?p=AbCdEfGhIjKlMnOpQr`,
    meetingId,
    passcode: null,
    threadId: null,
    messageId: null,
    tenantId: null,
    organizerId: null,
  };
}

/** `ends`: how every join to it ends; what happens past the door waits for `finish`. */
export function simulatedMeeting(directory: Directory, ends?: Outcome): MeetingUnderTest {
  const address = addressOf(`29${randomInt(1e9, 1e10)}`);
  const atTheDoor = ends !== undefined && ends !== 'left' && naturalPlace[ends] === 'join';
  const policy = policySchema.parse({ ends: atTheDoor ? { outcome: ends } : null, started: ends !== 'not-started' });
  const meeting = directory.create({ title: 'Contract', address, policy });
  const until = <T>(look: () => T | null): Promise<T> => changed(directory, look);
  const last = (): Participant | null => [...meeting.participants.values()].at(-1) ?? null;
  const everyone = (state: Participant['state']): Participant[] =>
    [...meeting.participants.values()].filter((one) => one.state === state);
  const decide = async (state: 'lobby' | 'admitted', how: (id: string) => boolean): Promise<void> => {
    for (const one of everyone(state)) how(one.id);
  };
  return {
    address,
    waiting: (people) =>
      until(() => (everyone('lobby').length >= people ? everyone('lobby').map(({ name }) => name) : null)),
    recorded: () => until(() => last()?.outcome ?? null),
    admit: () => decide('lobby', (id) => meeting.admit(id)),
    deny: () => decide('lobby', (id) => meeting.deny(id)),
    remove: () => decide('admitted', (id) => meeting.remove(id)),
    end: async () => meeting.end(),
    finish: async (outcome) => {
      for (const id of meeting.participants.keys()) meeting.finish(id, outcome);
    },
    knocksAfterDenial: async () => meeting.knocksAfterDenial,
    earlyMedia: async () => early(meeting),
  };
}

function early(meeting: Meeting): number {
  let sum = 0;
  for (const one of meeting.participants.values()) {
    sum += one.early.signals + one.early.messages + one.early.packets;
  }
  return sum;
}

/** Resolves with what `look` finds, now or after a change. */
export function changed<T>(directory: Directory, look: () => T | null): Promise<T> {
  return new Promise((resolve) => {
    const check = (): void => {
      const found = look();
      if (found === null) return;
      stop();
      resolve(found);
    };
    const stop = directory.onChange(check);
    check();
  });
}
