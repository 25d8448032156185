/**
 * `usher calls`: what became of the rooms' calls. It asks the running instance, whose store is its own alone; where none
 * runs, it reads the store of the configuration itself.
 */
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { systemClock } from '../clock.ts';
import type { CommandIo } from '../command.ts';
import { UsageError } from '../command.ts';
import { loadConfig } from '../config/load.ts';
import { openChosenStore } from '../store/open.ts';
import { type CallOutcome, isOrdinary } from './outcomes.ts';
import { type CallQuery, type CallRecord, callCollection, callRecordSchema, findCalls } from './records.ts';

const usage = `usage: usher calls [--config FILE | --url URL] [--room ID] [--since DAYS] [--limit N] [--json]
  --config FILE  ask the instance that runs with this configuration, or read its store where it does not run
  --url URL      ask the instance there (default http://127.0.0.1:8080); away from its machine, the administrator
                 secret is taken from USHER_ADMIN_SECRET
  --room ID      only this room
  --since DAYS   calls of the last days (default 7)
  --limit N      at most so many, the newest (default 50)
  --json         one line of JSON: { "calls": [ … ] }
`;

/** What `/calls.json` answers. */
export const callsAnswerSchema = z.object({ calls: z.array(callRecordSchema) });

/** The query string of `/calls.json`; what is not as it should be is taken as not asked for. */
export const callsQuerySchema = z.object({
  room: z.string().max(100).optional().catch(undefined),
  since: z.coerce.number().optional().catch(undefined),
  limit: z.coerce.number().int().min(1).max(1_000).catch(50),
});

interface Asked {
  config: string | undefined;
  url: string | undefined;
  json: boolean;
  query: CallQuery;
}

/** @returns 0; 1 where a call of the list ended badly, or nobody answers; 2 for bad use */
export async function callsCommand(
  args: readonly string[],
  io: CommandIo,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const asked = parse(args);
  if (asked === 'help') {
    io.stdout.write(usage);
    return 0;
  }
  const calls = await read(asked, io.signal, environment);
  io.stdout.write(asked.json ? `${JSON.stringify({ calls })}\n` : table(calls));
  return calls.some(({ outcome }) => outcome !== null && !isOrdinary(outcome)) ? 1 : 0;
}

function parse(args: readonly string[]): Asked | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string' },
      url: { type: 'string' },
      room: { type: 'string' },
      since: { type: 'string', default: '7' },
      limit: { type: 'string', default: '50' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  if (values.config !== undefined && values.url !== undefined) throw new UsageError('give --config or --url, not both');
  const limit = z.coerce.number().int().min(1).max(1_000).safeParse(values.limit);
  if (!limit.success) throw new UsageError(`--limit: found "${values.limit}"; give a number from 1 to 1000`);
  const days = z.coerce.number().positive().max(36_500).safeParse(values.since);
  if (!days.success) throw new UsageError(`--since: found "${values.since}"; give a number of days`);
  const query: CallQuery = { since: systemClock.now() - days.data * 86_400_000, limit: limit.data };
  if (values.room !== undefined) query.roomId = values.room;
  return { config: values.config, url: values.url, json: values.json, query };
}

async function read(asked: Asked, signal: AbortSignal, environment: NodeJS.ProcessEnv): Promise<readonly CallRecord[]> {
  const secret = environment['USHER_ADMIN_SECRET'] ?? null;
  if (asked.config === undefined) return ask(asked.url ?? 'http://127.0.0.1:8080', secret, asked.query, signal);
  const { web, dataFolder, store } = await loadConfig(asked.config, environment);
  const wildcard = web.address === '0.0.0.0' || web.address === '::';
  const host = wildcard ? '127.0.0.1' : web.address.includes(':') ? `[${web.address}]` : web.address;
  try {
    return await ask(`http://${host}:${web.port}`, secret, asked.query, signal);
  } catch (error) {
    if (!(error instanceof NobodyThere)) throw error;
  }
  const opened = await openChosenStore(store, resolve(dirname(asked.config), dataFolder), systemClock);
  try {
    return await findCalls(await opened.collection(callCollection), asked.query);
  } finally {
    await opened.close();
  }
}

class NobodyThere extends Error {
  override name = 'NobodyThere';
}

async function ask(
  origin: string,
  secret: string | null,
  query: CallQuery,
  signal: AbortSignal,
): Promise<readonly CallRecord[]> {
  const url = new URL('/calls.json', origin);
  if (query.roomId !== undefined) url.searchParams.set('room', query.roomId);
  url.searchParams.set('since', String(query.since ?? 0));
  url.searchParams.set('limit', String(query.limit ?? 50));
  const headers: Record<string, string> = { accept: 'application/json' };
  if (secret !== null) headers['authorization'] = `Bearer ${secret}`;
  let response: Response;
  try {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
    response = await fetch(url, { headers, redirect: 'error', signal: deadline });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new NobodyThere(
      `no answer from ${origin} (${cause}). Is Usher running, and is that its web.address and web.port?`,
    );
  }
  if (response.status === 401 || response.status === 403) {
    throw new Error(`${origin} asks for the administrator secret: run this on its machine, or set USHER_ADMIN_SECRET`);
  }
  const answer = response.ok ? callsAnswerSchema.safeParse(await response.json().catch(() => null)) : null;
  if (answer === null || !answer.success) {
    throw new Error(`what answers at ${origin} (status ${response.status}) is not an Usher of this version`);
  }
  return answer.data.calls;
}

/** For people: one line a call. */
function table(calls: readonly CallRecord[]): string {
  if (calls.length === 0) return 'no calls\n';
  const head = ['STARTED', 'ROOM', 'LASTED', 'OUTCOME', 'MEDIA', 'LOST', 'DETAIL'];
  const rows = calls.map((call) => [
    new Date(call.startedAt).toISOString().slice(0, 19).replace('T', ' '),
    shown(call.roomId, 30),
    call.endedAt === null ? 'on' : duration(call.endedAt - call.startedAt),
    outcomeText(call),
    mediaText(call),
    lossText(call),
    shown(call.detail ?? '', 80),
  ]);
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => (row[at] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  return `${[head, ...rows].map(line).join('\n')}\n`;
}

function outcomeText({ outcome, states, knocks }: CallRecord): string {
  const text: CallOutcome | string =
    outcome ?? states.findLast(({ state }) => state !== 'hold' && state !== 'resume')?.state ?? '-';
  return knocks > 1 ? `${text} (${knocks} knocks)` : text;
}

function mediaText({ streams }: CallRecord): string {
  const codecs = streams.filter(({ direction }) => direction === 'from-room').map(({ codec }) => codec);
  return codecs.join('+') || '-';
}

/** Share of packets lost on the way from the room. */
function lossText({ streams }: CallRecord): string {
  const received = streams.filter(({ direction }) => direction === 'from-room');
  const lost = received.reduce((sum, one) => sum + one.lost, 0);
  const all = received.reduce((sum, one) => sum + one.packets, 0) + lost;
  return all === 0 ? '-' : `${((100 * lost) / all).toFixed(1)} %`;
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Nothing that came over the network may steer the terminal. */
function shown(text: string, longest: number): string {
  const characters = [...text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim()];
  return characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : characters.join('');
}
