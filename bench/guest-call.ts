/**
 * A guest call as a room meets it: from INVITE to 200 with the bridge behind it, and from INVITE to the lobby, with cold
 * and with warm pages, step by step. baresip dials, the meeting is the simulated one, its host looks from a browser of
 * its own. Usage: `npm run bench -- guest-call`.
 */
import type { Browser } from 'playwright-core';
import { Baresip } from '../fixtures/vtc/baresip.ts';
import type { CallRecord } from '../src/calls/records.ts';
import { startBrowser } from '../test/media/bridge-harness.ts';
import { type CallRig, openCallRig } from '../test/sgj/rig.ts';
import { cpuByProcess, machineCpu } from './measured/processes.ts';

const calls = Number(process.env['CALLS'] ?? 12);
/** Long enough for the pools to have their pages ready again, milliseconds. */
const between = { cold: 1_000, warm: 9_000 };

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

function took(record: CallRecord | undefined, state: CallRecord['states'][number]['state']): number {
  const at = record?.states.find((one) => one.state === state)?.at ?? Number.NaN;
  return at - (record?.startedAt ?? Number.NaN);
}

/** When each step was seen, milliseconds since the call began; the first time where it comes more than once. */
class Steps {
  readonly #times = new Map<string, number[]>();
  #from = 0;
  #seen = new Set<string>();
  /** The first call, which starts what is started once, does not count. */
  counts = false;

  begin(): void {
    this.#from = performance.now();
    this.#seen = new Set();
  }

  readonly at = (step: string): void => {
    if (!this.counts || this.#seen.has(step)) return;
    this.#seen.add(step);
    this.#times.set(step, [...(this.#times.get(step) ?? []), performance.now() - this.#from]);
  };

  print(until: string): void {
    const rows = [...this.#times].map(([step, times]) => ({ step, median: quantile(times, 0.5) }));
    rows.sort((a, b) => a.median - b.median);
    for (const { step, median } of rows) {
      process.stdout.write(`  ${median.toFixed(0).padStart(6)} ms  ${step}\n`);
      if (step === until) break;
    }
  }
}

/** CPU of Usher's side between two looks, seconds: its Chromium, its Node and the media worker. */
async function cpu({ browser, bridge }: CallRig): Promise<number> {
  const [worker = 0] = bridge.workerPids;
  const uses = await cpuByProcess({ chromium: browser }, { worker, node: process.pid });
  return [...uses.values()].reduce((sum, { seconds }) => sum + seconds, 0);
}

async function measure(warmPages: number, hostBrowser: Browser): Promise<void> {
  const steps = new Steps();
  const rig = await openCallRig({ warmPages, hostBrowser, onStep: steps.at });
  if (rig === null) throw new Error('Chromium or the worker is missing: npm run setup');
  const room = await Baresip.start({ lifetimeSeconds: 300 });
  const answered: number[] = [];
  const lobby: number[] = [];
  const used: number[] = [];
  const busy: number[] = [];
  for (let number = 0; number <= calls; number++) {
    const name = `Bench ${number}`;
    steps.counts = number > 0;
    const [before, machine] = [await cpu(rig), machineCpu()];
    steps.begin();
    await room.call(rig.meeting(name).dial);
    await rig.reaches(name, 'lobby');
    const [after, machineAfter] = [await cpu(rig), machineCpu()];
    const closed = room.nextEvent(({ type }) => type === 'CALL_CLOSED');
    await room.hangUp();
    await closed;
    await rig.reaches(name, 'ended');
    const [record] = await rig.records(name);
    if (number > 0) {
      answered.push(took(record, 'answered'));
      lobby.push(took(record, 'lobby'));
      used.push(after - before);
      busy.push((machineAfter.busy - machine.busy) / (machineAfter.all - machine.all));
    }
    await new Promise((resolve) => setTimeout(resolve, warmPages === 0 ? between.cold : between.warm));
  }
  await room.close();
  await rig.close();
  const line = (values: readonly number[]): string =>
    `p50 ${quantile(values, 0.5).toFixed(0)} ms, p95 ${quantile(values, 0.95).toFixed(0)} ms`;
  const kind = warmPages === 0 ? 'cold pages' : 'warm pages';
  process.stdout.write(
    `${kind}, ${calls} calls: INVITE to 200 ${line(answered)}; INVITE to lobby ${line(lobby)}, ` +
      `${(1000 * quantile(used, 0.5)).toFixed(0)} ms of Usher's CPU; the machine was ${(100 * quantile(busy, 0.5)).toFixed(0)} % busy\n`,
  );
  steps.print('slate page: sends');
}

const hostBrowser = await startBrowser();
for (const warmPages of [0, 2]) await measure(warmPages, hostBrowser);
await hostBrowser.close();
