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
import { decide, type Look, type Progress, showsCall } from '../../media/guest/teams-web/decide.ts';
import { openable } from '../../media/guest/teams-web/link.ts';
import { controls, endings, type Screen, screens, version } from '../../media/guest/teams-web/screens.ts';
import { findMediaParts } from '../../media/setup/find.ts';
import { systemClock } from '../../src/clock.ts';
import { guestAdapterContract } from './contract.ts';
import { deadBridge } from './dead-bridge.ts';
import { outcomesOf } from './outcomes-of.ts';
import { addressOf, simulatedMeeting } from './simulated.ts';

/** Walking through every one takes minutes; by default it is a sample, and the texts of all are checked below. */
const long = process.env['USHER_LONG'] === '1';
/** Long enough for a page that loads slowly; a test that waits for it says so. */
const unknownPatienceMs = 15_000;

guestAdapterContract({
  name: 'teams-web',
  tag: '@guests',
  outcomes: long ? outcomesOf['teams-web'] : ['denied', 'removed', 'sign-in-required'],
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
          { module: 'teams-web', options: { warm: 1, unknownPatienceMs, standIn: standIn.origin } },
          environment,
        ),
      meeting: async (ends) => simulatedMeeting(server.directory, ends),
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
    it(`finds its way in ${language}, past the question about devices, into the call and out of it`, async () => {
      const meeting = simulatedMeeting(server.directory);
      const seen = await joined({ server: server.url, language, askForDevices: true }, {}, async (leg, until) => {
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
    const meeting = simulatedMeeting(server.directory);
    const seen = await joined({ server: server.url, askForDevices: true, light: true }, {}, async (leg, until) => {
      const guest = leg(meeting.address);
      await until(guest, 'lobby');
      await meeting.deny();
      await until(guest, 'ended');
      return guest.state;
    });
    assert.equal(seen.state === 'ended' && seen.outcome, 'denied');
  });

  for (const language of long ? (['en', 'de', 'fr', 'ja'] as const) : (['de'] as const)) {
    it(`still finds its way when every test id is gone: by ids and, in ${language}, by texts`, async () => {
      const meeting = simulatedMeeting(server.directory);
      await joined({ server: server.url, language, changed: true, askForDevices: true }, {}, async (leg, until) => {
        const guest = leg(meeting.address);
        await until(guest, 'lobby');
        assert.deepEqual(await meeting.waiting(1), ['Room']);
        await meeting.admit();
        await until(guest, 'admitted');
        await guest.leave();
      });
      assert.equal(await meeting.recorded(), 'left');
    });
  }

  it('gives the page no function that leads out of it, and hides from it nothing', async () => {
    const meeting = simulatedMeeting(server.directory);
    await joined({ server: server.url }, {}, async (leg, until) => {
      const guest = leg(meeting.address);
      await until(guest, 'lobby');
      const pages = (await shared.get()).contexts().flatMap((context) => context.pages());
      const page = pages.find((one) => one.url().includes('/meet/'));
      assert.ok(page, 'the meeting’s page is open');
      // Whatever is there that a page of its own does not have, and that the stand-in did not make itself.
      const names = (): string[] => Object.getOwnPropertyNames(window);
      const alone = await (await shared.get()).newContext();
      const plain = await alone.newPage();
      await plain.goto(page.url());
      await plain.getByRole('button').first().waitFor();
      const usual = new Set(await plain.evaluate(names));
      const more = (await page.evaluate(names)).filter((name) => !usual.has(name));
      // The room as a camera, under a name that is another in each page: answers within the page, and leads nowhere else.
      assert.equal(more.length, 1, more.join());
      assert.match(more[0] ?? '', /^_[0-9a-f]{24}$/);
      const about = (): (string | boolean)[] => [navigator.webdriver, navigator.userAgent, navigator.platform];
      assert.deepEqual(await page.evaluate(about), await plain.evaluate(about), 'it says of itself what is so');
      assert.equal((await page.evaluate(about))[0], true, 'and that it is driven');
      await alone.close();
      await guest.leave();
    });
  });

  it('fails on what it does not know, with a picture for the administrator', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'usher-screens-'));
    try {
      const meeting = simulatedMeeting(server.directory, 'failed');
      const seen = await joined(
        { server: server.url },
        { screenshots: folder, unknownPatienceMs: 1500 },
        async (leg, until) => {
          const guest = leg(meeting.address);
          await until(guest, 'ended');
          return guest.state;
        },
      );
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
      { module: 'teams-web', options: { warm: 0, unknownPatienceMs, standIn: standIn.origin, ...options } },
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
    for (const behind of ['lobby', 'not-started', 'prejoin'] as const)
      assert.equal(showsCall(showing('in-call', behind)), false, behind);
    assert.equal(showsCall(showing('in-call')), true);
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
      assert.deepEqual(found(words.notStarted), ['not-started'], language);
      assert.deepEqual(found(words.noDevices), ['no-devices'], language);
      assert.deepEqual(found(words.continueInBrowser), ['launcher'], language);
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

  it('has several signs for every screen, and, where they are texts, some in each language', () => {
    for (const [name, { css, texts, url }] of [...Object.entries(screens), ...Object.entries(controls)].map(
      ([name, signs]) => [name, { url: undefined, ...signs }] as const,
    )) {
      // The light experience is known by its address alone.
      if (url === undefined) assert.ok(css.length + texts.length > 1, name);
      const languages = new Set(texts.map(({ language }) => language));
      if (texts.length > 0) assert.deepEqual([...languages].toSorted(), ['de', 'en', 'fr', 'ja'], name);
    }
    assert.match(version, /^\d{4}-\d{2}/);
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
