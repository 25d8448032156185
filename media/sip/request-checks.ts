/** What must hold of a request before anybody acts on it (RFC 3261 sections 8.1.1 and 8.2, RFC 4475). */
import { acceptedTypes, allowedMethods, tagOf } from './answer.ts';
import { type HeaderField, header, headerFields, headerList, type Malformed, type SipRequest } from './message.ts';
import { hasUniqueBranch } from './server-transactions.ts';
import { checkSessionTimer, timerOption } from './session-timer.ts';
import { parseNameAddr, parseSipUri, schemeOf } from './uri.ts';
import { parseVia } from './via.ts';

/** The status to refuse a request with. */
export interface Refusal {
  status: number;
  reason?: string;
  headers?: readonly HeaderField[];
}

const single = ['From', 'To', 'Call-ID', 'CSeq', 'Max-Forwards', 'Content-Type', 'Content-Length'];

/** Syntax and mandatory fields, for requests of every method. Null: well formed. */
export function checkSyntax(request: SipRequest, malformed: Malformed | null): Refusal | null {
  const bad = (what: string): Refusal => ({ status: 400, reason: what });
  if (malformed !== null) return { status: malformed.status, reason: malformed.text };
  for (const name of single) {
    if (headerFields(request, name).length > 1) return bad(`Multiple ${name}`);
  }
  for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq']) {
    if (header(request, name) === null) return bad(`Missing ${name}`);
  }
  if (headerList(request, 'Via').some((value) => parseVia(value) === null)) return bad('Bad Via');
  for (const name of ['From', 'To']) {
    if (parseNameAddr(header(request, name) ?? '') === null) return bad(`Bad ${name}`);
  }
  const callId = header(request, 'Call-ID') ?? '';
  if (!/^[\x21-\x7e]{1,255}$/.test(callId)) return bad('Bad Call-ID');
  const [, number = '', method = ''] = /^([0-9]{1,10})\s+(\S+)$/.exec(header(request, 'CSeq') ?? '') ?? [];
  // 8.1.1.5: below 2**31.
  if (number === '' || Number(number) >= 2 ** 31) return bad('Bad CSeq');
  if (method !== request.method) return bad('CSeq Method Mismatch');
  const forwards = header(request, 'Max-Forwards');
  // A user agent forwards nothing: 0 is fine here, only what is no number up to 255 is wrong (20.22).
  if (forwards !== null && !(/^[0-9]{1,4}$/.test(forwards) && Number(forwards) <= 255)) return bad('Bad Max-Forwards');
  const scheme = schemeOf(request.uri);
  if (scheme === null) return bad('Bad Request-URI');
  if (scheme !== 'sip' && scheme !== 'sips') return null;
  const uri = parseSipUri(request.uri);
  if (uri === null || uri.hasHeaders) return bad('Bad Request-URI');
  return null;
}

/** The number in CSeq; checkSyntax has seen it. */
export function cseqNumber(request: SipRequest): number {
  return Number(/^[0-9]*/.exec(header(request, 'CSeq') ?? '')?.[0] ?? '0');
}

const known = ['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS', 'INFO'];
const knownElsewhere = ['REGISTER', 'SUBSCRIBE', 'NOTIFY', 'MESSAGE', 'REFER', 'UPDATE', 'PRACK', 'PUBLISH'];

/** Whether we can do what is asked, in the order of RFC 3261 section 8.2. Null: yes. */
export function checkSupport(request: SipRequest, secure: boolean): Refusal | null {
  const allow = { name: 'Allow', value: allowedMethods };
  // 8.2.1; a method that nobody defined is 501 (21.5.2).
  if (!known.includes(request.method))
    return { status: knownElsewhere.includes(request.method) ? 405 : 501, headers: [allow] };
  // 8.2.2.1; a sips URI is good on TLS alone (RFC 5630 section 3.1).
  const scheme = schemeOf(request.uri);
  if (scheme !== 'sip' && !(scheme === 'sips' && secure)) return { status: 416 };
  // 8.2.2.3: of the extensions that can be required, 100rel and replaces among them, session timers alone are here.
  const required = headerList(request, 'Require').filter((option) => option.toLowerCase() !== timerOption);
  if (required.length > 0) return { status: 420, headers: [{ name: 'Unsupported', value: required.join(', ') }] };
  return null;
}

/** A dialog-forming INVITE, further. */
export function checkInvite(request: SipRequest): Refusal | null {
  const refusal = checkOffer(request);
  if (refusal !== null) return refusal;
  const accept = headerList(request, 'Accept').map((value) => value.split(';')[0]?.trim().toLowerCase() ?? '');
  const takesSdp =
    accept.length === 0 || accept.some((type) => ['application/sdp', 'application/*', '*/*'].includes(type));
  if (!takesSdp) return { status: 406 };
  const contacts = headerList(request, 'Contact');
  // RFC 2543 peers may leave it out; then From is where they are (RFC 4475 section 3.4.1).
  if (contacts.length === 0 && !hasUniqueBranch(request)) return null;
  const contact = parseNameAddr(contacts[0] ?? '');
  if (contacts.length !== 1 || contact === null || parseSipUri(contact.uri) === null)
    return { status: 400, reason: 'Bad Contact' };
  if (header(request, 'From') !== null && tagOf(header(request, 'From') ?? '') === null && hasUniqueBranch(request)) {
    return { status: 400, reason: 'Missing From Tag' };
  }
  return null;
}

/** What must hold of an INVITE of either kind. */
export function checkOffer(request: SipRequest): Refusal | null {
  return checkBody(request) ?? checkSessionTimer(request);
}

/** Body type and encoding of an offer (8.2.3). */
function checkBody(request: SipRequest): Refusal | null {
  if (request.body.length === 0) return null;
  const type = header(request, 'Content-Type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type !== 'application/sdp') return { status: 415, headers: [{ name: 'Accept', value: acceptedTypes }] };
  const encoding = header(request, 'Content-Encoding')?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity') return { status: 415, headers: [{ name: 'Accept-Encoding', value: 'identity' }] };
  return null;
}
