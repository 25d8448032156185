/**
 * `usher doctor`: looks at everything that a configuration names, and says what is wrong and what to do. It reads calendars
 * and devices, and writes to nothing; an Usher that runs with the same configuration is not disturbed.
 */
import { randomBytes } from 'node:crypto';
import { access, constants } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { readerHere } from '../../connectors/calendars/ics/reader.ts';
import type { PushedDevice } from '../../connectors/devices/device.ts';
import { findMediaParts } from '../../media/setup/find.ts';
import { type Clock, systemClock } from '../clock.ts';
import { type Command, UsageError } from '../command.ts';
import { ConfigError, loadConfig } from '../config/load.ts';
import type { Config, RoomConfig } from '../config/schema.ts';
import { Secret } from '../rooms/secret.ts';
import { openCalendar } from './calendars.ts';
import { openDevices, openWebexAccount } from './devices.ts';
import { openOnline } from './online.ts';
import { ownVersion } from './serve.ts';
import { roomSettings } from './settings.ts';

export interface Finding {
  /** What was looked at: `configuration`, `data folder`, `bridge`, `oslo: calendar`, `oslo: Cisco Codec Pro at 10.1.2.3: clock`. */
  what: string;
  state: 'ok' | 'warning' | 'error';
  /** What was found and, where it is wrong, the remedy. */
  words: string;
}

/** How long a calendar or a device may take, milliseconds. */
const patienceMs = 30_000;
/** Rooms that are looked at together: many that are dead must not add up to hours. */
const roomsAtOnce = 32;
const day = 24 * 60 * 60_000;

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

/** In the order of the configuration. Rejects only when `signal` is aborted. */
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
  yield await checkData(resolve(dirname(file), config.dataFolder));
  if (config.sip !== undefined) yield checkBridge();
  const opened: (() => Promise<void>)[] = [];
  try {
    const around = await openAround(config, dirname(file), clock, opened);
    const look = (room: RoomConfig) => checkRoom(room, around, signal);
    for await (const findings of Readable.from(config.rooms).map(look, { concurrency: roomsAtOnce })) yield* findings;
  } catch (error) {
    signal.throwIfAborted();
    yield { what: 'configuration', state: 'error', words: wordsOf(error) };
  } finally {
    for (const close of opened.reverse()) await close();
  }
}

async function checkData(folder: string): Promise<Finding> {
  const what = 'data folder';
  try {
    await access(folder, constants.R_OK | constants.W_OK);
    return { what, state: 'ok', words: folder };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return { what, state: 'warning', words: `${folder} is not there yet: the first usher serve makes it` };
    return { what, state: 'error', words: `${folder} cannot be written to: give it to the account that runs Usher` };
  }
}

function checkBridge(): Finding {
  const { chromium, workerBin } = findMediaParts();
  const missing = [chromium === null ? 'Chromium' : '', workerBin === null ? "mediasoup's worker" : ''].filter(Boolean);
  if (missing.length === 0) return { what: 'bridge', state: 'ok', words: 'its programs are there' };
  return { what: 'bridge', state: 'error', words: `${missing.join(' and ')} not found: run npm run setup` };
}

type Around = Awaited<ReturnType<typeof openAround>>;

/** Without what listens: an Usher that runs has those ports. */
async function openAround(config: Config, base: string, clock: Clock, opened: (() => Promise<void>)[]) {
  const secret = new Secret(randomBytes(32));
  const quiet = structuredClone(config);
  delete quiet.microsoft365?.notifications;
  const online = await openOnline(quiet, secret, clock);
  if (online !== null) opened.push(() => online.close());
  const product = `Usher/${await ownVersion()}`;
  const webex = openWebexAccount(config, clock, product);
  if (webex !== null) opened.push(() => webex.close());
  return { config, base, clock, secret, online, webex, ciscoFeedback: null, product, opened };
}

async function checkRoom(room: RoomConfig, around: Around, signal: AbortSignal): Promise<Finding[]> {
  const calendar = await checkCalendar(room, around, signal);
  return [calendar, ...(await checkDevices(room, around, signal))];
}

async function checkCalendar(room: RoomConfig, around: Around, signal: AbortSignal): Promise<Finding> {
  const { config, base, clock, online } = around;
  const what = `${room.id}: calendar`;
  const { timeZone } = roomSettings(config, room, config.sip?.domain ?? null);
  try {
    const place = { timeZone, email: room.email, base, clock, online, reader: readerHere };
    const { calendar } = openCalendar(room.calendar, place);
    const now = clock.now();
    const span = { from: now - config.window.backDays * day, to: now + config.window.aheadDays * day };
    const { invites, problems } = await within(clock, signal, (until) => calendar.read(span, until));
    if (problems.length > 0) return { what, state: 'warning', words: problems.join('; ') };
    return { what, state: 'ok', words: `${invites.length} meetings` };
  } catch (error) {
    signal.throwIfAborted();
    return { what, state: 'error', words: wordsOf(error) };
  }
}

async function checkDevices(room: RoomConfig, around: Around, signal: AbortSignal): Promise<Finding[]> {
  const opened: PushedDevice[] = [];
  try {
    const { devices } = await openDevices(room, around);
    opened.push(...devices.filter((device) => device.kind === 'pushed'));
  } catch (error) {
    return [{ what: `${room.id}: devices`, state: 'error', words: wordsOf(error) }];
  }
  const findings: Finding[] = [];
  for (const device of opened) {
    try {
      findings.push(...(await checkDevice(`${room.id}: ${device.description.label}`, device, around.clock, signal)));
    } finally {
      await device.close();
    }
  }
  return findings;
}

async function checkDevice(what: string, device: PushedDevice, clock: Clock, signal: AbortSignal): Promise<Finding[]> {
  const { check } = device;
  if (check === undefined) return [{ what, state: 'ok', words: 'has nothing to look at' }];
  try {
    return (await within(clock, signal, (until) => check.call(device, until))).map((one) => ({
      what: `${what}: ${one.what}`,
      state: one.ok ? 'ok' : one.what === 'certificate' ? 'warning' : 'error',
      words: one.words,
    }));
  } catch (error) {
    signal.throwIfAborted();
    return [{ what, state: 'error', words: wordsOf(error) }];
  }
}

async function within<T>(clock: Clock, signal: AbortSignal, run: (until: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const cancel = clock.after(patienceMs, () =>
    late.abort(new Error(`did not answer within ${patienceMs / 1000} s: is it reachable from here?`)),
  );
  try {
    return await run(AbortSignal.any([signal, late.signal]));
  } finally {
    cancel();
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
