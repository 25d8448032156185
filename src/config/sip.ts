/** Guest calls over SIP: what `sip` and `guests` may say. */
import { z } from 'zod';
import { address, port } from './values.ts';

export const sip = z.strictObject({
  domain: z.string().min(1).optional().describe('Host part of dial strings. Default: the advertised address and port.'),
  advertisedAddress: z
    .string()
    .optional()
    .describe('Address that devices can reach; default: the address of the first listener.'),
  listen: z
    .array(
      z.strictObject({
        transport: z.enum(['udp', 'tcp']),
        address: address.default('0.0.0.0'),
        port: port.default(5060),
      }),
    )
    .min(1)
    .default([
      { transport: 'udp', address: '0.0.0.0', port: 5060 },
      { transport: 'tcp', address: '0.0.0.0', port: 5060 },
    ]),
  rtp: z
    .strictObject({
      address: address.optional().describe('Default: the address of the first listener.'),
      announcedAddress: z.string().optional().describe('Default: sip.advertisedAddress.'),
      minPort: z.int().min(1024).max(65_535).default(40_000),
      maxPort: z.int().min(1024).max(65_535).default(40_999),
    })
    .prefault({}),
  graceMinutes: z.int().min(0).max(1440).default(120).describe('A dial token admits until this long after the end.'),
  maxCalls: z.int().min(1).max(1000).default(20),
  maxCallsPerRoom: z.int().min(1).max(20).default(2),
});

export const guests = z.strictObject({
  adapters: z
    .array(z.strictObject({ module: z.string().min(1), options: z.unknown().optional() }))
    .default([])
    .describe('Ways into meetings, tried in order. Package names or paths relative to the configuration file.'),
  lobbyTimeoutMinutes: z.number().min(0.1).max(240).default(30),
  warmPages: z.int().min(0).max(20).default(2).describe('Blank pages kept ready.'),
});
