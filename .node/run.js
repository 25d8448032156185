/**
 * Runs a script of this project on a Node that can: on the one at hand if it is new enough, else on the one that came with
 * `npm ci`. (npm 11 puts that one first on the path of scripts; npm 9 and 10 do not.) Plain JavaScript, since it is old
 * Nodes that read it. Usage: node .node/run.js SCRIPT ARGUMENT…
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const [script = '', ...args] = process.argv.slice(2);

if (major > 22 || (major === 22 && minor >= 18)) {
  process.argv.splice(1, 2, resolve(script));
  await import(pathToFileURL(resolve(script)).href);
} else {
  const name = `node-${process.platform}-${process.arch}`;
  let node;
  try {
    node = createRequire(import.meta.url).resolve(`${name}/bin/node`);
  } catch {
    process.stderr.write(
      `This is Node ${process.versions.node}, and no newer one came with npm ci for ${process.platform} ${process.arch}. Install Node 22.18 or newer (24 recommended).\n`,
    );
    process.exit(2);
  }
  const child = spawn(node, [script, ...args], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (status) => {
    process.exitCode = status ?? 1;
  });
}
