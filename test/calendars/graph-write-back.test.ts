import assert from 'node:assert/strict';
import type { GraphTenant } from '../../connectors/calendars/graph/tenant.ts';
import type { Mark, WriteBack } from '../../connectors/calendars/graph/write-back.ts';
import { GraphSimulator } from '../../fixtures/graph/simulator.ts';
import { tenantOf } from './graph-tenant.ts';

const room = 'fjord@example.com';
const week = { from: Date.parse('2026-03-02T00:00Z'), to: Date.parse('2026-03-09T00:00Z') };
const dial = 'sip:abcdefghijklmnopqrstuvwxyz@usher.example.org';
const line = 'Join from this room, put here by Usher';

describe('writing dial strings back into the mailbox @calendars', () => {
  let simulator: GraphSimulator;
  let tenant: GraphTenant;
  let back: WriteBack;

  beforeEach(async () => {
    simulator = await GraphSimulator.start();
    simulator.put(room, {
      id: 'one',
      start: '2026-03-02T09:00:00Z',
      end: '2026-03-02T10:00:00Z',
      location: 'Fjord',
      html: '<html><body><p>Agenda</p></body></html>',
    });
    tenant = tenantOf(simulator);
    back = tenant.writeBack(room, 'location');
  });
  afterEach(async () => {
    await tenant.close();
    await simulator.close();
    assert.deepEqual(
      Object.values(simulator.limits.violations).filter((count) => count > 0),
      [],
    );
  });

  const mark = (uid: string, occurrence: string | null = null, to = dial): Mark => ({
    uid,
    occurrence,
    dial: to,
    line,
  });
  const apply = (marks: Mark[], by = back) => by.apply(marks, week, new AbortController().signal);
  const shown = (id: string) => simulator.mailbox(room).find(id)?.event;
  const location = (id = 'one'): string => shown(id)?.location?.displayName ?? '';
  /** Without the line ends that Exchange puts around elements. */
  const read = async () =>
    (await tenant.calendar(room, 'UTC').read(week, new AbortController().signal)).invites.map((invite) => ({
      ...invite,
      html: invite.html?.replace(/\s+/g, ' ') ?? null,
    }));

  it('puts the dial string in front of the location, once, and takes it back when the plan no longer wants it', async () => {
    const before = await read();
    assert.deepEqual(await apply([mark('one')]), { written: 1, undone: 0, problems: [] });
    assert.equal(location(), `${dial} (${line}); Fjord`);
    assert.deepEqual(await apply([mark('one')]), { written: 0, undone: 0, problems: [] });
    await apply([mark('one', null, 'sip:other@usher.example.org')]);
    assert.equal(location(), `sip:other@usher.example.org (${line}); Fjord`);
    assert.deepEqual(await read(), before, 'what we wrote is not read as the organiser wrote it');
    assert.deepEqual(await apply([]), { written: 0, undone: 1, problems: [] });
    assert.equal(location(), 'Fjord');
    assert.deepEqual(await apply([]), { written: 0, undone: 0, problems: [] });
  });

  it('puts it at the top of the body where devices read that', async () => {
    const before = await read();
    const body = tenant.writeBack(room, 'body');
    const original = shown('one')?.body?.content;
    assert.deepEqual(await apply([mark('one')], body), { written: 1, undone: 0, problems: [] });
    assert.match(
      shown('one')?.body?.content ?? '',
      /<body>\s*<p>Join from this room, put here by Usher: sip:[a-z]{26}@usher\.example\.org<\/p>\s*<p>Agenda<\/p>/,
    );
    assert.deepEqual(await apply([mark('one')], body), { written: 0, undone: 0, problems: [] });
    assert.deepEqual(await read(), before);
    await apply([mark('one')]);
    assert.match(location(), /^sip:/);
    assert.equal(shown('one')?.body?.content, original);
    await apply([]);
    assert.deepEqual(await read(), before);
  });

  it('knows its words in a body whose markup was rewritten, and takes them back out of it', async () => {
    const body = tenant.writeBack(room, 'body');
    const before = await read();
    await apply([mark('one')], body);
    const dialled = '<a href="https://example.org/x">sip:abcdefghijklmnopqrstuvwxyz@usher.<wbr>example.org</a>';
    simulator.mailbox(room).patch('one', {
      html: `<div><!-- PlainText --><font size="2">Join&nbsp;from this room, put here\r\n by Usher&#58; ${dialled}</font></div><p>Agenda</p>`,
    });
    assert.deepEqual(await apply([mark('one')], body), { written: 0, undone: 0, problems: [] });
    assert.deepEqual(await read(), before);
    assert.deepEqual(await apply([], body), { written: 0, undone: 1, problems: [] });
    assert.match(shown('one')?.body?.content ?? '', /<body>\s*<p>Agenda<\/p>\s*<\/body>/);
  });

  it('marks one occurrence of a series and leaves the others alone', async () => {
    simulator.put(room, {
      id: 'series',
      start: '2026-03-02T12:00:00Z',
      end: '2026-03-02T13:00:00Z',
      daily: 3,
      location: 'Foss',
    });
    const invites = await read();
    const second = invites.find((invite) => invite.occurrence === '20260303T120000Z');
    assert.ok(second?.uid != null);
    await apply([mark(second.uid, second.occurrence)]);
    assert.deepEqual(
      ['20260302', '20260303', '20260304'].map((day) => location(`series_${day}`).startsWith('sip:')),
      [false, true, false],
    );
  });

  it('writes again after an update of the organiser, and gives up where somebody keeps removing it', async () => {
    await apply([mark('one')]);
    const removed = (): string | null => simulator.mailbox(room).patch('one', { location: 'Elsewhere' });
    for (let time = 0; time < 3; time++) {
      removed();
      assert.equal((await apply([mark('one')])).written, 1);
    }
    removed();
    const { written, problems } = await apply([mark('one')]);
    assert.deepEqual([written, problems.length], [0, 1]);
    assert.match(problems[0] ?? '', /somebody else keeps removing/);
    assert.deepEqual(await apply([mark('one')]), { written: 0, undone: 0, problems: [] });
    assert.equal(location(), 'Elsewhere');
  });

  it('says which permission is missing, and goes on with the other items', async () => {
    simulator.put(room, { id: 'two', start: '2026-03-02T11:00:00Z', end: '2026-03-02T12:00:00Z' });
    simulator.fail({ times: 1, match: '^PATCH ', status: 403, code: 'ErrorAccessDenied' });
    const { written, problems } = await apply([mark('one'), mark('two')]);
    assert.equal(written, 1);
    assert.match(problems.join('\n'), /Calendars\.ReadWrite/);
  });
});
