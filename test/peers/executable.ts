/** Where the programs that tests drive are: on PATH, or the test is skipped with the reason. */
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';

/** The full path of `name`, or null where PATH has none. */
export function findExecutable(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here
    }
  }
  return null;
}

/**
 * Skips the running test or suite, saying why on stdout, unless every program is there.
 * Call it from a `function () {}` hook: `before(function () { requireExecutables(this, 'sipp'); })`.
 */
export function requireExecutables(context: Mocha.Context, ...names: string[]): void {
  const missing = names.filter((name) => findExecutable(name) === null);
  if (missing.length === 0) return;
  process.stdout.write(
    `      skipped: ${missing.join(', ')} not found on PATH (npm run setup installs what tests need)\n`,
  );
  context.skip();
}

/** A TCP port of 127.0.0.1 that is free now; for programs that cannot say which port they were given. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(address)));
    });
  });
}
