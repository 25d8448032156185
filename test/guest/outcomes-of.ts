/** Which outcomes the product's own adapters can tell apart: the rest comes as `failed`. */
import type { Outcome } from '../../media/guest/guest.ts';

export const outcomesOf = {
  acs: [
    'denied',
    'lobby-timeout',
    'removed',
    'meeting-ended',
    'anonymous-join-disabled',
    'sign-in-required',
    'capacity',
    'wrong-link',
    'connection-lost',
    'failed',
  ],
  'teams-web': [
    'denied',
    'lobby-timeout',
    'removed',
    'meeting-ended',
    'not-started',
    'anonymous-join-disabled',
    'sign-in-required',
    'captcha',
    'email-verification',
    'watermark-or-encryption-required',
    'wrong-link',
    'capacity',
    'connection-lost',
    'failed',
  ],
} as const satisfies Record<string, readonly Outcome[]>;
