/**
 * Write-back, off unless configured: keeps the room's own copies of meetings in Exchange Online saying what to dial, for
 * devices that read nothing but the mailbox.
 */
import type { WriteBack } from '../../connectors/calendars/graph/write-back.ts';
import type { Clock } from '../clock.ts';
import { KeyedQueue } from '../rooms/queue.ts';
import type { Room } from '../rooms/room.ts';
import type { Log } from '../telemetry/log.ts';

export interface MailboxMarksOptions {
  /** Rooms with the mailboxes that are written to. */
  rooms: readonly { room: Room; writeBack: WriteBack }[];
  clock: Clock;
  log: Log;
  window: { backMs: number; aheadMs: number };
}

/** What stands beside the dial string, for people. */
const line = 'Dial this to join from the room. Written by Usher; changed and removed with the meeting.';

export class MailboxMarks {
  readonly #queue: KeyedQueue;

  constructor({ rooms, clock, log, window }: MailboxMarksOptions) {
    const byId = new Map(rooms.map((one) => [one.room.id, one]));
    this.#queue = new KeyedQueue({
      clock,
      concurrency: 4,
      firstRetryMs: 30_000,
      longestRetryMs: 30 * 60_000,
      work: async (roomId, signal) => {
        const one = byId.get(roomId);
        // A plan that was never read would take every mark away.
        if (one === undefined || one.room.plan.readAt === null) return;
        const now = clock.now();
        const span = { from: now - window.backMs, to: now + window.aheadMs };
        const result = await one.writeBack.apply(marksOf(one.room), span, signal);
        for (const problem of result.problems) log.warn({ room: roomId, problem }, 'mailbox not written');
      },
      onFailure: (roomId, error, retryInMs) => {
        const problem = error instanceof Error ? error.message : String(error);
        log.warn({ room: roomId, retryInMs, problem }, 'mailbox not written');
      },
    });
    for (const { room } of rooms) {
      room.onChange(() => this.#queue.add(room.id));
      this.#queue.add(room.id);
    }
  }

  /** Resolves when nothing is being written. */
  settled(): Promise<void> {
    return this.#queue.idle();
  }

  close(): Promise<void> {
    return this.#queue.close();
  }
}

function marksOf(room: Room) {
  return room.plan.planned.flatMap(({ entry, item }) =>
    entry.dial === null ? [] : [{ ...item, dial: entry.dial.address, line }],
  );
}
