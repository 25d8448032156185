/** What `/status.json` and `/addresses.json` answer and `usher rooms` reads. */
import { z } from 'zod';

const route = z.enum(['cvi', 'sgj', 'sip', 'none']);

const roomStatusSchema = z.object({
  id: z.string(),
  name: z.string(),
  timeZone: z.string(),
  next: z
    .object({ id: z.string(), title: z.string(), start: z.number(), end: z.number(), route, private: z.boolean() })
    .nullable(),
  lastRead: z.number().nullable(),
  devices: z
    .array(
      z.object({
        id: z.string(),
        label: z.string(),
        kind: z.enum(['pushed', 'pulled']),
        lastSeen: z.number().nullable(),
        // An instance of an earlier version does not tell these.
        lastContact: z.number().nullable().default(null),
        confirmed: z.number().nullable().default(null),
        problem: z.string().nullable().default(null),
        differs: z.array(z.string()).readonly().default([]),
        upToDate: z.boolean(),
      }),
    )
    .readonly(),
  call: z.enum(['idle', 'dialling', 'lobby', 'connected']),
  problems: z.array(z.string()).readonly(),
});

export const statusAnswerSchema = z.object({
  /** The server's time. */
  now: z.number(),
  rooms: z.array(roomStatusSchema),
  services: z
    .array(
      z.object({ name: z.string(), facts: z.array(z.string()).readonly(), problems: z.array(z.string()).readonly() }),
    )
    .readonly()
    // An instance of an earlier version says nothing of them.
    .default([]),
  /** What tenants refused to guests lately, by way in; newest first. */
  refusals: z
    .array(
      z.object({
        /** Whose policy it is: `tenant …`, `organisers at …`, `personal Teams accounts`, `meeting …`. */
        subject: z.string(),
        leg: z.string(),
        outcome: z.string(),
        at: z.number(),
        /** When it is forgotten and tried again. */
        until: z.number(),
      }),
    )
    .default([]),
});

export type StatusAnswer = z.infer<typeof statusAnswerSchema>;

export const forgottenAnswerSchema = z.object({ forgotten: z.number() });

export const addressesAnswerSchema = z.object({
  rooms: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      /** Absolute, with the room's secret; `null` where the room has no panel. */
      panel: z.string().nullable(),
      feed: z.string().nullable(),
    }),
  ),
});

export type AddressesAnswer = z.infer<typeof addressesAnswerSchema>;
