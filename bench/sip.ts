/**
 * The SIP edge alone, with stub media: from INVITE to 200, and how many calls a second one core carries. sipp dials over
 * UDP and TCP (a connection for each call: on a single one sipp itself is what is measured), at rates that rise until the process is busy. Usage: `npm run bench -- sip`.
 */
import { findExecutable } from '../fixtures/vtc/executable.ts';
import { runSipp } from '../test/peers/sipp.ts';
import { answering, startEdge } from '../test/sip/rig.ts';

const seconds = 5;
const rates = [50, 100, 200, 300];
/** One step answers this much before the next is tried, percent. */
const enough = 99;

function quantile(values: readonly number[], q: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN).toFixed(1);
}

if (findExecutable('sipp') === null) throw new Error('sipp not found on PATH: npm run setup');
for (const transport of ['udp', 'tcp-per-call'] as const) {
  for (const rate of rates) {
    const rig = await startEdge((leg) => void answering(leg), {
      limits: { messagesPerSecond: 1e6, burst: 1e6, legs: 20_000, connections: 10_000, connectionsPerSource: 10_000 },
    });
    const calls = rate * seconds;
    const before = process.cpuUsage();
    const from = performance.now();
    const result = await runSipp({
      scenario: 'call',
      target: rig.target,
      transport,
      calls,
      rate,
      callMs: 500,
      timeoutMs: 60_000,
    });
    const cpu = process.cpuUsage(before);
    const wall = performance.now() - from;
    const busy = (cpu.user + cpu.system) / 1_000 / wall;
    const memory = process.memoryUsage().rss / 2 ** 20;
    const perCore = result.successful / (wall / 1_000) / busy;
    process.stdout.write(
      `${transport} ${rate} calls/s for ${seconds} s: ${result.successful}/${calls} answered, INVITE to 200 p50 ` +
        `${quantile(result.responseTimesMs, 0.5)} ms, p99 ${quantile(result.responseTimesMs, 0.99)} ms, ` +
        `${result.retransmissions} retransmissions, ${(100 * busy).toFixed(0)} % of one core ` +
        `(${perCore.toFixed(0)} calls/s per core), ${memory.toFixed(0)} MB\n`,
    );
    await rig.close();
    if (result.successful < (calls * enough) / 100) break;
  }
}
