import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Frame, StreamFramer } from '../../media/sip/framing.ts';
import {
  header,
  headerList,
  parseMessage,
  type SipMessage,
  type SipRequest,
  serialiseMessage,
  textOf,
  trimSpace,
} from '../../media/sip/message.ts';
import { parseReason, serialiseReason } from '../../media/sip/reason.ts';
import { parseNameAddr, parseSipUri } from '../../media/sip/uri.ts';
import { parseVia, serialiseVia, stampTopVia } from '../../media/sip/via.ts';

const runs = process.env['USHER_LONG'] === '1' ? 5_000 : 300;

const tokenCharacters = [..."abcXYZ019-.!%*_+`'~"];
const token = fc.string({ unit: fc.constantFrom(...tokenCharacters), minLength: 1, maxLength: 20 });
/** Any bytes but line ends, without the white space around them that a header field does not keep. */
const value = fc
  .string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 80 })
  .map(trimSpace);
const body = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const fields = fc.array(fc.record({ name: token.map((name) => `X-${name}`), value }, { noNullPrototype: true }), {
  maxLength: 12,
});
const request: fc.Arbitrary<SipMessage> = fc.record(
  {
    kind: fc.constant('request' as const),
    method: token,
    uri: token.map((user) => `sip:${user}@example.com`),
    headers: fields,
    body,
  },
  { noNullPrototype: true },
);
const response: fc.Arbitrary<SipMessage> = fc.record(
  {
    kind: fc.constant('response' as const),
    status: fc.integer({ min: 100, max: 699 }),
    reason: value,
    headers: fields,
    body,
  },
  { noNullPrototype: true },
);

function withoutLength(message: SipMessage): SipMessage {
  return { ...message, headers: message.headers.filter((field) => field.name !== 'Content-Length') };
}

describe('SIP messages @sgj', () => {
  it('come back from the wire as they were written', () => {
    fc.assert(
      fc.property(fc.oneof(request, response), fc.boolean(), (message, stream) => {
        const parsed = parseMessage(serialiseMessage(message), stream);
        assert.equal(parsed?.malformed, null);
        assert.deepEqual(withoutLength(parsed.message), message);
      }),
      { numRuns: runs },
    );
  });

  it('are cut from a stream whole, in whatever pieces they arrive', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(request, response), { maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 60 })),
        (messages, sizes) => {
          const wire = Buffer.concat(messages.map(serialiseMessage));
          const framer = new StreamFramer(65_535);
          const frames: Frame[] = [];
          for (let at = 0, turn = 0; at < wire.length; turn++) {
            const size = sizes[turn % Math.max(1, sizes.length)] ?? 17;
            frames.push(...framer.push(wire.subarray(at, at + size)));
            at += size;
          }
          const cut = frames.map((frame) => (frame.kind === 'message' ? frame.data : null));
          assert.deepEqual(cut, messages.map(serialiseMessage));
        },
      ),
      { numRuns: runs },
    );
  });

  it('are never the end of the parser, whatever the bytes', () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
      fc.tuple(request, fc.nat(400), fc.uint8Array({ maxLength: 20 })).map(([message, at, bytes]) => {
        const wire = serialiseMessage(message);
        return Buffer.concat([wire.subarray(0, at), Buffer.from(bytes), wire.subarray(at + bytes.length)]);
      }),
    );
    fc.assert(
      fc.property(hostile, fc.boolean(), (bytes, stream) => {
        const parsed = parseMessage(bytes, stream);
        if (parsed !== null) assert.ok(Buffer.isBuffer(serialiseMessage(parsed.message)));
        new StreamFramer(1_000).push(bytes);
      }),
      { numRuns: runs },
    );
  });

  it('have their compact forms, folded lines and lists read', () => {
    const wire = [
      'OPTIONS sip:room@example.com SIP/2.0',
      'v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa, SIP / 2.0 / TCP proxy.example.com : 5070 ;branch=z9hG4bKb',
      'Via: SIP/2.0/TLS [2001:db8::9]:5061;branch=z9hG4bKc',
      'f: "Room, ""1' + '\\" <"' + ' <sip:room@example.com>;tag=1',
      's: a',
      '  folded subject',
      'l: 3',
      '',
      'abcdef',
    ].join('\r\n');
    const message = parseMessage(Buffer.from(wire), false)?.message;
    assert.ok(message !== undefined);
    const vias = headerList(message, 'Via').map((text) => parseVia(text));
    assert.deepEqual(
      vias.map((via) => `${via?.transport} ${via?.host} ${via?.port}`),
      ['UDP 192.0.2.1 null', 'TCP proxy.example.com 5070', 'TLS 2001:db8::9 5061'],
    );
    assert.equal(header(message, 'Subject'), 'a folded subject');
    assert.equal(message.body.toString(), 'abc');
  });

  it('keep the length of their body in bytes, not characters', () => {
    const sdp = Buffer.from('s=Besprechungsraum Zürich 会议室\r\n');
    const wire = serialiseMessage({
      kind: 'response',
      status: 200,
      reason: 'OK',
      headers: [{ name: 'Content-Length', value: '1' }],
      body: sdp,
    });
    assert.match(wire.toString('latin1'), new RegExp(`Content-Length: ${sdp.length}\r\n\r\n`));
  });

  it('note where a request came from, and only in the topmost Via', () => {
    const message: SipRequest = {
      kind: 'request',
      method: 'OPTIONS',
      uri: 'sip:a@example.com',
      headers: [
        { name: 'Via', value: 'SIP/2.0/UDP 10.0.0.1:5061;rport;branch=z9hG4bK1, SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK2' },
      ],
      body: Buffer.alloc(0),
    };
    stampTopVia(message, { address: '192.0.2.7', port: 40_000 });
    assert.deepEqual(
      message.headers.map((field) => field.value),
      [
        'SIP/2.0/UDP 10.0.0.1:5061;rport=40000;branch=z9hG4bK1;received=192.0.2.7',
        'SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK2',
      ],
    );
  });

  it('take linear time for the longest header that fits', () => {
    const started = performance.now();
    for (const filler of ['"', '\\"', '<', ',', ';', ' ', 'a=', '%41', '(']) {
      const text = filler.repeat(60_000 / filler.length);
      const wire = `INVITE sip:${text.replaceAll(' ', '').slice(0, 2_000)}@example.com SIP/2.0\r\nVia: SIP/2.0/UDP ${text}\r\nFrom: ${text}\r\n\r\n`;
      const message = parseMessage(Buffer.from(wire), false)?.message;
      if (message === undefined) continue;
      headerList(message, 'Via').slice(0, 10).map(parseVia);
      parseNameAddr(header(message, 'From') ?? '');
      parseReason(header(message, 'From') ?? '');
    }
    assert.ok(performance.now() - started < 2_000);
  });
});

describe('SIP URIs, Via and Reason @sgj', () => {
  const cases: [string, string | null][] = [
    ['sip:abc@example.com', 'abc example.com null'],
    ['sip:a%62c@EXAMPLE.com:5070;transport=tcp', 'abc example.com 5070'],
    ['sips:user:secret@192.0.2.1', 'user 192.0.2.1 null'],
    ['sip:[2001:db8::1]:5060', ' 2001:db8::1 5060'],
    ['sip:user;par=u%40example.net@example.com', 'user;par=u@example.net example.com null'],
    ['sip:user@example.com:0', null],
    ['sip:user@example.com:99999', null],
    ['sip:user@', null],
    ['sip:@example.com', null],
    ['sip:us er@example.com', null],
    ['tel:+15551234', null],
  ];
  for (const [text, wanted] of cases) {
    it(`reads ${text}`, () => {
      const uri = parseSipUri(text);
      assert.equal(uri === null ? null : `${uri.user} ${uri.host} ${uri.port}`, wanted);
    });
  }

  it('writes a Via as it reads it', () => {
    const text = 'SIP/2.0/TCP [2001:db8::1]:5061;branch=z9hG4bKx;rport;alias';
    const via = parseVia(text);
    assert.ok(via !== null);
    assert.equal(serialiseVia(via), text);
  });

  it('carries any text in a Reason', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 999 }), (text, cause) => {
        const flat = text.replace(/[\r\n]+/g, ' ');
        const back = parseReason(serialiseReason({ protocol: 'Q.850', cause, text: flat }));
        assert.deepEqual(back, {
          protocol: 'Q.850',
          cause,
          text: textOf(Buffer.from(flat, 'utf8').toString('latin1')),
        });
      }),
      { numRuns: runs },
    );
  });
});
