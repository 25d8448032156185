/** Each room's state in words: what is next, what was read and pushed when, and what is wrong. */
import type { Device } from '../../connectors/devices/device.ts';
import type { Reconciler } from '../rooms/reconciler.ts';
import { subjectOf } from '../rooms/refusals.ts';
import type { Room } from '../rooms/room.ts';
import type { DeviceStatus, RoomStatus } from '../web/house.ts';

export interface StatusSources {
  now: number;
  reconciler: Reconciler;
  callState: RoomStatus['call'];
}

export function roomStatus(room: Room, { now, reconciler, callState }: StatusSources): RoomStatus {
  const { id, name, timeZone } = room.settings;
  const { plan } = room;
  const running = plan.planned.find(({ entry }) => entry.end > now)?.entry ?? null;
  const devices = room.devices.map((device) => deviceStatus(device, plan.revision, reconciler));
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

/** A pushed list counts as up to date when all that is wanted was confirmed as it is, and nothing failed since. */
function deviceStatus(device: Device, revision: number, reconciler: Reconciler): DeviceStatus {
  const { id, label } = device.description;
  if (device.kind === 'pulled') {
    const read = device.lastRead();
    const seen = read?.at ?? null;
    const upToDate = read !== null && read.revision === revision;
    const none = { confirmed: null, problem: null, differs: [] };
    return { id, label, kind: 'pulled', lastSeen: seen, lastContact: seen, ...none, upToDate };
  }
  const record = reconciler.record(id);
  const differs = reconciler.differs(id);
  const problem = record?.problem ?? null;
  const lastSeen = record?.confirmedAt ?? null;
  return {
    id,
    label,
    kind: 'pushed',
    lastSeen,
    lastContact: record?.contactAt ?? null,
    confirmed: record?.confirmed.length ?? 0,
    problem,
    differs,
    upToDate: problem === null && lastSeen !== null && differs.length === 0,
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
