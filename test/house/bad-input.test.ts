/** Every bad calendar in one house: what the administrator is told of each, and how the room next door fares meanwhile. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BadFeedServer,
  badFeeds,
  badFolders,
  calendar,
  event,
  startBadFeeds,
} from '../../fixtures/calendars/bad.ts';
import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openHouse, type RunningHouse } from '../../src/house/house.ts';
import { roomStatus } from '../../src/house/status.ts';
import type { Room } from '../../src/rooms/room.ts';
import { createLog } from '../../src/telemetry/log.ts';

const now = Date.now();
const bad = badFolders(now);
/** Many times what a change may take to reach a panel: the machine may be busy with other things. */
const deadlineMs = 40_000;
/** Changes of the healthy room: alone, and beside each bad input. */
const changesAlone = 10;
const changesBeside = 2;

describe('bad calendars @firm', function () {
  this.timeout(240_000);
  let data: string;
  let house: RunningHouse;
  let feeds: BadFeedServer;
  let changes = 0;
  const alone: number[] = [];
  /** What the healthy room's changes took beside the bad ones, milliseconds. */
  const beside: number[] = [];

  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'usher-bad-'));
    feeds = await startBadFeeds(now);
    const folders = ['good', ...bad.map((_, index) => `bad-${index}`)];
    for (const folder of folders) await mkdir(join(data, folder));
    await writeFile(join(data, 'good', 'calendar.ics'), calendar(event('Before', now)));
    const rooms = [
      ...folders.map((id) => ({ id, name: id, calendar: { type: 'folder', path: id } })),
      ...badFeeds.map(({ path }, index) => ({
        id: `feed-${index}`,
        name: path,
        calendar: { type: 'feed', url: feeds.url + path, allowPrivateAddresses: true },
      })),
    ];
    const config = await parseConfig(JSON.stringify({ web: { port: 0 }, rooms }), join(data, 'usher.yaml'), {});
    const log = createLog({ level: 'silent' });
    house = await openHouse({ config, base: data, clock: systemClock, log, mode: 'serve', version: 'test' });
    // The first waits for threads to start.
    await changeGood();
    for (let index = 0; index < changesAlone; index++) alone.push(await changeGood());
  });

  after(async () => {
    await house?.close();
    await feeds?.close();
    await rm(data, { recursive: true, force: true });
  });

  function room(roomId: string): Room {
    const found = house.rooms.get(roomId);
    assert.ok(found);
    return found;
  }

  function problems(roomId: string): string {
    const status = roomStatus(room(roomId), { now, reconciler: house.reconciler, callState: 'idle' });
    return status.problems.join('\n');
  }

  /** From a changed file of the healthy room to its plan, milliseconds. */
  async function changeGood(): Promise<number> {
    const title = `Change ${changes++}`;
    const good = room('good');
    const changed = Promise.withResolvers<void>();
    const stop = good.onChange(() => {
      if (good.view().entries.some((entry) => entry.title === title)) changed.resolve();
    });
    const from = performance.now();
    await writeFile(join(data, 'good', 'calendar.ics'), calendar(event(title, now)));
    await changed.promise;
    stop();
    return performance.now() - from;
  }

  /** Reads the room until it shows what it should; the turns that the event loop made meanwhile, at most one in 5 ms. */
  async function turnsUntil(roomId: string, shown: () => boolean): Promise<number> {
    let turns = 0;
    house.rooms.refresh(roomId);
    while (!shown()) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      // What was fed while the last reading was under way is only in the next.
      if (++turns % 400 === 0) house.rooms.refresh(roomId);
    }
    return turns;
  }

  for (const [index, { what, make, told, entries }] of bad.entries()) {
    it(`says what is wrong with ${what}, and shows what can be read`, async () => {
      const id = `bad-${index}`;
      const { readAt } = room(id).plan;
      await make(join(data, id));
      for (let change = 0; change < changesBeside; change++) beside.push(await changeGood());
      await turnsUntil(id, () => {
        const said = problems(id);
        const right = told === null ? said === '' && room(id).plan.readAt !== readAt : told.test(said);
        return right && (entries === null || room(id).view().entries.length === entries);
      });
    });
  }

  for (const [index, { what, told }] of badFeeds.entries()) {
    it(`says what is wrong with ${what}`, async () => {
      house.rooms.refresh(`feed-${index}`);
      for (let change = 0; change < changesBeside; change++) beside.push(await changeGood());
      if (told !== null) await turnsUntil(`feed-${index}`, () => told.test(problems(`feed-${index}`)));
    });
  }

  it('goes on with the event loop while a large file is read', async () => {
    const index = bad.findIndex(({ what }) => what.includes('long past'));
    const folder = join(data, `bad-${index}`);
    // A second file, so that the end of its reading can be seen.
    await writeFile(join(folder, 'end.ics'), calendar(event('end', now)));
    await bad[index]?.make(folder);
    const turns = await turnsUntil(`bad-${index}`, () => room(`bad-${index}`).view().entries.length === 1);
    // In this thread it would be some ten: the reading alone takes a second of it.
    assert.ok(turns >= 40, `${turns} turns`);
  });

  it('goes on with the other rooms', () => {
    assert.equal(problems('good'), '');
    const [p50, p99, p50Alone, p99Alone] = [
      share(beside, 0.5),
      share(beside, 0.99),
      share(alone, 0.5),
      share(alone, 0.99),
    ];
    const figures = `alone p50 ${p50Alone} p99 ${p99Alone} ms, beside bad input p50 ${p50} p99 ${p99} ms`;
    process.stdout.write(`      a change in the room next door: ${figures}\n`);
    assert.ok(p99 < Math.max(deadlineMs, 10 * p99Alone), figures);
    assert.ok(p50 < Math.max(deadlineMs / 10, 10 * p50Alone), figures);
  });
});

function share(times: readonly number[], part: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0);
}
