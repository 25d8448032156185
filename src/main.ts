/** The command line: `usher COMMAND …`. Each command is loaded only when it is asked for. */
import { readFile } from 'node:fs/promises';
import process from 'node:process';

const commands: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  explain: async (args) =>
    (await import('./explain/explain.ts')).explainCommand(args, {
      stdout: process.stdout,
      stderr: process.stderr,
      readFile: (path) => readFile(path),
    }),
};

const [name = '', ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (command === undefined) {
  process.stderr.write(
    `usher: ${name === '' ? 'no command' : `no command "${name}"`}; known: ${Object.keys(commands).join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  process.exitCode = await command(args);
}
