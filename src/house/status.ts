/** Each room's state in words: what is next, what was read and pushed when, and what is wrong. */
import type { Reconciler } from '../rooms/reconciler.ts';
import { subjectOf } from '../rooms/refusals.ts';
import type { Room } from '../rooms/room.ts';
import type { RoomStatus } from '../web/house.ts';

export interface StatusSources {
  now: number;
  reconciler: Reconciler;
  callState: RoomStatus['call'];
}

/** A pushed list counts as up to date when it was confirmed at or after the plan's last change and nothing failed since. */
export function roomStatus(room: Room, { now, reconciler, callState }: StatusSources): RoomStatus {
  const { id, name, timeZone } = room.settings;
  const { plan } = room;
  const running = plan.planned.find(({ entry }) => entry.end > now)?.entry ?? null;
  const devices = room.devices.map((device): RoomStatus['devices'][number] => {
    const { id: deviceId, label } = device.description;
    if (device.kind === 'pulled') {
      const read = device.lastRead();
      const upToDate = read !== null && read.revision === plan.revision;
      return { id: deviceId, label, kind: 'pulled', lastSeen: read?.at ?? null, upToDate };
    }
    const record = reconciler.record(deviceId);
    const upToDate = record !== null && record.problem === null && record.confirmedAt !== null;
    return { id: deviceId, label, kind: 'pushed', lastSeen: record?.confirmedAt ?? null, upToDate };
  });
  return {
    id,
    name,
    timeZone,
    next:
      running === null
        ? null
        : {
            id: running.id,
            title: running.title,
            start: running.start,
            end: running.end,
            route: running.route,
            private: running.privacy === 'private',
          },
    lastRead: plan.readAt,
    devices,
    call: callState,
    problems: problemsOf(room, reconciler, now),
  };
}

/** One sentence for each reason. */
function refusedMeetings(room: Room, now: number): string[] {
  const counts = new Map<string, number>();
  for (const { refused, entry } of room.plan.planned) {
    if (refused === null || entry.end <= now) continue;
    const why = `guests were refused there (${subjectOf(refused.meeting)}): ${refused.why}`;
    counts.set(why, (counts.get(why) ?? 0) + 1);
  }
  return [...counts].map(
    ([why, count]) =>
      `${count} ${count === 1 ? 'meeting has' : 'meetings have'} no button, since ${why}. ` +
      'Ask that organisation to admit guests; `usher rooms --forget-refusals` has it tried again at once.',
  );
}

function problemsOf(room: Room, reconciler: Reconciler, now: number): string[] {
  const problems: string[] = [];
  if (room.unavailable !== null) problems.push(`Calendar: ${room.unavailable}`);
  problems.push(...room.plan.problems.map((problem) => `Calendar: ${problem}`));
  problems.push(...(room.calendar.notices?.() ?? []).map((notice) => `Calendar: ${notice}`));
  const stripped = room.plan.planned.filter(({ warnings }) => warnings.includes('body-stripped')).length;
  if (stripped > 0) {
    problems.push(
      `${stripped} ${stripped === 1 ? 'invite has' : 'invites have'} no text, which is what Exchange does to a room ` +
        'mailbox by default: run Set-CalendarProcessing with -DeleteComments $false for this mailbox. It helps new invites only.',
    );
  }
  problems.push(...refusedMeetings(room, now));
  for (const device of room.devices) {
    const problem = device.kind === 'pushed' ? reconciler.record(device.description.id)?.problem : null;
    if (problem != null) problems.push(`${device.description.label}: ${problem}`);
    const notices = device.kind === 'pushed' ? (device.notices?.() ?? []) : [];
    problems.push(...notices.map((notice) => `${device.description.label}: ${notice}`));
  }
  return problems;
}
