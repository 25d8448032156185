/** What a dialog remembers of the wire, we being its server (RFC 3261 section 12.1.1), and its requests to the peer. */
import { allowedMethods, product, tagOf } from './answer.ts';
import type { Flow } from './flow.ts';
import { type HeaderField, header, headerFields, headerList, type SipRequest } from './message.ts';
import { hostText, type NameAddr, parseNameAddr, parseSipUri, type SipUri } from './uri.ts';
import { topVia } from './via.ts';

export class Dialog {
  readonly callId: string;
  readonly localTag: string;
  /** Null for a peer of RFC 2543 that sent none. */
  readonly remoteTag: string | null;
  /** The Record-Route fields of the INVITE, for its answers (12.1.1). */
  readonly recordRoute: readonly HeaderField[];
  readonly #invite: SipRequest;
  readonly #routeSet: readonly NameAddr[];
  readonly #target: SipUri | null;
  #remoteTarget: string;

  constructor(invite: SipRequest, localTag: string) {
    this.#invite = invite;
    this.callId = header(invite, 'Call-ID') ?? '';
    this.localTag = localTag;
    this.remoteTag = tagOf(header(invite, 'From') ?? '');
    this.recordRoute = headerFields(invite, 'Record-Route').map((value) => ({ name: 'Record-Route', value }));
    this.#routeSet = headerList(invite, 'Record-Route').flatMap((value) => parseNameAddr(value) ?? []);
    this.#target = parseSipUri(invite.uri);
    this.#remoteTarget = contactOf(invite) ?? parseNameAddr(header(invite, 'From') ?? '')?.uri ?? 'sip:invalid.invalid';
  }

  /** A target refresh: the peer's new Contact (12.2.2). */
  refreshTarget(request: SipRequest): void {
    this.#remoteTarget = contactOf(request) ?? this.#remoteTarget;
  }

  /** Our Contact towards the peer on `flow`. */
  contact(flow: Flow): HeaderField {
    const scheme = this.#target?.scheme ?? 'sip';
    const user = this.#target?.rawUser ?? '';
    const at = user === '' ? '' : `${user}@`;
    const transport = scheme === 'sips' || flow.transport === 'udp' ? '' : `;transport=${flow.transport}`;
    const value = `<${scheme}:${at}${hostText(flow.local.address)}:${flow.local.port}${transport}>`;
    return { name: 'Contact', value };
  }

  /** A request of ours with the dialog's own identifiers (12.2.1.1); method, number, branch and body from `plain`. */
  makeRequest(plain: SipRequest, flow: Flow): SipRequest {
    const branch = topVia(plain)?.params.get('branch') ?? '';
    const local = `${hostText(flow.local.address)}:${flow.local.port}`;
    const to = header(this.#invite, 'To') ?? '';
    const [uri, routes] = this.#route();
    const kept = plain.headers.filter((field) => ['Reason', 'Content-Type'].includes(field.name));
    return {
      kind: 'request',
      method: plain.method,
      uri,
      headers: [
        { name: 'Via', value: `SIP/2.0/${flow.transport.toUpperCase()} ${local};branch=${branch};rport` },
        ...routes.map((value) => ({ name: 'Route', value })),
        { name: 'Max-Forwards', value: '70' },
        { name: 'From', value: `${to};tag=${this.localTag}` },
        { name: 'To', value: header(this.#invite, 'From') ?? '' },
        { name: 'Call-ID', value: this.callId },
        { name: 'CSeq', value: header(plain, 'CSeq') ?? `1 ${plain.method}` },
        this.contact(flow),
        { name: 'Allow', value: allowedMethods },
        { name: 'User-Agent', value: product },
        ...kept,
      ],
      body: plain.body,
    };
  }

  /**
   * Where such a request goes. Always back along the flow that the peer last used, which works through NATs and
   * proxies; only the port is taken from the Contact when a system that is reached directly sends from another one.
   */
  flowTo(flow: Flow): Flow {
    if (flow.transport !== 'udp' || this.#routeSet.length > 0) return flow;
    const target = parseSipUri(this.#remoteTarget);
    return target !== null && target.host === flow.remote.address ? flow.toPort(target.port ?? 5060) : flow;
  }

  /** Request-URI and Route fields: loose routing, or the strict routing of old proxies (12.2.1.1). */
  #route(): [uri: string, routes: string[]] {
    const [first] = this.#routeSet;
    const routes = this.#routeSet.map((route) => `<${route.uri}>`);
    if (first === undefined || parseSipUri(first.uri)?.params.has('lr') === true) return [this.#remoteTarget, routes];
    return [first.uri, [...routes.slice(1), `<${this.#remoteTarget}>`]];
  }
}

function contactOf(request: SipRequest): string | null {
  const contact = parseNameAddr(headerList(request, 'Contact')[0] ?? '');
  return contact !== null && parseSipUri(contact.uri) !== null ? contact.uri : null;
}
