import assert from 'node:assert/strict';
import { users } from '../../fixtures/acs/identity.ts';
import { hostTone } from '../../fixtures/meeting/picture.ts';
import { naturalPlace } from '../../fixtures/meeting/policy.ts';
import type { Baresip } from '../../fixtures/vtc/baresip.ts';
import { requireExecutables } from '../../fixtures/vtc/executable.ts';
import { toneShare } from '../../fixtures/vtc/tone.ts';
import type { Outcome } from '../../media/guest/guest.ts';
import { serialiseReason } from '../../media/sip/reason.ts';
import { outcomeTable } from '../../src/calls/outcomes.ts';
import { type CallRig, openCallRig, type PlannedMeeting } from '../sgj/rig.ts';
import { hearsRoom, shows, startRoom, until } from '../sgj/room-sees.ts';
import { outcomesOf } from './outcomes-of.ts';

type Walked = Exclude<Outcome, 'left'>;

/** All of them take minutes; by default one that a person decides, beside the admission. */
const long = process.env['USHER_LONG'] === '1';
/** What the host does in the host's page; everything else the meeting does. */
const byTheHost: Partial<Record<Walked, 'Deny' | 'Remove' | 'End meeting'>> = {
  denied: 'Deny',
  removed: 'Remove',
  'meeting-ended': 'End meeting',
};

for (const guest of ['acs', 'teams-web'] as const) {
  describe(`a call from a video system into a meeting by ${guest}, with a host at the host's page @guests`, function () {
    this.timeout(180_000);
    this.slow(30_000);
    let rig: CallRig;
    let room: Baresip | null = null;

    before(async function () {
      requireExecutables(this, 'baresip', 'ffmpeg');
      const opened = await openCallRig({
        guest,
        hostPicture: { width: 640, height: 360, fps: 15 },
        holdFarewells: true,
      });
      if (opened === null) return this.skip();
      rig = opened;
    });

    afterEach(async function () {
      if (this.currentTest?.state === 'failed') process.stdout.write(`${rig.log.slice(-20).join('\n')}\n`);
      await room?.close();
      room = null;
    });

    after(async () => {
      await rig?.close();
      assert.equal(users.size, 0, 'every identity of Azure was deleted');
    });

    it('carries tone and colour both ways, after the lobby and not before', async () => {
      const name = `Board ${guest} in`;
      const meeting = rig.meeting(name);
      const room = await vtc();
      await room.call(meeting.dial);
      await rig.reaches(name, 'lobby');
      await until(room, 'the slate', async () => shows(await room.receivedColour(), 'slate'));
      assert.ok(toneShare(room.receivedAudio(), hostTone) < 0.2);
      assert.deepEqual(meeting.early(), { packets: 0, messages: 0 });

      await meeting.press('Admit');
      await rig.reaches(name, 'admitted');
      await until(room, 'the host in picture', async () => shows(await room.receivedColour(), 'host'));
      await until(room, 'the host in sound', () => toneShare(room.receivedAudio(), hostTone) > 0.7);
      await meeting.seen(
        ({ sound, picture }) => hearsRoom(sound) && picture !== null && picture.colour.g > picture.colour.r + 40,
      );
      await room.hangUp();
      assert.equal((await rig.reaches(name, 'ended')).outcome, 'room-left');
      const [record] = await rig.records(name);
      assert.equal(record?.guest, guest);
      assert.equal(record?.states.map(({ state }) => state).join(' '), 'attempt answered joining lobby admitted ended');
      await meeting.gone();
    });

    const every: readonly Walked[] = outcomesOf[guest];
    for (const outcome of long ? every : (['denied'] as const)) {
      it(`${outcome}: the room sees the slate, its system is told the Reason, the record says so`, async () => {
        const name = `Board ${guest} with ${outcome}`;
        const meeting = ending(name, outcome);
        const room = await vtc();
        await room.call(meeting.dial);
        const { knockAgain, reason } = outcomeTable[outcome];
        const knocks = knockAgain ? 3 : 1;
        for (let knock = 0; knock < knocks; knock++) await walk(room, name, meeting, outcome);
        await rig.reaches(name, 'farewell');
        await until(room, 'the slate', async () => shows(await room.receivedColour(), 'slate'));
        rig.endFarewells();
        assert.equal((await rig.reaches(name, 'ended')).outcome, outcome);
        await room.event('CALL_CLOSED', 60_000);
        assert.ok(await room.said(`Reason: ${serialiseReason(reason)}`, 60_000), room.output.slice(-2_000));
        const [record] = await rig.records(name);
        assert.equal(record?.outcome, outcome);
        assert.equal(record?.guest, guest);
        assert.equal(record?.knocks, knocks);
        assert.equal(
          record?.states.some(({ state }) => state === 'admitted'),
          naturalPlace[outcome] === 'admitted',
        );
        assert.deepEqual(meeting.early(), { packets: 0, messages: 0 });
      });
    }

    it('keeps nothing of the calls that were', () => {
      assert.deepEqual(rig.calls.live(), []);
      assert.equal(rig.bridge.calls, 0);
      assert.equal(rig.bridge.portPairs, 0);
      assert.equal(rig.edge.load.legs, 0);
      assert.equal(rig.browser.contexts().length, 1);
    });

    async function vtc(): Promise<Baresip> {
      room = await startRoom();
      return room;
    }

    function ending(name: string, outcome: Walked): PlannedMeeting {
      if (naturalPlace[outcome] === 'join') return rig.meeting(name, { ends: outcome });
      return rig.meeting(name, { started: outcome !== 'not-started' });
    }

    /** From the knock to where it ends in this way. */
    async function walk(room: Baresip, name: string, meeting: PlannedMeeting, outcome: Walked): Promise<void> {
      const place = naturalPlace[outcome];
      if (place === 'join') return;
      await rig.reaches(name, 'lobby');
      if (place === 'admitted') {
        await meeting.press('Admit');
        await rig.reaches(name, 'admitted');
        await until(room, 'the host in picture', async () => shows(await room.receivedColour(), 'host'));
      }
      const button = byTheHost[outcome];
      if (button === undefined) meeting.finish(outcome);
      else await meeting.press(button);
    }
  });
}
