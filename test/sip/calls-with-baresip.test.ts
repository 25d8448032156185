import assert from 'node:assert/strict';
import { Baresip } from '../../fixtures/vtc/baresip.ts';
import { requireExecutables } from '../../fixtures/vtc/executable.ts';
import type { LegEnd, SipLeg } from '../../media/call.ts';
import { answering, type Rig, startEdge } from './rig.ts';

describe('SIP edge with baresip as the video system @sgj', function () {
  this.timeout(40_000);
  let rig: Rig;
  let room: Baresip;
  let leg: SipLeg | null = null;
  let ended: Promise<LegEnd>;

  before(async function () {
    requireExecutables(this, 'baresip');
    room = await Baresip.start({ video: null });
  });

  beforeEach(async () => {
    const { promise, resolve } = Promise.withResolvers<LegEnd>();
    ended = promise;
    rig = await startEdge((incoming) => {
      leg = incoming;
      incoming.on('ended', resolve);
      answering(incoming);
    });
  });

  afterEach(() => rig.close());
  after(() => room?.close());

  for (const transport of ['udp', 'tcp']) {
    it(`is called, put on hold and left by it over ${transport}`, async () => {
      await room.call(`sip:abcd2345@${rig.target};transport=${transport}`);
      assert.equal(leg?.attempt.user, 'abcd2345');
      assert.match(leg?.attempt.userAgent ?? '', /baresip/);
      await room.hold();
      await room.resume();
      await room.hangUp();
      assert.deepEqual(await ended, { by: 'remote', how: 'bye', reason: null });
    });

    it(`hangs up on it over ${transport}`, async () => {
      await room.call(`sip:abcd2345@${rig.target};transport=${transport}`);
      const closed = room.nextEvent((event) => event.type === 'CALL_CLOSED');
      await leg?.hangUp({ protocol: 'X-Usher', cause: 403, text: 'The host did not let the room in' });
      await closed;
      assert.equal((await ended).by, 'local');
    });
  }

  it('asks it for a key frame by INFO, and goes on when it says no', async () => {
    await room.call(`sip:abcd2345@${rig.target}`);
    await leg?.requestKeyFrame();
    await leg?.requestKeyFrame();
    await room.hangUp();
    assert.equal((await ended).by, 'remote');
  });
});
