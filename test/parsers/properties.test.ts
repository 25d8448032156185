/** What holds for every invite, not only for those we thought of. The long suite runs a hundred times as many. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { understandingSchema } from '../../parsers/invite.ts';
import { findLinks } from '../../parsers/links/find.ts';
import { unwrap } from '../../parsers/links/unwrap.ts';
import { contentOf } from '../../parsers/read/content.ts';
import { readFile, UnreadableInvite } from '../../parsers/read/file.ts';
import { understand } from '../../parsers/understand.ts';
import { hostile, seeds } from './hostile.ts';
import { wraps } from './wrap.ts';

const long = process.env['USHER_LONG'] === '1';

const base64 = fc.stringMatching(/^[A-Za-z0-9]{48}$/);
const guid = fc.uuid();
const classic = fc
  .tuple(base64, guid, guid)
  .map(
    ([id, tid, oid]) =>
      `https://teams.microsoft.com/l/meetup-join/19%3ameeting_${id}%40thread.v2/0?context=%7b%22Tid%22%3a%22${tid}%22%2c%22Oid%22%3a%22${oid}%22%7d`,
  );
const short = fc
  .tuple(fc.stringMatching(/^[1-9][0-9]{11,15}$/), fc.stringMatching(/^[A-Za-z0-9]{18}$/))
  .map(([id, token]) => `https://teams.microsoft.com/meet/${id}?p=${token}`);
const meeting = fc.oneof(classic, short);

/** The same URL written in another way that the URL standard calls equal. */
function reEncoded(url: string, choices: readonly number[]): string {
  const parsed = new URL(url);
  let next = 0;
  const choice = (count: number) => (choices[next++ % choices.length] ?? 0) % count;
  // An escape stays one; only its letters' case may change. Any other character may become an escape.
  const coded = (text: string, all: boolean) =>
    text.replace(/%[0-9a-f]{2}|[A-Za-z0-9]/gi, (char) => {
      if (char.length === 3) return choice(2) === 0 ? char.toUpperCase() : char.toLowerCase();
      return all && choice(9) === 0 ? `%${char.charCodeAt(0).toString(16)}` : char;
    });
  const host = choice(2) === 0 ? parsed.host.toUpperCase() : parsed.host;
  const port = choice(2) === 0 ? ':443' : '';
  return `${choice(2) === 0 ? 'HTTPS' : 'https'}://${host}${port}/${coded(parsed.pathname.slice(1), true)}${coded(parsed.search, false)}`;
}

const idsOf = (url: string) => {
  const [invite] = readFile('a.url.txt', new TextEncoder().encode(url));
  assert.ok(invite);
  return understand(invite, { ownTenants: [] }).join?.teams;
};

describe('@invites whatever the invite', () => {
  it('gives a Teams link back from any chain of up to three wrappers, in text and in html', () => {
    const chain = fc.array(fc.constantFrom(...wraps), { minLength: 0, maxLength: 3 });
    fc.assert(
      fc.property(meeting, chain, (url, chained) => {
        const wrapped = chained.reduce((inner, { wrap }) => wrap(inner), url);
        const expected = { url, wrappers: chained.map(({ wrapper }) => wrapper).reverse() };
        const { url: found, wrappers, refused } = unwrap(wrapped);
        assert.deepEqual({ url: found, wrappers }, expected);
        assert.equal(refused, null);
        assert.deepEqual(
          findLinks(`Join: ${wrapped}\nMeeting ID: 1`, 'body text').map((link) => link.url),
          [url],
        );
        const page = `<p>Join <a href="${wrapped.replaceAll('&', '&amp;')}">now</a></p>`;
        const [invite] = readFile('a.html', new TextEncoder().encode(page));
        assert.ok(invite);
        assert.deepEqual(
          contentOf(invite).newest.links.map((link) => link.url),
          [url],
        );
      }),
      { numRuns: long ? 20_000 : 1_000 },
    );
  });

  it('gives the same ids for every way in which a URL may be encoded', () => {
    fc.assert(
      fc.property(meeting, fc.array(fc.nat(1_000), { minLength: 5, maxLength: 60 }), (url, choices) => {
        assert.deepEqual(idsOf(reEncoded(url, choices)), idsOf(url));
      }),
      { numRuns: long ? 20_000 : 500 },
    );
  });

  it('reads the same from iCalendar however its lines are folded', () => {
    const source = Buffer.from(seeds.find((seed) => seed.name.endsWith('.ics'))?.source ?? '');
    const unfolded = Buffer.from(source.toString('latin1').replace(/\r\n[ \t]/g, ''), 'latin1');
    const expected = readFile('a.ics', unfolded);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(unfolded.length - 1), fc.constantFrom('\r\n ', '\n ', '\r\n\t')), { maxLength: 40 }),
        (folds) => {
          const pieces: Buffer[] = [];
          let from = 0;
          for (const [at, fold] of folds.sort((a, b) => a[0] - b[0])) {
            // Not beside a line end: an empty line that begins with a blank is another thing.
            if (at <= from + 1 || /[\r\n]/.test(unfolded.toString('latin1', at - 1, at + 1))) continue;
            pieces.push(unfolded.subarray(from, at), Buffer.from(fold));
            from = at;
          }
          assert.deepEqual(readFile('a.ics', Buffer.concat([...pieces, unfolded.subarray(from)])), expected);
        },
      ),
      { numRuns: long ? 10_000 : 300 },
    );
  });

  it('never throws and never runs away, whatever happened to the bytes', function () {
    this.timeout(long ? 3_600_000 : 60_000);
    const count = long ? 1_000_000 : 10_000;
    const random = generator(long ? 0x5eed : 0x1234);
    let slowest = 0;
    for (let i = 0; i < count; i++) {
      const seed = seeds[i % seeds.length];
      const other = seeds[Math.floor(random() * seeds.length)];
      assert.ok(seed && other);
      const bytes = mutated(seed.source, other.source, random);
      // Processor time: on a loaded machine the clock runs on while the test waits for its turn.
      const began = process.cpuUsage();
      try {
        for (const invite of readFile(seed.name, bytes).slice(0, 3)) {
          const answer = understandingSchema.parse(understand(invite, { ownTenants: [] }));
          assert.ok(!answer.warnings.includes('unreadable'), JSON.stringify(answer.evidence));
        }
      } catch (error) {
        if (!(error instanceof UnreadableInvite))
          throw new Error(`${seed.name}: ${bytes.toString('base64')}`, { cause: error });
      }
      const { user, system } = process.cpuUsage(began);
      slowest = Math.max(slowest, (user + system) / 1_000);
    }
    assert.ok(slowest < 2_000, `the slowest took ${slowest} ms`);
  });

  it('reads any bytes at all', () => {
    const names = fc.constantFrom('a.ics', 'a.eml', 'a.html', 'a.txt', 'a.json', 'a.xml', 'a.url.txt', 'a', '');
    fc.assert(
      fc.property(names, fc.uint8Array({ maxLength: 400 }), (name, bytes) => {
        try {
          for (const invite of readFile(name, bytes)) contentOf(invite);
        } catch (error) {
          assert.ok(error instanceof UnreadableInvite, String(error));
        }
      }),
      { numRuns: long ? 100_000 : 1_000 },
    );
  });

  it('takes time in proportion to the size', function () {
    this.timeout(long ? 1_800_000 : 60_000);
    const sizes = long ? [65_536, 1_048_576] : [8_192, 131_072];
    const [small = 0, large = 0] = sizes;
    for (const { name, begin, unit, end } of hostile(long)) {
      const time = (size: number) => {
        const bytes = new TextEncoder().encode(begin + unit.repeat(Math.ceil(size / unit.length)) + end);
        const began = process.cpuUsage();
        try {
          for (const invite of readFile(name, bytes).slice(0, 1)) {
            contentOf(invite);
            understand(invite, { ownTenants: [] });
          }
        } catch (error) {
          assert.ok(error instanceof UnreadableInvite, String(error));
        }
        const used = process.cpuUsage(began);
        return (used.user + used.system) / 1_000;
      };
      time(small);
      // Sixteen times the size may take sixteen times as long, and as much again for the noise of a busy machine.
      const before = Math.max(time(small), long ? 40 : 8);
      const after = Math.min(time(large), time(large));
      assert.ok(
        after < before * 32,
        `${name} ${JSON.stringify(unit)}: ${before} ms for ${small} bytes, ${after} ms for ${large}`,
      );
    }
  });
});

/** Mulberry32: the same sequence in every run, so that a failure can be repeated. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One to four of: a byte changed, a slice cut, doubled, moved, or taken from another invite. */
function mutated(source: Buffer, other: Buffer, random: () => number): Buffer {
  let bytes = source;
  for (let i = 1 + Math.floor(random() * 4); i > 0; i--) {
    const at = Math.floor(random() * (bytes.length + 1));
    const end = Math.min(bytes.length, at + Math.floor(random() * 60));
    const from = Math.floor(random() * other.length);
    const piece = [
      Buffer.of(Math.floor(random() * 256)),
      Buffer.alloc(0),
      Buffer.concat([bytes.subarray(at, end), bytes.subarray(at, end)]),
      other.subarray(from, from + Math.floor(random() * 200)),
      Buffer.from('<>"\'\\\r\n=:;,%@&-'.charAt(Math.floor(random() * 16)).repeat(1 + Math.floor(random() * 3))),
    ][Math.floor(random() * 5)];
    bytes = Buffer.concat([bytes.subarray(0, at), piece ?? Buffer.alloc(0), bytes.subarray(random() < 0.5 ? at : end)]);
  }
  return bytes;
}
