/** The Reason header field (RFC 3326). */
import type { SipReason } from '../call.ts';
import { bytesOf, quote, splitList, textOf, unquote } from './message.ts';
import { parseParams } from './uri.ts';

export function serialiseReason(reason: SipReason): string {
  return `${reason.protocol};cause=${reason.cause};text=${quote(bytesOf(reason.text))}`;
}

/** The first value of ours to understand (`SIP` or `Q.850`); null where there is none. */
export function parseReason(value: string): SipReason | null {
  for (const element of splitList(value, ',')) {
    const [name = '', ...rest] = splitList(element, ';');
    const protocol = (['SIP', 'Q.850', 'X-Usher'] as const).find((known) => known.toLowerCase() === name.toLowerCase());
    const params = parseParams(rest.join(';'));
    const cause = params?.get('cause') ?? null;
    if (protocol === undefined || params === null || cause === null || !/^[0-9]{1,3}$/.test(cause)) continue;
    return { protocol, cause: Number(cause), text: textOf(unquote(params.get('text') ?? '')) };
  }
  return null;
}
