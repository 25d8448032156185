import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openHouse, type RunningHouse } from '../../src/house/house.ts';
import { StoreUnavailable } from '../../src/store/store.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { engineName, freshDatabase, stopEngine } from '../mongo/engine.ts';
import { lists, off } from './memory-device.ts';

const roomIds = ['r1', 'r2', 'r3', 'r4'];

function calendar(subject: string): string {
  const day = new Date(systemClock.now() + 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Test//EN',
    'BEGIN:VEVENT',
    'UID:one@example.org',
    'DTSTAMP:20260101T000000Z',
    `DTSTART:${day}T100000Z`,
    `DTEND:${day}T103000Z`,
    `SUMMARY:${subject}`,
    'DESCRIPTION:https://teams.microsoft.com/meet/2112223334445?p=abcDEF123',
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ].join('\r\n');
}

describe(`two houses on one MongoDB, ${engineName} @mongo`, () => {
  let base: string;
  let uri: string;
  const houses: RunningHouse[] = [];

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'usher-shared-'));
    uri = await freshDatabase();
    for (const id of roomIds) {
      await mkdir(join(base, id));
      await writeFile(join(base, id, 'calendar.ics'), calendar(`Meeting of ${id}`));
    }
  });
  afterEach(async () => {
    for (const house of houses.splice(0)) await house.close();
    lists.clear();
    off.clear();
    await rm(base, { recursive: true, force: true });
  });
  after(stopEngine);

  async function open(name: string): Promise<RunningHouse> {
    const module = fileURLToPath(new URL('./memory-device.ts', import.meta.url));
    const rooms = roomIds.map((id) => ({
      id,
      name: id,
      calendar: { type: 'folder', path: id },
      devices: [{ type: 'module', module }, { type: 'panel' }],
    }));
    const settings = { dataFolder: name, store: { type: 'mongodb', uri: '${env:STORE}' }, web: { port: 0 }, rooms };
    const config = await parseConfig(JSON.stringify(settings), join(base, 'usher.yaml'), { STORE: uri });
    const log = createLog({ level: 'silent' });
    const house = await openHouse({ config, base, clock: systemClock, log, mode: 'serve', version: 'test' });
    houses.push(house);
    return house;
  }

  const settled = async (): Promise<void> => {
    for (const house of houses) {
      await house.rooms.settled();
      await house.reconciler.settled();
    }
  };

  it('shows every room on both, pushes each once, and refuses one with another secret', async () => {
    await open('one');
    await settled();
    for (const id of roomIds) assert.equal(lists.get(`${id}/0`)?.[0]?.title, `Meeting of ${id}`);
    await assert.rejects(
      open('two'),
      (error) => error instanceof StoreUnavailable && /another secret file.*Copy/s.test(error.message),
    );

    await copyFile(join(base, 'one', 'secret'), join(base, 'two', 'secret'));
    const two = await open('two');
    await settled();
    const [one] = houses;
    assert.ok(one);
    for (const id of roomIds) {
      assert.equal(two.rooms.get(id)?.view().entries[0]?.title, `Meeting of ${id}`);
      assert.deepEqual([...(two.rooms.get(id)?.tokens() ?? [])], [...(one.rooms.get(id)?.tokens() ?? [])]);
      const panel = await fetch(two.panelUrl(id));
      assert.match(await panel.text(), new RegExp(`Meeting of ${id}`));
    }
  });
});
