import assert from 'node:assert/strict';
import { parseTeamsUrl, type TeamsLink } from '../../parsers/teams.ts';

const tenant = '11111111-2222-4333-8444-555555555555';
const organizer = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
const opaque = 'MWYxZjFmMWYtMmYyZi00MzNmLThmNDQtNWY1ZjVmNWY1ZjVm';
const thread = `19:meeting_${opaque}@thread.v2`;
const context = `%7b%22Tid%22%3a%22${tenant}%22%2c%22Oid%22%3a%22${organizer}%22%7d`;
const path = `/l/meetup-join/19%3ameeting_${opaque}%40thread.v2/0`;
const coords = Buffer.from(
  JSON.stringify({ conversationId: thread, tenantId: tenant, organizerId: organizer, messageId: '0' }),
).toString('base64');

function ids(link: TeamsLink | null): unknown[] {
  return [link?.kind, link?.ids.threadId, link?.ids.tenantId, link?.ids.organizerId];
}

describe('Teams links @invites @first-run', () => {
  const whole: Record<string, string> = {
    classic: `https://teams.microsoft.com${path}?context=${context}`,
    'upper-case escapes': `https://teams.microsoft.com${path}?context=${context}`.replace(/%[0-9a-f]{2}/g, (x) =>
      x.toUpperCase(),
    ),
    'nothing escaped': `https://teams.microsoft.com/l/meetup-join/${thread}/0?context={"Tid":"${tenant}","Oid":"${organizer}"}`,
    'no quotes': `https://teams.microsoft.com${path}?context={Tid:${tenant},Oid:${organizer}}`,
    'escaped twice': `https://teams.microsoft.com${path}?context=${context.replaceAll('%', '%25')}`,
    'the question of a redirect': `https://teams.microsoft.com${path}?context%3D${context.replaceAll('%', '%25')}`,
    'with a port': `https://teams.microsoft.com:443${path}?context=${context}`,
    'a new host': `https://teams.cloud.microsoft${path}?context=${context}`,
    'launcher, encoded': `https://teams.microsoft.com/dl/launcher/launcher.html?url=${encodeURIComponent(`/_#${path}?context=${context}`)}&type=meetup-join`,
    'launcher, raw': `https://teams.microsoft.com/dl/launcher/launcher.html?url=/_#${path}?context=${context}`,
    'web client': `https://teams.microsoft.com/_#${path}?context=${context}`,
    'web client, v2': `https://teams.microsoft.com/v2/?meetingjoin=true#${path}?context=${context}`,
    'light meeting': `https://teams.microsoft.com/light-meetings/launch?agent=web&coords=${encodeURIComponent(coords)}`,
    'deep link with host': `msteams://teams.microsoft.com${path}?context=${context}`,
    'deep link, one colon': `msteams:teams.microsoft.com${path}?context=${context}`,
    'deep link without host': `msteams:${path}?context=${context}`,
    'deep link, three slashes': `msteams://${path}?context=${context}`,
    'consumer deep link': `ms-teams:${path}?context=${context}`,
    convene: `https://teams.microsoft.com/convene/meetings/${tenant}__${organizer}__${thread}/join`,
  };
  for (const [shape, link] of Object.entries(whole)) {
    it(`reads thread, tenant and organiser: ${shape}`, () => {
      assert.deepEqual(ids(parseTeamsUrl(link)), ['join', thread, tenant, organizer]);
    });
  }

  const damaged: Record<string, string> = {
    'no context': `https://teams.microsoft.com${path}`,
    'no message': `https://teams.microsoft.com/l/meetup-join/19%3ameeting_${opaque}%40thread.v2`,
    'context cut off': `https://teams.microsoft.com${path}?context`,
    'a number for a context': `https://teams.microsoft.com${path}?context=123`,
    'a bad escape': `https://teams.microsoft.com${path}?context=%7b%22Tid%xx%`,
  };
  for (const [shape, link] of Object.entries(damaged)) {
    it(`keeps the thread and guesses no tenant: ${shape}`, () => {
      assert.deepEqual(ids(parseTeamsUrl(link)), ['join', thread, null, null]);
    });
  }

  it('keeps a tenant without an organiser', () => {
    const link = parseTeamsUrl(`https://teams.microsoft.com${path}?context=%7b%22Tid%22%3a%22${tenant}%22%7d`);
    assert.deepEqual(ids(link), ['join', thread, tenant, null]);
  });

  it('tells a channel meeting by its message', () => {
    const link = parseTeamsUrl(
      `https://teams.microsoft.com/l/meetup-join/19%3aAbCdEf0123456789%40thread.tacv2/1618219500000?context=${context}`,
    );
    assert.equal(link?.ids.threadId, '19:AbCdEf0123456789@thread.tacv2');
    assert.equal(link.ids.messageId, '1618219500000');
  });

  it('takes the thread suffix of Skype times', () => {
    const link = parseTeamsUrl(
      `https://teams.microsoft.com/l/meetup-join/19%3a0123abcd%40thread.skype/0?context=${context}`,
    );
    assert.equal(link?.ids.threadId, '19:0123abcd@thread.skype');
  });

  it('keeps number and token of a short link apart, and knows that it says no tenant', () => {
    const link = parseTeamsUrl('https://teams.microsoft.com/meet/3723873974543254?p=rRYCabcdefghijklmn');
    assert.equal(link?.ids.meetingId, '3723873974543254');
    assert.equal(link.ids.shortToken, 'rRYCabcdefghijklmn');
    assert.equal(link.ids.passcode, null);
    assert.equal(link.ids.tenantId, null);
  });

  const clouds: [string, TeamsLink['ids']['cloud']][] = [
    ['https://teams.live.com/meet/9312345678901?p=AbCd', 'consumer'],
    [
      `https://gov.teams.microsoft.us/l/meetup-join/19%3agcch%3ameeting_0123456789abcdef0123456789abcdef%40thread.v2/0`,
      'gcc-high',
    ],
    [
      `https://dod.teams.microsoft.us/l/meetup-join/19%3adod%3ameeting_0123456789abcdef0123456789abcdef%40thread.v2/0`,
      'dod',
    ],
    ['https://teams.microsoftonline.cn/meet/2858732800031', 'china'],
    ['https://teams.microsoft.com/_#/meet/2858732800031', 'commercial'],
    ['https://teams.microsoft.com/v2/?meetingjoin=true#/meet/2858732800031?p=x', 'commercial'],
    ['https://teams.sovcloud.fr/meet/2858732800031', null],
  ];
  for (const [link, cloud] of clouds) {
    it(`knows the cloud of ${new URL(link).hostname} ${cloud}`, () => {
      const read = parseTeamsUrl(link);
      assert.equal(read?.kind, 'join');
      assert.equal(read.ids.cloud, cloud);
    });
  }

  it('marks what an attendee only watches', () => {
    for (const query of ['&btype=a&role=a', '&prid=1']) {
      assert.equal(parseTeamsUrl(`https://teams.microsoft.com${path}?context=${context}${query}`)?.ids.broadcast, true);
    }
    const live = context.replace('%7d', '%2c%22IsBroadcastMeeting%22%3atrue%7d');
    assert.equal(parseTeamsUrl(`https://teams.microsoft.com${path}?context=${live}`)?.ids.broadcast, true);
    assert.equal(parseTeamsUrl(`https://teams.microsoft.com${path}?context=${context}`)?.ids.broadcast, false);
  });

  const refused = [
    `https://events.teams.microsoft.com/event/${organizer}@${tenant}`,
    'https://teams.microsoft.com/convene/townhall?eventId=1',
    'https://teams.microsoft.com/l/meeting/new?subject=x',
    'https://teams.microsoft.com/l/channel/19%3aabc%40thread.tacv2/General',
    'https://teams.microsoft.com/l/chat/0/0?users=a@example.com',
    'https://dialin.teams.microsoft.com/0a?id=1',
    'https://dialin.teams.cloud.microsoft/0a?id=1',
    'https://teams.microsoft.com/meet/',
    'https://teams.microsoft.com/l/meetup-join/',
  ];
  for (const link of refused) {
    it(`opens no meeting: ${link.slice(0, 60)}`, () => assert.equal(parseTeamsUrl(link)?.kind, 'not-joinable'));
  }

  it('takes ids from meeting options and the scheduler without calling them a way in', () => {
    const options = `https://teams.microsoft.com/meetingOptions/?organizerId=${organizer}&tenantId=${tenant}&threadId=19_meeting_${opaque}@thread.v2&messageId=0`;
    assert.deepEqual(ids(parseTeamsUrl(options)), ['reference', thread, tenant, organizer]);
    const scheduler = `https://api.scheduler.teams.microsoft.com/teams/${tenant}/${organizer}/19_meeting_${opaque}@thread.v2/0`;
    assert.deepEqual(ids(parseTeamsUrl(scheduler)), ['reference', thread, tenant, organizer]);
  });

  it('takes a waiting room as the second choice', () => {
    const link = `https://visit.teams.microsoft.com/webrtc-svc/api/route?tid=${tenant}&convId=${encodeURIComponent(thread)}`;
    assert.deepEqual(ids(parseTeamsUrl(link)), ['router', thread, tenant, null]);
  });

  const foreign = [
    'https://teams.microsoft.com.example.net/l/meetup-join/x',
    'https://evilteams.microsoft.com/l/meetup-join/x',
    `https://teams.microsoft.com@example.net${path}`,
    `https://someone@teams.microsoft.com${path}`,
    'https://aka.ms/JoinTeamsMeeting',
    'not a link',
    '',
  ];
  for (const link of foreign) {
    it(`is not Teams: ${link.slice(0, 50)}`, () => assert.equal(parseTeamsUrl(link)?.kind ?? null, null));
  }
});
