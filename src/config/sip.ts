/** Guest calls over SIP: what `sip` and `guests` may say. */
import { z } from 'zod';
import { address, pem, port } from './values.ts';

const listener = z
  .strictObject({
    transport: z.enum(['udp', 'tcp', 'tls']),
    address: address.default('0.0.0.0'),
    port: port.optional().describe('Default: 5060, and 5061 for tls. 0 takes any free port.'),
  })
  .transform(({ port: given, ...rest }) => ({ ...rest, port: given ?? (rest.transport === 'tls' ? 5061 : 5060) }));

const sipFields = z.strictObject({
  domain: z.string().min(1).optional().describe('Host part of dial strings. Default: the advertised address and port.'),
  advertisedAddress: z
    .string()
    .optional()
    .describe(
      'Address that devices can reach. Default: that of the first listener, unless it listens at every address.',
    ),
  listen: z
    .array(listener)
    .min(1)
    .prefault([
      { transport: 'udp', address: '0.0.0.0', port: 5060 },
      { transport: 'tcp', address: '0.0.0.0', port: 5060 },
    ])
    .describe('The first one is what dial strings name, unless domain does.'),
  tls: z
    .strictObject({ key: pem, certificate: pem })
    .optional()
    .describe('Private key and certificate chain of the tls listeners, PEM, by ${file:PATH}.'),
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

export const sip = sipFields.superRefine(({ domain, advertisedAddress, listen, rtp, tls }, context) => {
  const refuse = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path, message });
  const secure = listen.findIndex(({ transport }) => transport === 'tls');
  if (tls === undefined && secure >= 0) {
    refuse(['listen', secure, 'transport'], 'a tls listener needs a key and a certificate: give sip.tls');
  }
  if (rtp.maxPort - rtp.minPort < 3) {
    refuse(['rtp', 'maxPort'], 'leave at least four ports from minPort to maxPort (a call with video takes four)');
  }
  const reached = advertisedAddress ?? listen[0]?.address ?? '0.0.0.0';
  const give = 'give the address where devices reach this machine (Usher listens at every address)';
  if (isWildcard(domain ?? reached)) refuse(['advertisedAddress'], `${give}, or in sip.domain its name`);
  else if (isWildcard(rtp.announcedAddress ?? advertisedAddress ?? rtp.address ?? reached)) {
    refuse(['advertisedAddress'], `${give}, or in sip.rtp.announcedAddress: rooms send sound and picture there`);
  }
});

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

export const guests = z.strictObject({
  adapters: z
    .array(z.strictObject({ module: z.string().min(1), options: z.unknown().optional() }))
    .default([])
    .describe('Ways into meetings, tried in order. Package names or paths relative to the configuration file.'),
  lobbyTimeoutMinutes: z.number().min(0.1).max(240).default(30),
  warmPages: z
    .int()
    .min(0)
    .max(20)
    .default(2)
    .describe('Pages of guests, and as many of slates, kept ready for the next calls.'),
});
