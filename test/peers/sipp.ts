/** sipp as many video systems at once, playing scenarios of `test/sip/scenarios` against a SIP edge. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findExecutable } from '../../fixtures/vtc/executable.ts';

export interface SippOptions {
  /** Name of a file in `test/sip/scenarios` without `.xml`, or sipp's own `uac`. */
  scenario: string;
  /** `host:port` to call. */
  target: string;
  transport?: 'udp' | 'tcp' | 'tcp-per-call';
  /** Calls in all; default 1. */
  calls?: number;
  /** New calls a second; default 10. */
  rate?: number;
  /** User part that is dialled; default `service`. */
  service?: string;
  /** Percent of packets that sipp throws away, each way. */
  lossPercent?: number;
  /** Values for `[name]` in the scenario. */
  keys?: Readonly<Record<string, string>>;
  /** Sipp's own pause between answer and BYE, milliseconds. */
  callMs?: number;
  /** Milliseconds after which it is stopped; default 30 s. */
  timeoutMs?: number;
}

export interface SippResult {
  /** 0: every call went as the scenario says. */
  exitCode: number;
  successful: number;
  failed: number;
  retransmissions: number;
  /** From INVITE to 200 of every call that measures it, milliseconds. */
  responseTimesMs: readonly number[];
  /** Sipp's own words on what went wrong. */
  errors: string;
}

/** Runs one scenario to its end. Never throws for a failed call: look at the result. */
export async function runSipp(options: SippOptions): Promise<SippResult> {
  const binary = findExecutable('sipp');
  if (binary === null) throw new Error('sipp not found on PATH');
  const folder = mkdtempSync(join(tmpdir(), 'usher-sipp-'));
  const { exitCode, output } = await new Promise<{ exitCode: number; output: string }>((resolve) => {
    const limits = {
      cwd: folder,
      timeout: options.timeoutMs ?? 30_000,
      killSignal: 'SIGKILL' as const,
      maxBuffer: 1 << 26,
    };
    execFile(binary, argumentsOf(options), limits, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ exitCode: code, output: stdout + stderr });
    });
  });
  const errors = readdirSync(folder)
    .filter((file) => file.endsWith('errors.log'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('');
  const counters = countersOf(folder);
  const responseTimesMs = responseTimesOf(folder);
  rmSync(folder, { recursive: true, force: true });
  return {
    exitCode,
    ...counters,
    responseTimesMs,
    errors: exitCode === 0 ? errors : `${errors}\n${output.slice(-2_000)}`,
  };
}

function argumentsOf(options: SippOptions): string[] {
  const transports = { udp: 'u1', tcp: 't1', 'tcp-per-call': 'tn' };
  const scenario = fileURLToPath(new URL(`../sip/scenarios/${options.scenario}.xml`, import.meta.url));
  const calls = String(options.calls ?? 1);
  const args = [options.target, ...(options.scenario === 'uac' ? ['-sn', 'uac'] : ['-sf', scenario])];
  args.push('-s', options.service ?? 'service', '-i', '127.0.0.1', '-t', transports[options.transport ?? 'udp']);
  args.push(
    '-m',
    calls,
    '-l',
    calls,
    '-r',
    String(options.rate ?? 10),
    '-nostdin',
    '-max_socket',
    '1000',
    '-trace_err',
    '-trace_stat',
    '-trace_rtt',
    '-rtt_freq',
    '1',
    '-fd',
    '1',
  );
  if (options.callMs !== undefined) args.push('-d', String(options.callMs));
  if (options.lossPercent !== undefined) args.push('-lost', String(options.lossPercent));
  for (const [name, value] of Object.entries(options.keys ?? {})) args.push('-key', name, value);
  return args;
}

function responseTimesOf(folder: string): number[] {
  const file = readdirSync(folder).find((name) => name.endsWith('_rtt.csv'));
  if (file === undefined) return [];
  const lines = readFileSync(join(folder, file), 'utf8').trim().split('\n').slice(1);
  return lines.map((line) => Number(line.split(';')[1]));
}

/** Reads the last line of sipp's statistics file. */
function countersOf(folder: string): Pick<SippResult, 'successful' | 'failed' | 'retransmissions'> {
  const file = readdirSync(folder).find((name) => name.endsWith('.csv') && !name.endsWith('_rtt.csv'));
  const lines = file === undefined ? [] : readFileSync(join(folder, file), 'utf8').trim().split('\n');
  const names = lines[0]?.split(';') ?? [];
  const last = lines.at(-1)?.split(';') ?? [];
  const counter = (name: string): number => Number(last[names.indexOf(name)] ?? 0);
  return {
    successful: counter('SuccessfulCall(C)'),
    failed: counter('FailedCall(C)'),
    retransmissions: counter('Retransmissions(C)'),
  };
}
