/**
 * `usher demo`: three rooms whose calendars are made around now, in a data folder where each `.ics` file can be edited.
 * What it prints with `--json` when it is ready is a promise (docs/command-line.md).
 */
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../clock.ts';
import { type Command, UsageError } from '../command.ts';
import { parseConfig } from '../config/load.ts';
import { openHouse, type RunningHouse } from '../house/house.ts';
import { ended, ownVersion } from '../house/serve.ts';
import { createLog } from '../telemetry/log.ts';
import { type DemoRoom, demoRooms, ownTenant, writeDemoCalendars } from './calendars.ts';
import {
  type DemoCodec,
  guestAdapterModule,
  startDemoCodec,
  startDemoMeetings,
  videoSystemModule,
} from './fixtures.ts';

interface DemoOptions {
  data: string;
  /** `null` where none was asked for: the usual one, or any other if that is taken. */
  httpPort: number | null;
  sipPort: number | null;
  json: boolean;
  waitForBridge: boolean;
}

export const demoCommand: Command = async (args, io) => {
  const options = optionsOf(args);
  const clock = systemClock;
  const calendars = await writeDemoCalendars(resolve(options.data, 'calendars'), clock.now());
  const ports = {
    http: options.httpPort ?? (await usualPort(8080)),
    sip: options.sipPort ?? (await usualPort(5060)),
  };
  // The ready line is all that a reader of --json gets; the log goes where people look for trouble.
  const log = createLog({ level: options.json ? 'warn' : 'info', destination: io.stderr });
  const [meetings, codec] = await Promise.all([startDemoMeetings(), startDemoCodec()]);
  try {
    const configText = JSON.stringify(demoConfig(ports, meetings.url, codec));
    const house = await openHouse({
      config: await parseConfig(configText, resolve(options.data, 'demo.yaml'), {}),
      base: resolve(options.data),
      clock,
      log,
      mode: 'demo',
      version: await ownVersion(),
      meetingHost: meetings.host,
      calendarFiles: calendars,
      extraParts: ['baresip', 'ffmpeg'],
    });
    try {
      await house.rooms.settled();
      if (options.waitForBridge && !(await house.bridgeReady)) throw new Error(house.bridgeProgress() ?? 'no bridge');
      const facts: Facts = { house, calendars, meetingHost: meetings.host, codecScreen: codec.screen };
      io.stdout.write(options.json ? `${JSON.stringify(ready(facts))}\n` : greeting(facts));
      await ended(io);
    } finally {
      await house.close();
    }
  } finally {
    await Promise.all([meetings.close(), codec.close()]);
  }
  return 0;
};

interface Facts {
  house: RunningHouse;
  calendars: Readonly<Record<string, string>>;
  meetingHost: string;
  codecScreen: string;
}

function optionsOf(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string', default: 'usher-data/demo' },
      'http-port': { type: 'string' },
      'sip-port': { type: 'string' },
      json: { type: 'boolean', default: false },
      'wait-for-bridge': { type: 'boolean', default: false },
    },
  });
  return {
    data: values.data,
    httpPort: portOf('--http-port', values['http-port']),
    sipPort: portOf('--sip-port', values['sip-port']),
    json: values.json,
    waitForBridge: values['wait-for-bridge'],
  };
}

function portOf(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`${name} must be a whole number from 0 to 65535 (0: any free port); found "${text}"`);
}

/** The port if nobody has it, else 0: any free one. */
function usualPort(port: number): Promise<number> {
  return new Promise((found) => {
    const probe = createServer();
    probe.once('error', () => found(0));
    probe.listen(port, '127.0.0.1', () => probe.close(() => found(port)));
  });
}

/** Oslo has a Cisco codec that its entries are pushed to, Lisbon a system without a booking list. */
function videoSystemOf(kind: DemoRoom['videoSystem'], codec: DemoCodec): object[] {
  if (kind === 'none') return [];
  if (kind === 'simple') return [{ type: 'module', module: videoSystemModule, dials: true }];
  const { address, port, username, password, ca } = codec;
  return [{ type: 'cisco', address, port, username, password, tls: { ca }, dials: true }];
}

function demoConfig(ports: { http: number; sip: number }, meetings: string, codec: DemoCodec): object {
  return {
    dataFolder: '.',
    ownTenants: [ownTenant],
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    web: { address: '127.0.0.1', port: ports.http },
    sip: {
      listen: (['udp', 'tcp'] as const).map((transport) => ({ transport, address: '127.0.0.1', port: ports.sip })),
    },
    guests: { adapters: [{ module: guestAdapterModule, options: { server: meetings } }] },
    rooms: demoRooms.map(({ id, name, videoSystem }) => ({
      id,
      name,
      calendar: { type: 'folder', path: `calendars/${id}` },
      devices: [{ type: 'panel' }, { type: 'ics-feed' }, ...videoSystemOf(videoSystem, codec)],
    })),
  };
}

function ready({ house, calendars, meetingHost }: Facts): object {
  return {
    web: house.web,
    sip: house.sip,
    meeting: { host: meetingHost },
    rooms: house.rooms.all().map((room) => ({
      id: room.id,
      name: room.settings.name,
      panel: house.panelUrl(room.id),
      calendar: calendars[room.id],
      entries: room.view().entries.map(({ title, start, end, route, dial }) => ({
        title,
        start: new Date(start).toISOString(),
        end: new Date(end).toISOString(),
        route,
        dial: dial?.address ?? null,
      })),
    })),
  };
}

function greeting({ house, calendars, meetingHost, codecScreen }: Facts): string {
  const rooms = house.rooms
    .all()
    .map(
      ({ id, settings }) => `  ${settings.name}\n    panel     ${house.panelUrl(id)}\n    calendar  ${calendars[id]}\n`,
    );
  return [
    '',
    `Usher is running: ${house.web}/`,
    '',
    ...rooms,
    `  Oslo’s codec  ${codecScreen}`,
    `  Meeting host  ${meetingHost}`,
    '',
    'Open a panel and press Join: the room dials, and waits in the lobby that the meeting host page shows.',
    'Edit a calendar file and watch its panel change. End with Ctrl-C.',
    '',
    '',
  ].join('\n');
}
