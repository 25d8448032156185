/**
 * How long rooms are without a process when theirs is killed, or hands them over: three processes on one store, with the
 * times that the product uses. On MONGODB_URI, or on the wire-protocol stand-in.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startStandIn } from '../fixtures/mongodb/stand-in.ts';
import { roomIds } from './takeover/node.ts';

const folder = mkdtempSync(join(tmpdir(), 'usher-takeover-'));
const given = process.env['MONGODB_URI'];
const standIn = given === undefined ? await startStandIn({ folder }) : null;
const uri = given ?? `${standIn?.uri}/takeover`;
/** When each room was last pushed to, and by which connection. */
const pushed = new Map<string, { at: number; by: number }>();
let connections = 0;
const devices = createServer((socket) => {
  const by = connections++;
  socket.on('error', () => {});
  const lines = createInterface({ input: socket });
  lines.on('error', () => {});
  lines.on('line', (line) => {
    pushed.set(line.split(' ')[0] ?? '', { at: performance.now(), by });
    socket.write('ok\n');
  });
});
devices.listen(0, '127.0.0.1');
await once(devices, 'listening');
const address = devices.address();
const port = typeof address === 'object' && address !== null ? address.port : 0;

const script = fileURLToPath(new URL('./takeover/node.ts', import.meta.url));
function start(name: string): ChildProcess {
  return spawn(process.execPath, [script, uri, name, String(port)], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Waits until every room has been pushed to after `since`; gives the longest that one of them waited. */
async function served(since: number): Promise<number> {
  for (;;) {
    const times = roomIds.map((room) => pushed.get(room)?.at ?? 0);
    if (times.every((at) => at > since)) return Math.max(...times) - since;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const processes = [start('a'), start('b'), start('c')];
await served(0);
process.stdout.write(
  `engine: ${given === undefined ? 'wire-protocol stand-in' : 'MONGODB_URI'}; ${roomIds.length} rooms, 3 processes\n`,
);
await new Promise((resolve) => setTimeout(resolve, 12_000));
for (const [what, signal] of [
  ['killed with -9', 'SIGKILL'],
  ['handed over on SIGTERM', 'SIGTERM'],
] as const) {
  const child = processes.shift();
  const began = performance.now();
  child?.kill(signal);
  process.stdout.write(
    `${what}: all rooms served again after ${((await served(began + 200)) / 1000 + 0.2).toFixed(1)} s\n`,
  );
}
for (const child of processes) child.kill('SIGKILL');
devices.close();
await standIn?.stop();
rmSync(folder, { recursive: true, force: true });
process.exit(0);
