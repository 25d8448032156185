/**
 * How fast invites are understood: by kind of file, beside one pass of fifty provider expressions over the same bodies
 * (what calendar tools usually do), and how time grows with size.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from '../parsers/read/file.ts';
import { understand } from '../parsers/understand.ts';

const folder = new URL('../fixtures/invites/', import.meta.url);
const options = { ownTenants: [] };

/** Hosts of meeting services with the path that a join link of theirs has. */
const services =
  'teams.microsoft.com/l/meetup-join/ teams.microsoft.com/meet/ teams.live.com/meet/ gov.teams.microsoft.us/l/ zoom.us/j/ zoom.us/my/ zoom.us/w/ zoomgov.com/j/ webex.com/meet/ webex.com/join/ webex.com/wbxmjs/ webex.com/j.php meet.google.com/ hangouts.google.com/ meet.lync.com/ bluejeans.com/ gotomeet.me/ gotomeeting.com/join/ meet.goto.com/ ringcentral.com/j/ chime.aws/ whereby.com/ 8x8.vc/ meet.jit.si/ lifesizecloud.com/ join.skype.com/ starleaf.com/ livestorm.com/p/ demodesk.com/ vowel.com/ around.co/r/ tuple.app/c/ gather.town/app/ discord.gg/ slack.com/call/ pop.com/j/ butter.us/ daily.co/ meetings.vonage.com/ dialpad.com/meet/ airmeet.com/e/ hopin.com/events/ larksuite.com/j/ feishu.cn/j/ voov.com/dm/ tencent.com/dm/ zhumu.com/j/ jiomeetpro.jio.com/ meet.zoho.com/ facetime.apple.com/join'
    .split(' ')
    .map((place) => new RegExp(`https?:\\/\\/(?:[a-z0-9-]+\\.)*${place.replace(/[./]/g, '\\$&')}[^\\s"'<>]*`, 'i'));

interface Seed {
  name: string;
  source: Buffer;
}

const kinds: readonly (readonly [string, RegExp])[] = [
  ['.ics', /\.ics$/],
  ['.eml', /\.eml$/],
  ['.html', /\.html$/],
  ['.txt', /(?<!\.url)\.txt$/],
  ['.json (Graph)', /(?<!\.expected)\.json$/],
  ['.xml (EWS)', /\.xml$/],
  ['.url.txt', /\.url\.txt$/],
];

/** Milliseconds of processor time that `work` takes, the best of three after a round to warm up. */
function cost(work: () => void): number {
  work();
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    const began = process.cpuUsage();
    work();
    const used = process.cpuUsage(began);
    best = Math.min(best, (used.user + used.system) / 1_000);
  }
  return best;
}

function understandAll(seeds: readonly Seed[]): void {
  for (const { name, source } of seeds) for (const invite of readFile(name, source)) understand(invite, options);
}

function byKind(all: readonly Seed[]): void {
  process.stdout.write('kind            files  mean bytes  invites/s per core  fifty expressions/s\n');
  for (const [kind, pattern] of kinds) {
    const seeds = all.filter((seed) => pattern.test(seed.name));
    if (seeds.length === 0) continue;
    const rounds = Math.ceil(400 / seeds.length);
    const bodies = seeds.map((seed) => seed.source.toString());
    const ours = cost(() => {
      for (let i = 0; i < rounds; i++) understandAll(seeds);
    });
    const theirs = cost(() => {
      for (let i = 0; i < rounds; i++) for (const body of bodies) for (const service of services) service.test(body);
    });
    const rate = (time: number) => Math.round((seeds.length * rounds * 1_000) / Math.max(time, 0.1));
    const bytes = Math.round(seeds.reduce((sum, seed) => sum + seed.source.length, 0) / seeds.length);
    process.stdout.write(
      `${kind.padEnd(15)} ${String(seeds.length).padStart(5)}  ${String(bytes).padStart(10)}  ${String(rate(ours)).padStart(18)}  ${String(rate(theirs)).padStart(19)}\n`,
    );
  }
}

/** The text of an agenda above the join block, longer and longer; the last column is what linear time keeps even. */
function bySize(all: readonly Seed[]): void {
  const block = all.find((seed) => seed.name.endsWith('outlook-2024.html'))?.source.toString() ?? '';
  process.stdout.write('\nhtml bytes      ms     ns per byte\n');
  for (let size = 1_024; size <= 1_048_576; size *= 4) {
    const filler = '<p>Agenda, point one: <a href="https://example.com/page">minutes</a> of 2 February</p>\n';
    const page = Buffer.from(filler.repeat(Math.ceil(size / filler.length)) + block);
    const time = cost(() => understandAll([{ name: 'a.html', source: page }]));
    process.stdout.write(
      `${String(page.length).padStart(10)}  ${time.toFixed(2).padStart(6)}  ${((time * 1e6) / page.length).toFixed(0).padStart(14)}\n`,
    );
  }
}

const seeds = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => kinds.some(([, pattern]) => pattern.test(name)))
  .sort()
  .map((name) => ({ name, source: readFileSync(new URL(name, folder)) }));
byKind(seeds);
bySize(seeds);
