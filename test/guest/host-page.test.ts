import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import type { GuestPageReport } from '../../fixtures/meeting/guest/guest.ts';
import { hostileColour, hostileTone } from '../../fixtures/meeting/guest/hostility.ts';
import type { HostReport } from '../../fixtures/meeting/host/host.ts';
import type { Meeting } from '../../fixtures/meeting/meeting.ts';
import { type Colour, hostColour, hostTone } from '../../fixtures/meeting/picture.ts';
import { type MeetingServer, startMeetingServer } from '../../fixtures/meeting/server.ts';
import { type SharedBrowser, sharedBrowser } from '../../media/guest/browser.ts';
import type { GuestAdapter, GuestLeg, GuestState } from '../../media/guest/guest.ts';
import { loadGuestAdapter } from '../../media/guest/load.ts';
import { findMediaParts } from '../../media/setup/find.ts';
import { systemClock } from '../../src/clock.ts';
import { deadBridge } from './dead-bridge.ts';
import { addressOf, changed } from './simulated.ts';

interface Knock {
  adapter: GuestAdapter;
  leg: GuestLeg;
  /** A hostile leg lies about where it is now, so what it said counts. */
  until(wanted: GuestState['state']): Promise<void>;
}

describe('the host page of simulated meetings @sgj', function () {
  this.timeout(60_000);
  let server: MeetingServer;
  let shared: SharedBrowser;
  let browser: Browser;
  let host: Page;

  before(async function () {
    if (findMediaParts().chromium === null) {
      console.log('      skipped: there is no Chromium (npm run setup)');
      return this.skip();
    }
    server = await startMeetingServer();
    shared = sharedBrowser();
    browser = await shared.get();
    host = await (await browser.newContext()).newPage();
    host.on('pageerror', (error) => assert.fail(error));
    await host.goto(`${server.host}?width=640&height=360&fps=15`);
  });

  after(async () => {
    await shared?.close();
    await server?.close();
  });

  it('lets a person admit a guest by a button, and both see and hear each other', async () => {
    const { adapter, until } = await knock('../../fixtures/meeting/hostile-adapter.ts', '281111111111');
    const item = host.getByRole('listitem').filter({ hasText: 'Room 281111111111' });
    await item.getByRole('button', { name: 'Admit', exact: true }).click();
    await until('admitted');
    const seen = await hostSees((report) => {
      const [guest] = report.guests;
      // The first blocks of sound hold no tone yet.
      const heard = guest?.sound != null && Math.abs(guest.sound.peakHz - hostileTone) < 20;
      return guest?.picture?.count && heard && guest.quarantine === false ? report : null;
    });
    const guest = seen.guests[0];
    assert.ok(guest?.picture);
    near(guest.picture.colour, hostileColour);

    const page = guestPage();
    const fromHost = await guestSees(
      page,
      ({ host: side }) => side.picture !== null && side.sound !== null && Math.abs(side.sound.peakHz - hostTone) < 20,
    );
    assert.ok(fromHost.picture);
    near(fromHost.picture.colour, hostColour);

    await item.getByRole('button', { name: 'Remove', exact: true }).click();
    await until('ended');
    await adapter.close();

    await hostSees((report) => (report.guests.length === 0 ? report : null));
  });

  it('counts every packet that somebody sends from the lobby, and shows none of it', async () => {
    const { adapter, until } = await knock('../../fixtures/meeting/hostile-adapter.ts', '282222222222');
    const meeting = meetingOf('282222222222');
    const early = await changed(server.directory, () => {
      const [one] = meeting.participants.values();
      return one !== undefined && one.early.packets > 10 && one.early.bytes > 0 ? one.early : null;
    });
    assert.ok(early.signals > 0);
    const report = await host.evaluate(() => window.report());
    assert.deepEqual(
      report.guests.map(({ quarantine, picture, sound, sent }) => ({ quarantine, picture, sound, sent })),
      [{ quarantine: true, picture: null, sound: null, sent: { audio: 0, video: 0 } }],
    );
    assert.match(
      (await host.getByRole('region', { name: '282222222222' }).getByRole('alert').textContent()) ?? '',
      /packets/,
    );
    await host
      .getByRole('listitem')
      .filter({ hasText: 'Room 282222222222' })
      .getByRole('button', { name: 'Deny', exact: true })
      .click();
    await until('ended');
    await adapter.close();
  });

  it('counts nothing from an honest guest, and ends the meeting for everybody at once', async () => {
    const { adapter, leg, until } = await knock('../../fixtures/meeting/guest-adapter.ts', '283333333333');
    const item = host.getByRole('listitem').filter({ hasText: 'Room 283333333333' });
    await item.getByRole('button', { name: 'Admit', exact: true }).click();
    await until('admitted');
    const page = guestPage();
    await guestSees(page, ({ host: side }) => side.picture !== null);
    const [participant] = meetingOf('283333333333').participants.values();
    assert.deepEqual(participant?.early, { signals: 0, messages: 0, bytes: 0, packets: 0 });
    await host.getByRole('region', { name: '283333333333' }).getByRole('button', { name: 'End meeting' }).click();
    await until('ended');
    assert.deepEqual(leg.state, { state: 'ended', outcome: 'meeting-ended', detail: null });
    await adapter.close();
  });

  it('moves to a host page opened later, and back when that is closed', async () => {
    const { adapter, leg, until } = await knock('../../fixtures/meeting/guest-adapter.ts', '284444444444');
    meetingOf('284444444444').admit(only('284444444444'));
    await until('admitted');
    const page = guestPage();
    await guestSees(page, ({ host: side }) => side.picture !== null);
    const later = await (await browser.newContext()).newPage();
    await later.goto(`${server.host}?width=320&height=180&fps=10`);
    await guestSees(page, ({ host: side }) => side.picture?.width === 320);
    await later.context().close();
    await guestSees(page, ({ host: side }) => side.picture?.width === 640);
    await leg.leave();
    await adapter.close();
  });

  async function knock(module: string, meetingId: string): Promise<Knock> {
    const adapter = await loadGuestAdapter(
      { module: new URL(module, import.meta.url).href, options: { server: server.url, warm: 0 } },
      { browser: () => shared.get(), clock: systemClock, lobbyTimeoutMs: 60_000, log: () => {} },
    );
    const leg = adapter.join({
      meeting: addressOf(meetingId),
      displayName: `Room ${meetingId}`,
      media: deadBridge(),
      audioCodec: 'PCMU',
      video: true,
    });
    const seen = new Set<string>();
    const until = (wanted: GuestState['state']): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (seen.has(wanted)) resolve();
        };
        leg.onState(look);
        look();
      });
    leg.onState(({ state }) => seen.add(state));
    await until('lobby');
    return { adapter, leg, until };
  }

  function meetingOf(title: string): Meeting {
    for (const meeting of server.directory.meetings.values()) if (meeting.title === title) return meeting;
    throw new Error(`there is no meeting ${title}`);
  }

  function only(title: string): string {
    const [id] = meetingOf(title).participants.keys();
    return id ?? '';
  }

  function guestPage(): Page {
    const pages = browser.contexts().flatMap((context) => context.pages());
    const page = pages.find((one) => one.url().endsWith('/guest'));
    assert.ok(page, 'a guest page is open');
    return page;
  }

  async function guestSees(page: Page, wanted: (report: GuestPageReport) => boolean): Promise<GuestPageReport['host']> {
    for (;;) {
      const report = await page.evaluate(() => window.usherGuest.report());
      if (wanted(report)) return report.host;
    }
  }

  async function hostSees(look: (report: HostReport) => HostReport | null): Promise<HostReport> {
    for (;;) {
      const found = look(await host.evaluate(() => window.report()));
      if (found !== null) return found;
    }
  }

  function near(seen: Colour, wanted: Colour): void {
    const far = Math.max(Math.abs(seen.r - wanted.r), Math.abs(seen.g - wanted.g), Math.abs(seen.b - wanted.b));
    assert.ok(far < 30, `saw ${JSON.stringify(seen)}, not ${JSON.stringify(wanted)}`);
  }
});
