/**
 * One process of the test runner: runs the files that it is dealt one after another, each with a mocha of its own, and says
 * what became of each. A file costs milliseconds this way, since what files import in common is loaded once; a process for
 * each file would cost half a second of CPU a file. At the end nothing may hold the process open any longer.
 */
import Mocha from 'mocha';
import { order, type Result, type Settings } from './messages.ts';

/** How long what tests left behind has to go away by itself, in milliseconds. */
const graceMs = 15_000;

let settings: Settings | null = null;
/** The file after which there were last more of a kind of resource than before, and how many there were. */
const rises = new Map<string, { file: string; count: number }>();

process.on('message', (message) => {
  const given = order.parse(message);
  if (given.kind === 'settings') settings = given;
  else if (given.kind === 'end') end();
  else if (settings !== null) void run(given.file, settings);
});
process.on('disconnect', orphaned);

async function run(file: string, { grep, reporter, timeout, color, forbidOnly }: Settings): Promise<void> {
  // A promise that nobody handles is a failure of the test it happens in, never a line in a log.
  const mocha = new Mocha({ timeout, slow: 2_000, forbidOnly, reporter, color, allowUncaught: false });
  if (grep !== null) mocha.grep(new RegExp(grep));
  mocha.addFile(file);
  const told: Result = { file, passed: 0, failed: 0, skipped: 0, failures: [] };
  try {
    await mocha.loadFilesAsync();
    await new Promise<void>((resolve) => {
      const runner = mocha.run(() => resolve());
      runner.on('pass', () => told.passed++);
      runner.on('pending', () => told.skipped++);
      runner.on('fail', (test, error) => {
        told.failed++;
        told.failures.push(`${test.titlePath().join(' › ')}: ${firstLine(error)}`);
      });
    });
    mocha.dispose();
  } catch (error) {
    // The file could not be loaded, or holds an `only` where none is allowed.
    told.failed++;
    told.failures.push(firstLine(error));
    process.stderr.write(`${file}: ${error instanceof Error ? error.stack : String(error)}\n`);
  }
  noteRises(file);
  process.send?.(told);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}

function noteRises(file: string): void {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const [kind, { file: since }] of rises) rises.set(kind, { file: since, count: counts.get(kind) ?? 0 });
  for (const [kind, count] of counts) if (count > (rises.get(kind)?.count ?? 0)) rises.set(kind, { file, count });
}

/** Whatever still holds the process open now was left behind by a test: say so instead of hanging. */
function end(): void {
  process.off('disconnect', orphaned);
  process.disconnect();
  const deadline = setTimeout(() => {
    const left = process.getActiveResourcesInfo();
    const since = [...new Set(left)].map((kind) => `${kind} since ${rises.get(kind)?.file ?? 'later'}`);
    process.stdout.write(`left open after the tests: ${left.join(', ')} (${since.join(', ')})\n`);
    process.exit(1);
  }, graceMs);
  deadline.unref();
}

/** The runner is gone: nobody reads what would be said. */
function orphaned(): void {
  process.exit(1);
}
