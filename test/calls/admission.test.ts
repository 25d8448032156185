import assert from 'node:assert/strict';
import fc from 'fast-check';
import { admit, type Capacity, callerMay, tokenWindow } from '../../src/calls/admission.ts';
import { FakeDirectory, FakeLeg, token, tokenEntry } from './fakes.ts';

const start = Date.UTC(2026, 5, 1, 9);
const minute = 60_000;
const free: Capacity = { live: 0, liveOfRoom: () => 0, maxCalls: 10, maxCallsPerRoom: 2, retryAfterSeconds: 60 };

function directory(): FakeDirectory {
  const made = new FakeDirectory();
  made.entries.set(token, tokenEntry(start));
  return made;
}

describe('admission by dial token @sgj', () => {
  const attempt = new FakeLeg().attempt;

  it('takes a token in either case', () => {
    for (const user of [token, token.toUpperCase()]) {
      assert.equal(admit({ ...attempt, user }, directory(), free, start).verdict, 'admit');
    }
  });

  const times: [string, number, string][] = [
    ['long before', -24 * 60 * minute, 'early'],
    ['just before the window', -10 * minute - 1, 'early'],
    ['as the window opens', -10 * minute, 'admit'],
    ['in the meeting', 30 * minute, 'admit'],
    ['in the grace after the end', 179 * minute, 'admit'],
    ['as the window closes', 180 * minute, 'not-found'],
  ];
  for (const [when, offset, verdict] of times) {
    it(`${when}: ${verdict}`, () => {
      assert.equal(admit(attempt, directory(), free, start + offset).verdict, verdict);
    });
  }

  it('opens 5 minutes before the button and closes with the grace', () => {
    const window = tokenWindow({ buttonFrom: start - 5 * minute, end: start + 60 * minute }, 120 * minute);
    assert.deepEqual(window, { from: start - 10 * minute, until: start + 180 * minute });
  });

  it('finds no other user part, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), (user) => {
        fc.pre(user.toLowerCase() !== token);
        const admission = admit({ ...attempt, user }, directory(), free, start);
        assert.equal(admission.verdict === 'not-found' && admission.why, 'no-such-token');
      }),
    );
  });

  it('says busy for want of calls in total and in the room, but only to who may know', () => {
    const full = { ...free, live: 10 };
    const roomFull = { ...free, liveOfRoom: () => 2 };
    assert.deepEqual(scopeOf(admit(attempt, directory(), full, start)), 'total');
    assert.deepEqual(scopeOf(admit(attempt, directory(), roomFull, start)), 'room');
    assert.equal(admit({ ...attempt, user: 'other' }, directory(), full, start).verdict, 'not-found');
  });

  it('lets only the declared callers of a room in', () => {
    const rule = {
      networks: ['192.0.2.0/28', '2001:db8:1::/48', '198.51.100.7'],
      identities: ['sip:board@example.com'],
      trustedPeers: ['203.0.113.1'],
    };
    const from = (address: string, assertedIdentity: string | null = null) =>
      callerMay(rule, { ...attempt, assertedIdentity, source: { ...attempt.source, address } });
    assert.equal(from('192.0.2.15'), true);
    assert.equal(from('192.0.2.16'), false);
    assert.equal(from('198.51.100.7'), true);
    assert.equal(from('2001:db8:1::9'), true);
    assert.equal(from('2001:db8:2::9'), false);
    assert.equal(from('203.0.113.1', 'sips:Board@example.com:5061;user=phone'), true);
    assert.equal(from('203.0.113.1', 'sip:other@example.com'), false);
    assert.equal(from('203.0.113.1'), false);
    // Anybody can write a P-Asserted-Identity.
    assert.equal(from('203.0.113.9', 'sip:board@example.com'), false);
    assert.equal(from('not an address'), false);
  });
});

function scopeOf(admission: ReturnType<typeof admit>): string | null {
  return admission.verdict === 'busy' ? admission.scope : null;
}
