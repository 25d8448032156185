/**
 * Many rooms: 1,000 rooms with 50 meetings each, cold and with one change each; 10,000 rooms, start-up and steady load.
 * Every calendar is a real folder with a real file. Usage: `npm run bench -- rooms`.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { parseConfig } from '../src/config/load.ts';
import { openHouse, type RunningHouse } from '../src/house/house.ts';
import { createLog } from '../src/telemetry/log.ts';

const minute = 60_000;

function stamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}

/** Meetings of the coming week, most of them Teams meetings of others. */
function calendar(room: number, meetings: number, change: number): string {
  const lines = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Bench//EN'];
  const base = Math.floor(Date.now() / (5 * minute)) * 5 * minute;
  for (let index = 0; index < meetings; index++) {
    const start = base + index * 180 * minute;
    const digits = String(200_000_000_000 + room * 100 + index);
    lines.push(
      'BEGIN:VEVENT',
      `UID:${room}-${index}@bench.example`,
      'DTSTAMP:20260101T000000Z',
      `DTSTART:${stamp(start)}`,
      `DTEND:${stamp(start + 45 * minute)}`,
      `SUMMARY:Meeting ${index}${index === 0 ? ` change ${change}` : ''}`,
      'ORGANIZER;CN=Host:mailto:host@partner.example',
      `DESCRIPTION:Agenda\\n\\n________________\\nMicrosoft Teams meeting\\nJoin: https://teams.microsoft.com/meet/${digits}?p=aBcDeFgH\\nMeeting ID: ${digits}\\nPasscode: aB3dE6gH\\n`,
      'END:VEVENT',
    );
  }
  return `${[...lines, 'END:VCALENDAR'].join('\r\n')}\r\n`;
}

async function write(folder: string, rooms: number, meetings: number, change: number): Promise<void> {
  for (let room = 0; room < rooms; room++) {
    await mkdir(join(folder, `r${room}`), { recursive: true });
    await writeFile(join(folder, `r${room}`, 'calendar.ics'), calendar(room, meetings, change));
  }
}

async function open(folder: string, rooms: number): Promise<RunningHouse> {
  const config = await parseConfig(
    JSON.stringify({
      web: { port: 0 },
      sip: { listen: [{ transport: 'udp', address: '127.0.0.1', port: 0 }] },
      rooms: Array.from({ length: rooms }, (_, room) => ({
        id: `r${room}`,
        name: `Room ${room}`,
        calendar: { type: 'folder', path: `r${room}` },
      })),
    }),
    join(folder, 'usher.yaml'),
    {},
  );
  const log = createLog({ level: 'error' });
  return openHouse({ config, base: folder, clock: systemClock, log, mode: 'serve', version: 'bench' });
}

const megabytes = (): string => `${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`;
const since = (from: number): string => `${((performance.now() - from) / 1000).toFixed(1)} s`;

/** Resolves when every room's plan has moved on from `before`. */
async function allChanged(house: RunningHouse, before: ReadonlyMap<string, number>): Promise<void> {
  await Promise.all(
    house.rooms.all().map(
      (room) =>
        new Promise<void>((resolve) => {
          const look = (): void => {
            if (room.plan.revision === before.get(room.id)) return;
            stop();
            resolve();
          };
          const stop = room.onChange(look);
          look();
        }),
    ),
  );
}

async function thousand(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'usher-bench-'));
  await write(folder, 1_000, 50, 0);
  let from = performance.now();
  const house = await open(folder, 1_000);
  await house.rooms.settled();
  process.stdout.write(`1,000 rooms × 50 meetings, cold: ${since(from)}, ${megabytes()}\n`);
  const before = new Map(house.rooms.all().map((room) => [room.id, room.plan.revision]));
  const cpu = process.cpuUsage();
  from = performance.now();
  const changed = allChanged(house, before);
  await write(folder, 1_000, 50, 1);
  await changed;
  const used = process.cpuUsage(cpu);
  process.stdout.write(
    `one change in each of 1,000 rooms: ${since(from)} until every plan had it, ${((used.user + used.system) / 1e6).toFixed(1)} s of CPU, ${megabytes()}\n`,
  );
  await house.close();
  await rm(folder, { recursive: true });
}

async function tenThousand(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'usher-bench-'));
  await write(folder, 10_000, 5, 0);
  const from = performance.now();
  const house = await open(folder, 10_000);
  const panels = since(from);
  await house.rooms.settled();
  process.stdout.write(
    `10,000 rooms × 5 meetings: web up after ${panels}, all read after ${since(from)}, ${megabytes()}\n`,
  );
  const cpu = process.cpuUsage();
  const seconds = 60;
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const used = process.cpuUsage(cpu);
  process.stdout.write(
    `10,000 rooms, steady for ${seconds} s: ${((used.user + used.system) / 1e4 / seconds).toFixed(1)} % of one core, ${megabytes()}\n`,
  );
  await house.close();
  await rm(folder, { recursive: true });
}

await thousand();
await tenThousand();
