/** The programs of guest calls (mediasoup's worker and Chromium), whether they start, and the ways into meetings. */
import { WorkerPool } from '../../../media/bridge/workers.ts';
import { sharedBrowser } from '../../../media/guest/browser.ts';
import { loadGuestAdapter } from '../../../media/guest/load.ts';
import { type FoundParts, findMediaParts } from '../../../media/setup/find.ts';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/schema.ts';
import { type Finding, within, wordsOf } from './finding.ts';

const silent = (): void => {};

/** Starts each program once and ends it again. */
export async function checkMedia(
  clock: Clock,
  signal: AbortSignal,
  parts: FoundParts = findMediaParts(),
): Promise<Finding[]> {
  return [await checkWorker(parts.workerBin, clock, signal), await checkChromium(parts.chromium, clock, signal)];
}

async function checkWorker(workerBin: string | null, clock: Clock, signal: AbortSignal): Promise<Finding> {
  const what = 'media worker';
  if (workerBin === null) return missing(what, 'MEDIASOUP_WORKER_BIN');
  try {
    const start = WorkerPool.start({ workerBin, workers: 1, clock, log: silent });
    const pool = await within(clock, signal, () => start);
    await pool.close();
    return { what, state: 'ok', words: `${workerBin} starts` };
  } catch (error) {
    signal.throwIfAborted();
    const words = `${workerBin} does not start (${wordsOf(error)}): remove it, and run npm run setup`;
    return { what, state: 'error', words };
  }
}

async function checkChromium(executablePath: string | null, clock: Clock, signal: AbortSignal): Promise<Finding> {
  const what = 'Chromium';
  if (executablePath === null) return missing(what, 'USHER_CHROMIUM');
  const browser = sharedBrowser({ executablePath });
  try {
    const running = await within(clock, signal, () => browser.get());
    const version = running.version();
    const root =
      process.getuid?.() === 0 ? '; without its sandbox, since this is root: run Usher as a user of its own' : '';
    return { what, state: root === '' ? 'ok' : 'warning', words: `${executablePath} ${version} starts${root}` };
  } catch (error) {
    signal.throwIfAborted();
    const [line = ''] = wordsOf(error).split('\n');
    const words = `${executablePath} does not start (${line}): start it by hand as this account to see why, and install what it misses`;
    return { what, state: 'error', words };
  } finally {
    await browser.close();
  }
}

/** Usher sets up by itself what is missing, unless it is told not to or the variable names something that is not there. */
function missing(what: string, variable: string): Finding {
  const given = process.env[variable];
  if (given !== undefined && given !== '') {
    return {
      what,
      state: 'error',
      words: `${variable} is ${given}, which is not an executable file: correct it or unset it`,
    };
  }
  if (process.env['USHER_SETUP'] === 'no') {
    return { what, state: 'error', words: 'not found, and USHER_SETUP=no: run npm run setup' };
  }
  return {
    what,
    state: 'warning',
    words: 'not found: usher serve sets it up at its start, which takes minutes; npm run setup does it now',
  };
}

/** Loads each adapter as Usher would, with its options, and opens no page. */
export async function checkGuests(config: Config, base: string, clock: Clock, signal: AbortSignal): Promise<Finding[]> {
  const { adapters, lobbyTimeoutMinutes } = config.guests;
  if (adapters.length === 0) {
    const words =
      'no way into meetings is configured, so that guest calls are not possible: name one in guests.adapters';
    return [{ what: 'guests', state: 'error', words }];
  }
  const findings: Finding[] = [];
  const environment = {
    browser: () => Promise.reject(new Error('no page is opened here')),
    clock,
    lobbyTimeoutMs: lobbyTimeoutMinutes * 60_000,
    log: silent,
  };
  for (const { module, options } of adapters) {
    const what = `guests: ${module}`;
    try {
      const loading = loadGuestAdapter({ module, options, base }, environment);
      const adapter = await within(clock, signal, () => loading);
      await adapter.close();
      findings.push({ what, state: 'ok', words: 'can be loaded' });
    } catch (error) {
      signal.throwIfAborted();
      findings.push({ what, state: 'error', words: wordsOf(error) });
    }
  }
  return findings;
}
