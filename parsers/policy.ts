/** What an administrator decides about Teams meetings as a whole: which of them a room joins, and how. */
import { z } from 'zod';
import { evidence } from './evidence.ts';
import type { Understanding } from './invite.ts';
import { renderDial, templateSchema, valuesOf } from './templates.ts';

const asGuest = z.enum(['guest', 'none']);

export const policySchema = z.strictObject({
  ownWithoutCvi: asGuest
    .default('guest')
    .describe('A meeting of your own tenant without interop coordinates: join as a guest, or no button.'),
  externalWithoutCvi: asGuest.default('guest').describe("Another organisation's meeting without interop coordinates."),
  externalWithCvi: z
    .enum(['cvi', 'guest', 'none'])
    .default('cvi')
    .describe("Another organisation's meeting that carries that organisation's interop coordinates."),
  consumer: asGuest.default('guest').describe('A meeting of a personal account (teams.live.com).'),
  unknownTenancy: asGuest.default('guest').describe('A meeting of which nothing says whose tenant organises it.'),
  partnerDial: templateSchema
    .optional()
    .describe("SIP address of a partner's guest-join service, as a template, instead of Usher's own bridge."),
});

export type Policy = z.infer<typeof policySchema>;

/** The answer as the policy wants it; only Teams meetings are touched. */
export function applyPolicy(found: Understanding, policy: Policy): Understanding {
  const { join, tenancy } = found;
  if (join === null || tenancy === null || (found.route !== 'cvi' && found.route !== 'sgj')) return found;
  const wanted = wantedRoute(found, policy);
  if (wanted === 'none') {
    const line = evidence(
      'route',
      'policy',
      `${tenancy} meeting ${join.cvi === null ? 'without' : 'with'} CVI: no button`,
    );
    return { ...found, route: 'none', dial: null, evidence: [...found.evidence, line] };
  }
  if (wanted === 'cvi') return found;
  const guest: Understanding = { ...found, route: 'sgj', dial: null };
  if (policy.partnerDial === undefined) return guest;
  const dial = renderDial(policy.partnerDial, 'sip', valuesOf(null, found));
  if (dial.error !== null) {
    const line = evidence('dial', 'policy partnerDial', dial.error);
    return { ...guest, warnings: [...found.warnings, 'policy-failed'], evidence: [...found.evidence, line] };
  }
  const line = evidence('dial', 'policy partnerDial', dial.text);
  return { ...found, route: 'sip', dial: dial.text, evidence: [...found.evidence, line] };
}

function wantedRoute({ join, tenancy, route }: Understanding, policy: Policy): 'cvi' | 'guest' | 'none' {
  if (route === 'cvi') return tenancy === 'external' && join?.cvi != null ? policy.externalWithCvi : 'cvi';
  switch (tenancy) {
    case 'own':
      return policy.ownWithoutCvi;
    case 'external':
      return policy.externalWithoutCvi;
    case 'consumer':
      return policy.consumer;
    default:
      return policy.unknownTenancy;
  }
}
