/**
 * Plans as they survive a restart, so that panels are right before the first calendar has been read. Dial tokens are not
 * in the store: they are derived anew from the secret file.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { providers, teamsClouds, tenancies } from '../../parsers/invite.ts';
import type { CollectionSpec } from '../store/store.ts';
import type { PlannedEntry } from './plan.ts';
import type { Secret } from './secret.ts';
import type { RoomSettings } from './settings.ts';

const storedEntry = z.strictObject({
  id: z.string(),
  title: z.string(),
  organizer: z.strictObject({ name: z.string(), email: z.string().nullable() }).nullable(),
  start: z.number(),
  end: z.number(),
  buttonFrom: z.number(),
  buttonUntil: z.number(),
  privacy: z.enum(['public', 'private']),
  provider: z.enum(providers).nullable(),
  route: z.enum(['cvi', 'sgj', 'sip', 'none']),
  /** `null` for guest calls: their address holds the dial token. */
  dial: z.strictObject({ address: z.string(), protocol: z.enum(['sip', 'h323']) }).nullable(),
  note: z.string().nullable(),
});

const storedMeeting = z.strictObject({
  url: z.string().nullable(),
  meetingId: z.string().nullable(),
  passcode: z.string().nullable(),
  threadId: z.string().nullable(),
  messageId: z.string().nullable(),
  tenantId: z.string().nullable(),
  organizerId: z.string().nullable(),
  cloud: z.enum(teamsClouds).nullable().catch(null),
  // Plans of versions before these had a name are without them.
  tenancy: z.enum(tenancies).nullable().default(null),
  broadcast: z.boolean().default(false),
  organizerDomain: z.string().nullable().default(null),
});

const storedPlanned = z.strictObject({
  entry: storedEntry,
  meeting: storedMeeting.nullable(),
  refused: z.strictObject({ meeting: storedMeeting, why: z.string() }).nullable().default(null),
  item: z.strictObject({ uid: z.string(), occurrence: z.string().nullable() }),
  warnings: z.array(z.string()),
});

const storedPlan = z.strictObject({
  roomId: z.string(),
  /** Hash of the settings that it was made with: with other settings (privacy!) it must not be shown. */
  settings: z.string(),
  revision: z.number(),
  readAt: z.number(),
  problems: z.array(z.string()),
  planned: z.array(storedPlanned),
});
export type StoredPlan = z.infer<typeof storedPlan>;

export const planCollection: CollectionSpec<StoredPlan> = { name: 'plans', schema: storedPlan, indexes: {} };

export interface Plan {
  /** Rises with every change of what the room shows, never falls, not even over restarts. */
  revision: number;
  /** When the calendar was last read, or `null` before the first time. */
  readAt: number | null;
  /** What of the calendar could not be read, in words. */
  problems: readonly string[];
  planned: readonly PlannedEntry[];
}

export function toStored(room: RoomSettings, plan: Plan & { readAt: number }): StoredPlan {
  return {
    roomId: room.id,
    settings: settingsHash(room),
    revision: plan.revision,
    readAt: plan.readAt,
    problems: [...plan.problems],
    planned: plan.planned.map(({ entry, guest, refused, item, warnings }) => ({
      entry: guest === null ? entry : { ...entry, dial: null },
      meeting: guest?.meeting ?? null,
      refused,
      item,
      warnings: [...warnings],
    })),
  };
}

/** A plan made with other settings is not shown: only its revision counts on. */
export function fromStored(room: RoomSettings, stored: StoredPlan, secret: Secret): Plan {
  if (stored.settings !== settingsHash(room)) {
    return { revision: stored.revision, readAt: null, problems: [], planned: [] };
  }
  const planned = stored.planned.map(({ entry, meeting, refused, item, warnings }): PlannedEntry => {
    if (meeting === null) return { entry, guest: null, refused, item, warnings };
    const token = secret.dialToken(room.id, item.uid, item.occurrence);
    const dial = { address: `sip:${token}@${room.sipDomain}`, protocol: 'sip' } as const;
    return { entry: { ...entry, dial }, guest: { token, meeting }, refused, item, warnings };
  });
  return { revision: stored.revision, readAt: stored.readAt, problems: stored.problems, planned };
}

function settingsHash(room: RoomSettings): string {
  return createHash('sha256').update(JSON.stringify(room)).digest('hex');
}
