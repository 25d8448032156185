/** What an INVITE says about a call, for those who decide whether to take it. */
import type { CallAttempt } from '../call.ts';
import { tagOf } from './answer.ts';
import { header, headerList, type SipRequest, textOf } from './message.ts';
import { cseqNumber } from './request-checks.ts';
import type { ServerTransaction } from './server-transactions.ts';
import { parseNameAddr, parseSipUri } from './uri.ts';

/** An INVITE with the same key and another branch is the same one that came by two ways (RFC 3261 section 8.2.2.2). */
export function mergeKeyOf(request: SipRequest): string {
  return [header(request, 'Call-ID'), tagOf(header(request, 'From') ?? ''), cseqNumber(request)].join('|');
}

export function attemptOf(invite: ServerTransaction): CallAttempt {
  const { request, flow } = invite;
  const uri = parseSipUri(request.uri);
  const from = parseNameAddr(header(request, 'From') ?? '');
  const asserted = parseNameAddr(headerList(request, 'P-Asserted-Identity')[0] ?? '');
  const userAgent = header(request, 'User-Agent');
  return {
    callId: header(request, 'Call-ID') ?? '',
    user: uri?.user ?? '',
    host: uri?.host ?? '',
    from: { uri: from?.uri ?? '', displayName: printable(from?.display ?? null) },
    source: { transport: flow.transport, address: flow.remote.address, port: flow.remote.port },
    assertedIdentity: asserted?.uri ?? null,
    userAgent: printable(userAgent),
  };
}

/** For people: as text, without control characters. */
function printable(value: string | null): string | null {
  return value === null ? null : textOf(value).replace(/\p{Cc}/gu, '');
}
