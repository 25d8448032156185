/** `usher explain`: what Usher understands of invites in files. */
import { parseArgs } from 'node:util';
import { readFile as readInvites } from '../../parsers/read/file.ts';
import { guidOf } from '../../parsers/teams.ts';
import { understand } from '../../parsers/understand.ts';
import { answerOf, type ExplainLine } from './answer.ts';
import { explainForPeople, paintFor } from './people.ts';

/** What a command may touch; tests pass their own. */
export interface CommandIo {
  stdout: { write(text: string): unknown; isTTY?: boolean | undefined };
  stderr: { write(text: string): unknown };
  readFile(path: string): Promise<Uint8Array>;
}

const usage = `usage: usher explain [--json] [--own-tenant GUID]… FILE…

Reads .ics, .eml, .html, .txt, .json (a Graph event or onlineMeeting) and .xml (an EWS CalendarItem); a file whose name
ends in .url.txt holds one URL. Exit status 0, 1 when a file cannot be read, 2 for bad use.
`;

/** Runs the command; resolves with its exit status and never rejects. */
export async function explainCommand(args: readonly string[], io: CommandIo): Promise<number> {
  let options: Options;
  try {
    options = optionsOf(args);
  } catch (error) {
    io.stderr.write(`usher explain: ${messageOf(error)}\n\n${usage}`);
    return 2;
  }
  if (options.help) {
    io.stdout.write(usage);
    return 0;
  }
  const paint = paintFor(io.stdout);
  let status = 0;
  for (const [index, file] of options.files.entries()) {
    const line = await explainFile(file, options.ownTenants, io);
    if ('error' in line) status = 1;
    if (options.json) io.stdout.write(`${JSON.stringify(line)}\n`);
    else io.stdout.write(`${index === 0 ? '' : '\n'}${explainForPeople(line, paint)}`);
  }
  return status;
}

/** One file's answer or error. */
export async function explainFile(
  file: string,
  ownTenants: readonly string[],
  io: Pick<CommandIo, 'readFile'>,
): Promise<ExplainLine> {
  try {
    const invites = readInvites(file, await io.readFile(file));
    const answer = answerOf(
      file,
      invites.map((invite) => understand(invite, { ownTenants })),
    );
    return answer ?? { file, error: 'no event in it' };
  } catch (error) {
    return { file, error: messageOf(error) };
  }
}

interface Options {
  json: boolean;
  help: boolean;
  ownTenants: string[];
  files: string[];
}

function optionsOf(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      'own-tenant': { type: 'string', multiple: true, default: [] },
    },
  });
  const ownTenants = values['own-tenant']
    .flatMap((value) => value.split(','))
    .map((value) => {
      const tenant = guidOf(value);
      if (tenant === null)
        throw new Error(`--own-tenant: "${value}" is no GUID; Entra's overview page shows the tenant id`);
      return tenant;
    });
  if (positionals.length === 0 && !values.help) throw new Error('no file given');
  return { json: values.json, help: values.help, ownTenants, files: positionals };
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'this is a folder; name the files in it';
  return error.message;
}
