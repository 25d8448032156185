/** What every command of the command line is: words in, an exit status out. */

/** Where a command writes, and how it learns that it should end. */
export interface CommandIo {
  stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  /** Aborted by SIGINT and SIGTERM. */
  signal: AbortSignal;
}

/** 0: done; 1: answered, but something is wrong; 2: bad use. */
export type ExitStatus = 0 | 1 | 2;

export type Command = (args: readonly string[], io: CommandIo) => Promise<number>;

/** Bad use of a command; its message says what was found and what is possible. */
export class UsageError extends Error {
  override name = 'UsageError';
}
