import { startMeetingServer } from '../../fixtures/meeting/server.ts';
import { sharedBrowser } from '../../media/guest/browser.ts';
import { loadGuestAdapter } from '../../media/guest/load.ts';
import { findMediaParts } from '../../media/setup/find.ts';
import { guestAdapterContract } from './contract.ts';
import { addressOf, simulatedMeeting } from './simulated.ts';

guestAdapterContract({
  name: 'simulator',
  tag: '@sgj',
  outcomes: [
    'denied',
    'lobby-timeout',
    'removed',
    'meeting-ended',
    'not-started',
    'anonymous-join-disabled',
    'sign-in-required',
    'captcha',
    'email-verification',
    'watermark-or-encryption-required',
    'wrong-link',
    'capacity',
    'connection-lost',
    'failed',
  ],
  async start() {
    if (findMediaParts().chromium === null) {
      console.log('      skipped: there is no Chromium (npm run setup)');
      return null;
    }
    const server = await startMeetingServer({ unknown: 'wrong-link' });
    const browser = sharedBrowser();
    return {
      browser: () => browser.get(),
      adapter: (environment) =>
        loadGuestAdapter(
          {
            module: new URL('../../fixtures/meeting/guest-adapter.ts', import.meta.url).href,
            options: { server: server.url, warm: 1 },
          },
          environment,
        ),
      meeting: async (ends) => simulatedMeeting(server.directory, ends),
      nowhere: addressOf('2000000000'),
      async stop() {
        await browser.close();
        await server.close();
      },
    };
  },
});
