/**
 * A process that uses a store file, for tests that need a second one: `node process.ts hold|write|read-only PATH`. It says
 * what it did line by line; the test ends it.
 */
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { systemClock } from '../../src/clock.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import type { CollectionSpec } from '../../src/store/store.ts';

const counterSchema = z.object({ n: z.number(), padding: z.string() });
export const counters: CollectionSpec<z.infer<typeof counterSchema>> = {
  name: 'counters',
  schema: counterSchema,
  indexes: { n: (counter) => counter.n },
  unique: ['n'],
};

async function main(role: string, path: string): Promise<void> {
  // Root may write anything; what a plain user is told can only be seen as one.
  if (role === 'read-only' && process.getuid?.() === 0) process.setuid?.(65534);
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  try {
    const store = await openSqliteStore({ path, clock: systemClock });
    const collection = await store.collection(counters);
    say('open');
    if (role === 'write') {
      for (let n = await collection.count(); ; n++) {
        await collection.insert(`k${n}`, { n, padding: 'x'.repeat(n % 500) });
        say(String(n));
        // Pipes are written in the background: without a turn of the loop nothing would be said before the kill.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    createInterface({ input: process.stdin }).on('close', () => void store.close());
  } catch (error) {
    say(`${error instanceof Error ? `${error.name}: ${error.message}` : error}`);
  }
}

const [, script, role, path] = process.argv;
if (script === import.meta.filename && role !== undefined && path !== undefined) await main(role, path);
