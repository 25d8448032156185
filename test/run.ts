/**
 * Runs the test suite with mocha, in a few processes at once, and closes with one line, `N passed, N failed, N skipped`.
 * `--long` runs the long suites' full counts (USHER_LONG=1); `--jobs N` sets how many processes. Test files and mocha's own
 * `--grep @tag` and `--reporter name` do what they do there.
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ensureMediaParts } from '../media/setup/ensure.ts';
import { deal } from './run/deal.ts';

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

// Where browsers, calls and crashes are waited for goes first, so that the processes end at about the same time.
const slowFolders = ['sgj', 'mongo', 'guest', 'media', 'house', 'demo'].map((name) => `test/${name}/`);
function rank(file: string): number {
  const at = slowFolders.findIndex((folder) => file.startsWith(folder));
  return at < 0 ? slowFolders.length : at;
}

const grep = option('--grep') ?? option('-g');
const only = args.filter((arg) => arg.endsWith('.test.ts'));
const files = only.length > 0 ? only : globSync('{parsers,connectors,media,src,fixtures,test}/**/*.test.ts').sort();
if (only.length === 0) files.sort((a, b) => rank(a) - rank(b));

// Tests wait more than they compute, but what they start computes too: a process for each core, and never a crowd.
const processes = Number(option('--jobs') ?? Math.min(availableParallelism(), 4));
if (!Number.isInteger(processes) || processes < 1) {
  throw new Error(`--jobs takes a number of processes, such as --jobs 2, not ${option('--jobs')}`);
}

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

const sum = await deal({
  files,
  processes,
  settings: {
    kind: 'settings',
    grep: grep ?? null,
    reporter: option('--reporter') ?? 'spec',
    timeout: long ? 600_000 : 30_000,
    color: process.stdout.isTTY === true,
    forbidOnly: process.env['CI'] !== undefined,
  },
  print: (text) => process.stdout.write(text),
});

if (sum.failures.length > 0) process.stdout.write(`\nFailed (details above):\n  ${sum.failures.join('\n  ')}\n`);
const skippedInCi = process.env['CI'] !== undefined && !setUp;
if (skippedInCi) process.stdout.write('the set-up failed, so tests were skipped that this machine could run\n');
process.exitCode = sum.failed > 0 || sum.passed === 0 || skippedInCi ? 1 : 0;
process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped\n`);
