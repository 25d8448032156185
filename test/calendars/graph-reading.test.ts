import assert from 'node:assert/strict';
import { type Calendar, CalendarUnavailable, type Window } from '../../connectors/calendars/calendar.ts';
import type { GraphTenant } from '../../connectors/calendars/graph/tenant.ts';
import { appCertificate } from '../../fixtures/graph/certificates.ts';
import { GraphSimulator } from '../../fixtures/graph/simulator.ts';
import { calendarContract } from './contract.ts';
import { tenantOf } from './graph-tenant.ts';

const room = 'fjord@example.com';
const week: Window = { from: Date.parse('2026-03-02T00:00Z'), to: Date.parse('2026-03-09T00:00Z') };

calendarContract('a mailbox by Microsoft Graph', '@calendars', { tells: false }, async () => {
  const simulator = await GraphSimulator.start();
  simulator.mailbox(room);
  const tenant = tenantOf(simulator);
  return {
    calendar: tenant.calendar(room, 'UTC'),
    put: async (events) => {
      for (const id of simulator.mailbox(room).ids()) simulator.remove(room, id);
      for (const { uid, ...event } of events) simulator.put(room, { id: uid, ...event });
    },
    fail: async (broken) => {
      simulator.allowed = broken ? new Set() : null;
    },
    secrets: [simulator.options.secret],
    close: async () => {
      await tenant.close();
      await simulator.close();
    },
  };
});

describe('reading a mailbox by Microsoft Graph @calendars', () => {
  let simulator: GraphSimulator;
  let tenant: GraphTenant;
  let calendar: Calendar;
  beforeEach(async () => {
    simulator = await GraphSimulator.start();
    simulator.mailbox(room);
    tenant = tenantOf(simulator);
    calendar = tenant.calendar(room, 'Europe/Oslo');
  });
  afterEach(async () => {
    await tenant.close();
    await simulator.close();
    assert.deepEqual(
      Object.values(simulator.limits.violations).filter((count) => count > 0),
      [],
    );
  });

  const read = (of = calendar) => of.read(week, new AbortController().signal);
  const uids = async (of = calendar): Promise<(string | null)[]> =>
    (await read(of)).invites.map((invite) => invite.uid);
  const meeting = (id: string, hour = 9) => ({
    id,
    start: `2026-03-02T${String(hour).padStart(2, '0')}:00:00Z`,
    end: `2026-03-02T${String(hour).padStart(2, '0')}:30:00Z`,
  });

  it('carries what the parsers live on: html, join address, and the named properties of a stripped body', async () => {
    simulator.put(room, {
      ...meeting('full'),
      subject: 'Planning',
      html: '<p>Join <a href="https://example.com/j/1">here</a></p>',
      location: 'Fjord',
      joinUrl: 'https://teams.microsoft.com/l/meetup-join/19%3ameeting_x%40thread.v2/0',
      sensitivity: 'private',
    });
    simulator.put(room, {
      ...meeting('stripped', 11),
      properties: { SkypeTeamsMeetingUrl: 'https://teams.microsoft.com/x', Other: 'not asked for' },
    });
    const { invites, problems } = await read();
    assert.deepEqual(problems, []);
    const [full, stripped] = invites;
    assert.equal(full?.source, 'graph-event');
    assert.match(full?.html ?? '', /example\.com\/j\/1/);
    assert.deepEqual(
      [full?.subject, full?.locations, full?.sensitivity, full?.response],
      ['Planning', ['Fjord'], 'private', 'accepted'],
    );
    assert.match(full?.properties.JoinUrl ?? '', /meetup-join/);
    assert.deepEqual(stripped?.properties.SkypeTeamsMeetingUrl, 'https://teams.microsoft.com/x');
  });

  it('follows pages to the last one', async () => {
    for (let index = 0; index < 250; index++) simulator.put(room, meeting(`m${index}`));
    assert.equal(new Set(await uids()).size, 250);
    assert.equal(simulator.requests, 3);
  });

  it('reads occurrences, moved and deleted ones, over a change of the clocks in the zone of the series', async () => {
    simulator.put(room, {
      id: 'series',
      start: '2026-03-26T09:00',
      end: '2026-03-26T10:00',
      timeZone: 'Europe/Oslo',
      daily: 6,
      exceptions: {
        '2026-03-28': null,
        '2026-03-30': { start: '2026-03-30T15:00', end: '2026-03-30T16:00', subject: 'Later' },
      },
    });
    const { invites } = await calendar.read(
      { from: Date.parse('2026-03-26T00:00Z'), to: Date.parse('2026-04-02T00:00Z') },
      new AbortController().signal,
    );
    const iso = (at: number | null): string => (at === null ? '' : new Date(at).toISOString().slice(5, 16));
    assert.deepEqual(
      invites.map((invite) => [iso(invite.start), invite.occurrence]),
      [
        ['03-26T08:00', '20260326T080000Z'],
        ['03-27T08:00', '20260327T080000Z'],
        ['03-29T07:00', '20260329T070000Z'],
        ['03-30T13:00', '20260330T070000Z'],
        ['03-31T07:00', '20260331T070000Z'],
      ],
    );
  });

  it('places whole days in the zone of the room, also at the edge of the window', async () => {
    simulator.put(room, { id: 'day', start: '2026-03-09', end: '2026-03-10', allDay: true });
    const until = Date.parse('2026-03-09T00:00Z');
    const [oslo] = (await calendar.read({ from: until - 3_600_000, to: until }, new AbortController().signal)).invites;
    assert.deepEqual([oslo?.start, oslo?.end], [Date.parse('2026-03-08T23:00Z'), Date.parse('2026-03-09T23:00Z')]);
    const pacific = tenant.calendar(room, 'America/Los_Angeles');
    assert.deepEqual(
      (await pacific.read({ from: until, to: until + 7 * 3_600_000 }, new AbortController().signal)).invites,
      [],
    );
  });

  it('signs in by certificate', async () => {
    const pair = await appCertificate();
    const other = await GraphSimulator.start({ certificate: pair.certificate });
    other.put(room, meeting('one'));
    const signedIn = tenantOf(other, {
      credential: { kind: 'certificate', certificate: pair.certificate, privateKey: pair.key },
    });
    assert.deepEqual(await uids(signedIn.calendar(room, 'UTC')), ['one']);
    await signedIn.close();
    const stranger = await appCertificate();
    const refused = tenantOf(other, {
      credential: { kind: 'certificate', certificate: stranger.certificate, privateKey: stranger.key },
    });
    await assert.rejects(read(refused.calendar(room, 'UTC')), /gave no token.*AADSTS700027.*upload it to the app/s);
    await refused.close();
    await other.close();
  });

  it('says what is wrong with the app or the mailbox, and what to do', async () => {
    const wrong = tenantOf(simulator, { credential: { kind: 'secret', secret: 'not-it' } });
    await assert.rejects(read(wrong.calendar(room, 'UTC')), (error: unknown) => {
      assert.ok(error instanceof CalendarUnavailable);
      assert.match(error.message, /AADSTS7000215.*give the value of a client secret/s);
      assert.ok(!error.message.includes('not-it'));
      return true;
    });
    await wrong.close();
    await assert.rejects(
      read(tenant.calendar('nobody@example.com', 'UTC')),
      /nobody@example\.com.*correct its address/,
    );
    simulator.allowed = new Set(['other@example.com']);
    await assert.rejects(read(), /fjord@example\.com.*Application Calendars\.Read/);
  });

  it('reads many rooms that are asked for together in batches of twenty', async () => {
    const rooms = Array.from({ length: 45 }, (_, index) => `room${index}@example.com`);
    for (const [index, address] of rooms.entries()) simulator.put(address, meeting(`m${index}`));
    simulator.mailboxes.delete('room7@example.com');
    const readings = await Promise.allSettled(rooms.map((address) => uids(tenant.calendar(address, 'UTC'))));
    assert.equal(simulator.batches, 3);
    assert.deepEqual(
      readings.map((reading) => (reading.status === 'fulfilled' ? reading.value[0] : 'refused')),
      rooms.map((_, index) => (index === 7 ? 'refused' : `m${index}`)),
    );
  });

  it('goes on with pages of its own where a batch gave the first', async () => {
    for (let index = 0; index < 120; index++) simulator.put(room, meeting(`m${index}`));
    simulator.put('other@example.com', meeting('x'));
    const [many, one] = await Promise.all([uids(), uids(tenant.calendar('other@example.com', 'UTC'))]);
    assert.deepEqual([many.length, one.length, simulator.batches], [120, 1, 1]);
  });

  it('keeps to four requests at a time for one mailbox', async () => {
    for (let index = 0; index < 300; index++) simulator.put(room, meeting(`m${index}`));
    simulator.delayMs = 100;
    const readings = await Promise.all(Array.from({ length: 8 }, () => uids()));
    assert.ok(readings.every((reading) => reading.length === 300));
    assert.equal(simulator.limits.peak, 4);
  });

  it('counts its requests against a budget a day, stretches polls as it runs out, and says when it is used up', async () => {
    const careful = tenantOf(simulator, { requestsPerDay: 3 });
    const limited = careful.calendar(room, 'UTC');
    assert.equal(careful.pollMs(room, 60_000) >= 60_000, true);
    for (let reading = 0; reading < 3; reading++) await read(limited);
    assert.deepEqual([careful.budget.used, careful.budget.limit], [3, 3]);
    assert.ok(careful.pollMs(room, 60_000) > 60_000);
    await assert.rejects(
      read(limited),
      (error: unknown) =>
        error instanceof CalendarUnavailable &&
        /budget of 3 requests a day/.test(error.message) &&
        (error.retryAfterMs ?? 0) > 0,
    );
    await careful.close();
  });
});
