/** Values that several parts of the configuration have in common. */
import { z } from 'zod';
import { iana } from '../time-zones.ts';

/** `en-GB`: English words with the 24-hour clock and the day before the month. */
export const languages = ['en', 'en-GB', 'de', 'fr', 'es', 'ja'] as const;
export type Language = (typeof languages)[number];

export const guid = z
  .string()
  .regex(
    /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/,
    'use a GUID such as 00000000-0000-0000-0000-000000000000',
  )
  .transform((value) => value.toLowerCase());

export const timeZone = z
  .string()
  .transform((name, context) => {
    const zone = iana(name);
    if (zone !== null) return zone;
    context.addIssue({
      code: 'custom',
      message: 'use an IANA name (Europe/Oslo) or a Windows name (W. Europe Standard Time)',
    });
    return z.NEVER;
  })
  .describe('IANA or Windows name of a time zone.');

export const port = z.int().min(0).max(65_535).describe('0 takes any free port.');
export const address = z
  .union([z.ipv4(), z.ipv6()], { error: 'use an IP address, e.g. 127.0.0.1 or 0.0.0.0' })
  .describe('IP address to listen on.');
export const cidr = z.union([z.cidrv4(), z.cidrv6()], { error: 'use CIDR, e.g. 192.0.2.0/24' });

export const pem = z.string().regex(/^\s*-----BEGIN /, 'give PEM text, e.g. by ${file:PATH}');
