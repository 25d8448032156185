/** Looks for the programs that the bridge and its tests stand on. Looks only: changes and starts nothing but `c++ -v`. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The programs, by what they are for. */
export type Part = 'chromium' | 'worker' | 'baresip' | 'sipp' | 'ffmpeg';

/** Where each program is; null where it was not found. */
export interface FoundParts {
  /** The browser of guest and slate pages. */
  chromium: string | null;
  /** mediasoup's worker. */
  workerBin: string | null;
  /** The video system of the demo and of tests. */
  baresip: string | null;
  /** SIP load and scenarios, in tests. */
  sipp: string | null;
  /** A second, independent RTP sender and receiver, in tests. */
  ffmpeg: string | null;
}

/** What a colleague of the bridge is given once set-up has run: the first two are there for certain. */
export interface MediaParts {
  chromium: string;
  workerBin: string;
  baresip: string | null;
  sipp: string | null;
  ffmpeg: string | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What is there now, in a few milliseconds. */
export function findMediaParts(env: Environment = process.env): FoundParts {
  return {
    chromium: findChromium(env),
    workerBin: findWorker(env),
    baresip: onPath('baresip', env),
    sipp: onPath('sipp', env),
    ffmpeg: onPath('ffmpeg', env),
  };
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first executable of that name on the PATH. */
export function onPath(name: string, env: Environment = process.env): string | null {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, name);
    if (isExecutable(path)) return path;
  }
  return null;
}

/** `USHER_CHROMIUM`, else a Chromium or Chrome on the PATH, else Chrome where macOS keeps it. */
function findChromium(env: Environment): string | null {
  const given = env['USHER_CHROMIUM'];
  if (given !== undefined && given !== '') return isExecutable(given) ? given : null;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']) {
    const path = onPath(name, env);
    if (path !== null) return path;
  }
  const mac = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';
  return process.platform === 'darwin' && isExecutable(mac) ? mac : null;
}

/** `MEDIASOUP_WORKER_BIN`, else the worker in mediasoup's package, else our build in the cache. */
function findWorker(env: Environment): string | null {
  const given = env['MEDIASOUP_WORKER_BIN'];
  if (given !== undefined && given !== '') return isExecutable(given) ? given : null;
  const own = join(mediasoupFolder(), 'worker', 'out', 'Release', 'mediasoup-worker');
  if (isExecutable(own)) return own;
  const built = builtWorkerPath(env);
  return built !== null && isExecutable(built) ? built : null;
}

/** The folder of mediasoup's npm package. */
export function mediasoupFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.resolve('mediasoup')));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/**
 * Where our build of the worker is or would be: in the cache, by mediasoup's version and the compiler, since another
 * compiler means another release of the system and other libraries. Null where there is no compiler.
 */
export function builtWorkerPath(env: Environment = process.env): string | null {
  const compiler = compilerName();
  if (compiler === null) return null;
  return join(cacheFolder(env), `mediasoup-worker-${mediasoupVersion()}-${compiler}`, 'mediasoup-worker');
}

/** `$XDG_CACHE_HOME/usher`, by default `~/.cache/usher`. */
export function cacheFolder(env: Environment = process.env): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base?.startsWith('/') ? base : join(homedir(), '.cache'), 'usher');
}

function mediasoupVersion(): string {
  const description: unknown = JSON.parse(readFileSync(join(mediasoupFolder(), 'package.json'), 'utf8'));
  if (typeof description === 'object' && description !== null && 'version' in description)
    return String(description.version);
  throw new Error(`${mediasoupFolder()}/package.json has no version; run npm ci`);
}

function compilerName(): string | null {
  // gcc's -dumpversion alone may be the major version only; clang does not know -dumpfullversion.
  for (const question of [['-dumpfullversion', '-dumpversion'], ['-dumpversion']]) {
    try {
      const version = execFileSync('c++', question, { encoding: 'utf8', stdio: 'pipe' }).trim();
      if (/^[0-9.]+$/.test(version)) return `${process.platform}-${process.arch}-cxx${version}`;
    } catch {}
  }
  return null;
}
