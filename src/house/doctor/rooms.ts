/** Each room's calendar and devices. They are read, and written to never. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { readerHere } from '../../../connectors/calendars/ics/reader.ts';
import type { PushedDevice } from '../../../connectors/devices/device.ts';
import type { Clock } from '../../clock.ts';
import type { Config, RoomConfig } from '../../config/schema.ts';
import { Secret } from '../../rooms/secret.ts';
import { openCalendar } from '../calendars.ts';
import { openDevices, openWebexAccount } from '../devices.ts';
import { openOnline } from '../online.ts';
import { ownVersion } from '../serve.ts';
import { roomSettings } from '../settings.ts';
import { checkCertificate } from './certificate.ts';
import { type Finding, within, wordsOf } from './finding.ts';

/** Rooms that are looked at together: many that are dead must not add up to hours. */
const roomsAtOnce = 32;
const day = 24 * 60 * 60_000;

/** In the order of the configuration. Rejects only when `signal` is aborted. */
export async function* checkRooms(
  config: Config,
  base: string,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const opened: (() => Promise<void>)[] = [];
  try {
    const around = await openAround(config, base, clock, opened);
    yield* await checkOnline(around, signal);
    const look = (room: RoomConfig) => checkRoom(room, around, signal);
    for await (const findings of Readable.from(config.rooms).map(look, { concurrency: roomsAtOnce })) yield* findings;
  } catch (error) {
    signal.throwIfAborted();
    yield { what: 'configuration', state: 'error', words: wordsOf(error) };
  } finally {
    for (const close of opened.reverse()) await close();
  }
}

/** Signing in is the same for all rooms: what is wrong with it is said once. */
async function checkOnline(around: Around, signal: AbortSignal): Promise<Finding[]> {
  const { config, clock, online } = around;
  if (online === null || config.microsoft365 === undefined) return [];
  const findings: Finding[] = [];
  const { certificate: pair } = config.microsoft365;
  if (pair !== undefined) {
    const { certificate, privateKey: key } = pair;
    const setting = 'microsoft365.certificate';
    findings.push(
      checkCertificate({ what: 'microsoft365: certificate', setting, certificate, key, host: null }, clock.now()),
    );
  }
  const what = 'microsoft365: sign-in';
  try {
    await within(clock, signal, () => online.signIn());
    findings.push({
      what,
      state: 'ok',
      words: `as app ${config.microsoft365.clientId} of ${config.microsoft365.tenant}`,
    });
  } catch (error) {
    signal.throwIfAborted();
    around.signedIn = false;
    findings.push({ what, state: 'error', words: wordsOf(error) });
  }
  return findings;
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
  return { config, base, clock, secret, online, signedIn: true, webex, ciscoFeedback: null, product, opened };
}

async function checkRoom(room: RoomConfig, around: Around, signal: AbortSignal): Promise<Finding[]> {
  const calendar = await checkCalendar(room, around, signal);
  return [calendar, ...(await checkDevices(room, around, signal))];
}

async function checkCalendar(room: RoomConfig, around: Around, signal: AbortSignal): Promise<Finding> {
  const { config, base, clock, online } = around;
  const what = `${room.id}: calendar`;
  if (room.calendar.type === 'graph' && !around.signedIn) {
    return { what, state: 'error', words: 'not asked, since the sign-in to Microsoft 365 failed (above)' };
  }
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
