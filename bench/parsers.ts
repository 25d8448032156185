/**
 * Invites per second of one core by kind, beside one pass of fifty provider expressions over the same bodies (how calendar
 * apps find a meeting link), and time against size from 1 KB to 1 MB.
 */
import { readFileSync } from 'node:fs';
import { inviteFixtures, ownTenant } from '../fixtures/invite-files.ts';
import type { Invite } from '../parsers/invite.ts';
import { readFile } from '../parsers/read/file.ts';
import { understand } from '../parsers/understand.ts';

const options = { ownTenants: [ownTenant] };
const secondsEach = 1.5;

/** Fifty expressions in the style of calendar apps: one link form each, first hit wins, nothing unwrapped or understood. */
const links = [
  'teams\\.microsoft\\.com/l/meetup-join/',
  'teams\\.live\\.com/meet/',
  'teams\\.microsoft\\.com/meet/',
  '([a-z0-9-.]+)?zoom(-x)?\\.(?:us|com|com\\.cn|de)/(?:my|[a-z]{1,2}|webinar)/',
  '([a-z0-9-.]+)?zoomgov\\.com/j/',
  'meet\\.google\\.com/',
  'hangouts\\.google\\.com/',
  '([a-z0-9-.]+)?webex\\.com/',
  '([a-z0-9.]+)?gotomeeting\\.com/',
  'meet\\.goto\\.com/',
  'gotomeet\\.me/',
  '([a-z0-9.]+)?ringcentral\\.com/',
  '([a-z0-9.]+)?bluejeans\\.com/',
  '8x8\\.vc/',
  'event\\.demio\\.com/',
  'join\\.me/',
  'whereby\\.com/',
  'appear\\.in/',
  'uberconference\\.com/',
  'go\\.blizz\\.com/',
  'go\\.teamviewer\\.com/',
  'vsee\\.com/',
  'meet\\.starleaf\\.com/',
  'duo\\.app\\.goo\\.gl/',
  'voovmeeting\\.com/',
  'meeting\\.tencent\\.com/',
  'vc\\.feishu\\.cn/j/',
  'vc\\.larksuite\\.com/j/',
  '([a-z0-9-.]+)?chime\\.aws/',
  'meet\\.jit\\.si/',
  'jitsi\\.',
  'meet\\.lync\\.com/',
  'join\\.skype\\.com/',
  '([a-z0-9-.]+)?livestorm\\.co/',
  'luma\\.com/join/',
  'call\\.lifesizecloud\\.com/',
  'meet\\.livekit\\.io/',
  'pexip\\.me/',
  'invited\\.sf',
  'discord\\.gg/',
  'facetime\\.apple\\.com/',
  'meet\\.around\\.co/',
  'tuple\\.app/',
  'gather\\.town/',
  'reclaim\\.ai/z/',
  'pop\\.com/j/',
  'chorus\\.ai/',
  'gong\\.io/call/',
  'doxy\\.me/',
  't\\.me/',
];
const peers = links.map((link) => new RegExp(`https?://(?:www\\.)?${link}[^\\s"'<>]*`, 'gi'));

const kinds = new Map<string, { name: string; bytes: Buffer }[]>();
for (const { path, name } of inviteFixtures()) {
  const kind = name.endsWith('.url.txt') ? 'url.txt' : name.slice(name.lastIndexOf('.') + 1);
  kinds.set(kind, [...(kinds.get(kind) ?? []), { name, bytes: readFileSync(path) }]);
}

process.stdout.write('invites per second of one core\n');
process.stdout.write(
  `${'kind'.padEnd(9)}${'files'.padStart(6)}${'read+understand'.padStart(17)}${'understand'.padStart(12)}${'50 expressions'.padStart(16)}\n`,
);
for (const [kind, files] of [...kinds].sort()) {
  const invites = files.flatMap(({ name, bytes }) => readFile(name, bytes));
  const bodies = invites.map(bodyOf);
  const whole = rate(files.length, () => {
    for (const { name, bytes } of files) for (const invite of readFile(name, bytes)) understand(invite, options);
  });
  const alone = rate(invites.length, () => {
    for (const invite of invites) understand(invite, options);
  });
  const theirs = rate(bodies.length, () => {
    for (const body of bodies) for (const peer of peers) body.match(peer);
  });
  process.stdout.write(
    `${kind.padEnd(9)}${String(files.length).padStart(6)}${String(whole).padStart(17)}${String(alone).padStart(12)}${String(theirs).padStart(16)}\n`,
  );
}

process.stdout.write('\nmilliseconds against size (read and understand)\n');
const filler =
  'Lorem ipsum dolor sit amet, consectetur adipiscing elit 12 345 678, see https://example.com/page?id=12345.\n';
const invite = readFileSync(new URL('../fixtures/invites/bodies/era-2024-cvi.txt', import.meta.url), 'utf8');
for (const [kind, make] of [
  ['txt', (size: number) => filler.repeat(Math.ceil(size / filler.length)).slice(0, size) + invite],
  [
    'html',
    (size: number) =>
      `${`<p>${filler}</p>`.repeat(Math.ceil(size / (filler.length + 7))).slice(0, size)}<pre>${invite.replaceAll('<', '&lt;')}</pre>`,
  ],
  [
    'hostile.txt',
    (size: number) =>
      'a@b.vc 123 456 789 https://teams.microsoft.com/meet/123456789012 '.repeat(Math.ceil(size / 65)).slice(0, size),
  ],
] as const) {
  const figures = [1_000, 10_000, 100_000, 1_000_000].map((size) => {
    const bytes = Buffer.from(make(size));
    const runs = size >= 1_000_000 ? 3 : 10;
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < runs; i++) {
      const began = performance.now();
      for (const one of readFile(`a.${kind}`, bytes)) understand(one, options);
      best = Math.min(best, performance.now() - began);
    }
    return `${size / 1000} KB ${best.toFixed(2)}`;
  });
  process.stdout.write(`${kind.padEnd(12)} ${figures.join('   ')}\n`);
}

function bodyOf({ text, html, locations, subject }: Invite): string {
  return [subject, ...locations, text ?? '', html ?? ''].join('\n');
}

/** How often a second `run`, which does `count` of them, can be done. */
function rate(count: number, run: () => void): number {
  run();
  const began = performance.now();
  let done = 0;
  do {
    run();
    done += count;
  } while (performance.now() - began < secondsEach * 1000);
  return Math.round(done / ((performance.now() - began) / 1000));
}
