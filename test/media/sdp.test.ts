import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readDescription } from '../../media/bridge/sdp/description.ts';
import { answerParameters, readH264 } from '../../media/bridge/sdp/h264.ts';
import { readCrypto } from '../../media/bridge/sdp/sdes.ts';
import { answerDirection, roomReceives, roomSends, select, selectAgain } from '../../media/bridge/sdp/select.ts';
import { answerMedia, LocalDescription, type LocalMedia } from '../../media/bridge/sdp/write.ts';
import { UnacceptableOffer } from '../../media/call.ts';

const head = ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0'];
const body = (...lines: string[]): string => `${[...head, ...lines].join('\r\n')}\r\n`;
const key = Buffer.alloc(30, 7).toString('base64');
const local: LocalMedia = { rtpPort: 40_000, rtcpPort: 40_001, rtcpMux: false, srtpKey: key };

/** The answer to an offer, as the bridge writes it. */
function answer(offer: string, writer = new LocalDescription('192.0.2.9')): string {
  const remote = readDescription(offer);
  const carried = new Map(
    select(remote).map((selected) => [
      selected.index,
      { selected, local: { ...local, rtcpMux: selected.media.rtcpMux }, direction: answerDirection(selected) },
    ]),
  );
  return writer.write(answerMedia(remote, carried));
}

const audioLines = ['m=audio 30000 RTP/AVP 0', 'a=rtpmap:0 PCMU/8000'];

describe('SDP of the bridge @sgj', () => {
  it('takes the audio codec that the room puts first, and tells events apart by clock rate', () => {
    const offer = body(
      'm=audio 30000 RTP/AVP 115 9 0 97 101',
      'a=rtpmap:115 G7221/32000',
      'a=rtpmap:97 telephone-event/48000',
      'a=rtpmap:101 telephone-event/8000',
    );
    const [audio] = select(readDescription(offer));
    assert.equal(audio?.format.name, 'G722');
    assert.equal(audio?.telephoneEvent?.payloadType, 101);
    assert.match(answer(offer), /^m=audio 40000 RTP\/AVP 9 101\r$/m);
  });

  it('never answers comfort noise', () => {
    assert.doesNotMatch(answer(body('m=audio 30000 RTP/AVP 0 13', 'a=rtpmap:13 CN/8000')), /\bCN\b|AVP 0 13/);
  });

  it('refuses by port 0 what it cannot carry, in the place where it was offered', () => {
    const answered = answer(
      body(
        'm=application 5070 UDP/BFCP *',
        ...audioLines,
        'm=video 30002 RTP/AVP 96',
        'a=rtpmap:96 H264/90000',
        'a=fmtp:96 profile-level-id=42e01f;packetization-mode=1',
        'a=content:slides',
        'm=video 30004 RTP/AVP 97',
        'a=rtpmap:97 H264/90000',
        'a=fmtp:97 profile-level-id=42801f',
        'm=video 30006 RTP/AVP 98',
        'a=rtpmap:98 H264/90000',
      ),
    );
    assert.deepEqual(
      answered.match(/^m=.*$/gm)?.map((line) => line.trim()),
      [
        'm=application 0 UDP/BFCP *',
        'm=audio 40000 RTP/AVP 0',
        'm=video 0 RTP/AVP 96',
        'm=video 40000 RTP/AVP 97',
        'm=video 0 RTP/AVP 98',
      ],
    );
  });

  it('prefers packetization-mode 1, answers the profile offered, and the lower level where levels may not differ', () => {
    const video = (...fmtp: string[]): string =>
      answer(
        body(
          ...audioLines,
          `m=video 30002 RTP/AVP ${fmtp.map((_, index) => 96 + index).join(' ')}`,
          ...fmtp.flatMap((line, index) => [`a=rtpmap:${96 + index} H264/90000`, `a=fmtp:${96 + index} ${line}`]),
        ),
      );
    assert.match(
      video('profile-level-id=42800d', 'profile-level-id=42800d;packetization-mode=1'),
      /a=fmtp:97 profile-level-id=42800d;packetization-mode=1\r/,
    );
    assert.match(
      video('profile-level-id=42e028;level-asymmetry-allowed=1;packetization-mode=1'),
      /profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1\r/,
    );
    assert.match(
      video('profile-level-id=42e028;packetization-mode=1'),
      /profile-level-id=42e01f;packetization-mode=1\r/,
    );
    assert.match(video('profile-level-id=640028;packetization-mode=1'), /^m=video 0 /m);
    assert.match(video('packetization-mode=2;profile-level-id=42e01f'), /^m=video 0 /m);
  });

  it('knows what a level allows, and what raises it', () => {
    const cif = readH264('profile-level-id=42800d');
    assert.equal(cif?.maxFrameSize, 396);
    assert.equal(readH264('profile-level-id=42800d;max-fs=3600;max-mbps=108000')?.maxFrameSize, 3600);
    assert.equal(readH264('profile-level-id=42f00b')?.level.idc, 9, 'level 1b');
    assert.match(answerParameters(readH264('profile-level-id=42f00b') ?? assert.fail()), /42f00b/);
  });

  it('answers SRTP with the tag and suite offered, and refuses what it does not know', () => {
    const secure = (line: string): string =>
      body('m=audio 30000 RTP/SAVP 0', 'a=rtpmap:0 PCMU/8000', 'a=crypto:3 F8_128_HMAC_SHA1_80 inline:x', line);
    assert.match(
      answer(secure(`a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:${key}|2^31`)),
      new RegExp(`a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:${key.replace(/[+/]/g, '\\$&')}\r`),
    );
    assert.throws(() => answer(secure('a=ptime:20')), UnacceptableOffer);
    assert.equal(readCrypto({ id: 1, suite: 'AES_CM_128_HMAC_SHA1_80', config: `inline:${key}|2^20|1:4` }), null);
    assert.equal(readCrypto({ id: 1, suite: 'AES_CM_128_HMAC_SHA1_80', config: 'inline:AAAA' }), null);
  });

  it('answers hold in every spelling, and neither way carries media then', () => {
    const rows = [
      ['a=sendonly', '192.0.2.1', 'recvonly'],
      ['a=inactive', '192.0.2.1', 'inactive'],
      ['a=sendrecv', '0.0.0.0', 'recvonly'],
    ] as const;
    for (const [direction, address, expected] of rows) {
      const offer = body(...audioLines, direction).replace('c=IN IP4 192.0.2.1', `c=IN IP4 ${address}`);
      assert.match(answer(offer), new RegExp(`a=${expected}\r`));
      const [audio] = select(readDescription(offer));
      assert.ok(audio !== undefined && !roomReceives(audio) && !roomSends(audio));
    }
    assert.match(answer(body(...audioLines, 'a=recvonly')), /a=sendonly\r/);
  });

  it('raises the version in o= by one when the body changed, and only then', () => {
    const writer = new LocalDescription('192.0.2.9');
    const origin = (text: string): string => /^o=.*$/m.exec(text)?.[0].trim() ?? '';
    const first = answer(body(...audioLines), writer);
    const same = answer(body(...audioLines), writer);
    const held = answer(body(...audioLines, 'a=sendonly'), writer);
    assert.equal(first, same);
    const [, , version] = origin(first).split(' ');
    assert.deepEqual(origin(held).split(' ')[2], String(Number(version) + 1));
    assert.equal(origin(held).split(' ')[1], origin(first).split(' ')[1]);
  });

  it('refuses a later offer that leaves out the codec in use', () => {
    const current = select(readDescription(body(...audioLines)));
    const other = readDescription(body('m=audio 30000 RTP/AVP 9'));
    assert.throws(() => selectAgain(other, current), UnacceptableOffer);
    assert.deepEqual(selectAgain(readDescription(body('m=audio 0 RTP/AVP 0')), current), []);
  });

  it('says what is wrong with a body that is no offer', () => {
    const rows: [string, RegExp][] = [
      ['', /empty/],
      ['hello', /v=0/],
      [`${head.join('\r\n')}\r\n`, /no m= line/],
      [body('m=audio 70000 RTP/AVP 0'), /m= line 1: port/],
      [body('m=audio 30000 RTP/AVP 18', 'a=rtpmap:18 G729/8000'), /no codec in common \(offered G729\/8000/],
      [body('m=audio 30000 UDP/TLS/RTP/SAVPF 0'), /UDP\/TLS\/RTP\/SAVPF/],
      [body('m=video 30000 RTP/AVP 96', 'a=rtpmap:96 H264/90000'), /audio/],
      [body(...Array.from({ length: 40 }, () => 'm=audio 30000 RTP/AVP 0')), /more than 32/],
      ['v=0\r\n'.repeat(30_000), /characters/],
    ];
    for (const [text, expected] of rows) {
      assert.throws(
        () => answer(text),
        (error: Error) => error instanceof UnacceptableOffer && expected.test(error.message),
        text.slice(0, 200),
      );
    }
  });

  it('answers, or refuses as UnacceptableOffer, whatever comes', () => {
    const token = fc.constantFrom(...['0', '8', '9', '96', '127', '300', '-1', 'x', '*', '', 'a b']);
    const line = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc
        .tuple(
          fc.constantFrom('audio', 'video', 'application', 'image'),
          fc.nat(80_000),
          fc.constantFrom('RTP/AVP', 'RTP/SAVP', 'UDP/BFCP', 'x'),
          fc.array(token, { maxLength: 6 }),
        )
        .map(([type, port, protocol, formats]) => `m=${type} ${port} ${protocol} ${formats.join(' ')}`),
      fc
        .tuple(token, fc.constantFrom('PCMU/8000', 'opus/48000/2', 'H264/90000', 'telephone-event/8000', 'x', 'a/b/c'))
        .map(([payload, map]) => `a=rtpmap:${payload} ${map}`),
      fc
        .tuple(
          token,
          fc.constantFrom('profile-level-id=42e01f', 'packetization-mode=1', 'profile-level-id=zz;=;;', '0-15'),
        )
        .map(([payload, config]) => `a=fmtp:${payload} ${config}`),
      fc.constantFrom(
        'a=rtcp:x',
        'a=rtcp-mux',
        'a=sendonly',
        'a=inactive',
        'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:zz',
        'a=ssrc:99999999999 cname:x',
        'c=IN IP4 0.0.0.0',
        'a=rtcp-fb:* nack pli',
        'b=AS:-1',
        'a=content:slides',
        'a=mid:1',
      ),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 25 }), fc.boolean(), (lines, whole) => {
        const text = whole ? body(...audioLines, ...lines) : body(...lines);
        let answered: string;
        try {
          answered = answer(text);
        } catch (error) {
          assert.ok(error instanceof UnacceptableOffer, String(error));
          return;
        }
        // As many m= lines, of the same types, in the same order (RFC 3264 section 6); and it can be read again.
        const types = (sdp: string) => readDescription(sdp).media.map(({ type }) => type);
        assert.deepEqual(types(answered), types(text));
        assert.ok(!/undefined|NaN|null/.test(answered), answered);
      }),
      { numRuns: process.env['USHER_LONG'] === '1' ? 20_000 : 1500 },
    );
  });

  it('reads 64 KB of anything quickly', () => {
    const hostile = [
      `${head.join('\r\n')}\r\nm=audio 30000 RTP/AVP ${'0 '.repeat(30_000)}\r\n`,
      body(...audioLines, ...Array.from({ length: 3000 }, (_, index) => `a=rtpmap:${index % 128} H264/90000`)),
      body(...audioLines, `a=fmtp:0 ${';='.repeat(30_000)}`),
      body(...audioLines, `a=${'x'.repeat(60_000)}`),
    ];
    for (const text of hostile) {
      const started = performance.now();
      try {
        answer(text);
      } catch (error) {
        assert.ok(error instanceof UnacceptableOffer);
      }
      assert.ok(performance.now() - started < 500, `${text.slice(0, 120)}: ${performance.now() - started} ms`);
    }
  });
});
