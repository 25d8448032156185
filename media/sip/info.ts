/** What video systems say by INFO: a key frame please (RFC 5168), and DTMF. */
import { SaxesParser } from 'saxes';
import { acceptedTypes } from './answer.ts';
import { type HeaderField, header, type SipRequest } from './message.ts';

export type InfoMeaning =
  | { kind: 'key-frame' }
  | { kind: 'dtmf'; digit: string }
  /** Nothing for us, but nothing wrong: answered 200. */
  | { kind: 'nothing' }
  | { kind: 'refused'; status: 400 | 415 | 469; headers: readonly HeaderField[] };

/** The body that asks a peer for a key frame (RFC 5168 section 7). */
export const keyFrameRequest =
  '<?xml version="1.0" encoding="utf-8"?>\r\n<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>\r\n';
export const mediaControlType = 'application/media_control+xml';

export function readInfo(request: SipRequest): InfoMeaning {
  // RFC 6086 section 4.2.2: no package was offered, so each is a bad one.
  if (header(request, 'Info-Package') !== null) return refused(469, { name: 'Recv-Info', value: '' });
  if (request.body.length === 0) return { kind: 'nothing' };
  const type = header(request, 'Content-Type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  const text = request.body.toString('utf8');
  switch (type) {
    case mediaControlType:
      return readMediaControl(text);
    case 'application/dtmf-relay':
      return readDigit(/^\s*Signal\s*=\s*([0-9*#A-D])\s*$/im.exec(text)?.[1]);
    case 'application/dtmf':
      return readDigit(/^\s*([0-9*#A-D])\s*$/i.exec(text)?.[1]);
    default:
      return refused(415, { name: 'Accept', value: acceptedTypes });
  }
}

function refused(status: 400 | 415 | 469, ...headers: readonly HeaderField[]): InfoMeaning {
  return { kind: 'refused', status, headers };
}

function readDigit(digit: string | undefined): InfoMeaning {
  return digit === undefined ? refused(400) : { kind: 'dtmf', digit: digit.toUpperCase() };
}

function readMediaControl(xml: string): InfoMeaning {
  let asked = false;
  let broken = false;
  const parser = new SaxesParser();
  parser.on('opentag', (tag) => {
    if (tag.name.slice(tag.name.lastIndexOf(':') + 1) === 'picture_fast_update') asked = true;
  });
  parser.on('error', () => {
    broken = true;
  });
  parser.write(xml).close();
  if (asked) return { kind: 'key-frame' };
  return broken ? refused(400) : { kind: 'nothing' };
}
