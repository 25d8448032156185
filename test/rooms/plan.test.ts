import assert from 'node:assert/strict';
import fc from 'fast-check';
import { planRoom, type Understood } from '../../src/rooms/plan.ts';
import { Secret } from '../../src/rooms/secret.ts';
import type { RoomSettings } from '../../src/rooms/settings.ts';
import { guestJoin, hour, inCloud, item, noJoin, noon, settings, unknownCvi, zoom } from './invites.ts';

const secret = new Secret(Buffer.alloc(32, 7));
const plan = (calendar: readonly Understood[], room: Partial<RoomSettings> = {}) =>
  planRoom({ ...settings, ...room }, calendar, secret);
const titles = (calendar: readonly Understood[], room: Partial<RoomSettings> = {}) =>
  plan(calendar, room).map(({ entry }) => entry.title);

describe('the plan of a room @first-run', () => {
  it('gives a guest join a dial token at our own domain, and a button from lead time to the end', () => {
    const [planned] = plan([item()], { join: { leadMinutes: 10, tailMinutes: 3 } });
    assert.ok(planned?.guest);
    assert.match(planned.guest.token, /^[a-z2-7]{26}$/);
    assert.deepEqual(planned.entry.dial, { address: `sip:${planned.guest.token}@rooms.example.org`, protocol: 'sip' });
    assert.equal(planned.entry.buttonFrom, noon - 10 * 60_000);
    assert.equal(planned.entry.buttonUntil, noon + hour + 3 * 60_000);
    assert.equal(planned.guest.meeting.meetingId, '211111111111');
  });

  it('dials other providers at their own address', () => {
    const [planned] = plan([item({}, zoom)]);
    assert.equal(planned?.guest, null);
    assert.equal(planned?.entry.dial?.address, 'sip:98765432100@zoomcrc.com');
  });

  it('says in the title which id to type where an IVR asks for it', () => {
    const [planned] = plan([item({}, unknownCvi)]);
    assert.equal(planned?.entry.title, 'Budget (0123456789)');
    assert.match(planned?.entry.note ?? '', /0123456789/);
  });

  it('lists a meeting without a way in and without a button, or hides it', () => {
    const [planned] = plan([item({}, noJoin)]);
    assert.equal(planned?.entry.dial, null);
    assert.match(planned?.entry.note ?? '', /no way to join/);
    assert.deepEqual(plan([item({}, noJoin)], { meetings: { ...settings.meetings, withoutJoin: 'hidden' } }), []);
  });

  it('tells a stripped invite from one that has no way in', () => {
    const [planned] = plan([item({}, { ...noJoin, warnings: ['body-stripped'] })]);
    assert.match(planned?.entry.note ?? '', /without its text/);
  });

  it('offers no button for a guest join where no guest calls are taken', () => {
    const [planned] = plan([item()], { sipDomain: null });
    assert.equal(planned?.entry.dial, null);
    assert.equal(planned?.entry.route, 'none');
    assert.equal(planned?.guest, null);
  });

  it('offers no button for a kind of meeting that no configured way leads into, and says so', () => {
    const china = item({}, inCloud('china'));
    const [without] = plan([china], { guestWays: ['acs', 'teams-web'] });
    assert.deepEqual([without?.entry.route, without?.entry.dial, without?.guest], ['none', null, null]);
    assert.match(without?.entry.note ?? '', /kind of Teams meeting/);
    assert.equal(plan([china], { guestWays: ['./simulator.ts'] })[0]?.entry.route, 'sgj');
    assert.equal(plan([item()], { guestWays: ['acs'] })[0]?.entry.route, 'sgj');
    assert.equal(plan([item({}, inCloud('consumer'))], { guestWays: ['acs'] })[0]?.entry.route, 'none');
  });

  it('leaves out what is cancelled or declined, and, where so set, what is tentative or all day', () => {
    assert.deepEqual(plan([item({ cancelled: true })]), []);
    assert.deepEqual(plan([item({ response: 'declined' })]), []);
    assert.equal(plan([item({ response: 'tentative' })]).length, 1);
    const hidden = { meetings: { withoutJoin: 'listed', tentative: 'hidden', allDay: 'hidden' } } as const;
    assert.deepEqual(plan([item({ response: 'tentative' }), item({ uid: '2', allDay: true })], hidden), []);
  });

  it('hides subject and organiser of private meetings, of all, or of none', () => {
    const calendar = [item({ sensitivity: 'private', subject: 'Salary talk' }), item({ uid: '2', start: noon + 1 })];
    assert.deepEqual(titles(calendar), ['Private meeting', 'Budget']);
    assert.deepEqual(titles(calendar, { privacy: { subject: 'all', organizer: 'private' } }), [
      'Private meeting',
      'Host',
    ]);
    assert.deepEqual(titles(calendar, { privacy: { subject: 'never', organizer: 'never' } }), [
      'Salary talk',
      'Budget',
    ]);
    const everything = plan(calendar, { privacy: { subject: 'all', organizer: 'all' } });
    assert.doesNotMatch(JSON.stringify(everything.map(({ entry }) => entry)), /Salary|Budget|Host/i);
  });

  it('names a meeting without a subject after its organiser, in one line', () => {
    assert.deepEqual(titles([item({ subject: ' \r\n ' })]), ['Host']);
    assert.deepEqual(titles([item({ subject: '', organizer: null })]), ['Meeting']);
    assert.deepEqual(titles([item({ subject: 'a\r\nb\u202Ec' })]), ['a b c']);
    assert.equal(titles([item({ subject: '👩‍👩‍👧‍👦'.repeat(400) })])[0]?.endsWith('👩‍👩‍👧‍👦…'), true);
  });

  it('keeps overlapping and back-to-back meetings, in order of time', () => {
    const calendar = [
      item({ uid: 'c', subject: 'C', start: noon + hour, end: noon + 2 * hour }, zoom),
      item({ uid: 'b', subject: 'B', start: noon + hour / 2, end: noon + hour }, noJoin),
      item({ uid: 'a', subject: 'A' }),
    ];
    assert.deepEqual(titles(calendar), ['A', 'B', 'C']);
  });

  it('makes one entry of an item that was read twice, the newest version', () => {
    assert.deepEqual(titles([item({ sequence: 2, subject: 'New' }), item({ sequence: 1, subject: 'Old' })]), ['New']);
  });

  it('makes one entry of a meeting that is there twice, with the stricter privacy', () => {
    const calendar = [item({ uid: 'original' }), item({ uid: 'forwarded', sensitivity: 'private' })];
    assert.deepEqual(titles(calendar), ['Private meeting']);
  });

  it('gives every occurrence, room and item a token of its own, the same after an edit', () => {
    const token = (changes: Parameters<typeof item>[0], room = 'oslo') =>
      plan([item(changes)], { id: room })[0]?.guest?.token;
    const first = token({});
    assert.equal(token({ subject: 'Other', start: noon + 5, sequence: 9 }), first);
    const others = [first, token({}, 'bergen'), token({ uid: 'x' }), token({ occurrence: '20260615T120000Z' })];
    assert.equal(new Set(others).size, 4);
  });

  it('is the same, byte for byte, in whatever order the calendar was read', () => {
    const changes = fc.record({
      uid: fc.constantFrom('a', 'b', 'c', null),
      sequence: fc.integer({ min: 0, max: 3 }),
      subject: fc.string(),
      start: fc.integer({ min: 0, max: 5 }).map((n) => noon + n * hour),
      sensitivity: fc.constantFrom('normal' as const, 'private' as const),
    });
    const understanding = fc.constantFrom(guestJoin, zoom, noJoin, unknownCvi);
    const calendar = fc.array(fc.tuple(changes, understanding), { maxLength: 12 });
    fc.assert(
      fc.property(calendar, fc.nat(), (made, turn) => {
        const items = made.map(([change, what]) => item({ ...change, end: change.start + hour }, what));
        const at = items.length === 0 ? 0 : turn % items.length;
        const turned = [...items.slice(at), ...items.slice(0, at)].reverse();
        assert.equal(JSON.stringify(plan(turned)), JSON.stringify(plan(items)));
      }),
    );
  });
});
