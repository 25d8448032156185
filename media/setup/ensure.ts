/** Makes sure that the bridge's programs are there: finds them, or installs and builds what is missing, and tries it. */
import { join } from 'node:path';
import { installPackages, notInstalled, PackagesMissing } from './debian.ts';
import { builtWorkerPath, findMediaParts, type MediaParts, mediasoupFolder, type Part } from './find.ts';
import { handshakeWasTested, recordHandshake } from './tested.ts';
import { buildWorker } from './worker/build.ts';
import { buildPackages } from './worker/recipe.ts';

/** One step of set-up as it goes on. */
export interface SetupProgress {
  step: 'packages' | 'worker' | 'self-test';
  message: string;
  /** 0 to 1 where it can be told. */
  fraction: number | null;
}

export interface SetupOptions {
  /** Which programs are needed besides chromium and the worker, which always are; tests need all. */
  parts: readonly Part[];
  /** Hears what is done and how long it takes; silent while nothing is missing. */
  say(progress: SetupProgress): void;
  /** False when USHER_SETUP=no, by default as the environment says: nothing is installed or built. */
  allowed?: boolean;
}

const packagesOf: Readonly<Record<Exclude<Part, 'worker'>, readonly string[]>> = {
  // With letters for the slate in every language it speaks.
  chromium: ['chromium', 'fonts-dejavu-core', 'fonts-ipafont-gothic'],
  baresip: ['baresip-core', 'baresip-ffmpeg'],
  sipp: ['sip-tester'],
  ffmpeg: ['ffmpeg'],
};

/**
 * Everything in `parts`, ready for use. Quick (no self-test, no installation) when it was there before.
 * @throws PackagesMissing with the one command to run, when something is missing and may not be installed here
 * @throws Error when an installation, the build or the self-test failed
 */
export async function ensureMediaParts(options: SetupOptions): Promise<MediaParts> {
  const allowed = options.allowed ?? process.env['USHER_SETUP'] !== 'no';
  await installMissing(options, allowed);
  await ensureWorker(options, allowed);
  const found = findMediaParts();
  const { chromium, workerBin } = found;
  if (chromium === null) throw new Error(stillMissing('chromium', 'USHER_CHROMIUM'));
  if (workerBin === null) throw new Error(stillMissing("mediasoup's worker", 'MEDIASOUP_WORKER_BIN'));
  const parts = { ...found, chromium, workerBin };
  await selfTest(parts, options);
  return parts;
}

async function installMissing({ parts, say }: SetupOptions, allowed: boolean): Promise<void> {
  const found = findMediaParts();
  const missing: string[] = [];
  if (found.chromium === null) {
    if (process.env['USHER_CHROMIUM']) throw new Error(notExecutable('USHER_CHROMIUM'));
    missing.push(...packagesOf.chromium);
  }
  for (const part of ['baresip', 'sipp', 'ffmpeg'] as const) {
    if (parts.includes(part) && found[part] === null) missing.push(...packagesOf[part]);
  }
  if (found.workerBin === null) {
    if (process.env['MEDIASOUP_WORKER_BIN']) throw new Error(notExecutable('MEDIASOUP_WORKER_BIN'));
    if (process.platform !== 'linux') {
      throw new PackagesMissing(
        `mediasoup's worker is missing. Run \`npm rebuild --ignore-scripts=false mediasoup\`, which fetches or builds it, or set MEDIASOUP_WORKER_BIN.`,
      );
    }
    missing.push(...notInstalled(buildPackages));
  }
  if (missing.length === 0) return;
  const message = `Installing ${missing.join(', ')} (1 to 3 minutes)`;
  if (allowed) say({ step: 'packages', message, fraction: null });
  await installPackages(missing, allowed, (line) => {
    if (/^(Get:|Unpacking|Setting up)/.test(line)) say({ step: 'packages', message: line, fraction: null });
  });
}

/** The worker: found, or built from mediasoup's own source. */
async function ensureWorker({ say }: SetupOptions, allowed: boolean): Promise<void> {
  if (findMediaParts().workerBin !== null) return;
  const target = builtWorkerPath();
  if (target === null) throw new Error('No C++ compiler (c++) was found to build the worker of mediasoup with');
  if (!allowed) {
    throw new PackagesMissing('USHER_SETUP=no: the worker of mediasoup is not built. Run: npm run setup');
  }
  const message = 'Building the worker of mediasoup from its source (3 to 6 minutes, once)';
  say({ step: 'worker', message, fraction: 0 });
  await buildWorker({
    source: join(mediasoupFolder(), 'worker'),
    target,
    onProgress: (done, total) =>
      say({ step: 'worker', message: `${message}: ${done} of ${total}`, fraction: done / total }),
  });
}

/** A worker that starts proves nothing about its DTLS: once for each worker and browser, a real handshake is made. */
async function selfTest(parts: { chromium: string; workerBin: string }, { say }: SetupOptions): Promise<void> {
  if (handshakeWasTested(parts)) return;
  say({ step: 'self-test', message: 'Trying the bridge with a real browser (a few seconds)', fraction: null });
  const { tryHandshake } = await import('./self-test.ts');
  await tryHandshake(parts);
  recordHandshake(parts);
}

function notExecutable(variable: string): string {
  return `${variable} is ${process.env[variable]}, which is not an executable file; correct it or unset it`;
}

function stillMissing(name: string, variable: string): string {
  return `Set-up ran, but ${name} is still not found; install it by hand or set ${variable} to its path`;
}
