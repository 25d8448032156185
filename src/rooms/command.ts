/**
 * `usher rooms`: each room's next entry, route, devices, and what is wrong; the addresses of its panel and feed, and new
 * ones. It asks the running instance, which alone knows what devices have just read and what calls are on; the store is
 * that instance's own.
 */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import {
  type AddressesAnswer,
  addressesAnswerSchema,
  forgottenAnswerSchema,
  type StatusAnswer,
  statusAnswerSchema,
} from '../web/status-answer.ts';
import { ask, findInstance, type Instance } from './instance.ts';
import { addressTable, statusTable } from './table.ts';

export interface RoomsCommandIo {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
  signal: AbortSignal;
}

const usage = `usage: usher rooms [--config FILE | --url URL] [--wrong | --addresses] [--json] [ROOM …]
       usher rooms [--config FILE | --url URL] --new-address [--grace HOURS] [--json] ROOM
       usher rooms [--config FILE | --url URL] --forget-refusals [--json]
       usher rooms --config FILE --admin-secret
  --config FILE  ask the instance that runs with this configuration
  --url URL      ask the instance there (default http://127.0.0.1:8080); the administrator secret, where one is
                 needed, is taken from USHER_ADMIN_SECRET
  --wrong        only rooms where something is wrong
  --addresses    of panel and feed, secrets included
  --new-address  gives the room of this id new addresses; the old ones hold for the grace (default 24 hours, 0 to 720)
  --forget-refusals  what tenants refused to guests is forgotten, and their meetings have a button again
  --admin-secret prints the secret that opens status, metrics and addresses from other machines
  --json         one line of JSON
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
    const instance = await findInstance(asked, environment);
    if (asked.mode === 'admin-secret') return adminSecret(instance, io);
    if (asked.mode === 'forget-refusals') return await forgetRefusals(asked, instance, io);
    return asked.mode === 'status' ? await status(asked, instance, io) : await addresses(asked, instance, io);
  } catch (error) {
    io.stderr.write(`usher rooms: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

interface Asked {
  mode: 'status' | 'addresses' | 'new-address' | 'forget-refusals' | 'admin-secret';
  config: string | undefined;
  url: string | undefined;
  wrong: boolean;
  json: boolean;
  help: boolean;
  graceHours: number;
  names: readonly string[];
}

async function status(asked: Asked, instance: Instance, io: RoomsCommandIo): Promise<number> {
  const all = await ask(instance, { path: '/status.json', schema: statusAnswerSchema }, io.signal);
  const rooms = all.rooms.filter((room) => named(room, asked.names) && (!asked.wrong || room.problems.length > 0));
  const answer: StatusAnswer = { ...all, rooms };
  io.stdout.write(asked.json ? `${JSON.stringify(answer)}\n` : statusTable(answer));
  return [...rooms, ...answer.services].some(({ problems }) => problems.length > 0) ? 1 : 0;
}

async function addresses(asked: Asked, instance: Instance, io: RoomsCommandIo): Promise<number> {
  const schema = addressesAnswerSchema;
  let answer: AddressesAnswer;
  if (asked.mode === 'addresses') {
    const all = await ask(instance, { path: '/addresses.json', schema }, io.signal);
    answer = { rooms: all.rooms.filter((room) => named(room, asked.names)) };
  } else {
    const post = { room: asked.names[0], graceHours: asked.graceHours };
    answer = await ask(instance, { path: '/new-address', schema, post }, io.signal);
  }
  io.stdout.write(asked.json ? `${JSON.stringify(answer)}\n` : addressTable(answer));
  return 0;
}

async function forgetRefusals(asked: Asked, instance: Instance, io: RoomsCommandIo): Promise<number> {
  const path = '/forget-refusals';
  const { forgotten } = await ask(instance, { path, schema: forgottenAnswerSchema, post: {} }, io.signal);
  const words = `${forgotten} ${forgotten === 1 ? 'refusal' : 'refusals'} forgotten`;
  io.stdout.write(asked.json ? `${JSON.stringify({ forgotten })}\n` : `${words}\n`);
  return 0;
}

function adminSecret({ secret }: Instance, io: RoomsCommandIo): number {
  if (secret === null)
    throw new Error('there is no secret yet, or it is not yours to read: start Usher once, and run this as its user');
  io.stdout.write(`${secret}\n`);
  return 0;
}

function named(room: { id: string; name: string }, names: readonly string[]): boolean {
  const text = `${room.name}\n${room.id}`.toLowerCase();
  return names.length === 0 || names.some((part) => text.includes(part.toLowerCase()));
}

function parse(args: readonly string[]): Asked | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        config: { type: 'string' },
        url: { type: 'string' },
        wrong: { type: 'boolean', default: false },
        addresses: { type: 'boolean', default: false },
        'new-address': { type: 'boolean', default: false },
        'forget-refusals': { type: 'boolean', default: false },
        'admin-secret': { type: 'boolean', default: false },
        grace: { type: 'string', default: '24' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
      allowPositionals: true,
    });
    const { config, url, wrong, json, help, grace } = values;
    if (config !== undefined && url !== undefined) return 'give --config or --url, not both';
    if (url !== undefined && !z.url({ protocol: /^https?$/ }).safeParse(url).success) {
      return `--url: found "${url}"; give an address such as http://127.0.0.1:8080`;
    }
    const graceHours = /^\d{1,3}$/.test(grace) ? Number(grace) : Number.NaN;
    if (!(graceHours <= 720)) return `--grace: found "${grace}"; give whole hours from 0 to 720`;
    const renew = values['new-address'];
    if (renew && positionals.length !== 1) return '--new-address: name one room by its id';
    if (values['admin-secret'] && config === undefined) return '--admin-secret: name the configuration with --config';
    const mode = renew
      ? 'new-address'
      : values.addresses
        ? 'addresses'
        : values['forget-refusals']
          ? 'forget-refusals'
          : values['admin-secret']
            ? 'admin-secret'
            : 'status';
    return { mode, config, url, wrong, json, help, graceHours, names: positionals };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
