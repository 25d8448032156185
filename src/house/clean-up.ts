/** Once a day: what is too old to be of use, and what was kept for rooms that are no longer configured. */
import { type CallRecord, forgetCalls } from '../calls/records.ts';
import type { Clock } from '../clock.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { StoredPlan } from '../rooms/plan-store.ts';
import type { Collection } from '../store/store.ts';

const day = 24 * 60 * 60_000;
/** Call records are kept for so long. */
const keepCallsMs = 90 * day;

export interface CleanUpOptions {
  jobs: Jobs;
  clock: Clock;
  plans: Collection<StoredPlan>;
  callRecords: Collection<CallRecord>;
  isRoom: (roomId: string) => boolean;
}

export async function startCleanUp({ jobs, clock, plans, callRecords, isRoom }: CleanUpOptions): Promise<void> {
  await jobs.every('clean-up', day, async () => {
    await forgetCalls(callRecords, clock.now() - keepCallsMs);
    for (const { key } of await plans.find({ limit: 10_000 })) if (!isRoom(key)) await plans.remove(key);
  });
}
