import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MeetingServer, startMeetingServer } from '../../fixtures/meeting/server.ts';
import { type StandInOptions, startTeamsWebStandIn } from '../../fixtures/teams-web/server.ts';
import { texts } from '../../fixtures/teams-web/texts.ts';
import { type SharedBrowser, sharedBrowser } from '../../media/guest/browser.ts';
import type { GuestLeg, GuestState, Outcome } from '../../media/guest/guest.ts';
import { loadGuestAdapter } from '../../media/guest/load.ts';
import { decide, type Look, type Progress } from '../../media/guest/teams-web/decide.ts';
import { openable } from '../../media/guest/teams-web/link.ts';
import { endings, type Screen, screens } from '../../media/guest/teams-web/screens.ts';
import { findMediaParts } from '../../media/setup/find.ts';
import { systemClock } from '../../src/clock.ts';
import { guestAdapterContract } from './contract.ts';
import { deadBridge } from './dead-bridge.ts';
import { addressOf, simulatedMeeting } from './simulated.ts';

/** What happens inside must not be over before a client that looks once in a while has seen that it is inside. */
const linger: ReadonlySet<Outcome> = new Set<Outcome>(['removed', 'meeting-ended', 'connection-lost']);

/** Walking through every one takes minutes; by default it is a sample, and the texts of all are checked below. */
const long = process.env['USHER_LONG'] === '1';
const everyOutcome: readonly Outcome[] = [
  'denied',
  'lobby-timeout',
  'removed',
  'meeting-ended',
  'anonymous-join-disabled',
  'sign-in-required',
  'captcha',
  'email-verification',
  'watermark-or-encryption-required',
  'wrong-link',
  'capacity',
  'connection-lost',
  'failed',
];

guestAdapterContract({
  name: 'teams-web',
  tag: '@guests',
  outcomes: long ? everyOutcome : ['denied', 'removed', 'sign-in-required', 'failed'],
  async start() {
    if (findMediaParts().chromium === null) {
      console.log('      skipped: there is no Chromium (npm run setup)');
      return null;
    }
    const server = await startMeetingServer({ unknown: 'wrong-link' });
    const standIn = await startTeamsWebStandIn({ server: server.url });
    const browser = sharedBrowser();
    return {
      browser: () => browser.get(),
      adapter: (environment) =>
        loadGuestAdapter(
          { module: 'teams-web', options: { warm: 1, unknownPatienceMs: 1500, standIn: standIn.origin } },
          environment,
        ),
      meeting: async (ends) => simulatedMeeting(server.directory, ends, linger.has(ends ?? 'left') ? 1500 : 0),
      nowhere: addressOf('2000000000'),
      async stop() {
        await browser.close();
        await standIn.close();
        await server.close();
      },
    };
  },
});

describe('the adapter for Teams on the web, in other languages and on detours @guests', function () {
  this.timeout(60_000);
  let server: MeetingServer;
  let shared: SharedBrowser;

  before(async function () {
    if (findMediaParts().chromium === null) {
      console.log('      skipped: there is no Chromium (npm run setup)');
      return this.skip();
    }
    server = await startMeetingServer();
    shared = sharedBrowser();
  });
  after(async () => {
    await shared?.close();
    await server?.close();
  });

  for (const language of long ? (['de', 'fr', 'ja'] as const) : (['ja'] as const)) {
    it(`finds lobby, call and removal in ${language}`, async () => {
      const meeting = simulatedMeeting(server.directory);
      const seen = await joined({ server: server.url, language }, {}, async (leg, until) => {
        const guest = leg(meeting.address);
        await until(guest, 'lobby');
        await meeting.admit();
        await until(guest, 'admitted');
        await meeting.remove();
        await until(guest, 'ended');
        return guest.state;
      });
      assert.equal(seen.state === 'ended' && seen.outcome, 'removed');
    });
  }

  it('goes on past the question about devices, and leaves the light experience for the full one', async () => {
    const meeting = simulatedMeeting(server.directory, 'denied');
    const seen = await joined({ server: server.url, askForDevices: true, light: true }, {}, async (leg, until) => {
      const guest = leg(meeting.address);
      await until(guest, 'ended');
      return guest.state;
    });
    assert.equal(seen.state === 'ended' && seen.outcome, 'denied');
  });

  it('gives the page no function that leads out of it', async () => {
    const meeting = simulatedMeeting(server.directory);
    await joined({ server: server.url }, {}, async (leg, until) => {
      const guest = leg(meeting.address);
      await until(guest, 'lobby');
      const pages = (await shared.get()).contexts().flatMap((context) => context.pages());
      const page = pages.find((one) => one.url().includes('/meet/'));
      assert.ok(page, 'the meeting’s page is open');
      const reachable = await page.evaluate(() => {
        const known = /usher|playwright|__.*binding/i;
        return Object.getOwnPropertyNames(window).filter((name) => known.test(name));
      });
      assert.deepEqual(reachable, []);
      await guest.leave();
    });
  });

  it('fails on what it does not know, with a picture for the administrator', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'usher-screens-'));
    try {
      const meeting = simulatedMeeting(server.directory, 'failed');
      const seen = await joined({ server: server.url }, { screenshots: folder }, async (leg, until) => {
        const guest = leg(meeting.address);
        await until(guest, 'ended');
        return guest.state;
      });
      assert.ok(seen.state === 'ended' && seen.outcome === 'failed');
      assert.match(seen.detail ?? '', /nothing that is known .* Its picture is /);
      assert.deepEqual(
        readdirSync(folder).map((name) => name.replace(/\d/g, '')),
        ['teams-web---T---Z.png'],
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  async function joined<T>(
    standInOptions: StandInOptions,
    options: Record<string, unknown>,
    run: (
      leg: (address: ReturnType<typeof addressOf>) => GuestLeg,
      until: (leg: GuestLeg, wanted: GuestState['state']) => Promise<void>,
    ) => Promise<T>,
  ): Promise<T> {
    const standIn = await startTeamsWebStandIn(standInOptions);
    const adapter = await loadGuestAdapter(
      { module: 'teams-web', options: { warm: 0, unknownPatienceMs: 1500, standIn: standIn.origin, ...options } },
      { browser: () => shared.get(), clock: systemClock, lobbyTimeoutMs: 60_000, log: () => {} },
    );
    try {
      return await run(
        (meeting) =>
          adapter.join({ meeting, displayName: 'Room', media: deadBridge(), audioCodec: 'PCMU', video: true }),
        (leg, wanted) =>
          new Promise((resolve, reject) => {
            const look = (): void => {
              if (leg.state.state === wanted) resolve();
              else if (leg.state.state === 'ended') reject(new Error(JSON.stringify(leg.state)));
            };
            leg.onState(look);
            look();
          }),
      );
    } finally {
      await adapter.close();
      await standIn.close();
    }
  }
});

describe('how the adapter for Teams on the web decides @guests', () => {
  const before: Progress = { pressed: false, admitted: false, waitsForStart: false, inCall: 0 };
  const pressed: Progress = { ...before, pressed: true };
  const inside: Progress = { ...pressed, admitted: true, inCall: 9 };
  const showing = (...shown: Screen[]): Look => ({ shown: new Set(shown), host: 'teams.microsoft.com' });

  it('never takes for an admission what is not the call itself, seen twice, after Join was pressed', () => {
    assert.deepEqual(decide(showing('in-call'), before), { do: 'wonder' });
    assert.deepEqual(decide(showing('in-call', 'lobby'), { ...pressed, inCall: 5 }), { do: 'lobby', started: true });
    assert.deepEqual(decide(showing('in-call', 'prejoin'), { ...pressed, inCall: 5 }), { do: 'wonder' });
    assert.deepEqual(decide(showing('in-call'), pressed), { do: 'wait' });
    assert.deepEqual(decide(showing('in-call'), { ...pressed, inCall: 1 }), { do: 'admitted' });
    for (const wall of ['sign-in', 'captcha', 'verification'] as const) {
      assert.equal(decide(showing('in-call', wall), { ...pressed, inCall: 5 }).do, 'end', wall);
    }
  });

  it('reads nothing into a chat while the call’s buttons are there', () => {
    for (const [screen] of endings) assert.deepEqual(decide(showing('in-call', screen), inside), { do: 'wait' });
    assert.deepEqual(decide(showing('removed'), inside), { do: 'end', outcome: 'removed', screen: 'removed' });
  });

  it('presses Join once, and looks at dialogs before what lies behind them', () => {
    assert.deepEqual(decide(showing('prejoin'), before), { do: 'join' });
    assert.deepEqual(decide(showing('prejoin'), pressed), { do: 'wonder' });
    assert.deepEqual(decide(showing('prejoin', 'no-devices'), pressed), { do: 'go-without-devices' });
  });

  it('tells a meeting that never started from a host who never answered', () => {
    const unopened = { ...pressed, waitsForStart: true };
    assert.equal(endOf(decide(showing('lobby-timeout'), unopened)), 'not-started');
    assert.equal(endOf(decide(showing('lobby-timeout'), pressed)), 'lobby-timeout');
  });

  it('finds exactly the right end, and the lobby, in what each language says', () => {
    const found = (said: string): Screen[] =>
      entriesOf(screens).flatMap(([screen, signs]) =>
        signs.texts.some(({ text }) => said.toLowerCase().includes(text.toLowerCase())) ? [screen] : [],
      );
    for (const [language, words] of entriesOf(texts)) {
      assert.deepEqual(found(words.lobby), ['lobby'], language);
      assert.deepEqual(found(words.noDevices), ['no-devices'], language);
      for (const [outcome, said] of entriesOf(words.ends)) {
        const ends = found(said ?? '').map((screen) => endOf(decide(showing(screen), pressed)));
        assert.deepEqual(ends, [outcome], `${language}: ${said}`);
      }
    }
  });

  it('knows an end or a step for every screen, and says for every text where it is from', () => {
    for (const [name, { css, texts, url }] of Object.entries(screens)) {
      assert.ok(css.length + texts.length > 0 || url !== undefined, name);
      for (const { text, basis } of texts) assert.ok(text.length >= 5 && ['seen', 'translated'].includes(basis), text);
    }
  });

  it('opens nothing but Teams', () => {
    assert.ok(openable('https://teams.microsoft.com/meet/1?p=x'));
    assert.ok(openable('https://teams.live.com/meet/1?p=x'));
    for (const link of [
      null,
      '',
      'http://teams.microsoft.com/meet/1',
      'https://teams.microsoft.com:8443/meet/1',
      'https://user@teams.microsoft.com/meet/1',
      'https://teams.microsoft.com.evil.example/meet/1',
      'file:///etc/passwd',
      `https://teams.microsoft.com/${'x'.repeat(10_000)}`,
    ]) {
      assert.equal(openable(link), null, link?.slice(0, 60));
    }
  });

  function entriesOf<K extends string, V>(record: Partial<Record<K, V>>): [K, V][] {
    return Object.entries(record) as [K, V][];
  }

  function endOf(step: ReturnType<typeof decide>): Outcome | null {
    return step.do === 'end' ? step.outcome : null;
  }
});
