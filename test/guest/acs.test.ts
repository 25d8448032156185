import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { users } from '../../fixtures/acs/identity.ts';
import { startMeetingServer } from '../../fixtures/meeting/server.ts';
import { locatorOf } from '../../media/guest/acs/locator.ts';
import { outcomeOf } from '../../media/guest/acs/outcomes.ts';
import { sharedBrowser } from '../../media/guest/browser.ts';
import type { MeetingAddress } from '../../media/guest/guest.ts';
import { loadGuestAdapter } from '../../media/guest/load.ts';
import { findMediaParts } from '../../media/setup/find.ts';
import { systemClock } from '../../src/clock.ts';
import { guestAdapterContract } from './contract.ts';
import { outcomesOf } from './outcomes-of.ts';
import { addressOf, simulatedMeeting } from './simulated.ts';

const variable = 'USHER_TEST_ACS_CONNECTION_STRING';
const path = (name: string): string => fileURLToPath(new URL(`../../fixtures/acs/${name}.ts`, import.meta.url));
const standIn = { calling: path('calling'), identity: path('identity') };

guestAdapterContract({
  name: 'acs',
  tag: '@guests',
  outcomes: outcomesOf.acs,
  async start() {
    if (findMediaParts().chromium === null) {
      console.log('      skipped: there is no Chromium (npm run setup)');
      return null;
    }
    const server = await startMeetingServer({ unknown: 'wrong-link' });
    const browser = sharedBrowser();
    process.env[variable] = `endpoint=${server.url};accesskey=c3RhbmQtaW4=`;
    return {
      browser: () => browser.get(),
      adapter: (environment) =>
        loadGuestAdapter(
          { module: 'acs', options: { connectionStringVariable: variable, warm: 1, standIn } },
          environment,
        ),
      meeting: async (ends) => simulatedMeeting(server.directory, ends),
      nowhere: addressOf('2000000000'),
      async stop() {
        delete process.env[variable];
        await browser.close();
        await server.close();
        assert.equal(users.size, 0, 'every identity was deleted');
      },
    };
  },
});

describe('the adapter for Azure Communication Services @guests', () => {
  const none: MeetingAddress = {
    url: null,
    meetingId: null,
    passcode: null,
    threadId: null,
    messageId: null,
    tenantId: null,
    organizerId: null,
  };

  it('prefers the link, then meeting id and passcode, then a link made of thread, tenant and organiser', () => {
    const link = 'https://teams.microsoft.com/meet/2345678901234?p=AbCdEf';
    assert.deepEqual(locatorOf({ ...none, url: link, meetingId: '2345678901234' }), { meetingLink: link });
    assert.deepEqual(locatorOf({ ...none, meetingId: '234', passcode: 'aB3' }), { meetingId: '234', passcode: 'aB3' });
    const parts = { threadId: '19:meeting_X@thread.v2', tenantId: 't', organizerId: 'o' };
    assert.deepEqual(locatorOf({ ...none, ...parts }), {
      meetingLink:
        'https://teams.microsoft.com/l/meetup-join/19%3Ameeting_X%40thread.v2/0?context=%7B%22Tid%22%3A%22t%22%2C%22Oid%22%3A%22o%22%7D',
    });
  });

  it('joins by no link of another host, cloud or scheme', () => {
    for (const url of [
      'https://teams.live.com/meet/93',
      'https://gov.teams.microsoft.us/l/meetup-join/x/0',
      'http://teams.microsoft.com/meet/1',
      'https://teams.microsoft.com@evil.example/meet/1',
      'https://teams.microsoft.com.evil.example/meet/1',
      'javascript:alert(1)',
    ]) {
      assert.equal(locatorOf({ ...none, url }), null, url);
    }
  });

  it('calls an end that it does not know failed, and says the codes', () => {
    assert.deepEqual(outcomeOf({ code: 0, subCode: 5854 }).outcome, 'denied');
    assert.deepEqual(outcomeOf({ code: 403, subCode: 5723 }).outcome, 'anonymous-join-disabled');
    const unknown = outcomeOf({ code: 418, subCode: 1 });
    assert.equal(unknown.outcome, 'failed');
    assert.match(unknown.detail ?? '', /code 418, subcode 1/);
    assert.equal(outcomeOf(null).outcome, 'failed');
  });

  it('says what is missing when it cannot start: the connection string, the packages', async () => {
    const environment = {
      browser: () => Promise.reject(new Error('no browser in this test')),
      clock: systemClock,
      lobbyTimeoutMs: 1000,
      log: () => {},
    };
    const load = (options: unknown) => loadGuestAdapter({ module: 'acs', options }, environment);
    await assert.rejects(load({ connectionStringVariable: 'USHER_TEST_NOT_SET' }), /USHER_TEST_NOT_SET must hold/);
    process.env[variable] = 'endpoint=https://x.example;accesskey=a2V5';
    try {
      const empty = { connectionStringVariable: variable, packages: fileURLToPath(new URL('.', import.meta.url)) };
      await assert.rejects(load(empty), /npm install --no-save @azure\/communication-calling/);
    } finally {
      delete process.env[variable];
    }
  });
});
