/** Once a day: what is too old to be of use, and what was kept for rooms that are no longer configured. */
import { type CallRecord, forgetCalls } from '../calls/records.ts';
import type { Clock } from '../clock.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { StoredPlan } from '../rooms/plan-store.ts';
import type { Refusals } from '../rooms/refusals.ts';
import type { Collection } from '../store/store.ts';

const day = 24 * 60 * 60_000;
/** Call records are kept for so long. */
const keepCallsMs = 90 * day;

export interface CleanUpOptions {
  jobs: Jobs;
  clock: Clock;
  plans: Collection<StoredPlan>;
  callRecords: Collection<CallRecord>;
  refusals: Pick<Refusals, 'cleanUp'>;
  isRoom: (roomId: string) => boolean;
}

export async function startCleanUp(options: CleanUpOptions): Promise<void> {
  const { jobs, clock, plans, callRecords, refusals, isRoom } = options;
  await jobs.every('clean-up', day, async () => {
    await forgetCalls(callRecords, clock.now() - keepCallsMs);
    await refusals.cleanUp();
    for (const { key } of await plans.find({ limit: 10_000 })) if (!isRoom(key)) await plans.remove(key);
  });
}
