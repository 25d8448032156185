import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { inviteFixtures } from '../../fixtures/invite-files.ts';
import { understandingSchema } from '../../parsers/invite.ts';
import { readFile } from '../../parsers/read/file.ts';
import { bareInvite } from '../../parsers/read/invite-of.ts';
import { parseTeamsUrl } from '../../parsers/teams.ts';
import { understand } from '../../parsers/understand.ts';

const long = process.env['USHER_LONG'] === '1';
const options = { ownTenants: [] };

const tenant = '5a1c7e02-3b4d-4f6e-8a9b-0c1d2e3f4a5b';
const organizer = '0b9f2c4e-7d81-4a36-9e5f-6c2d1b0a9f8e';
const opaque = 'N2Q1Njk4MjAtN2NiNC00MWEwLTI2YWItODUzMzNjMjRkNjYx';
const link = `https://teams.microsoft.com/l/meetup-join/19%3ameeting_${opaque}%40thread.v2/0?context=%7b%22Tid%22%3a%22${tenant}%22%2c%22Oid%22%3a%22${organizer}%22%7d`;

function idsOf(text: string): unknown {
  const { join } = understand(bareInvite('text', { text }), options);
  return [join?.teams?.threadId, join?.teams?.tenantId, join?.teams?.organizerId];
}

const expected = [`19:meeting_${opaque}@thread.v2`, tenant, organizer];

const wrappers: readonly ((url: string) => string)[] = [
  (url) => `https://nam12.safelinks.protection.outlook.com/?url=${encodeURIComponent(url)}&data=05&reserved=0`,
  (url) => `https://urldefense.proofpoint.com/v1/url?u=${encodeURIComponent(url)}&k=a`,
  (url) =>
    `https://urldefense.proofpoint.com/v2/url?u=${encodeURIComponent(url)
      .replace(/[-_!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
      .replaceAll('%', '-')}&d=a`,
  (url) => `https://linkprotect.cudasvc.com/url?a=${encodeURIComponent(url)}&c=E`,
  (url) => `https://secure-web.cisco.com/1Ab/${encodeURIComponent(url)}`,
  (url) => `https://www.google.com/url?q=${encodeURIComponent(url)}&sa=D`,
  (url) => `https://eu.protection.sophos.com/?d=x&u=${Buffer.from(url).toString('base64url')}`,
];

describe('hostile and damaged invites @invites', () => {
  it('finds the same ids through any chain of up to three wrappers', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...wrappers), { maxLength: 3 }), (chain) => {
        const wrapped = chain.reduce((url, wrap) => wrap(url), link);
        assert.deepEqual(idsOf(`Join: ${wrapped}\n`), expected, wrapped);
      }),
      { numRuns: long ? 5_000 : 400 },
    );
  });

  it('finds the same ids whatever is percent-encoded that the URL standard lets one encode', () => {
    const path = new URL(link).pathname.slice('/l/meetup-join/'.length);
    const plainPath = decodeURIComponent(path);
    const plainQuery = decodeURIComponent(new URL(link).search.slice('?context='.length));
    const encoded = (text: string, which: readonly boolean[], must: RegExp): string =>
      [...text]
        .map((char, index) =>
          which[index] === true || must.test(char) ? `%${char.charCodeAt(0).toString(16).padStart(2, '0')}` : char,
        )
        .join('');
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 300, maxLength: 300 }), fc.boolean(), (which, upper) => {
        const host = upper ? 'TEAMS.Microsoft.COM' : 'teams.microsoft.com';
        const url = `https://${host}/l/meetup-join/${encoded(plainPath, which, /[^\w:@/.]/)}?context=${encoded(plainQuery, which, /["{}]/)}`;
        const ids = parseTeamsUrl(url)?.ids;
        assert.deepEqual([ids?.threadId, ids?.tenantId, ids?.organizerId], expected, url);
        assert.deepEqual(idsOf(`x ${url} y`), expected, url);
      }),
      { numRuns: long ? 5_000 : 300 },
    );
  });

  it('answers the same however an iCalendar file is folded', async () => {
    const lines = [
      'BEGIN:VCALENDAR',
      'BEGIN:VEVENT',
      'UID:a@example.com',
      'DTSTART:20261103T090000Z',
      `DESCRIPTION:Join ${link}\\nMeeting ID: 285 873 280 003\\nPasscode: aB3dE6`,
      'END:VEVENT',
      'END:VCALENDAR',
    ];
    const whole = await answer('a.ics', lines.join('\r\n'));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 16, max: 75 }), fc.constantFrom(' ', '\t'), async (width, blank) => {
        const folded = lines.map((line) => line.match(new RegExp(`.{1,${width}}`, 'g'))?.join(`\r\n${blank}`) ?? '');
        assert.deepEqual(await answer('a.ics', folded.join('\r\n')), whole);
      }),
      { numRuns: 66 },
    );
  });

  it(`survives ${long ? '1,000,000' : '10,000'} mutated invites with an answer of the promised shape`, async function () {
    this.timeout(long ? 3_600_000 : 120_000);
    const random = generator(20261103);
    const corpus = inviteFixtures().map((fixture) => ({ name: fixture.name, bytes: readFileSync(fixture.path) }));
    const count = long ? 1_000_000 : 10_000;
    for (let i = 0; i < count; i++) {
      const seed = corpus[random(corpus.length)];
      const other = corpus[random(corpus.length)];
      if (seed === undefined || other === undefined) continue;
      await checked(seed.name, mutated(seed.bytes, other.bytes, random));
    }
  });

  it('never throws on any bytes, and takes time in proportion to their number', async function () {
    this.timeout(120_000);
    const unit = [
      'https://',
      '19:meeting_',
      '@',
      '%25',
      '.',
      '1 ',
      '<',
      '\\n',
      ' +49 ',
      'a@b.vc 123 ',
      'https://zoom.us/j/98765432100 ',
      `${link} `,
      '> ',
      '"',
      '##',
      'sip:a@b.cd ',
    ];
    for (const piece of unit) {
      for (const kind of ['a.txt', 'a.html']) {
        const size = long ? 1_000_000 : 250_000;
        const began = performance.now();
        await checked(kind, Buffer.from(piece.repeat(Math.ceil(size / piece.length)).slice(0, size)));
        const took = performance.now() - began;
        assert.ok(took < (long ? 20_000 : 6_000), `${JSON.stringify(piece)} in ${kind}: ${Math.round(took)} ms`);
      }
    }
  });
});

async function answer(name: string, text: string): Promise<unknown> {
  return (await readFile(name, Buffer.from(text))).map((invite) => understand(invite, options));
}

async function checked(name: string, bytes: Uint8Array): Promise<void> {
  let invites: Awaited<ReturnType<typeof readFile>>;
  try {
    invites = await readFile(name, bytes);
  } catch (error) {
    assert.ok(error instanceof Error && error.name === 'UnreadableInvite', `${name}: ${String(error)}`);
    return;
  }
  for (const invite of invites) {
    const answered = understand(invite, options);
    assert.ok(!answered.warnings.includes('unreadable'), `${name}: ${JSON.stringify(answered.evidence)}`);
    understandingSchema.parse(answered);
  }
}

type Random = (below: number) => number;

/** A small linear congruential generator: the same mutations in every run. */
function generator(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function mutated(bytes: Buffer, other: Buffer, random: Random): Buffer {
  let now = Buffer.from(bytes);
  for (let round = random(4); round >= 0; round--) {
    const at = random(now.length + 1);
    const length = random(60);
    const piece = other.subarray(random(other.length), random(other.length) + 40);
    const kind = random(5);
    if (kind === 0) now = Buffer.concat([now.subarray(0, at), now.subarray(at + length)]);
    else if (kind === 1) now = Buffer.concat([now.subarray(0, at), piece, now.subarray(at)]);
    else if (kind === 2 && now.length > 0) now[random(now.length)] = random(256);
    else if (kind === 3) now = Buffer.concat([now.subarray(0, at), now.subarray(Math.max(0, at - length))]);
    else now = now.subarray(0, Math.max(1, at));
  }
  return now;
}
