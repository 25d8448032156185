import assert from 'node:assert/strict';
import { hostTone } from '../../fixtures/meeting/picture.ts';
import { naturalPlace } from '../../fixtures/meeting/policy.ts';
import type { AudioCodec, Baresip } from '../../fixtures/vtc/baresip.ts';
import { requireExecutables } from '../../fixtures/vtc/executable.ts';
import { loudness, toneShare } from '../../fixtures/vtc/tone.ts';
import { outcomes } from '../../media/guest/guest.ts';
import { serialiseReason } from '../../media/sip/reason.ts';
import { outcomeTable } from '../../src/calls/outcomes.ts';
import { type CallRig, openCallRig } from './rig.ts';
import { hearsRoom, shows, startRoom, until } from './room-sees.ts';

describe('a guest call, from the room to the meeting and back @sgj', function () {
  this.timeout(60_000);
  this.slow(20_000);
  let rig: CallRig;
  let rooms: Baresip[] = [];

  before(async function () {
    requireExecutables(this, 'baresip', 'ffmpeg');
    const opened = await openCallRig();
    if (opened === null) return this.skip();
    rig = opened;
  });

  after(() => rig?.close());

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') process.stdout.write(`${rig.log.slice(-20).join('\n')}\n`);
    for (const room of rooms) await room.close();
    rooms = [];
  });

  async function vtc(audioCodec: AudioCodec = 'PCMU'): Promise<Baresip> {
    const room = await startRoom(audioCodec);
    rooms.push(room);
    return room;
  }

  for (const codec of ['PCMU', 'G722', 'opus'] as const) {
    it(`carries tone and colour both ways over ${codec} and H.264, through the lobby`, async () => {
      const name = `Board ${codec}`;
      const meeting = rig.meeting(name);
      // baresip numbers Opus and H.264 alike (96).
      const room = await vtc(codec);
      await room.call(meeting.dial);
      await rig.reaches(name, 'lobby');
      await until(room, 'the slate', async () => shows(await room.receivedColour(), 'slate'));
      assert.ok(toneShare(room.receivedAudio(), hostTone) < 0.2);
      assert.deepEqual(meeting.early(), { packets: 0, messages: 0 });

      await meeting.press('Admit');
      await rig.reaches(name, 'admitted');
      await until(room, 'the host in picture', async () => shows(await room.receivedColour(), 'host'));
      await until(room, 'the host in sound', () => toneShare(room.receivedAudio(), hostTone) > 0.7);
      const seen = await meeting.seen(
        ({ sound, picture }) => hearsRoom(sound) && picture !== null && picture.colour.g > picture.colour.r + 40,
      );
      assert.deepEqual([seen.picture?.width, seen.picture?.height], [1280, 720]);

      await room.hangUp();
      const { outcome } = await rig.reaches(name, 'ended');
      assert.equal(outcome, 'room-left');
      const [record] = await rig.records(name);
      assert.equal(record?.states.map(({ state }) => state).join(' '), 'attempt answered joining lobby admitted ended');
      const codecs = new Set(record?.streams.map((stream) => stream.codec.toLowerCase()));
      assert.deepEqual(codecs, new Set([codec.toLowerCase(), 'h264']));
      assert.ok(
        record?.streams.every(({ packets }) => packets > 20),
        JSON.stringify(record?.streams),
      );
      await meeting.gone();
    });
  }

  it('holds and resumes', async () => {
    const meeting = rig.meeting('Board hold');
    const room = await vtc();
    await room.call(meeting.dial);
    await rig.reaches('Board hold', 'lobby');
    await meeting.press('Admit');
    await meeting.seen(({ sound }) => hearsRoom(sound));
    await room.hold();
    await meeting.seen(({ sound }) => sound === null || sound.level < -60);
    await room.resume();
    await meeting.seen(({ sound }) => hearsRoom(sound));
    await room.hangUp();
    await rig.reaches('Board hold', 'ended');
    const [record] = await rig.records('Board hold');
    assert.match(record?.states.map(({ state }) => state).join(' ') ?? '', /admitted hold resume ended/);
  });

  it('ends the call with its Reason when the host removes the room', async () => {
    const meeting = rig.meeting('Board removed');
    const room = await vtc();
    await room.call(meeting.dial);
    await rig.reaches('Board removed', 'lobby');
    await meeting.press('Admit');
    await rig.reaches('Board removed', 'admitted');
    await meeting.press('Remove');
    await rig.reaches('Board removed', 'farewell');
    await until(room, 'the slate', async () => shows(await room.receivedColour(), 'slate'));
    const closed = await room.event('CALL_CLOSED');
    assert.ok(closed !== null);
    assert.equal((await rig.reaches('Board removed', 'ended')).outcome, 'removed');
  });

  it('tells the room that it was denied, and does not knock again', async () => {
    const meeting = rig.meeting('Board denied');
    const room = await vtc();
    await room.call(meeting.dial);
    await rig.reaches('Board denied', 'lobby');
    await meeting.press('Deny');
    await room.event('CALL_CLOSED', 20_000);
    const [record] = await rig.records('Board denied');
    assert.equal(record?.outcome, 'denied');
    assert.equal(record?.knocks, 1);
    assert.equal(outcomeTable.denied.knockAgain, false);
  });

  it('lets nothing of a hostile guest page through the gate before admission', async () => {
    const name = 'Board hostile';
    const meeting = rig.meeting(name, { hostile: true });
    const room = await vtc();
    await room.call(meeting.dial);
    await rig.reaches(name, 'lobby');
    // Its media has reached the meeting's quarantine: it had every chance to reach the room.
    await until(room, 'hostile media at the meeting', () => meeting.early().packets > 20);
    assert.ok(!shows(await room.receivedColour(), 'host'));
    const heard = room.receivedAudio();
    assert.ok(toneShare(heard, hostTone) < 0.2 && loudness(heard, 30) < 0.2);
    await meeting.press('Deny');
    await room.event('CALL_CLOSED', 20_000);
    assert.equal((await rig.records(name))[0]?.outcome, 'denied');
  });

  it('knocks again and waits in the lobby again when the guest page is killed', async () => {
    const name = 'Board killed';
    const meeting = rig.meeting(name);
    const room = await vtc();
    await room.call(meeting.dial);
    await rig.reaches(name, 'lobby');
    await meeting.press('Admit');
    await rig.reaches(name, 'admitted');
    const guestPages = rig.browser
      .contexts()
      .flatMap((context) => context.pages())
      .filter((page) => page.url().startsWith(`${rig.server.url}/guest`));
    for (const page of guestPages) await page.close();
    await rig.reaches(name, 'joining');
    await rig.reaches(name, 'lobby');
    await until(room, 'the slate again', async () => shows(await room.receivedColour(), 'slate'));
    await meeting.press('Admit');
    await until(room, 'the host again', async () => shows(await room.receivedColour(), 'host'));
    await room.hangUp();
    await rig.reaches(name, 'ended');
    assert.equal((await rig.records(name))[0]?.knocks, 2);
  });

  const endings = outcomes.filter((outcome) => outcome !== 'left' && outcome !== 'lobby-timeout');
  const walked = process.env['USHER_LONG'] === '1' ? endings : endings.filter((_, at) => at % 4 === 1);
  for (const outcome of walked) {
    it(`${outcome}: the room sees the slate, its system is told the Reason, the record says so`, async () => {
      const name = `Board with ${outcome}`;
      const meeting = rig.meeting(name, { ends: outcome });
      const room = await vtc();
      await room.call(meeting.dial);
      const row = outcomeTable[outcome];
      if (naturalPlace[outcome] === 'admitted') {
        for (let knock = 0; knock < (row.knockAgain ? 3 : 1); knock++) {
          await rig.reaches(name, 'lobby');
          await meeting.press('Admit');
        }
      }
      await rig.reaches(name, 'farewell');
      await until(room, 'the slate', async () => shows(await room.receivedColour(), 'slate'));
      await rig.reaches(name, 'ended');
      await room.event('CALL_CLOSED', 20_000);
      assert.ok(await room.said(`Reason: ${serialiseReason(row.reason)}`), room.output.slice(-2_000));
      assert.equal((await rig.records(name))[0]?.outcome, outcome);
    });
  }

  it('keeps nothing of the calls that were', () => {
    assert.deepEqual(rig.calls.live(), []);
    assert.equal(rig.bridge.calls, 0);
    assert.equal(rig.bridge.portPairs, 0);
    assert.equal(rig.edge.load.legs, 0);
    assert.equal(rig.browser.contexts().length, 1);
  });

  it('ends the call of a room that vanished', async () => {
    const meeting = rig.meeting('Board vanished');
    const room = await vtc();
    await room.call(meeting.dial);
    await rig.reaches('Board vanished', 'lobby');
    room.kill();
    assert.equal((await rig.reaches('Board vanished', 'ended')).outcome, 'silent');
    await meeting.gone();
  });
});
