/** `usher rules test`: which of the administrator's rules an invite meets, and why the others do not. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { policySchema } from '../../parsers/policy.ts';
import { readFile as readInvites } from '../../parsers/read/file.ts';
import { type RuleTrace, ruleSchema } from '../../parsers/rules.ts';
import { decided, type UnderstandOptions } from '../../parsers/understand.ts';
import { type Command, UsageError } from '../command.ts';
import { loadConfig } from '../config/load.ts';
import { type Paint, paintFor, visible } from './people.ts';

const usage = 'usher rules test (--config usher.yaml | --rules rules.yaml) [--json] FILE…';

/** A file of rules alone: the keys have the same names and meanings as in `usher.yaml`. */
export const rulesFileSchema = z.strictObject({
  ownTenants: z.array(z.guid().toLowerCase()).default([]),
  ownDomains: z.array(z.string().toLowerCase()).default([]),
  policy: policySchema.optional(),
  rules: z.array(ruleSchema).max(200).default([]),
});

export const rulesCommand: Command = async (args, io) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      rules: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const [verb, ...files] = positionals;
  if (verb !== 'test' || files.length === 0 || (values.config === undefined) === (values.rules === undefined)) {
    throw new UsageError(`usage: ${usage}`);
  }
  const options = values.config === undefined ? await rulesOf(values.rules ?? '') : await loadConfig(values.config);
  const paint = paintFor(io.stdout);
  let status = 0;
  for (const file of files) {
    const line = await testFile(file, options);
    if ('error' in line) status = 1;
    io.stdout.write(values.json ? `${JSON.stringify(line)}\n` : forPeople(line, paint));
  }
  return status;
};

interface EventLine {
  subject: string;
  route: string;
  dial: string | null;
  rules: RuleTrace[];
}

type FileLine = { file: string; events: EventLine[] } | { file: string; error: string };

async function testFile(file: string, options: UnderstandOptions): Promise<FileLine> {
  try {
    const invites = readInvites(file, await readFile(file));
    const events = invites.map((invite) => {
      const { understanding, trace } = decided(invite, options);
      return { subject: invite.subject, route: understanding.route, dial: understanding.dial, rules: trace };
    });
    return { file, events };
  } catch (error) {
    return { file, error: error instanceof Error ? error.message : String(error) };
  }
}

async function rulesOf(file: string): Promise<UnderstandOptions> {
  const content: unknown = parseYaml(await readFile(file, 'utf8'), { maxAliasCount: 100 });
  const parsed = rulesFileSchema.safeParse(Array.isArray(content) ? { rules: content } : (content ?? {}));
  if (!parsed.success) throw new UsageError(`${file}:\n${z.prettifyError(parsed.error)}`);
  const { policy, ...rest } = parsed.data;
  return policy === undefined ? rest : { ...rest, policy };
}

const marks = { matched: '✔', 'not-matched': '·', disabled: '·', failed: '✘', 'not-reached': '·' } as const;

function forPeople(line: FileLine, paint: Paint): string {
  if ('error' in line)
    return `${paint('bold', visible(line.file))}\n  ${paint('red', 'cannot be read')}: ${visible(line.error)}\n`;
  const rows = [paint('bold', visible(line.file))];
  for (const event of line.events) {
    rows.push(
      `  ${visible(event.subject) || '(no subject)'}: ${event.route}${event.dial === null ? '' : ` ${visible(event.dial)}`}`,
    );
    for (const one of event.rules) {
      const style = one.outcome === 'matched' ? 'green' : one.outcome === 'failed' ? 'red' : 'dim';
      rows.push(
        `    ${paint(style, `${marks[one.outcome]} ${one.rule} (${one.when})`)}: ${one.outcome}, ${visible(one.why)}`,
      );
    }
  }
  return `${rows.join('\n')}\n`;
}
