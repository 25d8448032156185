/**
 * The log: one JSON object a line (pino). Lines carry `room`, `entry`, `call` and `device` ids; they never carry secrets or
 * titles. Whoever logs passes ids; the redaction here is the net below.
 */
import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/** Fields that hold what no log may hold, at the top of a line or one level down. */
const redacted = [
  'secret',
  'password',
  'passcode',
  'token',
  'authorization',
  'cookie',
  'title',
  'subject',
  'body',
  'html',
  'dial',
];

export interface LogOptions {
  level?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** Default: standard output. */
  destination?: { write(line: string): void };
}

export function createLog(options: LogOptions = {}): Log {
  const target = options.destination ?? process.stdout;
  const masked: DestinationStream = { write: (line) => void target.write(maskSecrets(line)) };
  return pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: nameAlike },
      redact: { paths: redacted.flatMap((name) => [name, `*.${name}`]), censor: '***' },
      serializers: { err: pino.stdSerializers.err },
    },
    masked,
  );
}

const names: Readonly<Record<string, string>> = {
  roomId: 'room',
  deviceId: 'device',
  entryId: 'entry',
  callId: 'call',
  error: 'err',
};

/** One name for one thing in every line, whatever the part that logs calls it: lines are searched by these. */
function nameAlike(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [names[name] ?? name, value]));
}

/**
 * Masks what has the shape of a secret wherever it stands: room secrets in addresses, whatever the secret file gives
 * (dial tokens, the administrator's secret: 26 base32 characters; entry ids, which are no secrets, look alike but for their prefix),
 * credentials in URLs and in their queries (Teams' `p=`, Zoom's `pwd=`), `Authorization` values. Error messages of libraries quote addresses; this is for them.
 */
export function maskSecrets(text: string): string {
  return text
    .replace(/(\/r\/[^/\s"\\?#]{1,200}\/)(?!:secret\/)[^/\s"\\?#]{1,400}/g, '$1***')
    .replace(/(?<!usher-)\b[a-z2-7]{26}\b/gi, '***')
    .replace(/(:\/\/[^/\s"\\:@]{1,100}):[^/\s"\\@]{1,200}@/g, '$1:***@')
    .replace(/([?&](?:p|pwd|pass(?:code|word)?|token|secret|key|sig|signature|code|h)=)[^\s"&#\\]{1,400}/gi, '$1***')
    .replace(/\b(Bearer|Basic|Digest) [^\s"\\]{4,}/gi, '$1 ***');
}
