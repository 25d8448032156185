/**
 * A copy between stores for tests that kill it: `node copier.ts SOURCE TARGET`, files or MongoDB addresses. It says `in the
 * middle` when part of the documents is written, and then goes no further.
 */
import { systemClock } from '../../src/clock.ts';
import { copyStore, type RawStore } from '../../src/store/copy.ts';
import { openRawMongo } from '../../src/store/mongo/raw.ts';
import { openRawSqlite } from '../../src/store/sqlite/raw.ts';

function open(address: string): Promise<RawStore> {
  return address.startsWith('mongodb://') ? openRawMongo({ uri: address }) : openRawSqlite(address, systemClock);
}

async function main(from: string, to: string): Promise<void> {
  const [source, target] = [await open(from), await open(to)];
  const write = target.write.bind(target);
  let writes = 0;
  target.write = async (...args) => {
    await write(...args);
    if (++writes < 2) return;
    process.stdout.write('in the middle\n');
    setInterval(() => {}, 60_000);
    await new Promise(() => {});
  };
  await copyStore(source, target);
}

const [, script, from, to] = process.argv;
if (script === import.meta.filename && from !== undefined && to !== undefined) await main(from, to);
