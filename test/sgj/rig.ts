/**
 * Everything of a guest call but Teams: SIP edge, bridge, slate, guest page, simulated meeting with its host's page, and
 * the store. A test dials `dial` with a real video system and looks at both ends.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { GuestReport } from '../../fixtures/meeting/host/host.ts';
import { policySchema } from '../../fixtures/meeting/policy.ts';
import { type MeetingServer, startMeetingServer } from '../../fixtures/meeting/server.ts';
import { createBridge, type MediasoupBridge } from '../../media/bridge/bridge.ts';
import { sharedBrowser } from '../../media/guest/browser.ts';
import type { Outcome } from '../../media/guest/guest.ts';
import { findMediaParts } from '../../media/setup/find.ts';
import { createSipEdge, type ObservableSipEdge } from '../../media/sip/edge.ts';
import type { TokenDirectory, TokenEntry } from '../../src/calls/admission.ts';
import { browserSlates } from '../../src/calls/browser-slates.ts';
import { type CallChange, type Calls, createCalls } from '../../src/calls/dispatch.ts';
import type { CallRecord } from '../../src/calls/records.ts';
import type { CallState } from '../../src/calls/states.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { addressOf } from '../guest/simulated.ts';
import { rtpPorts } from '../media/rtp-ports.ts';
import { type GuestWayIn, openGuests } from './guests.ts';
import { type OnStep, tracedBridge, tracedGuest, tracedSlates } from './traced.ts';

export interface CallRig {
  readonly edge: ObservableSipEdge;
  readonly bridge: MediasoupBridge;
  readonly browser: Browser;
  readonly server: MeetingServer;
  readonly calls: Calls;
  /** The host's page. */
  readonly host: Page;
  /** What went wrong on the way, for failing tests. */
  readonly log: string[];
  /** Ends every farewell that is on, where they are held: the slate has been seen, BYE may follow. */
  endFarewells(): void;
  /** Makes a meeting and a dial token for it; the room's name is what the host will read. */
  meeting(name: string, options?: { hostile?: boolean; ends?: Outcome; started?: boolean }): PlannedMeeting;
  /** The room's call reaches `state`; each time it does is waited for once. */
  reaches(room: string, state: CallState): Promise<CallChange>;
  records(room: string): Promise<readonly CallRecord[]>;
  close(): Promise<void>;
}

export interface PlannedMeeting {
  /** `sip:…` to dial over UDP. */
  dial: string;
  /** The host sees that the room has left. */
  gone(): Promise<void>;
  press(button: 'Admit' | 'Deny' | 'Remove' | 'End meeting'): Promise<void>;
  /** The meeting itself, without its host, ends the part of whoever waits or is inside. */
  finish(outcome: Outcome): void;
  /** What the host sees and hears of the room, once `wanted` says yes. */
  seen(wanted: (report: GuestReport) => boolean): Promise<GuestReport>;
  /** What has come to the meeting before admission. */
  early(): { packets: number; messages: number };
}

export interface CallRigOptions {
  /** Default `simulator`. */
  guest?: GuestWayIn;
  warmPages?: number;
  /** A browser for the host's page alone, which otherwise shares that of the guests. */
  hostBrowser?: Browser;
  /** What the host's camera makes. Default 1280x720 at 30. */
  hostPicture?: { width: number; height: number; fps: number };
  /** Told of each step of the calls. */
  onStep?: OnStep;
  /** Farewells wait for `endFarewells` instead of 4 seconds. */
  holdFarewells?: boolean;
}

/** Null, with the reason on stdout, where a part is missing. */
export async function openCallRig(options: CallRigOptions = {}): Promise<CallRig | null> {
  const { onStep, warmPages = 0 } = options;
  const { chromium, workerBin } = findMediaParts();
  if (chromium === null || workerBin === null) {
    process.stdout.write('      skipped: there is no Chromium, or no worker of mediasoup (npm run setup)\n');
    return null;
  }
  const folder = mkdtempSync(join(tmpdir(), 'usher-sgj-'));
  const shared = sharedBrowser();
  const browser = await shared.get();
  const server = await startMeetingServer();
  const log: string[] = [];
  const write = (level: string, message: string, fields?: Record<string, unknown>): void => {
    if (level !== 'debug') log.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  const bridge = await createBridge({
    workerBin,
    workers: 1,
    rtp: { listenAddress: '127.0.0.1', portRange: rtpPorts() },
    clock: systemClock,
    silenceMs: 5_000,
    log: write,
  });
  const store = await openSqliteStore({ path: join(folder, 'usher.db'), clock: systemClock });
  const edge = createSipEdge({
    listen: [
      { transport: 'udp', address: '127.0.0.1', port: 0 },
      { transport: 'tcp', address: '127.0.0.1', port: 0 },
    ],
    clock: systemClock,
    log: write,
  });
  const entries = new Map<string, TokenEntry>();
  const directory: TokenDirectory = { find: (token) => entries.get(token) ?? null, upcoming: () => 0 };
  const guests = await openGuests(options, { server, shared, log: write });
  const slates = browserSlates({ browser: () => shared.get(), clock: systemClock, warmPages, log: write });
  const farewells = heldTimers();
  const changes: CallChange[] = [];
  const reached = new Map<string, number>();
  const waiting = new Set<() => void>();
  const calls = await createCalls({
    edge,
    bridge: onStep === undefined ? bridge : tracedBridge(bridge, onStep),
    slates: onStep === undefined ? slates : tracedSlates(slates, onStep),
    guests: [onStep === undefined ? guests.adapter : tracedGuest(guests.adapter, onStep)],
    directory,
    store,
    clock: farewells.clock,
    log: write,
    limits: { warmPages, farewellMs: options.holdFarewells === true ? heldMs : 4_000 },
    onChange: (change) => {
      changes.push(change);
      for (const resume of waiting) resume();
      waiting.clear();
    },
  });
  await slates.warm(warmPages);
  const [bound] = await edge.listen();
  const host = await (await (options.hostBrowser ?? browser).newContext()).newPage();
  const { width, height, fps } = options.hostPicture ?? { width: 1280, height: 720, fps: 30 };
  await host.goto(`${server.host}?width=${width}&height=${height}&fps=${fps}`);
  await host.mouse.click(5, 5);

  return {
    edge,
    bridge,
    browser,
    server,
    calls,
    host,
    log,
    endFarewells: () => farewells.fire(),
    meeting: (name, options = {}) => {
      const number = `29${entries.size + 100}`;
      const token = `token${number}`.padEnd(26, options.hostile === true ? 'h' : 'a');
      entries.set(token, entryOf(name, number));
      const ends = options.ends === undefined ? null : { outcome: options.ends };
      const policy = policySchema.parse({ ends, started: options.started ?? true });
      server.directory.create({ title: name, address: addressOf(number), policy });
      return plannedMeeting(name, `sip:${token}@127.0.0.1:${bound?.port}`, host, server);
    },
    reaches: async (room, state) => {
      for (;;) {
        const from = reached.get(room) ?? 0;
        const at = changes.findIndex(
          (change, index) => index >= from && change.roomId === room && change.state === state,
        );
        const found = changes[at];
        if (found !== undefined) {
          reached.set(room, at + 1);
          return found;
        }
        await new Promise<void>((resolve) => waiting.add(resolve));
      }
    },
    records: (roomId) => calls.records({ roomId }),
    async close() {
      await calls.close();
      await edge.close({ protocol: 'SIP', cause: 503, text: 'The test is over' });
      await guests.close();
      await slates.close();
      await bridge.close();
      await shared.close();
      await server.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What no timer of a call is by accident. */
const heldMs = 86_400_123;

/** The system's clock, but for timers of `heldMs`: they fire when they are told to. */
function heldTimers(): { clock: Clock; fire(): void } {
  const held = new Set<() => void>();
  return {
    clock: {
      ...systemClock,
      after(ms, run) {
        if (ms !== heldMs) return systemClock.after(ms, run);
        held.add(run);
        return () => held.delete(run);
      },
    },
    fire() {
      for (const run of [...held]) run();
      held.clear();
    },
  };
}

function entryOf(name: string, meetingId: string): TokenEntry {
  const now = systemClock.now();
  return {
    room: { id: name, name, language: 'en', timeZone: 'UTC', callers: null },
    entry: { id: `usher-${meetingId}`, title: 'Weekly', start: now, end: now + 3_600_000 },
    meeting: {
      ...addressOf(meetingId),
      cloud: 'commercial',
      tenancy: 'unknown',
      broadcast: false,
      organizerDomain: null,
    },
    window: { from: now - 60_000, until: now + 3_600_000 },
  };
}

function plannedMeeting(name: string, dial: string, host: Page, server: MeetingServer): PlannedMeeting {
  const item = host.getByRole('listitem').filter({ hasText: name }).and(host.locator('[data-participant]'));
  const participants = () =>
    [...server.directory.meetings.values()].flatMap((meeting) => [...meeting.participants.values()]);
  return {
    dial,
    gone: () => item.and(host.locator('[data-state="ended"]')).first().waitFor(),
    press: (button) =>
      (button === 'End meeting' ? host.getByRole('region', { name, exact: true }) : item)
        .getByRole('button', { name: button, exact: true })
        .click(),
    finish(outcome) {
      const [own] = [...server.directory.meetings.values()].filter(({ title }) => title === name);
      for (const { id } of own?.participants.values() ?? []) own?.finish(id, outcome);
    },
    async seen(wanted) {
      for (;;) {
        const report = await host.evaluate(() => window.report());
        const own = report.guests.find((guest) => guest.name === name && !guest.quarantine);
        if (own !== undefined && wanted(own)) return own;
        await host.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
      }
    },
    early: () => {
      const own = participants().filter((one) => one.name === name);
      const sum = (of: (one: (typeof own)[number]) => number): number => own.reduce((total, one) => total + of(one), 0);
      return { packets: sum((one) => one.early.packets), messages: sum((one) => one.early.messages) };
    },
  };
}
