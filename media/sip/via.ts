/** The Via header field: where a response goes (RFC 3261 sections 18.2 and 20.42, RFC 3581). */
import { header, isToken, type SipMessage, type SipRequest, splitList, trimSpace } from './message.ts';
import { hostText, parseHostPort } from './uri.ts';

export interface Via {
  /** Upper case: `UDP`, `TCP`, `TLS`, … */
  transport: string;
  host: string;
  port: number | null;
  /** In order; names in lower case. */
  params: Map<string, string | null>;
}

/** White space is allowed around `/`, `:` and `;`. Null where it breaks the grammar. */
export function parseVia(value: string): Via | null {
  const [sent = '', ...rest] = value.split(';');
  const parts = /^SIP[ \t]*\/[ \t]*2\.0[ \t]*\/[ \t]*([^ \t]+)[ \t]+(.*)$/i.exec(trimSpace(sent));
  const [, transport = '', sentBy = ''] = parts ?? [];
  const host = parseHostPort(sentBy.split(':').map(trimSpace).join(':'));
  if (!isToken(transport) || host === null) return null;
  const params = new Map<string, string | null>();
  for (const part of rest) {
    const equals = part.indexOf('=');
    const name = trimSpace(equals < 0 ? part : part.slice(0, equals));
    if (!isToken(name)) return null;
    params.set(name.toLowerCase(), equals < 0 ? null : trimSpace(part.slice(equals + 1)));
  }
  return { transport: transport.toUpperCase(), ...host, params };
}

export function serialiseVia(via: Via): string {
  const port = via.port === null ? '' : `:${via.port}`;
  const params = [...via.params].map(([name, value]) => (value === null ? `;${name}` : `;${name}=${value}`));
  return `SIP/2.0/${via.transport} ${hostText(via.host)}${port}${params.join('')}`;
}

/** The topmost Via of a message, or null where there is none that can be read. */
export function topVia(message: SipMessage): Via | null {
  const [first] = splitList(header(message, 'Via') ?? '', ',');
  return first === undefined ? null : parseVia(first);
}

/**
 * Notes in the top Via where the request came from: `received` where sent-by is not the source's address (18.2.1), and
 * `rport`'s value where the client asked for it (RFC 3581 section 4). Every Via becomes a field of its own.
 */
export function stampTopVia(request: SipRequest, source: { address: string; port: number }): void {
  const values = request.headers
    .filter((field) => field.name === 'Via')
    .flatMap((field) => splitList(field.value, ','));
  const via = parseVia(values[0] ?? '');
  if (via === null) return;
  const asked = via.params.has('rport');
  via.params.delete('received');
  if (asked) via.params.set('rport', String(source.port));
  if (asked || via.host !== source.address) via.params.set('received', source.address);
  values[0] = serialiseVia(via);
  const at = request.headers.findIndex((field) => field.name === 'Via');
  const others = request.headers.filter((field) => field.name !== 'Via');
  others.splice(at, 0, ...values.map((value) => ({ name: 'Via', value })));
  request.headers = others;
}

/**
 * The port that a response over UDP goes to; the address is always the request's source, so that nobody can point us
 * at a third party (18.2.2: `received`; `maddr` is not followed).
 */
export function responsePort(via: Via, sourcePort: number): number {
  if (via.params.has('rport')) return sourcePort;
  return via.port ?? 5060;
}
