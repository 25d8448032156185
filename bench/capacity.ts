/**
 * How many guest calls this machine holds at once without loss. Rooms, one after the other, dial Usher, are admitted by
 * the host and stay; after each the streams of all are looked at for ten seconds. Each room replays 720p30 H.264 and
 * PCMU; the host's page sends 720p30 to each guest and shows what each sends. Rooms, host and guests share the machine
 * with Usher, so the bench says which process took how much. Bounded to four minutes. Usage: `npm run bench -- capacity`.
 */
import { availableParallelism, loadavg } from 'node:os';
import type { Browser } from 'playwright-core';
import type { HostReport } from '../fixtures/meeting/host/host.ts';
import { startBrowser } from '../test/media/bridge-harness.ts';
import type { LineCounts } from '../test/peers/replay-line.ts';
import { type Rooms, startRooms } from '../test/peers/replay-rooms.ts';
import { type CallRig, openCallRig } from '../test/sgj/rig.ts';
import { cpuByProcess, machineCpu, memory, type ProcessUse } from './measured/processes.ts';

const mostCalls = 10;
/** For the senders to find their bandwidth, milliseconds. */
const settleMs = 6_000;
const holdMs = 10_000;
const reachMs = 30_000;
/** No step is begun after this; nothing at all runs after `endMs`. */
const lastStepMs = 180_000;
const endMs = 235_000;

const mostLoss = 0.005;
const framesPerSecond = 30;
const leastFrames = 0.9 * framesPerSecond;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function within<T>(what: string, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${what}: not within ${reachMs / 1000} s`)), reachMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

interface Look {
  at: number;
  host: HostReport;
  rooms: Awaited<ReturnType<Rooms['counts']>>;
  cpu: Map<string, ProcessUse>;
  machine: ReturnType<typeof machineCpu>;
}

interface Parts {
  rig: CallRig;
  rooms: Rooms;
  hostBrowser: Browser;
}

async function look({ rig, rooms, hostBrowser }: Parts): Promise<Look> {
  const [worker = 0] = rig.bridge.workerPids;
  const [host, counts, cpu] = await Promise.all([
    rig.host.evaluate(() => window.report()),
    rooms.counts(),
    cpuByProcess(
      { 'guests and slates: Chromium': rig.browser, 'host: Chromium': hostBrowser },
      { 'Usher: worker': worker, 'Usher: Node (with the meeting server)': process.pid, 'rooms: Node': rooms.pid },
    ),
  ]);
  return { at: performance.now(), host, rooms: counts, cpu, machine: machineCpu() };
}

interface Step {
  calls: number;
  /** Of the worst call: part of the packets lost, 0 to 1, and pictures a second. */
  toMeeting: { loss: number; frames: number };
  toRoom: { loss: number; frames: number };
  /** Pictures a second that were sent, of the worst room and of the host's camera. */
  sent: { room: number; host: number };
}

const lossOf = (lost: number, received: number): number => (lost <= 0 ? 0 : lost / (lost + Math.max(0, received)));

/** The worst stream of every call between two looks. */
function compare(before: Look, after: Look): Step {
  const seconds = (after.at - before.at) / 1000;
  const step: Step = {
    calls: after.rooms.length,
    toMeeting: { loss: 0, frames: Number.POSITIVE_INFINITY },
    toRoom: { loss: 0, frames: Number.POSITIVE_INFINITY },
    sent: { room: Number.POSITIVE_INFINITY, host: (after.host.count - before.host.count) / seconds },
  };
  const toMeeting = (loss: number): void => {
    step.toMeeting.loss = Math.max(step.toMeeting.loss, loss);
  };
  after.rooms.forEach((room, index) => {
    const past = before.rooms[index];
    if (past === undefined) throw new Error(`room ${index + 1} was not there before`);
    step.sent.room = Math.min(step.sent.room, (room.pictures - past.pictures) / seconds);
    step.toRoom.frames = Math.min(step.toRoom.frames, (room.video.timestamps - past.video.timestamps) / seconds);
    for (const kind of ['audio', 'video'] as const) {
      const gained = (of: keyof LineCounts): number => room[kind][of] - past[kind][of];
      toMeeting(Math.max(0, gained('lostThere')) / Math.max(1, gained('sent')));
      step.toRoom.loss = Math.max(step.toRoom.loss, lossOf(gained('lostHere'), gained('received')));
      // Nothing at all came: no gap shows that.
      if (gained('received') <= 0) step.toRoom.loss = 1;
    }
    const name = roomName(index + 1);
    const [now, then] = [after, before].map(({ host }) => host.guests.find((guest) => guest.name === name));
    const frames = ((now?.video.framesDecoded ?? 0) - (then?.video.framesDecoded ?? 0)) / seconds;
    step.toMeeting.frames = Math.min(step.toMeeting.frames, frames);
    for (const kind of ['audio', 'video'] as const) {
      const received = (now?.[kind].packets ?? 0) - (then?.[kind].packets ?? 0);
      toMeeting(received <= 0 ? 1 : lossOf((now?.[kind].lost ?? 0) - (then?.[kind].lost ?? 0), received));
    }
  });
  return step;
}

const roomName = (number: number): string => `Room ${String(number).padStart(2, '0')}`;

const held = ({ toMeeting, toRoom }: Step): boolean =>
  [toMeeting, toRoom].every(({ loss, frames }) => loss <= mostLoss && frames >= leastFrames);

async function admit({ rig, rooms }: Parts, number: number): Promise<void> {
  const name = roomName(number);
  const meeting = rig.meeting(name);
  await within(`${name} is answered`, rooms.dial(meeting.dial));
  await within(`${name} is in the lobby`, rig.reaches(name, 'lobby'));
  await within(`${name} has its button`, meeting.press('Admit'));
  await within(`${name} is admitted`, rig.reaches(name, 'admitted'));
}

function printStep(step: Step): void {
  const way = ({ loss, frames }: Step['toRoom']): string =>
    `${frames.toFixed(1)} frames/s, ${(100 * loss).toFixed(2)} % lost`;
  process.stdout.write(
    `${step.calls} at once, the worst of them: room → meeting ${way(step.toMeeting)}; meeting → room ${way(step.toRoom)} ` +
      `(sent: rooms ${step.sent.room.toFixed(1)}, host ${step.sent.host.toFixed(1)} frames/s): ` +
      `${held(step) ? 'held' : 'not held'}\n`,
  );
}

/** Who took how much of the machine, most first; says what the step was limited by. */
function printCpu(before: Look, after: Look): string {
  const seconds = (after.at - before.at) / 1000;
  const uses = [...after.cpu].map(([name, use]) => ({
    name,
    cores: (use.seconds - (before.cpu.get(name)?.seconds ?? 0)) / seconds,
    pids: use.pids,
  }));
  uses.sort((a, b) => b.cores - a.cores);
  let ours = 0;
  for (const { name, cores, pids } of uses) {
    ours += cores;
    if (cores < 0.01) continue;
    const [percent, mebibytes] = [(100 * cores).toFixed(0), memory(pids).toFixed(0)];
    process.stdout.write(`  ${name.padEnd(38)} ${percent.padStart(4)} % of one core ${mebibytes.padStart(5)} MiB\n`);
  }
  const busy = (after.machine.busy - before.machine.busy) / seconds;
  const all = availableParallelism();
  const others = Math.max(0, busy - ours);
  process.stdout.write(
    `  the machine: ${busy.toFixed(2)} of ${all} cores busy, ${others.toFixed(2)} of them by others; load ${loadavg()[0]?.toFixed(1)}\n`,
  );
  const [most] = uses;
  const alone = uses.find(({ name, cores }) =>
    name.includes('Node') || name.includes('worker') ? cores > 0.9 : false,
  );
  if (busy < 0.9 * all) return alone?.name ?? `no process: ${busy.toFixed(2)} of ${all} cores were busy`;
  return `the machine's ${all} cores; most of them went to ${most?.name} (${most?.cores.toFixed(2)})`;
}

async function climb(parts: Parts, from: number): Promise<void> {
  let largest = 0;
  let limit = `nothing yet: ${mostCalls} calls are the most that this bench tries`;
  for (let number = 1; number <= mostCalls; number++) {
    if (performance.now() - from > lastStepMs) {
      limit = 'the time that the bench has';
      break;
    }
    try {
      await admit(parts, number);
    } catch (error) {
      limit = `call ${number} did not come about: ${String(error)}`;
      break;
    }
    await wait(settleMs);
    const before = await look(parts);
    await wait(holdMs);
    const after = await look(parts);
    const step = compare(before, after);
    printStep(step);
    const limitedBy = printCpu(before, after);
    if (!held(step)) {
      limit = limitedBy;
      break;
    }
    largest = number;
  }
  process.stdout.write(`held without loss: ${largest} at once; limited by ${limit}\n`);
}

async function run(): Promise<void> {
  const from = performance.now();
  // Whatever hangs: Chromium, the worker and the rooms end with this process.
  const watchdog = setTimeout(() => {
    process.stderr.write(`given up after ${endMs / 1000} s\n`);
    process.exit(1);
  }, endMs);
  const hostBrowser = await startBrowser();
  try {
    const rig = await openCallRig({ warmPages: 1, hostBrowser });
    if (rig === null) throw new Error('Chromium or the worker is missing: npm run setup');
    try {
      const rooms = await startRooms();
      try {
        await climb({ rig, rooms, hostBrowser }, from);
      } finally {
        await rooms.close();
      }
    } finally {
      await rig.close();
    }
  } finally {
    await hostBrowser.close();
    clearTimeout(watchdog);
  }
}

await run();
