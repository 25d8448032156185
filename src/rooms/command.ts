/**
 * `usher rooms`: each room's next entry, route, devices, and what is wrong. It asks the running instance, which alone
 * knows what devices have just read and what calls are on; the store is that instance's own.
 */
import { access, constants } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { loadConfig } from '../config/load.ts';
import { ago } from '../web/pages.ts';
import { type StatusAnswer, statusAnswerSchema } from '../web/status-answer.ts';
import { loadSecret } from './secret.ts';

export interface RoomsCommandIo {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
  signal: AbortSignal;
}

/** Where to ask. `secret` is the administrator's; from the same machine none is needed. */
export interface Instance {
  url: string;
  secret: string | null;
}

const usage = `usage: usher rooms [--config FILE | --url URL] [--wrong] [--json] [ROOM …]
  --config FILE  ask the instance that runs with this configuration
  --url URL      ask the instance there (default http://127.0.0.1:8080); away from its machine, the administrator
                 secret is taken from USHER_ADMIN_SECRET
  --wrong        only rooms where something is wrong
  --json         one line of JSON: { "now", "rooms": [ … ] }
  ROOM           parts of names or ids
`;

/** @returns 0; 1 where something is wrong with a room, or the instance does not answer; 2 for bad use */
export async function roomsCommand(
  args: readonly string[],
  io: RoomsCommandIo,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const asked = parse(args);
  if (typeof asked === 'string') {
    io.stderr.write(`usher rooms: ${asked}\n${usage}`);
    return 2;
  }
  if (asked.help) {
    io.stdout.write(usage);
    return 0;
  }
  try {
    const answer = choose(await ask(await findInstance(asked, environment), io.signal), asked);
    io.stdout.write(asked.json ? `${JSON.stringify(answer)}\n` : table(answer));
    return answer.rooms.some((room) => room.problems.length > 0) ? 1 : 0;
  } catch (error) {
    io.stderr.write(`usher rooms: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

interface Asked {
  config: string | undefined;
  url: string | undefined;
  wrong: boolean;
  json: boolean;
  help: boolean;
  names: readonly string[];
}

function parse(args: readonly string[]): Asked | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        config: { type: 'string' },
        url: { type: 'string' },
        wrong: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
      allowPositionals: true,
    });
    if (values.config !== undefined && values.url !== undefined) return 'give --config or --url, not both';
    if (values.url !== undefined && !z.url({ protocol: /^https?$/ }).safeParse(values.url).success) {
      return `--url: found "${values.url}"; give an address such as http://127.0.0.1:8080`;
    }
    return { config: values.config, url: values.url, ...values, names: positionals };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function findInstance(asked: Asked, environment: NodeJS.ProcessEnv): Promise<Instance> {
  const given = environment['USHER_ADMIN_SECRET'] ?? null;
  if (asked.config === undefined) return { url: asked.url ?? 'http://127.0.0.1:8080', secret: given };
  const { web, dataFolder } = await loadConfig(asked.config, environment);
  const wildcard = web.address === '0.0.0.0' || web.address === '::';
  const host = wildcard ? '127.0.0.1' : web.address.includes(':') ? `[${web.address}]` : web.address;
  const secret = given ?? (await adminSecretIn(resolve(dirname(asked.config), dataFolder)));
  return { url: `http://${host}:${web.port}`, secret };
}

/** `null` where Usher has not run yet, or its secret is not for us to read: on its own machine none is needed. */
async function adminSecretIn(dataFolder: string): Promise<string | null> {
  try {
    await access(join(dataFolder, 'secret'), constants.R_OK);
  } catch {
    return null;
  }
  return (await loadSecret(dataFolder)).adminSecret();
}

/** The largest answer read, in characters: some 20,000 rooms. */
const largest = 64 * 1024 * 1024;

async function ask(instance: Instance, signal: AbortSignal): Promise<StatusAnswer> {
  const url = new URL('/status.json', instance.url);
  const headers: Record<string, string> = { accept: 'application/json' };
  if (instance.secret !== null) headers['authorization'] = `Bearer ${instance.secret}`;
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      headers,
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    });
    text = await response.text();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new Error(
      `no answer from ${url.origin} (${cause}). Is Usher running, and is that its web.address and web.port?`,
    );
  }
  if (response.status === 401 || response.status === 403) {
    throw new Error(
      `${url.origin} asks for the administrator secret: run this on its machine, with --config, or set USHER_ADMIN_SECRET`,
    );
  }
  const parsed = text.length > largest ? null : statusAnswerSchema.safeParse(json(text));
  if (!response.ok || parsed === null || !parsed.success) {
    throw new Error(`what answers at ${url.origin} (status ${response.status}) is not an Usher of this version`);
  }
  return parsed.data;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function choose(answer: StatusAnswer, { wrong, names }: Asked): StatusAnswer {
  const wanted = names.map((name) => name.toLowerCase());
  const rooms = answer.rooms.filter((room) => {
    const named = wanted.length === 0 || wanted.some((part) => `${room.name}\n${room.id}`.toLowerCase().includes(part));
    return named && (!wrong || room.problems.length > 0);
  });
  return { ...answer, rooms };
}

/** For people: a line for each room, and beneath it a line for each thing that is wrong. */
function table({ now, rooms }: StatusAnswer): string {
  const head = ['ROOM', 'NEXT', 'ROUTE', 'CALL', 'CALENDAR READ', 'DEVICES'];
  const rows = rooms.map(({ id, name, next, timeZone, call, lastRead, devices }) => [
    shown(name === id ? name : `${name} (${id})`, 40),
    next === null ? '-' : `${time(next.start, now, timeZone)} ${shown(next.title, 36)}`,
    next?.route ?? '-',
    call === 'idle' ? '-' : call,
    ago(lastRead, now),
    devices
      .map(
        (one) =>
          `${shown(one.label, 40)} ${ago(one.lastSeen, now)}${one.upToDate || one.lastSeen === null ? '' : ', behind'}`,
      )
      .join('; ') || '-',
  ]);
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => (row[at] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  const wrong = rooms.filter((room) => room.problems.length > 0).length;
  const lines = [line(head)];
  for (const [at, room] of rooms.entries()) {
    lines.push(line(rows[at] ?? []), ...room.problems.map((problem) => `    ! ${shown(problem, 1_000)}`));
  }
  lines.push(`${rooms.length} ${rooms.length === 1 ? 'room' : 'rooms'}, something is wrong with ${wrong}`);
  return `${lines.join('\n')}\n`;
}

/** Titles come from strangers: nothing in them may steer the terminal. */
function shown(text: string, longest: number): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim();
  const characters = [...plain];
  return characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : plain;
}

/** `now`, the time of today, or day and time, in the room's zone. */
function time(start: number, now: number, timeZone: string): string {
  if (start <= now) return 'now';
  const day = (at: number): string => new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(at);
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone, timeStyle: 'short' }).format(start);
  return day(start) === day(now) ? clock : `${day(start)} ${clock}`;
}
