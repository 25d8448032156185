import assert from 'node:assert/strict';
import type { Invite } from '../../parsers/invite.ts';
import { policySchema } from '../../parsers/policy.ts';
import { bareInvite } from '../../parsers/read/invite-of.ts';
import { ruleSchema, ruleTitle } from '../../parsers/rules.ts';
import { decided, understand } from '../../parsers/understand.ts';

const tenant = '0b9f2c4e-7d81-4a36-9e5f-6c2d1b0a9f8e';
const teams = (tid: string | null) =>
  `https://teams.microsoft.com/l/meetup-join/19%3ameeting_QUJD%40thread.v2/0${tid === null ? '' : `?context=%7b%22Tid%22%3a%22${tid}%22%7d`}`;

function invite(text: string, more: Partial<Invite> = {}): Invite {
  return { ...bareInvite('text', { text }), organizer: { name: 'Someone', email: 'someone@sub.example.org' }, ...more };
}

const rule = (fields: object) => ruleSchema.parse({ name: 'test', ...fields });
const run = (one: Invite, ...rules: object[]) =>
  decided(one, { ownTenants: [tenant], ownDomains: ['example.com'], rules: rules.map(rule) });

describe("an administrator's rules @invites", () => {
  it('dials what a pattern with named groups and a template say', () => {
    const { understanding } = run(invite('Conference number: 123456\n', { subject: 'Board of Dec' }), {
      body: 'number: (?P<number>\\d{6})',
      subject: '(?i)^board',
      dial: '{{ match.number }}@bridge.example.com',
      title: 'Board {{ match.number }}',
    });
    assert.equal(understanding.dial, 'sip:123456@bridge.example.com');
    assert.equal(understanding.route, 'sip');
    assert.equal(understanding.join?.sip, '123456@bridge.example.com');
    assert.equal(ruleTitle(understanding), 'Board 123456');
  });

  it('tries lower priorities first, skips what is switched off, and stops at the first that matches', () => {
    const { understanding, trace } = run(
      invite(teams(null)),
      { name: 'late', priority: 20, dial: 'late@example.com' },
      { name: 'off', priority: 1, enabled: false, dial: 'off@example.com' },
      { name: 'early', priority: 10, dial: 'early@example.com' },
    );
    assert.equal(understanding.dial, 'sip:early@example.com');
    assert.deepEqual(
      trace.map((one) => [one.rule, one.outcome]),
      [
        ['off', 'disabled'],
        ['early', 'matched'],
        ['late', 'not-reached'],
      ],
    );
  });

  it('asks rules behind the built-in ones only where these found no way', () => {
    const after = { when: 'after', dial: 'fallback@example.com' };
    assert.equal(run(invite(teams(null)), after).understanding.route, 'sgj');
    assert.equal(run(invite('Lunch'), after).understanding.dial, 'sip:fallback@example.com');
  });

  for (const [organizer, email, expected] of [
    ['own', 'a@example.com', true],
    ['own', 'a@sub.example.com', true],
    ['own', 'a@notexample.com', false],
    ['external', 'a@example.org', true],
    ['external', 'a@example.com', false],
    ['external', null, false],
    [['example.org'], 'a@sub.example.org', true],
    [['example.org'], 'a@example.net', false],
  ] as const) {
    it(`matches organiser ${String(organizer)} for ${email}: ${expected}`, () => {
      const one = invite('x', { organizer: { name: null, email } });
      const { trace } = run(one, { organizer, dial: 'a@example.com' });
      assert.equal(trace[0]?.outcome === 'matched', expected, trace[0]?.why);
    });
  }

  it('sees the provider that was found, and takes the button away without a dial string', () => {
    const { understanding } = run(invite('https://example.zoom.us/j/98765432100'), { provider: ['zoom'] });
    assert.deepEqual([understanding.route, understanding.dial, understanding.join?.provider], ['none', null, 'zoom']);
  });

  it('makes H.323 dial strings', () => {
    assert.equal(
      run(invite('x'), { protocol: 'h323', dial: '192.0.2.1##42' }).understanding.dial,
      'h323:192.0.2.1##42',
    );
  });

  it('says so and goes on when a template names what is not there or makes no address', () => {
    const { understanding, trace } = run(
      invite('x'),
      { name: 'missing', priority: 1, dial: '{{ match.nothing }}@example.com' },
      { name: 'no address', priority: 2, dial: 'hello there' },
      { name: 'good', priority: 3, dial: 'good@example.com' },
    );
    assert.deepEqual(
      trace.map((one) => one.outcome),
      ['failed', 'failed', 'matched'],
    );
    assert.equal(understanding.dial, 'sip:good@example.com');
    assert.ok(understanding.warnings.includes('rule-failed'));
  });

  it('does not touch what is cancelled', () => {
    const one = invite('x', { cancelled: true });
    assert.equal(run(one, { dial: 'a@example.com' }).understanding.dial, null);
  });

  it('refuses patterns and templates that are none, and those that RE2 cannot bound', () => {
    for (const fields of [
      { body: '(' },
      { body: '(?=x)' },
      { body: '(a)\\1' },
      { dial: '{{ ' },
      { dial: '{% render "x" %' },
    ]) {
      assert.equal(
        ruleSchema.safeParse({ name: 'x', dial: 'a@example.com', ...fields }).success,
        false,
        JSON.stringify(fields),
      );
    }
  });

  it('matches in time linear in the body, whatever the pattern', () => {
    const began = performance.now();
    run(invite('a'.repeat(100_000)), { body: '(a+)+$b', dial: 'a@example.com' });
    assert.ok(performance.now() - began < 5_000);
  });
});

describe('the policy for Teams meetings @invites', () => {
  const routeOf = (text: string, policy: object) =>
    understand(invite(text), { ownTenants: [tenant], policy: policySchema.parse(policy) });
  const foreign = `${teams('5a1c7e02-3b4d-4f6e-8a9b-0c1d2e3f4a5b')}\nTenant key: 813878896@t.plcm.vc\nVideo ID: 112 345 678 9\n`;

  it('changes nothing by itself', () => {
    assert.equal(routeOf(teams(tenant), {}).route, 'sgj');
    assert.equal(routeOf(foreign, {}).route, 'cvi');
  });

  it('decides about own, external, consumer and unknown meetings apart', () => {
    assert.equal(routeOf(teams(tenant), { ownWithoutCvi: 'none' }).route, 'none');
    assert.equal(routeOf(teams('5a1c7e02-3b4d-4f6e-8a9b-0c1d2e3f4a5b'), { ownWithoutCvi: 'none' }).route, 'sgj');
    assert.equal(routeOf(teams(null), { unknownTenancy: 'none' }).route, 'none');
    assert.equal(routeOf('https://teams.live.com/meet/9312345678901?p=a', { consumer: 'none' }).route, 'none');
  });

  it("joins as a guest past another organisation's coordinates where it says so", () => {
    const found = routeOf(foreign, { externalWithCvi: 'guest' });
    assert.deepEqual([found.route, found.dial], ['sgj', null]);
  });

  it("dials a partner's guest-join service by template instead of our bridge", () => {
    const text =
      'https://teams.microsoft.com/meet/2858732800031?p=abc\nMeeting ID: 285 873 280 003 1\nPasscode: aB3dE6\n';
    const partnerDial = '{{ teams.meetingId }}.{{ teams.passcode }}@guest.example.net';
    const found = routeOf(text, { partnerDial });
    assert.deepEqual([found.route, found.dial], ['sip', 'sip:2858732800031.aB3dE6@guest.example.net']);
    const failed = routeOf('https://zoom.us/j/1', { partnerDial });
    assert.equal(failed.route, 'none');
  });
});
