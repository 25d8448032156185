import assert from 'node:assert/strict';
import type { Invite } from '../../parsers/invite.ts';
import { bareInvite } from '../../parsers/read/invite-of.ts';
import { openParsePool, type ParsePool } from '../../src/parsing/pool.ts';

const slow = new URL('./slow-worker.ts', import.meta.url);

function invite(subject: string): Invite {
  return { ...bareInvite('text', { text: 'https://example.zoom.us/j/98765432100' }), subject };
}

describe('understanding in threads @invites', () => {
  let pool: ParsePool;
  afterEach(() => pool.close());

  it('answers in order with the administrator’s own tenants', async () => {
    const tenant = '0b9f2c4e-7d81-4a36-9e5f-6c2d1b0a9f8e';
    pool = openParsePool({ ownTenants: [tenant], threads: 2 });
    const link = `https://teams.microsoft.com/l/meetup-join/19%3ameeting_QUJD%40thread.v2/0?context=%7b%22Tid%22%3a%22${tenant}%22%7d`;
    const invites = Array.from({ length: 50 }, (_none, index) =>
      index % 2 === 0 ? invite('') : bareInvite('text', { text: link }),
    );
    const answers = await pool.understand(invites);
    assert.deepEqual(
      answers.map((answer) => answer.tenancy),
      invites.map((_invite, index) => (index % 2 === 0 ? null : 'own')),
    );
  });

  for (const [subject, warning] of [
    ['endless', 'too-slow'],
    ['broken', 'unreadable'],
    ['greedy', 'unreadable'],
  ] as const) {
    it(`reports an invite that is ${subject} and goes on with the rest`, async function () {
      this.timeout(60_000);
      const told: string[] = [];
      pool = openParsePool({
        ownTenants: [],
        worker: slow,
        limitMs: subject === 'endless' ? 500 : 15_000,
        memoryMb: 32,
        onTrouble: (text) => told.push(text),
      });
      const warm = await pool.understand([invite('fine')]);
      assert.equal(warm[0]?.join?.provider, 'zoom');
      const answers = await pool.understand([invite('fine'), invite(subject), invite('fine'), invite('fine')]);
      assert.deepEqual(
        answers.map((answer) => [answer.join?.provider, answer.warnings]),
        [
          ['zoom', []],
          [undefined, [warning]],
          ['zoom', []],
          ['zoom', []],
        ],
      );
      assert.equal(told.length, 1);
    });
  }

  it('answers what waits when it is closed', async () => {
    pool = openParsePool({ ownTenants: [], worker: slow, limitMs: 60_000 });
    const answers = pool.understand([invite('endless'), invite('fine')]);
    await pool.close();
    assert.deepEqual(
      (await answers).map((answer) => answer.warnings),
      [['too-slow'], ['too-slow']],
    );
    assert.deepEqual((await pool.understand([invite('fine')]))[0]?.warnings, ['too-slow']);
  });
});
