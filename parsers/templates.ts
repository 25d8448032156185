/** The administrator's templates: Liquid, without files, without prototypes, bounded in time and memory. */
import { Liquid } from 'liquidjs';
import { z } from 'zod';
import type { Invite, Understanding } from './invite.ts';

/** Longest template; Pexip's transforms are as long. */
const longest = 512;

const engine = new Liquid({
  templates: {},
  ownPropertyOnly: true,
  strictVariables: true,
  strictFilters: true,
  lenientIf: true,
  parseLimit: longest * 4,
  renderLimit: 100,
  memoryLimit: 100_000,
});

export const templateSchema = z
  .string()
  .min(1)
  .max(longest)
  .superRefine((text, context) => {
    try {
      engine.parse(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: `is no Liquid template: ${messageOf(error)}` });
    }
  })
  .describe('Liquid: {{ match.name }}, {{ subject }}, {{ organizer.domain }}, {{ url }}, {{ teams.meetingId }}, …');

/** What a template may say. */
export type TemplateValues = Readonly<Record<string, unknown>>;

export function valuesOf(
  invite: Invite | null,
  found: Understanding,
  match: Readonly<Record<string, string>> = {},
): TemplateValues {
  const email = invite?.organizer?.email ?? null;
  return {
    match,
    subject: invite?.subject ?? '',
    location: invite?.locations[0] ?? '',
    organizer: { name: invite?.organizer?.name ?? '', email: email ?? '', domain: domainOf(email) ?? '' },
    provider: found.join?.provider ?? 'none',
    tenancy: found.tenancy ?? '',
    url: found.join?.url ?? '',
    sip: found.join?.sip ?? '',
    teams: found.join?.teams ?? {},
    cvi: found.join?.cvi ?? {},
  };
}

export function domainOf(email: string | null): string | null {
  const sign = email?.lastIndexOf('@') ?? -1;
  return email === null || sign < 0 ? null : email.slice(sign + 1).toLowerCase();
}

export type Rendered = { text: string; error: null } | { text: null; error: string };

/** The text of a template, blanks trimmed; an error where it names something that is not there. */
export function render(template: string, values: TemplateValues): Rendered {
  try {
    const text: unknown = engine.parseAndRenderSync(template, values);
    return { text: String(text).trim(), error: null };
  } catch (error) {
    return { text: null, error: messageOf(error) };
  }
}

/** A dial string with its scheme, checked: what an invite brought into a template must not reach a device unseen. */
export function renderDial(template: string, protocol: 'sip' | 'h323', values: TemplateValues): Rendered {
  const rendered = render(template, values);
  if (rendered.error !== null) return rendered;
  const address = rendered.text.replace(/^(?:sips?|h323):/i, '');
  const shape = protocol === 'sip' ? /^[\w.+*#!~%-]{1,128}@[a-z0-9.-]{1,253}(?::\d{1,5})?$/i : /^[\w.+*#@:-]{1,255}$/;
  if (!shape.test(address)) return { text: null, error: `"${address.slice(0, 100)}" is no ${protocol} address` };
  return { text: `${protocol}:${address}`, error: null };
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}
