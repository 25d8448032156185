/**
 * Runs the test suite with mocha and closes with one line, `N passed, N failed, N skipped`.
 * `--long` runs the long suites' full counts (USHER_LONG=1); every other argument is mocha's own, `--grep @tag` for one.
 */
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Mocha from 'mocha';
import { ensureMediaParts } from '../media/setup/ensure.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const args = process.argv.slice(2);
const long = args.includes('--long');
if (long) process.env['USHER_LONG'] = '1';

function option(name: string): string | undefined {
  const joined = args.find((arg) => arg.startsWith(`${name}=`));
  if (joined !== undefined) return joined.slice(name.length + 1);
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
}

const grep = option('--grep') ?? option('-g');
const only = args.filter((arg) => arg.endsWith('.test.ts'));
const files = only.length > 0 ? only : globSync('{parsers,connectors,media,src,fixtures,test}/**/*.test.ts').sort();

// The real parts that the tests stand on. Without them the tests concerned are skipped, and say so; in CI that is a failure.
let setUp = true;
if (only.length === 0) {
  try {
    let told = '';
    await ensureMediaParts({
      parts: ['chromium', 'worker', 'baresip', 'sipp', 'ffmpeg'],
      say: ({ message }) => {
        const [head = ''] = message.split(':');
        if (head !== told) process.stdout.write(`${message}\n`);
        told = head;
      },
    });
  } catch (error) {
    setUp = false;
    process.stderr.write(`Set-up: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

const mocha = new Mocha({
  timeout: long ? 600_000 : 30_000,
  slow: 2_000,
  forbidOnly: process.env['CI'] !== undefined,
  reporter: option('--reporter') ?? 'spec',
  // A promise that nobody handles is a failure of the test it happens in, never a line in a log.
  allowUncaught: false,
});
if (grep !== undefined) mocha.grep(new RegExp(grep));
for (const file of files) mocha.addFile(file);
await mocha.loadFilesAsync();

let passed = 0;
let failed = 0;
let skipped = 0;
const runner = mocha.run((failures) => {
  process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  const skippedInCi = process.env['CI'] !== undefined && !setUp;
  if (skippedInCi) process.stdout.write('the set-up failed, so tests were skipped that this machine could run\n');
  process.exitCode = failures > 0 || passed === 0 || skippedInCi ? 1 : 0;
  // Whatever still holds the process open now was left behind by a test: say so instead of hanging.
  const deadline = setTimeout(() => {
    process.stdout.write(`left open after the tests: ${process.getActiveResourcesInfo().join(', ')}\n`);
    process.exit(1);
  }, 15_000);
  deadline.unref();
});
runner.on('pass', () => passed++);
runner.on('fail', () => failed++);
runner.on('pending', () => skipped++);
