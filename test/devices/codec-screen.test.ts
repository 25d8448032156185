/** The simulated codec as people see it: a list with Join buttons that dial; and calls by a real SIP user agent. */
import assert from 'node:assert/strict';
import { fetch } from 'undici';
import { CiscoDevice } from '../../connectors/devices/cisco/device.ts';
import { placeCallByBaresip } from '../../fixtures/codec/baresip.ts';
import { Codec } from '../../fixtures/codec/codec.ts';
import { CodecScreen } from '../../fixtures/codec/screen.ts';
import { Baresip } from '../../fixtures/vtc/baresip.ts';
import { requireExecutables } from '../../fixtures/vtc/executable.ts';
import { systemClock } from '../../src/clock.ts';
import { joinEntry } from './contract.ts';

const never = new AbortController().signal;

function deviceOf(codec: Codec): CiscoDevice {
  const tls = { kind: 'authority', ca: codec.ca } as const;
  const account = { username: 'usher', password: 'simulated', tls, clock: systemClock };
  return new CiscoDevice({ id: 'oslo/0', address: '127.0.0.1', port: codec.port, ...account });
}

describe('the screen of the simulated codec @devices', function () {
  this.timeout(60_000);

  it('lists what was pushed, escaped, with a Join button in its time alone, which dials', async () => {
    const codec = await Codec.start();
    const screen = await CodecScreen.start(codec);
    const device = deviceOf(codec);
    try {
      const now = Date.now();
      const soon = joinEntry({ title: '<b>Budget</b>', start: now, end: now + 3_600_000 });
      await device.replace([soon, joinEntry({ id: 'usher-later', title: 'Later', start: now + 3 * 3_600_000 })], never);
      const html = await (await fetch(screen.url)).text();
      assert.match(html, /&#60;b&#62;Budget/);
      assert.equal([...html.matchAll(/>Join</g)].length, 1);
      const press = (id: string) =>
        fetch(`${screen.url}join`, { method: 'POST', body: new URLSearchParams({ id }), redirect: 'manual' });
      assert.equal((await press('usher-later')).status, 400);
      assert.equal((await press(soon.id)).status, 303);
      assert.deepEqual(
        codec.calls.map(({ number }) => number),
        ['abcdefghijklmnopqrstuvwxyz@usher.example.org'],
      );
      const fault = JSON.stringify({ fault: 'error-500' });
      assert.equal((await fetch(`${screen.url}control/fault`, { method: 'POST', body: fault })).status, 200);
      await assert.rejects(device.list(never), /HTTP 500/);
    } finally {
      await device.close();
      await screen.close();
      await codec.close();
    }
  });

  it('really dials when Usher asks it to, and tells how the call goes', async function () {
    requireExecutables(this, 'baresip', 'ffmpeg');
    const callee = await Baresip.start({ video: null });
    const codec = await Codec.start({ placeCall: placeCallByBaresip });
    const device = deviceOf(codec);
    try {
      const address = `sip:vtc@127.0.0.1:${callee.sipPort}`;
      const call = await device.dialer.dial({ address, protocol: 'sip' });
      const connected = new Promise<void>((resolve) => call.onState((state) => state === 'connected' && resolve()));
      await connected;
      const closed = callee.event('CALL_CLOSED');
      await call.hangUp();
      await closed;
      assert.equal(call.state, 'disconnected');
    } finally {
      await device.close();
      await codec.close();
      await callee.close();
    }
  });
});
