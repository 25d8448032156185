/** A room's video systems: what `rooms[].devices` may say, and what concerns all devices of a kind. */
import { z } from 'zod';
import { address, port } from './values.ts';

const dials = z.boolean().default(false).describe('This is the device of the room that dials. At most one per room.');
const tls = z
  .strictObject({
    ca: z.string().min(1).optional().describe('PEM of the authority that signed the certificate: ${file:ca.pem}.'),
    fingerprint: z
      .string()
      .regex(/^[0-9a-fA-F]{2}(?::?[0-9a-fA-F]{2}){31}$/, 'use the SHA-256 of the certificate: 64 hexadecimal digits')
      .optional()
      .describe("SHA-256 of the device's own certificate, pinned."),
    verify: z
      .boolean()
      .default(true)
      .describe('false: the certificate is not checked, and whoever answers gets the password.'),
  })
  .refine(
    ({ ca, fingerprint, verify }) => [ca !== undefined, fingerprint !== undefined, !verify].filter(Boolean).length <= 1,
    'give one of ca, fingerprint and verify: false',
  )
  .prefault({});
export const device = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('cisco').describe('A Cisco video system (RoomOS, CE) on the local network; see docs/devices.md.'),
    address: z.string().min(1).max(253).describe('Host name or IP address.'),
    port: z.int().min(1).max(65_535).default(443),
    username: z.string().min(1).describe('A local account of the device with the role Admin.'),
    password: z.string().min(1).describe('${env:…} or ${file:…}.'),
    tls,
    dials,
  }),
  z.strictObject({
    type: z
      .literal('webex')
      .describe('A video system that is reached through the Webex cloud; needs webex at the top.'),
    deviceId: z.string().min(1).max(512).describe('As Webex lists it under /devices.'),
    dials,
  }),
  z.strictObject({ type: z.literal('panel').describe('The panel page, for a touch panel or tablet beside the room.') }),
  z.strictObject({ type: z.literal('ics-feed').describe('An iCalendar feed of the entries.') }),
  z.strictObject({
    type: z.literal('module').describe('A device connector of your own: a module whose default export opens a device.'),
    module: z.string().min(1).describe('Package name, or a path relative to the configuration file.'),
    options: z.unknown().optional(),
    dials,
  }),
]);

export const cisco = z.strictObject({
  feedback: z
    .strictObject({
      publicUrl: z
        .url({ protocol: /^https?$/ })
        .max(1_000)
        .describe('How devices reach the listener.'),
      address: address.default('0.0.0.0'),
      port: port.default(8082),
    })
    .optional()
    .describe('Where devices tell of changes (HttpFeedback). Without it their lists are only compared.'),
});

const webexAddress = z
  .url()
  .regex(/^(https:\/\/|http:\/\/(127\.0\.0\.1|\[::1\]|localhost)[:/])/, 'use an https address')
  .default('https://webexapis.com/v1');
export const webex = z.discriminatedUnion('auth', [
  z.strictObject({
    auth: z.literal('integration').describe('An integration, whose token Usher renews.'),
    clientId: z.string().min(1),
    clientSecret: z.string().min(1),
    refreshToken: z.string().min(1),
    baseUrl: webexAddress,
  }),
  z.strictObject({
    auth: z.literal('token').describe('The token of a bot that may use the devices, or one for a trial.'),
    token: z.string().min(1),
    baseUrl: webexAddress,
  }),
]);
