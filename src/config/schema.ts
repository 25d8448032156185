/**
 * What `usher.yaml` may say. One zod schema is the only description: the loader checks with it, and the JSON Schema for
 * editors (docs/usher.schema.json) is written from it.
 */
import { z } from 'zod';
import { policySchema } from '../../parsers/policy.ts';
import { ruleSchema } from '../../parsers/rules.ts';
import { calendar } from './calendars.ts';
import { cisco, device, webex } from './devices.ts';
import { guests, sip } from './sip.ts';
import { address, cidr, guid, languages, pem, port, timeZone } from './values.ts';

const id = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'use 1 to 63 lower-case letters, digits and inner hyphens')
  .describe('Unique and stable: it is part of addresses and of dial tokens. Renaming it makes a new room.');

const hide = z.enum(['all', 'private', 'never']);
const privacy = z.strictObject({
  subject: hide.default('private').describe('Which meetings hide their subject on devices.'),
  organizer: hide.default('private').describe('Which meetings hide their organiser on devices.'),
});

const join = z.strictObject({
  leadMinutes: z
    .int()
    .min(0)
    .max(180)
    .default(5)
    .describe('The Join button appears this many minutes before the start.'),
  tailMinutes: z.int().min(0).max(180).default(0).describe('… and stays this many minutes after the end.'),
});

const show = z.enum(['listed', 'hidden']);
const meetings = z.strictObject({
  withoutJoin: show
    .default('listed')
    .describe('Meetings that the room cannot join: listed without a button, or hidden.'),
  tentative: show.default('listed').describe('Meetings that the room has not accepted for certain.'),
  allDay: show.default('listed'),
});

const callers = z.strictObject({
  networks: z.array(cidr).default([]).describe('Networks that this room may call from.'),
  trustedPeers: z.array(cidr).default([]).describe('Proxies whose P-Asserted-Identity is believed.'),
  identities: z
    .array(z.string())
    .default([])
    .describe('SIP addresses (user@domain) that a trusted peer may assert for this room.'),
});

const room = z.strictObject({
  id,
  name: z
    .string()
    .trim()
    .min(1)
    .max(120)
    .describe('As people know it; hosts of meetings see it as the name of the guest.'),
  email: z.email().optional().describe("Address of the room in invites: whose answer is the room's."),
  timeZone: timeZone.optional(),
  language: z.enum(languages).optional(),
  calendar,
  devices: z.array(device).default([{ type: 'panel' }, { type: 'ics-feed' }]),
  callers: callers
    .optional()
    .describe('Who may dial for this room, by network or asserted identity. Without it: anyone.'),
  privacy: z
    .strictObject({ subject: hide.optional(), organizer: hide.optional() })
    .optional()
    .describe('For this room, instead of the general setting.'),
  join: z
    .strictObject({
      leadMinutes: z.int().min(0).max(180).optional(),
      tailMinutes: z.int().min(0).max(180).optional(),
    })
    .optional()
    .describe('For this room, instead of the general setting.'),
  meetings: z
    .strictObject({ withoutJoin: show.optional(), tentative: show.optional(), allDay: show.optional() })
    .optional()
    .describe('For this room, instead of the general setting.'),
});

const microsoft365 = z.strictObject({
  tenant: z.string().min(1).describe('GUID or domain of the tenant.'),
  clientId: z.string().min(1).describe('Application (client) id of the app registration.'),
  certificate: z
    .strictObject({ certificate: pem, privateKey: pem })
    .optional()
    .describe('Preferred. PEM, by ${file:PATH}.'),
  secret: z.string().min(1).optional().describe('A client secret, by ${env:NAME} or ${file:PATH}.'),
  cloud: z.enum(['commercial', 'gcc-high', 'dod', 'china']).default('commercial'),
  endpoints: z
    .strictObject({ login: z.url(), graph: z.url() })
    .optional()
    .describe('Instead of the addresses of the cloud.'),
  proxy: z.url().optional(),
  ca: pem.optional().describe('Further certificate authorities, for a proxy that opens TLS.'),
  requestsPerDay: z.int().min(10_000).max(10_000_000).default(1_000_000),
  notifications: z
    .strictObject({
      publicUrl: z.url({ protocol: /^https?$/ }).describe('How Microsoft Graph reaches the listener.'),
      address: address.default('127.0.0.1'),
      port: port.default(8443),
      tls: z
        .strictObject({ key: pem, certificate: pem })
        .optional()
        .describe('Without it a proxy in front speaks TLS.'),
    })
    .optional()
    .describe('Without a public address rooms are polled.'),
  writeBack: z
    .enum(['location', 'body'])
    .optional()
    .describe("Writes dial strings into the rooms' own copies of meetings. Off by default; needs Calendars.ReadWrite."),
});

const store = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('sqlite'),
    path: z.string().optional().describe('Default: usher.db in dataFolder.'),
  }),
  z.strictObject({
    type: z
      .literal('mongodb')
      .describe('A MongoDB server, 7.0 or newer, which several processes may share (docs/scaling.md).'),
    uri: z
      .string()
      .regex(/^mongodb(\+srv)?:\/\//, { error: 'use mongodb://user:password@host:27017/usher', abort: true })
      .describe('Connection string with the name of the database; it holds a password, so use ${env:…} or ${file:…}.'),
  }),
]);

export const configSchema = z
  .strictObject({
    dataFolder: z
      .string()
      .default('usher-data')
      .describe('Holds the store and the secret file; relative to the configuration file.'),
    timeZone: timeZone.default('UTC').describe('For rooms that name none.'),
    language: z
      .enum(languages)
      .default('en')
      .describe('For rooms that name none. en-GB: English with the 24-hour clock.'),
    ownTenants: z.array(guid).default([]).describe('Ids of your own Microsoft Entra tenants.'),
    ownDomains: z
      .array(z.string().min(1).toLowerCase())
      .default([])
      .describe("Your own mail domains: what a rule's organizer: own and external mean."),
    policy: policySchema.prefault({}).describe('Which Teams meetings are joined how.'),
    rules: z
      .array(ruleSchema)
      .max(200)
      .default([])
      .describe('For invites that Usher does not know or should treat otherwise; see docs/rules.md.'),
    window: z
      .strictObject({ backDays: z.number().min(0).max(30).default(1), aheadDays: z.number().min(1).max(60).default(7) })
      .prefault({})
      .describe('How much of each calendar is read.'),
    privacy: privacy.prefault({}),
    join: join.prefault({}),
    meetings: meetings.prefault({}),
    web: z
      .strictObject({
        address: address.default('127.0.0.1'),
        port: port.default(8080),
        publicUrl: z
          .url({ protocol: /^https?$/ })
          .optional()
          .describe('How panels reach Usher, if not at the listening address.'),
        trustedProxies: z
          .array(cidr)
          .default([])
          .describe('Proxies in front of Usher whose X-Forwarded-For is believed.'),
        frameAncestors: z
          .array(
            z
              .string()
              .regex(/^(https?:\/\/[^\s;,'"]+|'self')$/, "an origin such as https://intranet.example.com, or 'self'"),
          )
          .default([])
          .describe('Sites that may show the pages in a frame. Default: none.'),
      })
      .prefault({}),
    microsoft365: microsoft365.optional().describe('Rooms in Exchange Online (docs/exchange-online.md).'),
    store: store.default({ type: 'sqlite' }),
    cisco: cisco.optional().describe('What concerns all devices of type cisco.'),
    webex: webex.optional().describe('The Webex organisation of devices of type webex.'),
    sip: sip.optional().describe('Without it no guest calls are taken.'),
    guests: guests.prefault({}),
    log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') }).prefault({}),
    rooms: z.array(room).min(1, 'name at least one room'),
  })
  .superRefine((config, context) => {
    const { microsoft365: online } = config;
    if (online !== undefined && (online.certificate === undefined) === (online.secret === undefined)) {
      const message = 'give either a certificate (preferred) or a secret';
      context.addIssue({ code: 'custom', path: ['microsoft365', 'certificate'], message });
    }
    for (const [index, { calendar: own, email }] of config.rooms.entries()) {
      if (own.type !== 'graph') continue;
      if (online === undefined) {
        const message = 'a graph calendar needs microsoft365 with the app registration';
        context.addIssue({ code: 'custom', path: ['rooms', index, 'calendar', 'type'], message });
      }
      if (own.mailbox === undefined && email === undefined) {
        const message = 'name the mailbox here, or give the room an email';
        context.addIssue({ code: 'custom', path: ['rooms', index, 'calendar', 'mailbox'], message });
      }
    }
    const places = new Map<string, string>();
    for (const [index, { id: roomId, devices }] of config.rooms.entries()) {
      for (const [at, one] of devices.entries()) {
        const place =
          one.type === 'cisco'
            ? `${one.address.toLowerCase()}:${one.port}`
            : one.type === 'webex'
              ? one.deviceId
              : null;
        const other = place === null ? undefined : places.get(place);
        if (other !== undefined) {
          const message = `this device is in room ${other} already; two would take each other's entries away: leave it in one`;
          context.addIssue({ code: 'custom', path: ['rooms', index, 'devices', at, 'type'], message });
        }
        if (place !== null) places.set(place, roomId);
      }
    }
    const seen = new Map<string, number>();
    for (const [index, { id: roomId, devices }] of config.rooms.entries()) {
      const first = seen.get(roomId);
      if (first !== undefined) {
        const message = `two rooms have this id (the other is rooms[${first}]); give each its own`;
        context.addIssue({ code: 'custom', path: ['rooms', index, 'id'], message });
      }
      seen.set(roomId, first ?? index);
      const cloud = config.webex === undefined ? devices.findIndex(({ type }) => type === 'webex') : -1;
      if (cloud >= 0) {
        const message = 'a device of type webex needs the token of its organisation: add webex at the top';
        context.addIssue({ code: 'custom', path: ['rooms', index, 'devices', cloud, 'type'], message });
      }
      const dialling = devices.flatMap((one, at) => ('dials' in one && one.dials ? [at] : []));
      if (dialling[1] !== undefined) {
        const message = 'only one device of a room dials; set dials: true on one of them alone';
        context.addIssue({ code: 'custom', path: ['rooms', index, 'devices', dialling[1], 'dials'], message });
      }
    }
  });

export type Config = z.infer<typeof configSchema>;
export type RoomConfig = Config['rooms'][number];
export type DeviceConfig = RoomConfig['devices'][number];
export type CalendarConfig = RoomConfig['calendar'];

/** The JSON Schema (draft 2020-12) of `usher.yaml`, for editors. */
export function configJsonSchema(): object {
  return { title: 'usher.yaml', ...z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) };
}
