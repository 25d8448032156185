import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from '../../media/guest/guest.ts';
import { findMediaParts } from '../../media/setup/find.ts';
import { SimulatedClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openHouse, type RunningHouse } from '../../src/house/house.ts';
import { type MeetingTarget, planRoom } from '../../src/rooms/plan.ts';
import { keepMs, Refusals, refusalCollection, subjectOf } from '../../src/rooms/refusals.ts';
import { loadSecret, Secret } from '../../src/rooms/secret.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import type { Store } from '../../src/store/store.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { statusAnswerSchema } from '../../src/web/status-answer.ts';
import { guestJoin, hour, item, settings } from './invites.ts';

const start = Date.UTC(2026, 5, 1, 9);
const day = 24 * hour;
const tenantId = '11111111-2222-4333-8444-555555555555';
const policy: Outcome = 'anonymous-join-disabled';

function meeting(change: Partial<MeetingTarget> = {}): MeetingTarget {
  return {
    url: 'https://teams.microsoft.com/meet/2112223334445?p=secret',
    meetingId: '2112223334445',
    passcode: null,
    threadId: null,
    messageId: null,
    tenantId,
    organizerId: null,
    cloud: 'commercial',
    tenancy: 'external',
    broadcast: false,
    organizerDomain: 'contoso.example',
    ...change,
  };
}

describe('what tenants refused to guests @guests', () => {
  let folder: string;
  let store: Store;
  let clock: SimulatedClock;
  let refusals: Refusals;
  const failures: unknown[] = [];

  async function open(): Promise<void> {
    store = await openSqliteStore({ path: join(folder, 'usher.db'), clock });
    refusals = await Refusals.open(store, clock, (error) => failures.push(error));
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'usher-refusals-'));
    clock = new SimulatedClock(start);
    failures.length = 0;
    await open();
  });

  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
    assert.deepEqual(failures, []);
  });

  it('is known of all meetings of the tenant, by that way in alone, and after a restart', async () => {
    await refusals.remember(meeting(), 'acs', policy);
    await store.close();
    await open();
    const other = meeting({ meetingId: '999', url: 'https://teams.microsoft.com/meet/999', organizerDomain: null });
    assert.deepEqual(
      refusals.of(other).map(({ leg, outcome }) => [leg, outcome]),
      [['acs', policy]],
    );
    assert.deepEqual(refusals.of(meeting({ tenantId: tenantId.replace('1', '2') })), []);
  });

  it('is forgotten after a week, in memory and in the store, and at once when a guest comes in', async () => {
    await refusals.remember(meeting(), 'acs', policy);
    await refusals.remember(meeting(), 'teams-web', 'captcha');
    await refusals.forget(meeting(), 'teams-web');
    assert.deepEqual(
      refusals.all().map(({ leg, until }) => [leg, until]),
      [['acs', start + keepMs]],
    );
    await clock.advance(keepMs - 1);
    assert.equal(refusals.of(meeting()).length, 1);
    await clock.advance(1);
    assert.deepEqual([refusals.of(meeting()), refusals.all()], [[], []]);
    await clock.advance(1);
    assert.equal(await refusals.cleanUp(), 1);
    assert.equal(await (await store.collection(refusalCollection)).count(), 0);
  });

  it('never takes what people decided, or chance, for a policy; nor judges adapters that it does not know', async () => {
    for (const outcome of ['denied', 'removed', 'lobby-timeout', 'capacity', 'failed', 'left'] as const) {
      await refusals.remember(meeting(), 'acs', outcome);
    }
    await refusals.remember(meeting(), 'simulator', policy);
    assert.deepEqual(refusals.all(), []);
  });

  it('stands for whom it can be told of: tenant, personal accounts, the organiser’s domain, else the meeting', async () => {
    assert.equal(subjectOf(meeting()), `tenant ${tenantId}`);
    const short = meeting({ tenantId: null });
    assert.equal(subjectOf(short), 'organisers at contoso.example');
    assert.equal(subjectOf(meeting({ cloud: 'consumer', tenantId: null })), 'personal Teams accounts');
    const unknown = meeting({ tenantId: null, organizerDomain: null });
    assert.match(subjectOf(unknown), /^meeting [0-9a-f]{16}$/);
    // The host of short links is every tenant's: one that refuses says nothing of the next.
    await refusals.remember(unknown, 'acs', policy);
    assert.deepEqual(refusals.of(meeting({ tenantId: null, organizerDomain: null, meetingId: '777' })), []);
    assert.equal(refusals.of(unknown).length, 1);
  });

  it('counts a protected meeting for itself, not for its tenant', async () => {
    await refusals.remember(meeting(), 'acs', 'watermark-or-encryption-required');
    assert.equal(refusals.of(meeting()).length, 1);
    assert.deepEqual(refusals.of(meeting({ meetingId: '777' })), []);
  });

  it('follows what another process on the same store has learnt, and says whom it concerns', async () => {
    const other = await Refusals.open(store, clock, (error) => failures.push(error));
    const told: string[] = [];
    other.onChange((subject) => told.push(subject));
    await refusals.remember(meeting(), 'acs', policy);
    assert.deepEqual(other.all(), []);
    await other.follow();
    assert.deepEqual(other.all(), refusals.all());
    await other.follow();
    assert.deepEqual(told, [`tenant ${tenantId}`]);
    assert.equal(await other.forgetAll(), 1);
    await refusals.follow();
    assert.deepEqual(refusals.all(), []);
  });

  it('leaves the entry without a button, with the reason, once no way is left, and gives it back later', async () => {
    const secret = new Secret(Buffer.alloc(32, 7));
    const room = { ...settings, guestWays: ['acs', 'teams-web'] };
    const target = planRoom(room, [item()], secret)[0]?.guest?.meeting;
    assert.ok(target !== undefined);
    const plan = () => planRoom(room, [item()], secret, (of) => refusals.of(of))[0];
    await refusals.remember(target, 'acs', policy);
    assert.equal(plan()?.entry.route, 'sgj', 'one way is left');
    await refusals.remember(target, 'teams-web', 'captcha');
    const none = plan();
    assert.deepEqual([none?.entry.route, none?.entry.dial, none?.guest], ['none', null, null]);
    assert.match(none?.entry.note ?? '', /turned guests away/);
    assert.match(none?.refused?.why ?? '', /acs: .*anonymous-join-disabled; teams-web: .*captcha/);
    const hiding = { ...room, meetings: { ...settings.meetings, withoutJoin: 'hidden' as const } };
    assert.deepEqual(
      planRoom(hiding, [item({}, guestJoin)], secret, (of) => refusals.of(of)),
      [],
    );
    await clock.advance(keepMs);
    assert.equal(plan()?.entry.route, 'sgj');
  });
});

describe('a house that was refused before @guests', function () {
  this.timeout(120_000);
  let folder = '';
  let clock: SimulatedClock;
  let house: RunningHouse | null = null;

  beforeEach(async function () {
    const { chromium, workerBin } = findMediaParts();
    if (chromium === null || workerBin === null) {
      process.stdout.write('      skipped: there is no Chromium, or no worker of mediasoup (npm run setup)\n');
      return this.skip();
    }
    folder = await mkdtemp(join(tmpdir(), 'usher-refused-'));
    clock = new SimulatedClock(start);
    await mkdir(join(folder, 'oslo'));
    const lines = [
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      'PRODID:-//Test//EN',
      'BEGIN:VEVENT',
      'UID:budget@example.org',
      'DTSTAMP:20260101T000000Z',
      'DTSTART:20260601T120000Z',
      'DTEND:20260601T123000Z',
      'SUMMARY:Budget',
      'ORGANIZER:mailto:host@contoso.example',
      'DESCRIPTION:https://teams.microsoft.com/meet/2112223334445?p=secret',
      'END:VEVENT',
      'END:VCALENDAR',
      '',
    ];
    await writeFile(join(folder, 'oslo', 'calendar.ics'), lines.join('\r\n'));
  });

  afterEach(async () => {
    await house?.close();
    house = null;
    if (folder !== '') await rm(folder, { recursive: true, force: true });
    folder = '';
  });

  async function open(): Promise<RunningHouse> {
    const configured = {
      web: { port: 0 },
      sip: { listen: [{ transport: 'udp', address: '127.0.0.1', port: 0 }] },
      guests: { adapters: [{ module: 'teams-web' }] },
      rooms: [{ id: 'oslo', name: 'Oslo', calendar: { type: 'folder', path: 'oslo' } }],
    };
    const config = await parseConfig(JSON.stringify(configured), join(folder, 'usher.yaml'), {});
    const log = createLog({ level: 'silent' });
    const opened = await openHouse({ config, base: folder, clock, log, mode: 'serve', version: 'test' });
    house = opened;
    await opened.rooms.settled();
    return opened;
  }

  const entryOf = (opened: RunningHouse) => opened.rooms.get('oslo')?.view().entries[0];

  it('plans without a button from the start, says why, and offers it again when told to forget', async () => {
    const first = await open();
    assert.equal(entryOf(first)?.route, 'sgj');
    const target = first.rooms.get('oslo')?.plan.planned[0]?.guest?.meeting;
    assert.ok(target !== undefined);
    await first.close();
    const store = await openSqliteStore({ path: join(folder, 'usher-data', 'usher.db'), clock });
    const refusals = await Refusals.open(store, clock, (error) => assert.fail(String(error)));
    await refusals.remember(target, 'teams-web', 'sign-in-required');
    await store.close();

    const second = await open();
    assert.equal(entryOf(second)?.route, 'none');
    assert.equal(entryOf(second)?.dial, null);
    const status = async () => statusAnswerSchema.parse(await (await fetch(`${second.web}/status.json`)).json());
    const { rooms, refusals: listed } = await status();
    assert.match(rooms[0]?.problems.join() ?? '', /1 meeting has no button, .*contoso\.example.*sign-in-required/);
    assert.deepEqual(
      listed.map(({ subject, leg, outcome, until }) => [subject, leg, outcome, until]),
      [['organisers at contoso.example', 'teams-web', 'sign-in-required', start + 7 * day]],
    );
    assert.match(await (await fetch(`${second.web}/status`)).text(), /Refused to guests lately/);

    const changed = new Promise<void>((resolve) => second.rooms.get('oslo')?.onChange(resolve));
    const admin = await loadSecret(join(folder, 'usher-data'));
    const answer = await fetch(`${second.web}/forget-refusals`, {
      method: 'POST',
      headers: { authorization: `Bearer ${admin.adminSecret()}`, 'content-type': 'application/json' },
      body: '{}',
    });
    assert.deepEqual([answer.status, await answer.json()], [200, { forgotten: 1 }]);
    await changed;
    assert.equal(entryOf(second)?.route, 'sgj');
    assert.deepEqual((await status()).refusals, []);
  });
});
