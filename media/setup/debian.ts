/** Installs programs from Debian (or Ubuntu): as root by apt-get, else by telling the one command that would. */
import { spawn, spawnSync } from 'node:child_process';
import { onPath } from './find.ts';

/** Packages are missing and this process may not install them. The message is the command that does. */
export class PackagesMissing extends Error {
  override name = 'PackagesMissing';
}

/**
 * Installs `packages`, with one `apt-get update` before. `onLine` hears what apt-get does.
 * @throws PackagesMissing where there is no apt-get, this process is not root, or `allowed` is false
 * @throws Error with apt-get's last lines
 */
export async function installPackages(
  packages: readonly string[],
  allowed: boolean,
  onLine: (line: string) => void,
): Promise<void> {
  if (packages.length === 0) return;
  const command = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  const aptGet = onPath('apt-get');
  if (aptGet === null) {
    throw new PackagesMissing(
      `This system has no apt-get. Install the equivalents of these Debian packages by hand: ${packages.join(' ')}`,
    );
  }
  if (!allowed) throw new PackagesMissing(`USHER_SETUP=no: nothing is installed. Run: ${sudo(command)}`);
  if (process.getuid?.() !== 0) throw new PackagesMissing(`Not root. Run once: ${sudo(command)}`);
  await run(aptGet, ['update'], onLine);
  // Another package run on this machine is waited for instead of failing at once.
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  await run(aptGet, ['install', '-y', '--no-install-recommends', ...wait, ...packages], onLine);
}

/** Those of `packages` that dpkg does not know as installed; all of them where there is no dpkg. */
export function notInstalled(packages: readonly string[]): string[] {
  const format = '${Package} ${db:Status-Status}\n';
  const { stdout } = spawnSync('dpkg-query', ['--show', `--showformat=${format}`, ...packages], { encoding: 'utf8' });
  const installed = new Set((stdout ?? '').split('\n').filter((line) => line.endsWith(' installed')));
  return packages.filter((name) => !installed.has(`${name} installed`));
}

function sudo(command: string): string {
  return `sudo sh -c '${command}'`;
}

function run(command: string, args: readonly string[], onLine: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    const last: string[] = [];
    const take = (chunk: Buffer): void => {
      for (const line of chunk.toString('utf8').split('\n')) {
        if (line.trim() === '') continue;
        onLine(line.trim());
        last.push(line);
        if (last.length > 20) last.shift();
      }
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => reject(new Error(`${command} could not be started: ${error.message}`)));
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args[0] ?? ''} ended with ${code}:\n${last.join('\n')}`));
    });
  });
}
