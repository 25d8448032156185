/**
 * Reads `usher.yaml`: YAML, then secrets, then the schema. Every error names the file, the line, the key, what was found
 * and what is allowed, and all errors are told at once.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Document, isPair, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { type ConfigProblem, describeIssue, lineOf } from './problems.ts';
import { type Config, configSchema } from './schema.ts';
import { resolveSecret } from './secrets.ts';

export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ line, key, message }) => {
      const where = line === null ? file : `${file}:${line}`;
      return key === '' ? `${where}: ${message}` : `${where}: ${key}: ${message}`;
    });
    super(lines.join('\n'));
    this.problems = problems;
  }
}

/** The largest configuration that is read, in bytes: some 20,000 rooms. */
const largest = 16 * 1024 * 1024;

export interface LoadOptions {
  /** For a configuration that is still to get its rooms: without any it is read, and has none. Default false. */
  roomless?: boolean;
}

/** @throws ConfigError with every problem there is. */
export async function loadConfig(
  file: string,
  environment: NodeJS.ProcessEnv = process.env,
  options: LoadOptions = {},
): Promise<Config> {
  let text: string;
  try {
    const bytes = await readFile(file);
    if (bytes.length > largest) throw new Error(`it has ${bytes.length} bytes; at most ${largest} are read`);
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(file, [{ line: null, key: '', message: `cannot be read as UTF-8 text: ${why}` }]);
  }
  return parseConfig(text, file, environment, options);
}

/** As `loadConfig`, for a text that is there already. `file` names it in errors and is what relative paths start from. */
export async function parseConfig(
  text: string,
  file: string,
  environment: NodeJS.ProcessEnv,
  options: LoadOptions = {},
): Promise<Config> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const broken = document.errors.map((error) => ({
      line: lines.linePos(error.pos[0]).line,
      key: '',
      message: `not valid YAML: ${error.message}`,
    }));
    throw new ConfigError(file, broken);
  }
  const { problems, secrets } = await putSecrets(document, file, lines, environment);
  const plain = toPlain(document, file);
  const roomless = options.roomless === true && isRoomless(plain);
  const parsed = configSchema.safeParse(roomless ? { ...plain, rooms: [anyRoom] } : plain);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(...describeIssue(issue, document, lines, secrets));
  }
  if (problems.length > 0 || !parsed.success) {
    problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    throw new ConfigError(file, problems);
  }
  return roomless ? { ...parsed.data, rooms: [] } : parsed.data;
}

/** Stands where the schema wants a room. */
const anyRoom = { id: 'any', name: 'any', calendar: { type: 'folder', path: '.' } };

function isRoomless(plain: unknown): plain is object {
  return typeof plain === 'object' && plain !== null && (!('rooms' in plain) || plain.rooms === null);
}

/** Aliases are bounded by the library, so that a few lines cannot grow into gigabytes. */
function toPlain(document: Document.Parsed, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(file, [{ line: null, key: '', message: `not usable YAML: ${why}` }]);
  }
}

/** Replaces `${env:NAME}` and `${file:PATH}` in every string value, in place; remembers which nodes held one. */
async function putSecrets(
  document: Document.Parsed,
  file: string,
  lines: LineCounter,
  environment: NodeJS.ProcessEnv,
): Promise<{ problems: ConfigProblem[]; secrets: Set<unknown> }> {
  const problems: ConfigProblem[] = [];
  const secrets = new Set<unknown>();
  const waiting: Promise<void>[] = [];
  visit(document, {
    Scalar(position, node, path) {
      if (position === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
      const keys = path.flatMap((step) => (isPair(step) && isScalar(step.key) ? [String(step.key.value)] : []));
      secrets.add(node);
      waiting.push(
        resolveSecret(node.value, dirname(resolve(file)), environment).then((answer) => {
          if ('problem' in answer)
            problems.push({ line: lineOf(node, lines), key: keys.join('.'), message: answer.problem });
          else node.value = answer.value;
        }),
      );
    },
  });
  await Promise.all(waiting);
  return { problems, secrets };
}
