/** What `/status.json` answers and `usher rooms` reads. */
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
});

export type StatusAnswer = z.infer<typeof statusAnswerSchema>;
