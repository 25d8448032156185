/**
 * `npm run setup`: installs and builds what the bridge needs (ensure.ts) and says what it does. Nothing to do takes a
 * fraction of a second. USHER_SETUP=no only looks. Exit status 0 when everything is there, 1 when not.
 */
import { ensureMediaParts, type SetupProgress } from './ensure.ts';

let lastShown = -1;

function show({ message, fraction }: SetupProgress): void {
  // A terminal is not needed to follow this: one line for each twentieth of a long step.
  if (fraction !== null) {
    const twentieth = Math.floor(fraction * 20);
    if (twentieth === lastShown) return;
    lastShown = twentieth;
  }
  process.stdout.write(`${message}\n`);
}

try {
  const parts = await ensureMediaParts({ parts: ['chromium', 'worker', 'baresip', 'sipp', 'ffmpeg'], say: show });
  process.stdout.write('Everything is there:\n');
  for (const [name, path] of Object.entries(parts)) process.stdout.write(`  ${name}: ${path}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
