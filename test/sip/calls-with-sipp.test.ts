import assert from 'node:assert/strict';
import { requireExecutables } from '../../fixtures/vtc/executable.ts';
import type { LegEnd, SipLeg } from '../../media/call.ts';
import { runSipp, type SippOptions } from '../peers/sipp.ts';
import { answering, type Rig, type StubSession, startEdge } from './rig.ts';

const normal = { protocol: 'SIP', cause: 487, text: 'The host ended the meeting' } as const;

describe('SIP edge with sipp as the video system @sgj', function () {
  this.timeout(40_000);
  let rig: Rig | null = null;
  let legs: SipLeg[] = [];
  let sessions: StubSession[] = [];
  let ends: LegEnd[] = [];
  const heard: string[] = [];

  before(function () {
    requireExecutables(this, 'sipp');
  });

  async function play(scenario: string, conduct: (leg: SipLeg) => void, options: Partial<SippOptions> = {}) {
    legs = [];
    sessions = [];
    ends = [];
    heard.length = 0;
    const started = await startEdge((leg) => {
      legs.push(leg);
      leg.on('ended', (end) => ends.push(end));
      leg.on('keyFrameRequested', () => heard.push('key frame'));
      leg.on('dtmf', (digit) => heard.push(digit));
      conduct(leg);
    });
    rig = started;
    const result = await runSipp({ scenario, target: started.target, ...options });
    assert.equal(result.exitCode, 0, `${scenario} ${options.transport ?? 'udp'}: ${result.errors}`);
    return result;
  }

  const answer = (leg: SipLeg): void => void sessions.push(answering(leg));

  afterEach(async () => {
    await rig?.close();
    rig = null;
  });

  for (const transport of ['udp', 'tcp', 'tcp-per-call'] as const) {
    it(`answers OPTIONS with what it allows and accepts, over ${transport}`, async () => {
      await play('options', answer, { transport, calls: 3 });
      assert.equal(legs.length, 0);
    });

    it(`carries calls from INVITE to the room's BYE, over ${transport}`, async () => {
      const result = await play('call', answer, { transport, calls: 5, callMs: 100, service: 'abcdefghij' });
      assert.equal(result.successful, 5);
      assert.equal(legs[0]?.attempt.user, 'abcdefghij');
      assert.equal(legs[0]?.attempt.source.transport, transport === 'udp' ? 'udp' : 'tcp');
      assert.equal(legs[0]?.attempt.from.displayName, 'Room');
      assert.deepEqual(ends[0], { by: 'remote', how: 'bye', reason: null });
      assert.equal(rig?.edge.load.legs, 0);
    });

    it(`hands every hold and resume to the media session, over ${transport}`, async () => {
      await play('hold', answer, { transport });
      assert.equal(sessions[0]?.offers.length, 3);
      assert.match(sessions[0]?.offers[1] ?? '', /a=sendonly/);
    });

    it(`makes the offer when the INVITE has none and takes the answer from the ACK, over ${transport}`, async () => {
      await play('late-offer', answer, { transport });
      assert.match(sessions[0]?.answers[0] ?? '', /m=audio/);
    });

    it(`ends a cancelled attempt with 487, over ${transport}`, async () => {
      await play('cancel', (leg) => void leg.ring(), { transport });
      assert.deepEqual(ends, [{ by: 'remote', how: 'cancel', reason: null }]);
      assert.equal(rig?.edge.load.legs, 0);
    });

    it(`hears key frame requests and DTMF by INFO, and refuses UPDATE, REFER and unknown bodies, over ${transport}`, async () => {
      await play('info', answer, { transport });
      assert.deepEqual(heard, ['key frame', '5']);
    });

    it(`hangs up with a Reason, over ${transport}`, async () => {
      const hungUp: Promise<void>[] = [];
      await play(
        'answered-by-bye',
        (leg) => {
          leg.on('confirmed', () => void hungUp.push(leg.hangUp(normal)));
          answer(leg);
        },
        { transport },
      );
      await Promise.all(hungUp);
      assert.deepEqual(ends, [{ by: 'local', reason: normal }]);
      assert.equal(rig?.edge.load.legs, 0);
      assert.equal(rig?.edge.load.clientTransactions, 0);
    });

    it(`refuses a call and takes the ACK, over ${transport}`, async () => {
      await play('refused', (leg) => void leg.reject(404), { transport, calls: 3 });
      assert.equal(ends.length, 3);
    });

    it(`answers a required extension with 420 and its name, over ${transport}`, async () => {
      await play('required-extension', answer, { transport });
      assert.equal(legs.length, 0);
    });
  }

  it('loses no call when one packet in seven is lost', async () => {
    const calls = process.env['USHER_LONG'] === '1' ? 200 : 30;
    const result = await play('call', answer, { calls, rate: 20, lossPercent: 7, callMs: 300, timeoutMs: 35_000 });
    assert.equal(result.failed, 0);
    assert.ok(result.retransmissions > 0);
  });

  it('answers 200 calls at 50 a second, and keeps none of them', async () => {
    const result = await play('call', answer, { calls: 200, rate: 50, callMs: 200 });
    assert.equal(result.successful, 200);
    assert.equal(legs.length, 200);
    assert.equal(rig?.edge.load.legs, 0);
  });
});
