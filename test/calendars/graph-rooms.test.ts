import assert from 'node:assert/strict';
import { roomsFromCsv } from '../../connectors/calendars/graph/rooms.ts';
import { GraphSimulator } from '../../fixtures/graph/simulator.ts';
import { tenantOf } from './graph-tenant.ts';

describe('importing rooms @calendars', () => {
  it('lists all places of a tenant with names and zones, and says where a zone is missing', async () => {
    const simulator = await GraphSimulator.start();
    for (let index = 0; index < 130; index++) {
      const emailAddress = `Room${index}@example.com`;
      simulator.mailbox(
        emailAddress,
        index === 7 ? 'Customized Time Zone' : index % 2 === 0 ? 'W. Europe Standard Time' : 'Asia/Tokyo',
      );
      simulator.places.push({ emailAddress, displayName: `Room ${index}` });
    }
    const tenant = tenantOf(simulator);
    const { rooms, problems } = await tenant.rooms(new AbortController().signal);
    assert.equal(rooms.length, 130);
    assert.deepEqual(rooms[0], { email: 'room0@example.com', name: 'Room 0', timeZone: 'Europe/Berlin' });
    assert.deepEqual(
      rooms.find(({ email }) => email === 'room1@example.com'),
      { email: 'room1@example.com', name: 'Room 1', timeZone: 'Asia/Tokyo' },
    );
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^room7@example\.com: no time zone .*write timeZone/);
    assert.deepEqual(
      Object.values(simulator.limits.violations).filter((count) => count > 0),
      [],
    );
    await tenant.close();
    await simulator.close();
  });

  it('reads tables with commas, semicolons, quotes, marks and the headings of Exchange', () => {
    const table =
      '\ufeff#TYPE Selected.Mailbox\r\n"DisplayName";"PrimarySmtpAddress";"TimeZone"\r\n"Fjord; 2nd floor";"Fjord@example.com";"W. Europe Standard Time"\r\n"Foss";"foss@example.com";""\r\n';
    assert.deepEqual(roomsFromCsv(table), {
      rooms: [
        { email: 'fjord@example.com', name: 'Fjord; 2nd floor', timeZone: 'Europe/Berlin' },
        { email: 'foss@example.com', name: 'Foss', timeZone: null },
      ],
      problems: [],
    });
    assert.deepEqual(roomsFromCsv('email,timeZone\na@example.com,Europe/Oslo\n').rooms, [
      { email: 'a@example.com', name: 'a@example.com', timeZone: 'Europe/Oslo' },
    ]);
  });

  it('names rows that it cannot take, and takes the others', () => {
    const { rooms, problems } = roomsFromCsv(
      'email,name,timeZone\nnot an address,A,\nb@example.com,B,Middle/Earth\nb@example.com,C,\n',
    );
    assert.deepEqual(rooms, [{ email: 'b@example.com', name: 'C', timeZone: null }]);
    assert.deepEqual(
      problems.map((problem) => problem.slice(0, 6)),
      ['row 1:', 'row 2:', 'row 3:'],
    );
    assert.match(roomsFromCsv('x,y\n1,2\n').problems[0] ?? '', /no column for addresses/);
    assert.match(roomsFromCsv('email\n"never closed\n').problems[0] ?? '', /cannot be read/);
    assert.equal(roomsFromCsv('').problems.length, 1);
  });
});
