import assert from 'node:assert/strict';
import { chooseLegs, type LegQuestion, legTable, mayFallBack, ownLegs } from '../../media/guest/choose.ts';
import { outcomes } from '../../media/guest/guest.ts';
import { teamsClouds, tenancies } from '../../parsers/invite.ts';

const question: LegQuestion = {
  cloud: 'commercial',
  tenancy: 'external',
  broadcast: false,
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
      const choice = chooseLegs({ ...question, cloud });
      assert.equal(choice.legs.includes('acs'), false, cloud);
      assert.ok(choice.reasons.some(({ leg, why }) => leg === 'acs' && why.length > 20));
    }
    assert.deepEqual(chooseLegs({ ...question, cloud: null, tenancy: 'consumer' }).legs, ['teams-web']);
    assert.deepEqual(chooseLegs({ ...question, tenancy: 'consumer' }).legs, ['teams-web'], 'on the commercial host');
  });

  it('has one row for every cloud and tenancy, with where it is from', () => {
    for (const cloud of [...teamsClouds, 'national'] as const) {
      for (const tenancy of tenancies) {
        const rows = legTable.filter(
          (row) => row.cloud === cloud && (row.tenancy === 'any' || row.tenancy.includes(tenancy)),
        );
        assert.equal(rows.length, 1, `${cloud} ${tenancy}`);
      }
    }
    for (const { legs, missing, source } of legTable) {
      assert.match(source, /^(documented|cautious): /);
      for (const leg of ownLegs) assert.equal(legs.includes(leg), missing[leg] === undefined, source);
    }
  });

  it('tells the cloud from the link where the invite says nothing else', () => {
    const legs = (url: string) => chooseLegs({ ...question, cloud: null, tenancy: null, url }).legs;
    assert.deepEqual(legs('https://teams.live.com/meet/93?p=x'), ['teams-web']);
    assert.deepEqual(legs('https://gov.teams.microsoft.us/l/meetup-join/x/0'), ['teams-web']);
    assert.deepEqual(legs('https://dod.teams.microsoft.us/l/meetup-join/x/0'), ['teams-web']);
    assert.deepEqual(legs('https://teams.microsoft.us/l/meetup-join/x/0'), ['teams-web']);
    assert.deepEqual(legs('https://teams.microsoftonline.cn/l/meetup-join/x/0'), []);
    assert.deepEqual(legs('https://teams.sovcloud.fr/l/meetup-join/x/0'), []);
    assert.deepEqual(legs('https://teams.microsoft.com/meet/23?p=x'), ['acs', 'teams-web']);
  });

  it('leaves nothing where nothing can work, with a reason for each leg', () => {
    const china = chooseLegs({ ...question, cloud: 'china' });
    assert.deepEqual([china.legs.length, china.reasons.length], [0, 2]);
    const none = chooseLegs({ ...question, configured: [] });
    assert.match(none.reasons[0]?.why ?? '', /no guest adapter/);
    assert.deepEqual(chooseLegs({ ...question, url: null }).legs, ['acs']);
    assert.deepEqual(chooseLegs({ ...question, broadcast: true }).legs, ['teams-web']);
  });

  it('lets an adapter that an administrator named by module join anything', () => {
    for (const cloud of teamsClouds) {
      const choice = chooseLegs({ ...question, cloud, configured: ['simulator'] });
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
