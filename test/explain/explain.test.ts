import assert from 'node:assert/strict';
import { explainLineSchema } from '../../src/explain/answer.ts';
import { explainCommand } from '../../src/explain/explain.ts';

const own = '0b9f2c4e-7d81-4a36-9e5f-6c2d1b0a9f8e';
const link = `https://teams.microsoft.com/l/meetup-join/19%3ameeting_QUJD%40thread.v2/0?context=%7b%22Tid%22%3a%22${own}%22%7d`;

const files: Record<string, string> = {
  'good.txt': `Join: ${link}\n`,
  'zoom.url.txt': 'https://example.zoom.us/j/98765432100\n',
  'broken.ics': 'this is no calendar',
  'refused.txt': 'https://teams.microsoft.com.example.net/meet/123456789012\u001b[31m\n',
  'winmail.eml': mailOf('multipart/mixed; boundary=b', [
    '--b\r\nContent-Type: text/plain\r\n\r\nWhen: Tuesday',
    '--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\neJ8+Ig==',
    '--b--',
  ]),
  'encrypted.eml': mailOf('application/pkcs7-mime; smime-type=enveloped-data', ['MIAGCSqGSIb3DQEHA6CA']),
};

function mailOf(type: string, lines: readonly string[]): string {
  return ['Subject: Review', 'MIME-Version: 1.0', `Content-Type: ${type}`, '', ...lines, ''].join('\r\n');
}

async function run(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const status = await explainCommand(args, {
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => err.push(text) },
    readFile: async (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
      return Buffer.from(text);
    },
  });
  return { status, out: out.join(''), err: err.join('') };
}

describe('usher explain @invites @first-run', () => {
  it('writes one line of JSON for each file in order, and answers the rest when one is broken', async () => {
    const { status, out } = await run('--json', 'good.txt', 'broken.ics', 'missing.txt', 'zoom.url.txt');
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => explainLineSchema.parse(JSON.parse(line)));
    assert.equal(status, 1);
    assert.deepEqual(
      lines.map((line) => [line.file, 'error' in line]),
      [
        ['good.txt', false],
        ['broken.ics', true],
        ['missing.txt', true],
        ['zoom.url.txt', false],
      ],
    );
  });

  it('knows the own tenant by --own-tenant alone', async () => {
    const tenancy = async (...args: string[]): Promise<unknown> =>
      JSON.parse((await run('--json', ...args, 'good.txt')).out).tenancy;
    assert.equal(await tenancy(), 'external');
    assert.equal(await tenancy('--own-tenant', own.toUpperCase()), 'own');
  });

  it('tells people what was found, what was refused and why, and lets no invite steer the terminal', async () => {
    const { status, out } = await run('zoom.url.txt', 'refused.txt');
    assert.equal(status, 0);
    assert.match(out, /sip:98765432100@zoomcrc\.com/);
    assert.match(out, /only resembles a meeting service: https:\/\/teams\.microsoft\.com\.example\.net/);
    assert.ok(!out.includes('\u001b'));
  });

  it('shows each text once, with all that it says', async () => {
    const { out } = await run('--own-tenant', own, 'good.txt');
    assert.equal(out.split('teams.microsoft.com/l/meetup-join').length, 2);
    assert.match(out, /tenancy\s+own: one of your tenants/);
    assert.match(
      out,
      /found in\s+body text\n\s+https:[^\n]+\n\s+url\n\s+teams\.threadId\s+19:meeting_QUJD@thread\.v2\n/,
    );
  });

  it('says what it cannot read of a mail, and what helps', async () => {
    const { status, out } = await run('winmail.eml', 'encrypted.eml');
    assert.equal(status, 1);
    assert.match(out, /not read\s+winmail\.dat: .*-TNEFEnabled \$false/);
    assert.match(out, /cannot be read: encrypted mail \(S\/MIME\).*without encryption/);
  });

  it('ends with 2 on bad use and says what is wrong', async () => {
    assert.equal((await run()).status, 2);
    assert.match((await run('--own-tenant', 'example.com', 'good.txt')).err, /"example\.com" is no GUID/);
    assert.equal((await run('--nonsense', 'good.txt')).status, 2);
  });
});
