/** How the parts of a call log: a level, a sentence, and fields with ids, never titles or tokens. */
export type CallLog = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields?: Record<string, unknown>,
) => void;
