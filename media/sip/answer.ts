/** Builds responses (RFC 3261 section 8.2.6). */
import { createHash } from 'node:crypto';
import { type HeaderField, header, headerFields, type SipRequest, type SipResponse } from './message.ts';
import { topVia } from './via.ts';

/** Methods that the edge takes, for `Allow`. */
export const allowedMethods = 'INVITE, ACK, BYE, CANCEL, OPTIONS, INFO';
/** Bodies that it reads, for `Accept`. */
export const acceptedTypes = 'application/sdp, application/media_control+xml, application/dtmf-relay, application/dtmf';
/** What an OPTIONS is told (RFC 3261 section 11.2). */
export const capabilities: readonly HeaderField[] = [
  { name: 'Allow', value: allowedMethods },
  { name: 'Accept', value: acceptedTypes },
  { name: 'Accept-Encoding', value: 'identity' },
  { name: 'Accept-Language', value: 'en' },
  { name: 'Supported', value: 'timer' },
];

/** `Server` and `User-Agent`. */
export const product = 'Usher';

const phrases: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  183: 'Session Progress',
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  422: 'Session Interval Too Small',
  469: 'Bad Info Package',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  491: 'Request Pending',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'Version Not Supported',
  513: 'Message Too Large',
  603: 'Decline',
};

export function reasonPhrase(status: number): string {
  return phrases[status] ?? (status < 200 ? 'Progress' : status < 300 ? 'OK' : 'Failure');
}

export interface AnswerOptions {
  /** Instead of the status's own phrase. */
  reason?: string;
  /** Our tag, where the request's To has none. Without it, one is derived from the request, the same for a retransmission. */
  toTag?: string;
  headers?: readonly HeaderField[];
  body?: Buffer;
}

export function makeAnswer(request: SipRequest, status: number, options: AnswerOptions = {}): SipResponse {
  const copied = request.headers.filter((field) => ['Via', 'From', 'Call-ID', 'CSeq'].includes(field.name));
  const to = header(request, 'To');
  if (to !== null) copied.push({ name: 'To', value: taggedTo(request, to, status, options.toTag) });
  if (status === 100) copied.push(...request.headers.filter((field) => field.name === 'Timestamp'));
  return {
    kind: 'response',
    status,
    reason: options.reason ?? reasonPhrase(status),
    headers: [...copied, ...(options.headers ?? []), { name: 'Server', value: product }],
    body: options.body ?? Buffer.alloc(0),
  };
}

function taggedTo(request: SipRequest, to: string, status: number, tag: string | undefined): string {
  if (status === 100 || tagOf(to) !== null) return to;
  return `${to};tag=${tag ?? derivedTag(request)}`;
}

/** The `tag` parameter of a From or To, whatever else is wrong with it. */
export function tagOf(value: string): string | null {
  const afterUri = value.includes('>') ? value.slice(value.lastIndexOf('>')) : value;
  return /;\s*tag\s*=\s*([^\s;]+)/i.exec(afterUri)?.[1] ?? null;
}

/** A stateless answer must carry the same tag each time it is repeated (RFC 3261 section 8.2.7). */
function derivedTag(request: SipRequest): string {
  const via = topVia(request)?.params.get('branch') ?? '';
  const parts = [
    via,
    ...headerFields(request, 'Call-ID'),
    ...headerFields(request, 'From'),
    ...headerFields(request, 'CSeq'),
  ];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}
