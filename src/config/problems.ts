/** Turns what the schema objects to into sentences for an administrator: which line, which key, what is allowed. */
import { type Document, isNode, type LineCounter } from 'yaml';
import type { z } from 'zod';
import { configSchema } from './schema.ts';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  line: number | null;
  /** `rooms[0].calendar.path`, empty for the file as a whole. */
  key: string;
  message: string;
}

type Path = readonly (string | number)[];

/** @param secrets nodes whose value came from outside the file and is never shown */
export function describeIssue(
  issue: z.core.$ZodIssue,
  document: Document.Parsed,
  lines: LineCounter,
  secrets: ReadonlySet<unknown>,
): ConfigProblem[] {
  const path: Path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  if (issue.code === 'unrecognized_keys') {
    const allowed = allowedKeys(path, document);
    return issue.keys.map((name) => ({
      line: lineOfPath(document, [...path, name], lines),
      key: keyText([...path, name]),
      message: allowed.length === 0 ? 'unknown key' : `unknown key; allowed here: ${allowed.join(', ')}`,
    }));
  }
  const found = foundText(document.getIn(path, true), secrets);
  return [
    {
      line: lineOfPath(document, path, lines),
      key: keyText(path),
      message: `${sentence(issue, path)}; found ${found}`,
    },
  ];
}

export function lineOf(node: unknown, lines: LineCounter): number | null {
  return isNode(node) && node.range ? lines.linePos(node.range[0]).line : null;
}

function foundText(node: unknown, secrets: ReadonlySet<unknown>): string {
  if (node === undefined) return 'nothing';
  if (secrets.has(node)) return 'a value from outside the file';
  const json = JSON.stringify(isNode(node) ? node.toJSON() : node) ?? 'nothing';
  return json.length > 80 ? `${json.slice(0, 60)}… (${json.length} characters)` : json;
}

function sentence(issue: z.core.$ZodIssue, path: Path): string {
  if (issue.code === 'invalid_value') return `must be ${issue.values.map((one) => JSON.stringify(one)).join(' or ')}`;
  if (issue.code === 'invalid_union' && issue.path.at(-1) === 'type') {
    const options = discriminators(schemaAt(path.slice(0, -1)));
    return `must be ${options.map((one) => JSON.stringify(one)).join(' or ')}`;
  }
  if (issue.code === 'invalid_type') return `must be ${article(issue.expected)}`;
  return issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
}

function article(type: string): string {
  const name = { object: 'a mapping of keys', array: 'a list', int: 'a whole number', boolean: 'true or false' }[type];
  return name ?? `a ${type}`;
}

function keyText(path: Path): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`))
    .join('');
}

/** The line of the nearest thing that is there: the value itself, else what should have held it. */
function lineOfPath(document: Document.Parsed, path: Path, lines: LineCounter): number {
  for (let length = path.length; length >= 0; length--) {
    const line = lineOf(length === 0 ? document.contents : document.getIn(path.slice(0, length), true), lines);
    if (line !== null) return line;
  }
  return 1;
}

/** The keys that the schema allows at a path; where several shapes are possible, of the one that the file chose. */
function allowedKeys(path: Path, document: Document.Parsed): string[] {
  const schema = schemaAt(path);
  const options = definition(schema)?.['options'];
  if (!Array.isArray(options)) return Object.keys(shapeOf(schema) ?? {});
  const chosen = document.getIn([...path, 'type']);
  const option = options.find((one) => literals(shapeOf(one)?.['type']).includes(String(chosen)));
  return Object.keys(shapeOf(option) ?? {});
}

function discriminators(schema: unknown): string[] {
  const options = definition(schema)?.['options'];
  return Array.isArray(options) ? options.flatMap((one) => literals(shapeOf(one)?.['type'])) : [];
}

function literals(schema: unknown): string[] {
  const values = definition(unwrap(schema))?.['values'];
  return Array.isArray(values) ? values.map(String) : [];
}

function schemaAt(path: Path): unknown {
  let here: unknown = unwrap(configSchema);
  for (const step of path) {
    here = unwrap(typeof step === 'number' ? definition(here)?.['element'] : shapeOf(here)?.[step]);
  }
  return here;
}

/** Looks through defaults, optionals and transforms to the schema that describes the value. */
function unwrap(schema: unknown): unknown {
  let current = schema;
  for (;;) {
    const inner = definition(current)?.['innerType'] ?? definition(current)?.['in'];
    if (inner === undefined) return current;
    current = inner;
  }
}

function shapeOf(schema: unknown): Record<string, unknown> | null {
  const shape = definition(schema)?.['shape'];
  return isRecord(shape) ? shape : null;
}

/** zod keeps what a schema was made of under `_zod.def`, its documented place for tools. */
function definition(schema: unknown): Record<string, unknown> | null {
  if (!isRecord(schema) || !isRecord(schema['_zod'])) return null;
  const def = schema['_zod']['def'];
  return isRecord(def) ? def : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
