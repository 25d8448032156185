/** Where a room's meetings are read from: what `rooms[].calendar` may say. */
import { z } from 'zod';

export const calendar = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('folder').describe('A folder of .ics and .eml files, watched.'),
    path: z.string().min(1).describe('Relative to the configuration file.'),
  }),
  z.strictObject({
    type: z.literal('feed').describe('An iCalendar feed over http or https.'),
    url: z.string().min(1).describe('http, https or webcal address. A secret belongs into ${env:…} or ${file:…}.'),
    pollMinutes: z.number().min(0.25).max(1440).default(2),
    allowPrivateAddresses: z
      .boolean()
      .default(false)
      .describe('Whether the feed may be on a private or loopback address.'),
    username: z.string().optional(),
    password: z.string().optional(),
  }),
  z.strictObject({
    type: z.literal('graph').describe('A room mailbox in Exchange Online, by Microsoft Graph; needs microsoft365.'),
    mailbox: z.email().optional().describe('Default: the email of the room.'),
    pollMinutes: z
      .number()
      .min(0.25)
      .max(1440)
      .default(5)
      .describe('How often it is read when no notification tells of a change.'),
  }),
]);
