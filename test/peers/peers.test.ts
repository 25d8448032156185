import assert from 'node:assert/strict';
import { Baresip } from '../../fixtures/vtc/baresip.ts';
import { requireExecutables } from '../../fixtures/vtc/executable.ts';
import { loudness, toneShare } from '../../fixtures/vtc/tone.ts';
import { runSipp } from './sipp.ts';

describe('test peers: what measures a call measures right @sgj', function () {
  this.timeout(40_000);

  it('baresip hears the tone and sees the colour of another baresip, and is heard and seen', async function () {
    requireExecutables(this, 'baresip', 'ffmpeg');
    const caller = await Baresip.start({ audioCodec: 'G722', toneHz: 440, video: 'color=c=red' });
    const callee = await Baresip.start({ audioCodec: 'G722', toneHz: 700, video: 'color=c=blue' });
    try {
      await caller.dial(`sip:vtc@127.0.0.1:${callee.sipPort}`);
      await caller.event('CALL_ESTABLISHED');
      const colour = await caller.receivedColour();
      assert.ok(colour !== null && colour.blue > 150 && colour.red < 90, JSON.stringify(colour));
      await caller.nextEvent((event) => event.type === 'CALL_RTCP' && event.param === 'audio');
      assert.ok(toneShare(caller.receivedAudio(), 700) > 0.8, `${toneShare(caller.receivedAudio(), 700)}`);
      assert.ok(toneShare(caller.receivedAudio(), 440) < 0.1);
      assert.ok(loudness(callee.receivedAudio()) > 0.1);
      await caller.hangUp();
      await callee.event('CALL_CLOSED');
    } finally {
      await caller.close();
      await callee.close();
    }
  });

  it('sipp reports a call that nobody answers as failed', async function () {
    requireExecutables(this, 'sipp');
    const result = await runSipp({ scenario: 'uac', target: '127.0.0.1:9', transport: 'tcp', timeoutMs: 5_000 });
    assert.notEqual(result.exitCode, 0);
    assert.equal(result.successful, 0);
  });
});
