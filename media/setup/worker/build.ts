/** Builds mediasoup's worker into the cache (recipe.ts), once, whoever asks at the same time. */
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isExecutable } from '../find.ts';
import { changes, headers, subprojectFiles } from './recipe.ts';

/** How the folders of builds begin. */
const unfinished = 'build-';

export interface WorkerBuild {
  /** The `worker` folder of mediasoup's npm package. */
  source: string;
  /** Where the binary goes. */
  target: string;
  /** Compile steps done, of how many. */
  onProgress(done: number, total: number): void;
}

/**
 * Leaves the worker at `target`; does nothing when it is there already. A second process that asks waits for the first.
 * @throws Error with the last lines of the compiler's output
 */
export async function buildWorker(build: WorkerBuild): Promise<void> {
  const cache = dirname(build.target);
  await mkdir(cache, { recursive: true });
  const unlock = await lock(`${cache}.lock`);
  try {
    if (isExecutable(build.target)) return;
    await removeUnfinished(cache);
    const folder = await mkdtemp(join(cache, unfinished));
    try {
      await layOut(build.source, folder);
      await run('meson', ['setup', 'out', '--buildtype', 'release', '-Db_ndebug=true'], folder, () => {});
      const jobs = String(Math.max(1, availableParallelism()));
      await run('ninja', ['-C', 'out', '-j', jobs, 'mediasoup-worker'], folder, (line) => {
        const step = /^\[(\d+)\/(\d+)\]/.exec(line);
        if (step !== null) build.onProgress(Number(step[1]), Number(step[2]));
      });
      await rename(join(folder, 'out', 'mediasoup-worker'), build.target);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  } finally {
    unlock();
  }
}

/** Folders of builds that were killed: with the lock held, nobody else can be building. */
async function removeUnfinished(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (name.startsWith(unfinished)) await rm(join(cache, name), { recursive: true, force: true });
  }
}

async function layOut(source: string, folder: string): Promise<void> {
  await cp(source, folder, { recursive: true, filter: (path) => !path.endsWith('.wrap') });
  const subprojects = join(folder, 'subprojects');
  for (const [path, content] of subprojectFiles()) {
    await mkdir(dirname(join(subprojects, path)), { recursive: true });
    await writeFile(join(subprojects, path), content);
  }
  for (const { subproject, header } of headers) {
    const target = join(subprojects, subproject, 'include', header);
    await mkdir(dirname(target), { recursive: true });
    await cp(fileURLToPath(new URL(`include/${header}`, import.meta.url)), target);
  }
  for (const change of changes) {
    const path = join(folder, change.file);
    const text = await readFile(path, 'utf8');
    const parts = text.split(change.find);
    if (parts.length === 2) await writeFile(path, parts.join(change.replace));
    else if (!change.optional)
      throw new Error(
        `${change.file}: expected \`${change.find}\` once, found it ${parts.length - 1} times; this version of mediasoup needs another recipe (media/setup/worker/recipe.ts)`,
      );
  }
}

/** Runs one build command; its output is kept for the error message alone. */
function run(command: string, args: readonly string[], cwd: string, onLine: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const last: string[] = [];
    const take = (chunk: Buffer): void => {
      for (const line of chunk.toString('utf8').split('\n')) {
        if (line.trim() === '') continue;
        onLine(line);
        last.push(line);
        if (last.length > 30) last.shift();
      }
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => reject(new Error(`${command} could not be started: ${error.message}`)));
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ended with ${code}:\n${last.join('\n')}`));
    });
  });
}

/**
 * Takes a lock that the kernel gives back when this process dies, whatever way: flock(1), which is on every Debian,
 * holds it for as long as its standard input stays open.
 */
function lock(path: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['--exclusive', path, 'sh', '-c', 'echo locked; cat >/dev/null'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    child.on('error', (error) => reject(new Error(`flock could not be started: ${error.message}`)));
    child.on('close', (code) => reject(new Error(`flock ${path} ended with ${code} without having the lock`)));
    child.stdout.once('data', () => resolve(() => child.stdin.end()));
  });
}
