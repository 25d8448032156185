import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { testAuthority } from '../../fixtures/graph/certificates.ts';
import { systemClock } from '../../src/clock.ts';
import { ConfigError, parseConfig } from '../../src/config/load.ts';
import { openSip } from '../../src/house/sip.ts';
import { createLog } from '../../src/telemetry/log.ts';

const rooms = 'rooms:\n  - id: oslo\n    name: Oslo\n    calendar: { type: folder, path: oslo }\n';
const listen = '  listen: [{ transport: tls, address: 127.0.0.1, port: 0 }]\n';
const tls = '  tls: { key: "${file:sip.key}", certificate: "${file:sip.pem}" }\n';

describe('SIP listeners by the configuration @sgj', () => {
  let folder: string;
  let ca: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'usher-sip-'));
    const authority = await testAuthority();
    ca = authority.ca;
    await writeFile(join(folder, 'sip.key'), authority.server.key);
    await writeFile(join(folder, 'sip.pem'), authority.server.certificate);
  });
  after(() => rm(folder, { recursive: true }));

  const configured = async (text: string) => parseConfig(text + rooms, join(folder, 'usher.yaml'), {});

  async function opened(text: string) {
    const { sip } = await configured(text);
    assert.ok(sip !== undefined);
    return openSip(sip, systemClock, createLog({ level: 'silent' }));
  }

  it('speak TLS with the key and the certificate of the files named, and dial strings say so', async () => {
    const { edge, domain } = await opened(`sip:\n${listen}${tls}`);
    const [, port = ''] = /^127\.0\.0\.1:(\d+);transport=tls$/.exec(domain) ?? [];
    // The authority is trusted here: what is answered was certified by the file.
    const socket = connect({ host: '127.0.0.1', port: Number(port), ca });
    try {
      socket.write(
        [
          `OPTIONS sip:127.0.0.1:${port};transport=tls SIP/2.0`,
          'Via: SIP/2.0/TLS 127.0.0.1:5999;branch=z9hG4bKtls',
          'Max-Forwards: 70',
          'From: <sip:room@example.com>;tag=r',
          `To: <sip:127.0.0.1:${port}>`,
          'Call-ID: tls',
          'CSeq: 1 OPTIONS',
          'Content-Length: 0',
          '\r\n',
        ].join('\r\n'),
      );
      const [answer] = await once(socket, 'data');
      assert.match(String(answer), /^SIP\/2\.0 200 OK/);
    } finally {
      socket.destroy();
      await edge.close({ protocol: 'SIP', cause: 503, text: 'Shutting down' });
    }
  });

  it('have the ports of RFC 3261 by default, and dial strings name the first or the domain', async () => {
    const { sip } = await configured(
      `sip:\n  advertisedAddress: 192.0.2.7\n  listen: [{ transport: udp }, { transport: tls }]\n${tls}`,
    );
    assert.deepEqual(
      sip?.listen.map(({ transport, port }) => `${transport} ${port}`),
      ['udp 5060', 'tls 5061'],
    );
    const { edge, domain } = await opened(`sip:\n  domain: video.example.com\n${listen}${tls}`);
    await edge.close({ protocol: 'SIP', cause: 503, text: 'Shutting down' });
    assert.equal(domain, 'video.example.com');
  });

  it('are refused without a certificate, with one that is not PEM, and with a key of another', async () => {
    const told = async (text: string): Promise<string> => {
      const error: unknown = await opened(text).then(
        () => assert.fail('was accepted'),
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof Error);
      return `${error instanceof ConfigError ? 'config ' : ''}${error.message}`;
    };
    assert.match(await told(`sip:\n${listen}`), /^config .*sip\.listen\[0\]\.transport: .*give sip\.tls; found "tls"/);
    assert.match(await told(`sip:\n${listen}  tls: { key: a, certificate: b }\n`), /sip\.tls\.key: give PEM text/);
    await writeFile(join(folder, 'ca.pem'), ca);
    assert.match(
      await told(`sip:\n${listen}  tls: { key: "\${file:sip.key}", certificate: "\${file:ca.pem}" }\n`),
      /SIP over TLS cannot use its key and certificate: .*`sip\.tls`/,
    );
  });
});
