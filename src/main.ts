/**
 * The command line. Each command is loaded when it is asked for, so that `usher explain` does not wait for a browser.
 * Without a command: `serve` where a configuration is named, else the demo.
 */
import { readFile } from 'node:fs/promises';
import { systemClock } from './clock.ts';
import { type Command, type CommandIo, UsageError } from './command.ts';

interface Entry {
  summary: string;
  load: () => Promise<Command>;
}

const commands: Readonly<Record<string, Entry>> = {
  serve: {
    summary: '--config FILE: watch the rooms of a configuration',
    load: async () => (await import('./house/serve.ts')).serveCommand,
  },
  demo: {
    summary: 'three rooms with meetings around now, to look at and to edit',
    load: async () => (await import('./demo/demo.ts')).demoCommand,
  },
  provision: {
    summary: 'the rooms of a tenant or a table, as the rooms of a configuration',
    load: async () => (await import('./house/provision.ts')).provisionCommand,
  },
  rooms: {
    summary: 'each room: next entry, route, devices, and what is wrong',
    load: async () => {
      const { roomsCommand } = await import('./rooms/command.ts');
      return (args, io) => roomsCommand(args, io);
    },
  },
  calls: {
    summary: 'what became of the calls of the rooms',
    load: async () => (await import('./calls/command.ts')).callsCommand,
  },
  doctor: {
    summary: '--config FILE: looks at calendars, devices and what calls need, and says what is wrong',
    load: async () => (await import('./house/doctor.ts')).doctorCommand,
  },
  explain: {
    summary: 'FILE…: what an invite says about how to join, and how a room would dial',
    load: async () => {
      const { explainCommand } = await import('./explain/explain.ts');
      return (args, { stdout, stderr }) => explainCommand(args, { stdout, stderr, readFile: (path) => readFile(path) });
    },
  },
  rules: {
    summary: 'test --rules FILE FILE…: which of your rules an invite meets, and why',
    load: async () => (await import('./explain/rules-command.ts')).rulesCommand,
  },
  store: {
    summary: 'backup | restore | copy: the store in one piece, and to another kind',
    load: async () => {
      const { storeCommand } = await import('./store/command.ts');
      const line = (stream: CommandIo['stdout']) => (text: string) => void stream.write(`${text}\n`);
      return (args, { stdout, stderr }) =>
        storeCommand(args, { out: line(stdout), err: line(stderr), clock: systemClock });
    },
  },
};

function usage(): string {
  const width = Math.max(...Object.keys(commands).map(({ length }) => length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `usage: usher COMMAND …\n${lines.join('\n')}\n`;
}

async function main(argv: readonly string[], io: CommandIo): Promise<number> {
  const first = argv[0];
  if (first === '--help' || first === '-h' || first === 'help') {
    io.stdout.write(usage());
    return 0;
  }
  const named = first !== undefined && !first.startsWith('-');
  const name = named ? first : argv.some((arg) => arg === '--config' || arg.startsWith('--config=')) ? 'serve' : 'demo';
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    io.stderr.write(`usher: there is no command "${name}"\n${usage()}`);
    return 2;
  }
  try {
    const command = await entry.load();
    return await command(named ? argv.slice(1) : argv, io);
  } catch (error) {
    if (error instanceof UsageError || isParseArgsError(error)) {
      io.stderr.write(`usher ${name}: ${error.message}\n`);
      return 2;
    }
    io.stderr.write(`usher ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

function isParseArgsError(error: unknown): error is Error {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    error.code.startsWith('ERR_PARSE_ARGS')
  );
}

/** npm, as whoever runs Usher for another, passes on the Ctrl-C that the terminal has sent to both, milliseconds. */
const sameSignalWithin = 2_000;

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    const first = systemClock.monotonic();
    stop.abort();
    // The second time there is no more waiting for an orderly end.
    process.on(signal, () => {
      if (systemClock.monotonic() - first >= sameSignalWithin) process.exit(1);
    });
  });
}
const status = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stop.signal,
});
// Everything is closed by now; timers that libraries leave behind (agenda one for each run) must not hold up the end.
process.stdout.write('', () => process.stderr.write('', () => process.exit(status)));
