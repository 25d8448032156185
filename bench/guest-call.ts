/**
 * A guest call as a room meets it: from INVITE to 200 with the bridge behind it, and from INVITE to the lobby, with cold
 * and with warm guest pages. baresip dials, the meeting is the simulated one. Usage: `npm run bench -- guest-call`.
 */
import { Baresip } from '../fixtures/vtc/baresip.ts';
import type { CallRecord } from '../src/calls/records.ts';
import { openCallRig } from '../test/sgj/rig.ts';

const calls = 12;
/** Long enough for the pool to have a page ready again, milliseconds. */
const between = 2_000;

function quantile(values: readonly number[], q: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN).toFixed(0);
}

function took(record: CallRecord | undefined, state: CallRecord['states'][number]['state']): number {
  const at = record?.states.find((one) => one.state === state)?.at ?? Number.NaN;
  return at - (record?.startedAt ?? Number.NaN);
}

for (const warmPages of [0, 2]) {
  const rig = await openCallRig({ warmPages });
  if (rig === null) throw new Error('Chromium or the worker is missing: npm run setup');
  const room = await Baresip.start({ lifetimeSeconds: 300 });
  const answered: number[] = [];
  const lobby: number[] = [];
  // The first call starts what is started once.
  for (let number = 0; number <= calls; number++) {
    const name = `Bench ${number}`;
    await room.call(rig.meeting(name).dial);
    await rig.reaches(name, 'lobby');
    const closed = room.nextEvent(({ type }) => type === 'CALL_CLOSED');
    await room.hangUp();
    await closed;
    await rig.reaches(name, 'ended');
    const [record] = await rig.records(name);
    if (number > 0) {
      answered.push(took(record, 'answered'));
      lobby.push(took(record, 'lobby'));
    }
    await new Promise((resolve) => setTimeout(resolve, between));
  }
  await room.close();
  await rig.close();
  const line = (values: readonly number[]): string =>
    `p50 ${quantile(values, 0.5)} ms, p99 ${quantile(values, 0.99)} ms`;
  const kind = warmPages === 0 ? 'cold pages' : 'warm pages';
  process.stdout.write(`${kind}, ${calls} calls: INVITE to 200 ${line(answered)}; INVITE to lobby ${line(lobby)}\n`);
}
