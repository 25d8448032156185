/** `usher provision`: the rooms of a Microsoft 365 tenant or of a table, as the `rooms` of a configuration. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { type RoomImport, type RoomListing, roomsFromCsv } from '../../connectors/calendars/graph/rooms.ts';
import { systemClock } from '../clock.ts';
import { type Command, UsageError } from '../command.ts';
import { loadConfig } from '../config/load.ts';
import { loadSecret } from '../rooms/secret.ts';
import { openOnline } from './online.ts';

const usage = `usage: usher provision --config FILE    the rooms of the tenant that microsoft365 names
       usher provision --csv FILE       a table with the columns email, name and timeZone
Writes the rooms part of a usher.yaml to standard output; what could not be read to standard error (status 1).`;

export const provisionCommand: Command = async (args, io) => {
  const { values } = parseArgs({
    args: [...args],
    options: { config: { type: 'string', short: 'c' }, csv: { type: 'string' } },
  });
  if ((values.config === undefined) === (values.csv === undefined)) throw new UsageError(usage);
  const { rooms, problems } =
    values.csv === undefined
      ? await fromTenant(values.config ?? '', io.signal)
      : roomsFromCsv(await readFile(values.csv, 'utf8'));
  io.stdout.write(stringify({ rooms: withIds(rooms) }));
  for (const problem of problems) io.stderr.write(`usher provision: ${problem}\n`);
  return problems.length === 0 ? 0 : 1;
};

async function fromTenant(file: string, signal: AbortSignal): Promise<RoomImport> {
  // Where the rooms come from has none yet.
  const config = await loadConfig(file, process.env, { roomless: true });
  // Reading the list needs no listener, and must not take the running instance's port.
  const { notifications: _unused, ...online } = config.microsoft365 ?? {};
  if (!('tenant' in online)) throw new UsageError(`${file} has no microsoft365; add the app registration to it`);
  const secret = await loadSecret(resolve(dirname(file), config.dataFolder));
  const tenant = await openOnline({ ...config, microsoft365: { ...online } }, secret, systemClock);
  if (tenant === null) throw new UsageError(`${file} has no microsoft365; add the app registration to it`);
  try {
    return await tenant.rooms(signal);
  } finally {
    await tenant.close();
  }
}

/** Ids from the addresses: unique, stable, and allowed in a configuration. */
function withIds(rooms: readonly RoomListing[]) {
  const taken = new Set<string>();
  return rooms.map(({ email, name, timeZone }) => {
    const base = (email.split('@')[0] ?? '').replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '') || 'room';
    let id = base.slice(0, 60).replace(/-+$/, '');
    for (let number = 2; taken.has(id); number++) id = `${base.slice(0, 56).replace(/-+$/, '')}-${number}`;
    taken.add(id);
    return { id, name, email, ...(timeZone === null ? {} : { timeZone }), calendar: { type: 'graph' } };
  });
}
