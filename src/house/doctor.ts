/**
 * `usher doctor`: looks at everything that a configuration names, and says what is wrong and what to do. It reads calendars
 * and devices and writes to none of them. What can be known by trying alone (whether a disk or a database takes something, whether
 * a port is free) it tries, and takes it back; an Usher that runs with the same configuration is not disturbed.
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Clock, systemClock } from '../clock.ts';
import { type Command, UsageError } from '../command.ts';
import { ConfigError, loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { sqlitePath } from '../store/open.ts';
import { checkData, checkDisk, checkSecretFile } from './doctor/data.ts';
import { type Finding, wordsOf } from './doctor/finding.ts';
import { checkGuests, checkMedia } from './doctor/media.ts';
import { checkMongo } from './doctor/mongo.ts';
import { checkRooms } from './doctor/rooms.ts';
import { checkSip } from './doctor/sip.ts';
import { checkSqlite, type RunningUsher } from './doctor/store.ts';
import { checkWeb } from './doctor/web.ts';

export const doctorCommand: Command = async (args, { stdout, signal }) => {
  const options = { config: { type: 'string', short: 'c' }, json: { type: 'boolean', default: false } } as const;
  const { values } = parseArgs({ args: [...args], options });
  if (values.config === undefined) throw new UsageError('name a configuration: usher doctor --config usher.yaml');
  const findings: Finding[] = [];
  for await (const finding of examine(resolve(values.config), systemClock, signal)) {
    findings.push(finding);
    if (!values.json) stdout.write(`${finding.state.padEnd(7)}  ${finding.what}: ${finding.words}\n`);
  }
  const ok = findings.every(({ state }) => state !== 'error');
  if (values.json) stdout.write(`${JSON.stringify({ ok, findings })}\n`);
  return ok ? 0 : 1;
};

/** Rejects only when `signal` is aborted. */
async function* examine(file: string, clock: Clock, signal: AbortSignal): AsyncGenerator<Finding> {
  let config: Config;
  try {
    config = await loadConfig(file);
  } catch (error) {
    const lines = error instanceof ConfigError ? error.message : `cannot be read: ${wordsOf(error)}`;
    yield { what: 'configuration', state: 'error', words: lines };
    return;
  }
  yield { what: 'configuration', state: 'ok', words: `${config.rooms.length} rooms` };
  const base = dirname(file);
  const running = yield* checkGround(config, base, clock, signal);
  yield* await checkWeb(config, running, clock, signal);
  if (config.sip !== undefined) {
    yield* await checkSip(config.sip, running, clock.now());
    yield* await checkMedia(clock, signal);
    yield* await checkGuests(config, base, clock, signal);
  }
  yield* checkRooms(config, base, clock, signal);
}

/** What everything else stands on. @returns the Usher that runs with this store */
async function* checkGround(
  config: Config,
  base: string,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Finding, RunningUsher | null> {
  const folder = resolve(base, config.dataFolder);
  const data = await checkData(folder);
  yield data;
  // A file that is named elsewhere lies on another disk.
  const places = new Set([folder]);
  if (config.store.type === 'sqlite') places.add(dirname(sqlitePath(folder, config.store.path)));
  for (const place of places) if (existsSync(place)) yield await checkDisk(place);
  if (config.store.type === 'mongodb') {
    const { secret } = await checkSecretFile(folder, { isThere: true, isShared: true });
    const store = await checkMongo(config.store, secret, clock, signal);
    const { finding } = await checkSecretFile(folder, { isThere: store.isThere, isShared: true });
    yield* [finding, ...store.findings];
    return store.running;
  }
  const store = checkSqlite(config.store, folder);
  const { finding } = await checkSecretFile(folder, { isThere: store.isThere, isShared: false });
  yield* [finding, ...store.findings];
  return store.running;
}
