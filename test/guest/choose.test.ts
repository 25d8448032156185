import assert from 'node:assert/strict';
import { chooseLegs, type LegQuestion, legsByCloud, mayFallBack } from '../../media/guest/choose.ts';
import { outcomes } from '../../media/guest/guest.ts';
import { teamsSchema } from '../../parsers/invite.ts';

const teams = teamsSchema.parse({
  threadId: null,
  messageId: null,
  tenantId: null,
  organizerId: null,
  meetingId: '234567890123',
  passcode: null,
  shortToken: null,
  cloud: 'commercial',
  broadcast: false,
});
const question: LegQuestion = {
  teams,
  tenancy: 'external',
  url: 'https://teams.microsoft.com/meet/234567890123?p=x',
  configured: ['teams-web', 'acs'],
};

describe('choosing a guest leg @guests', () => {
  it('tries the supported way first in the commercial cloud, whatever the order in the configuration', () => {
    for (const tenancy of ['own', 'external', 'unknown'] as const) {
      assert.deepEqual(chooseLegs({ ...question, tenancy }).legs, ['acs', 'teams-web']);
    }
  });

  it('never joins consumer or government meetings by acs, and says why', () => {
    for (const cloud of ['consumer', 'gcc-high', 'dod', 'china'] as const) {
      const choice = chooseLegs({ ...question, teams: { ...teams, cloud } });
      assert.equal(choice.legs.includes('acs'), false, cloud);
      assert.ok(choice.reasons.some(({ leg, why }) => leg === 'acs' && why.length > 20));
    }
    assert.deepEqual(chooseLegs({ ...question, teams: { ...teams, cloud: null }, tenancy: 'consumer' }).legs, [
      'teams-web',
    ]);
  });

  it('leaves nothing where nothing can work, with a reason for each leg', () => {
    const china = chooseLegs({ ...question, teams: { ...teams, cloud: 'china' } });
    assert.deepEqual([china.legs.length, china.reasons.length], [0, 2]);
    const none = chooseLegs({ ...question, configured: [] });
    assert.match(none.reasons[0]?.why ?? '', /no guest adapter/);
    assert.deepEqual(chooseLegs({ ...question, url: null }).legs, ['acs']);
    assert.deepEqual(chooseLegs({ ...question, teams: { ...teams, broadcast: true } }).legs, ['teams-web']);
  });

  it('lets an adapter that an administrator named by module join anything', () => {
    for (const { cloud } of legsByCloud) {
      const choice = chooseLegs({ ...question, teams: { ...teams, cloud }, configured: ['simulator'] });
      assert.deepEqual(choice.legs, ['simulator']);
    }
  });

  it('remembers what a tenant refused', () => {
    const refused = [{ leg: 'acs', outcome: 'anonymous-join-disabled' as const }];
    const choice = chooseLegs({ ...question, refused });
    assert.deepEqual(choice.legs, ['teams-web']);
    assert.match(choice.reasons[0]?.why ?? '', /refused it before: anonymous-join-disabled/);
    assert.equal(chooseLegs({ ...question, refused: [{ leg: 'acs', outcome: 'denied' }] }).legs.length, 2);
  });

  it('falls back only before the lobby, and never where people or the meeting decided', () => {
    for (const outcome of outcomes) assert.equal(mayFallBack(outcome, true), false, outcome);
    for (const outcome of [
      'denied',
      'removed',
      'lobby-timeout',
      'meeting-ended',
      'wrong-link',
      'capacity',
      'left',
    ] as const) {
      assert.equal(mayFallBack(outcome, false), false, outcome);
    }
    assert.equal(mayFallBack('anonymous-join-disabled', false), true);
  });
});
