/** `usher serve --config FILE`: watches the rooms of a configuration until it is told to end. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../clock.ts';
import { type Command, type CommandIo, UsageError } from '../command.ts';
import { ConfigError, loadConfig } from '../config/load.ts';
import { createLog } from '../telemetry/log.ts';
import { openHouse } from './house.ts';

export const serveCommand: Command = async (args, io) => {
  const { values } = parseArgs({ args: [...args], options: { config: { type: 'string', short: 'c' } } });
  if (values.config === undefined) throw new UsageError('name a configuration: usher serve --config usher.yaml');
  const file = resolve(values.config);
  let config: Awaited<ReturnType<typeof loadConfig>>;
  try {
    config = await loadConfig(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.stderr.write(`${error.message}\n`);
    return 1;
  }
  const house = await openHouse({
    config,
    base: dirname(file),
    clock: systemClock,
    log: createLog({ level: config.log.level, destination: io.stdout }),
    mode: 'serve',
    version: await ownVersion(),
  });
  await ended(io);
  await house.close();
  return 0;
};

/** Resolves when the process is asked to end. */
export function ended({ signal }: CommandIo): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) return done();
    signal.addEventListener('abort', () => done(), { once: true });
  });
}

export async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) return String(parsed.version);
  return 'unknown';
}
