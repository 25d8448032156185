/** CPU and memory by process, from Chromium itself and from Linux's /proc. */
import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';

export interface ProcessUse {
  /** CPU so far, seconds. */
  seconds: number;
  pids: number[];
}

/**
 * CPU so far by what the process is: each browser's processes by their kind (`chromium renderer`), the others by name.
 * @throws Error if one of the other processes is gone
 */
export async function cpuByProcess(
  browsers: Readonly<Record<string, Browser>>,
  others: Readonly<Record<string, number>>,
): Promise<Map<string, ProcessUse>> {
  const uses = new Map<string, ProcessUse>();
  const add = (name: string, pid: number, seconds: number): void => {
    const use = uses.get(name) ?? { seconds: 0, pids: [] };
    uses.set(name, { seconds: use.seconds + seconds, pids: [...use.pids, pid] });
  };
  for (const [name, browser] of Object.entries(browsers)) {
    const session = await browser.newBrowserCDPSession();
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    await session.detach();
    for (const { type, id, cpuTime } of processInfo) add(`${name} ${type.split('.')[0]}`, id, cpuTime);
  }
  for (const [name, pid] of Object.entries(others)) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    add(name, pid, (Number(stat[11]) + Number(stat[12])) / 100);
  }
  return uses;
}

/** The whole machine so far, whoever it worked for: seconds of CPU in use, and in all. */
export function machineCpu(): { busy: number; all: number } {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n')[0]?.split(/\s+/).slice(1, 9).map(Number) ?? [];
  const all = fields.reduce((sum, one) => sum + one, 0);
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
  return { busy: (all - idle) / 100, all: all / 100 };
}

/** Proportional set size, MiB: what is shared is counted once. */
export function memory(pids: readonly number[]): number {
  let kilobytes = 0;
  for (const pid of pids) {
    try {
      kilobytes += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      // Gone, or not ours to read.
    }
  }
  return kilobytes / 1024;
}
