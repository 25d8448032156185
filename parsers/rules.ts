/**
 * Rules by an administrator, for invites that the built-in parsers do not know or should treat otherwise. Patterns are
 * RE2 (linear in the length of the text), dial strings are Liquid templates. The first rule that matches wins.
 */
import { RE2JS } from 're2js';
import { z } from 'zod';
import { evidence } from './evidence.ts';
import { type Invite, providers, type Understanding } from './invite.ts';
import { hostIs } from './links/host.ts';
import { contentOf } from './read/content.ts';
import { domainOf, render, renderDial, templateSchema, valuesOf } from './templates.ts';

const patternSchema = z
  .string()
  .min(1)
  .max(1000)
  .superRefine((text, context) => {
    try {
      RE2JS.compile(text);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      context.addIssue({ code: 'custom', message: `is no RE2 pattern: ${message}` });
    }
  })
  .describe('RE2, found anywhere in the text; (?i) for any case, (?P<name>…) for {{ match.name }}.');

export const ruleSchema = z.strictObject({
  name: z.string().trim().min(1).max(120),
  enabled: z.boolean().default(true),
  priority: z.int().min(1).max(200).default(100).describe('1 to 200; lower numbers are tried first.'),
  when: z
    .enum(['before', 'after'])
    .default('before')
    .describe('before: instead of what Usher finds by itself; after: only where Usher finds no way to join.'),
  organizer: z
    .union([z.enum(['own', 'external']), z.array(z.string().min(1).toLowerCase()).min(1)])
    .optional()
    .describe('own or external by ownDomains, or a list of domains (those below them included).'),
  provider: z
    .array(z.enum([...providers, 'none']))
    .min(1)
    .optional()
    .describe('What Usher found by itself; none: nothing.'),
  subject: patternSchema.optional(),
  body: patternSchema.optional(),
  location: patternSchema.optional(),
  protocol: z.enum(['sip', 'h323']).default('sip'),
  dial: templateSchema.optional().describe('Without it the meeting gets no Join button.'),
  title: templateSchema.optional().describe('Instead of the subject, where the meeting is not private.'),
});

export type Rule = z.infer<typeof ruleSchema>;

export interface RuleOptions {
  rules: readonly Rule[];
  /** The administrator's own mail domains, lower case. */
  ownDomains: readonly string[];
}

/** What became of one rule, for `usher rules test`. */
export interface RuleTrace {
  rule: string;
  when: Rule['when'];
  outcome: 'matched' | 'not-matched' | 'disabled' | 'failed' | 'not-reached';
  /** In words, e.g. `body does not contain …`. */
  why: string;
}

/** Rules by priority, equal ones in the order in which they were written. */
export function inOrder(rules: readonly Rule[]): Rule[] {
  return rules
    .map((rule, index) => ({ rule, index }))
    .sort((a, b) => a.rule.priority - b.rule.priority || a.index - b.index)
    .map(({ rule }) => rule);
}

/** The answer after the rules, and what became of each of them. Cancelled meetings stay as they are. */
export function applyRules(
  invite: Invite,
  found: Understanding,
  options: RuleOptions,
): { understanding: Understanding; trace: RuleTrace[] } {
  const trace: RuleTrace[] = [];
  let understanding = found;
  let decided = found.cancelled;
  const texts = new Texts(invite);
  for (const rule of [...inOrder(options.rules)].sort(
    (a, b) => Number(a.when === 'after') - Number(b.when === 'after'),
  )) {
    const say = (outcome: RuleTrace['outcome'], why: string): void => {
      trace.push({ rule: rule.name, when: rule.when, outcome, why });
    };
    if (!rule.enabled) say('disabled', 'it is switched off');
    else if (decided) say('not-reached', found.cancelled ? 'the meeting is cancelled' : 'an earlier rule matched');
    else if (rule.when === 'after' && found.route !== 'none')
      say('not-reached', `Usher found route ${found.route} itself`);
    else {
      const match = matches(rule, invite, found, texts, options.ownDomains);
      if (match.groups === null) say('not-matched', match.why);
      else {
        const result = outcomeOf(rule, invite, found, match.groups);
        if (result.error !== null) {
          say('failed', result.error);
          understanding = failed(understanding, rule, result.error);
        } else {
          say('matched', `${match.why}; ${result.understanding.dial ?? 'no button'}`);
          const { warnings, evidence: lines } = understanding;
          understanding = { ...result.understanding, warnings, evidence: [...lines, ...result.lines] };
          decided = true;
        }
      }
    }
  }
  return { understanding, trace };
}

/** The title that a rule gave, `null` where none did. Not for private meetings. */
export function ruleTitle(understanding: Understanding): string | null {
  return understanding.evidence.find((line) => line.field === 'title' && line.source.startsWith('rule '))?.text ?? null;
}

type Match = { groups: Record<string, string>; why: string } | { groups: null; why: string };

function matches(rule: Rule, invite: Invite, found: Understanding, texts: Texts, ownDomains: readonly string[]): Match {
  const why: string[] = [];
  const groups: Record<string, string> = {};
  if (rule.organizer !== undefined) {
    const domain = domainOf(invite.organizer?.email ?? null);
    if (domain === null) return { groups: null, why: 'the invite names no organiser' };
    const domains = Array.isArray(rule.organizer) ? rule.organizer : ownDomains;
    const listed = domains.some((one) => hostIs(domain, one));
    if (listed === (rule.organizer === 'external')) {
      return { groups: null, why: `the organiser's domain ${domain} is ${listed ? '' : 'not '}in the list` };
    }
    why.push(`organiser of ${domain}`);
  }
  const provider = found.join?.provider ?? 'none';
  if (rule.provider !== undefined) {
    if (!rule.provider.includes(provider)) return { groups: null, why: `the provider is ${provider}` };
    why.push(`provider ${provider}`);
  }
  for (const field of ['subject', 'body', 'location'] as const) {
    const pattern = rule[field];
    if (pattern === undefined) continue;
    const named = texts.find(field, pattern);
    if (named === null) return { groups: null, why: `the ${field} does not hold ${pattern}` };
    Object.assign(groups, named);
    why.push(`${field} holds ${pattern}`);
  }
  return { groups, why: why.length === 0 ? 'it has no conditions' : why.join(', ') };
}

/** More of a body than this is not looked at. */
const longestText = 262_144;

/** The texts of an invite that patterns look at, made once. Links stand behind the body, unwrapped. */
class Texts {
  readonly #invite: Invite;
  #body: string | null = null;

  constructor(invite: Invite) {
    this.#invite = invite;
  }

  /** Named groups of the first match, `null` where there is none. */
  find(field: 'subject' | 'body' | 'location', pattern: string): Record<string, string> | null {
    const compiled = RE2JS.compile(pattern);
    const matcher = compiled.matcher(this.#text(field).slice(0, longestText));
    if (!matcher.find()) return null;
    const groups: Record<string, string> = {};
    for (const name of Object.keys(compiled.namedGroups())) groups[name] = matcher.group(name) ?? '';
    return groups;
  }

  #text(field: 'subject' | 'body' | 'location'): string {
    if (field === 'subject') return this.#invite.subject;
    if (field === 'location') return this.#invite.locations.join('\n');
    if (this.#body === null) {
      const { text, links } = contentOf(this.#invite).newest;
      this.#body = `${text}\n${links.map((link) => link.url).join('\n')}`;
    }
    return this.#body;
  }
}

type Outcome = { understanding: Understanding; lines: Understanding['evidence']; error: null } | { error: string };

function outcomeOf(rule: Rule, invite: Invite, found: Understanding, groups: Record<string, string>): Outcome {
  const source = `rule ${rule.name}`;
  const values = valuesOf(invite, found, groups);
  const lines: Understanding['evidence'] = [];
  if (rule.title !== undefined) {
    const title = render(rule.title, values);
    if (title.error !== null) return { error: `title: ${title.error}` };
    lines.push(evidence('title', source, title.text));
  }
  if (rule.dial === undefined) {
    lines.push(evidence('route', source, 'no button'));
    return { understanding: { ...found, route: 'none', dial: null }, lines, error: null };
  }
  const dial = renderDial(rule.dial, rule.protocol, values);
  if (dial.error !== null) return { error: `dial: ${dial.error}` };
  lines.push(evidence('dial', source, dial.text));
  const address = dial.text.slice(dial.text.indexOf(':') + 1);
  const join = found.join ?? {
    provider: rule.protocol,
    url: null,
    sip: rule.protocol === 'sip' ? address : null,
    teams: null,
    cvi: null,
  };
  return { understanding: { ...found, route: 'sip', dial: dial.text, join }, lines, error: null };
}

function failed(understanding: Understanding, rule: Rule, why: string): Understanding {
  const warnings = understanding.warnings.includes('rule-failed')
    ? understanding.warnings
    : [...understanding.warnings, 'rule-failed'];
  return {
    ...understanding,
    warnings,
    evidence: [...understanding.evidence, evidence('dial', `rule ${rule.name}`, why)],
  };
}
