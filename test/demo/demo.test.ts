import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DemoProcess } from './process.ts';

/** So many rounds of sudden death; a hundred, with pushed devices, are in test/house/sudden-death.test.ts. */
const rounds = process.env['USHER_LONG'] === '1' ? 10 : 2;

/** Rewrites a calendar file whole, as an editor does. */
async function edit(path: string, change: (text: string) => string): Promise<void> {
  await writeFile(path, change(await readFile(path, 'utf8')));
}

/** The room's feed, again and again until it shows what is looked for. */
async function feedShows(feed: string, wanted: (text: string) => boolean): Promise<string> {
  for (;;) {
    const text = await (await fetch(feed)).text();
    if (wanted(text)) return text;
    await new Promise(setImmediate);
  }
}

const feedOf = (panel: string): string => panel.replace(/panel$/, 'feed.ics');

describe('the demo @first-run @firm', function () {
  this.timeout(rounds > 2 ? 600_000 : 240_000);
  let data: string;
  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'usher-demo-'));
  });
  afterEach(() => rm(data, { recursive: true, force: true }));

  it('prints its rooms and the way in of each meeting, and ends cleanly', async () => {
    const demo = await DemoProcess.start(data);
    try {
      const routes = demo.ready.rooms.map(({ id, entries }) => [id, entries.map(({ route }) => route)]);
      assert.deepEqual(routes, [
        ['oslo', ['sgj', 'cvi', 'none']],
        ['lisbon', ['cvi', 'sgj']],
        ['kyoto', ['sip', 'none']],
      ]);
      const dials = demo.ready.rooms.flatMap(({ entries }) => entries.map(({ dial }) => dial));
      assert.match(dials[0] ?? '', /^sip:[a-z2-7]{26}@/);
      assert.deepEqual(dials.slice(1, 4), [
        'sip:813878896.1182047763@t.plcm.vc',
        null,
        'sip:1129304150@video.contoso.example',
      ]);
      assert.match(dials[5] ?? '', /^sip:98765432109(\.482913)?@zoomcrc\.com$/);
      const panel = await (await fetch(demo.room('oslo').panel)).text();
      assert.match(panel, /Design review with Northwind/);
      const hidden = await (await fetch(demo.room('lisbon').panel)).text();
      assert.doesNotMatch(hidden, /Interview/);
    } finally {
      assert.equal(await demo.stop(), 0);
    }
    const complaints = demo.errors
      .split('\n')
      .filter((line) => line !== '' && !line.includes('guest calls are not possible'));
    assert.deepEqual(complaints, []);
  });

  it('shows a changed calendar file', async () => {
    const demo = await DemoProcess.start(data);
    try {
      const { calendar, panel } = demo.room('kyoto');
      await edit(calendar, (text) => text.replace('SUMMARY:Supplier call', 'SUMMARY:Supplier visit'));
      await feedShows(feedOf(panel), (text) => text.includes('SUMMARY:Supplier visit'));
    } finally {
      await demo.stop();
    }
  });

  it(`loses, doubles and renames nothing over ${rounds} sudden deaths under changing calendars`, async () => {
    let demo = await DemoProcess.start(data);
    try {
      const before = demo.ready;
      for (let round = 0; round < rounds; round++) {
        const { calendar } = demo.room('oslo');
        await edit(calendar, (text) => text.replace(/SUMMARY:(Design review|Round \d+).*/, `SUMMARY:Round ${round}\r`));
        // Death comes somewhere between the change and its being shown: another moment each round.
        for (let ticks = 0; ticks < (round * 37) % 200; ticks++) await new Promise(setImmediate);
        await demo.kill();
        demo = await DemoProcess.start(data);
        const oslo = demo.room('oslo').entries;
        assert.deepEqual(
          oslo.map(({ title, start, dial }) => [title, start, dial?.replace(/@.*/, '')]),
          (before.rooms[0]?.entries ?? []).map(({ title, start, dial }, index) => [
            index === 0 ? `Round ${round}` : title,
            start,
            dial?.replace(/@.*/, ''),
          ]),
        );
        assert.deepEqual(
          demo.ready.rooms.map(({ panel }) => new URL(panel).pathname),
          before.rooms.map(({ panel }) => new URL(panel).pathname),
        );
      }
      await demo.kill();
      const db = new DatabaseSync(join(data, 'usher.db'), { readOnly: true });
      const jobs = db.prepare('SELECT name, count(*) AS count FROM jobs GROUP BY name ORDER BY name').all();
      db.close();
      assert.deepEqual(
        jobs.map(({ name, count }) => [name, count]),
        [
          ['clean-up', 1],
          ['safety-polls', 1],
        ],
      );
    } finally {
      await demo.stop();
    }
  });

  it('refuses a port that is none, with a sentence', async () => {
    await assert.rejects(DemoProcess.start(data, '--http-port', 'many'), /ended with 2: .*--http-port must be/);
  });

  it('refuses to share its data folder with a second process, and names it', async () => {
    const demo = await DemoProcess.start(data);
    try {
      await assert.rejects(DemoProcess.start(data), /ended with 1: .*usher\.db/);
    } finally {
      await demo.stop();
    }
  });
});
