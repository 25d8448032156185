/** What we know of each pushed device, over restarts: what it confirmed, when, and what went wrong last. */
import { z } from 'zod';
import type { CollectionSpec } from '../store/store.ts';

const deviceRecord = z.strictObject({
  deviceId: z.string(),
  roomId: z.string(),
  /** Ids of our entries that the device confirmed at the last good pass. */
  confirmed: z.array(z.string()),
  confirmedAt: z.number().nullable(),
  /** A digest of each confirmed entry: a device does not tell everything back (the organiser, when the button shows). */
  sent: z.record(z.string(), z.string()).default({}),
  /** When it last answered at all. */
  contactAt: z.number().nullable(),
  /** What went wrong the last time, in words for the administrator; `null` if nothing. */
  problem: z.string().nullable(),
  problemAt: z.number().nullable(),
  /** When confirmed entries were found gone, the latest last; only those of the last hour. */
  vanishedAt: z.array(z.number()),
  /** Set when Usher has stopped pushing because another system manages the device. */
  heldBackSince: z.number().nullable(),
});
export type DeviceRecord = z.infer<typeof deviceRecord>;

export const deviceCollection: CollectionSpec<DeviceRecord> = {
  name: 'devices',
  schema: deviceRecord,
  indexes: { roomId: ({ roomId }) => roomId },
};

export function newDeviceRecord(deviceId: string, roomId: string): DeviceRecord {
  return {
    deviceId,
    roomId,
    confirmed: [],
    sent: {},
    confirmedAt: null,
    contactAt: null,
    problem: null,
    problemAt: null,
    vanishedAt: [],
    heldBackSince: null,
  };
}
