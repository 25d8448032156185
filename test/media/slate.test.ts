import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import type { MediasoupBridge } from '../../media/bridge/bridge.ts';
import { outcomes } from '../../media/guest/guest.ts';
import { openSlate, type SlateView, slatePool, slateWords } from '../../media/slate/slate.ts';
import { languageOf, languages, texts } from '../../media/slate/texts.ts';
import { systemClock } from '../../src/clock.ts';
import { missing, startBridge, startBrowser } from './bridge-harness.ts';
import { h264, pcmu, RoomPeer, until } from './room-peer.ts';

const views: SlateView[] = [
  { kind: 'early', startsAt: '14:00', remainingMs: 61_000, room: 'Room 1', title: 'Planning' },
  { kind: 'joining', room: 'Room 1', title: 'Planning' },
  { kind: 'lobby', waitedMs: 5000, room: 'Room 1', title: null },
  { kind: 'admitted', room: 'Room 1', title: 'Planning' },
  { kind: 'reconnecting', room: 'Room 1', title: 'Planning' },
  ...outcomes.map((outcome): SlateView => ({ kind: 'ended', outcome, room: 'Room 1', title: 'Planning' })),
];

describe('the words of the slate @sgj', () => {
  it('has its own words for every state and every way to end, in every language', () => {
    for (const language of languages) {
      const headings = views
        .map((view) => slateWords(view, language))
        .map(({ heading, detail }) => `${heading}\n${detail}`);
      assert.equal(new Set(headings).size, views.length, `${language}: two views say the same`);
      for (const view of views) {
        const { detail, title } = slateWords(view, language);
        assert.doesNotMatch(detail, /[{}]/);
        if (view.title === null) assert.equal(title, texts[language].privateTitle);
      }
    }
  });

  it('speaks the language of a tag, and English where it does not know it', () => {
    assert.deepEqual(['de-AT', 'ja', 'FR_ca', 'pt-BR', ''].map(languageOf), ['de', 'ja', 'fr', 'en', 'en']);
  });

  it('shows a hostile title as plain text of bounded length', () => {
    const title = `${'\u202e\u0000<b>$&{time}'.repeat(10)}${'x'.repeat(100_000)}`;
    const words = slateWords({ kind: 'joining', room: 'Room 1', title }, 'en');
    assert.ok(words.title.length <= 161);
    assert.doesNotMatch(words.title, /\p{C}/u);
  });
});

describe('the slate @sgj', function () {
  this.timeout(40_000);
  let bridge: MediasoupBridge;
  let browser: Browser;

  before(async function () {
    if (missing !== null) {
      console.log(`      skipped: a part is missing, run \`${missing}\``);
      return this.skip();
    }
    bridge = await startBridge();
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await bridge?.close();
  });

  it('reaches the room as 720p with sound, several pictures a second and whole ones now and then', async () => {
    const call = await bridge.open('slate');
    const room = await RoomPeer.open({ audio: pcmu, video: h264 });
    room.take(await call.answer(room.offer()));
    await room.send({ hz: 1000, colour: 'red' });
    const slate = await openSlate({ browser, port: call.slatePort(), language: 'de' });
    try {
      await slate.show({ kind: 'lobby', waitedMs: 0, room: 'Room 1', title: 'Planning' });
      const watched = await room.watch();
      const [frames, at] = [room.video.received.length, performance.now()];
      await until('time for a tone', () => performance.now() - at > 4500);
      const pictures = new Set(room.video.received.slice(frames).map(({ timestamp }) => timestamp)).size;
      const seen = await watched();
      assert.ok(pictures >= 22, `${pictures} pictures in 4.5 s`);
      // The slate's own dark blue, and neither black nor a test picture.
      const [r = 0, g = 0, b = 0] = seen.colours.at(-1) ?? [];
      assert.ok(b > r && b > g && b > 40 && r < 60, `${r},${g},${b}`);
      assert.ok(
        seen.samples.some((sample) => Math.abs(sample) > 300),
        'a tone is heard',
      );
      await slate.show({ kind: 'ended', outcome: 'denied', room: 'Room 1', title: null });
    } finally {
      await slate.close();
      await room.close();
      await call.close();
    }
  });

  it('is shown by a page that was made ready before there was a call, and that serves one call alone', async () => {
    const pool = slatePool({ browser: async () => browser, clock: systemClock, size: 1 });
    await pool.warm(1);
    const before = browser.contexts();
    assert.equal(before.length, 1);
    const call = await bridge.open('slate');
    const room = await RoomPeer.open({ audio: pcmu, video: h264 });
    room.take(await call.answer(room.offer()));
    const slate = await pool.open({ port: call.slatePort(), language: 'en' });
    try {
      assert.deepEqual(browser.contexts(), before);
      await slate.show({ kind: 'lobby', waitedMs: 0, room: 'Room 1', title: 'Planning' });
      await until('the slate', () => room.video.received.length > 5 && room.audio.received.length > 5);
    } finally {
      await slate.close();
      await room.close();
      await call.close();
      await pool.close();
    }
    assert.equal(browser.contexts().length, 0);
  });

  it('sends a picture a second and no sound while it rests, and all of both when it is shown again', async () => {
    const call = await bridge.open('slate');
    const room = await RoomPeer.open({ audio: pcmu, video: h264 });
    room.take(await call.answer(room.offer()));
    const slate = await openSlate({ browser, port: call.slatePort(), language: 'en' });
    const pictures = (from: number): number =>
      new Set(room.video.received.slice(from).map(({ timestamp }) => timestamp)).size;
    try {
      await slate.show({ kind: 'lobby', waitedMs: 0, room: 'Room 1', title: 'Planning' });
      await until('the slate', () => pictures(0) > 5 && room.audio.received.length > 5);
      await slate.rest();
      let [heard, at] = [room.audio.received.length, performance.now()];
      await until('silence for a second', () => {
        if (room.audio.received.length !== heard) [heard, at] = [room.audio.received.length, performance.now()];
        return performance.now() - at > 1000;
      });
      const seen = room.video.received.length;
      const from = performance.now();
      await until('some time', () => performance.now() - from > 2000);
      assert.ok(pictures(seen) <= 4, `${pictures(seen)} pictures in 2 s`);
      const shown = room.video.received.length;
      await slate.show({ kind: 'ended', outcome: 'removed', room: 'Room 1', title: 'Planning' });
      await until('the slate again', () => pictures(shown) > 5 && room.audio.received.length > heard + 5);
    } finally {
      await slate.close();
      await room.close();
      await call.close();
    }
  });

  it('says when its page is lost, and takes its picture out of the call', async () => {
    const call = await bridge.open('slate');
    const room = await RoomPeer.open({ audio: pcmu, video: h264 });
    room.take(await call.answer(room.offer()));
    const slate = await openSlate({ browser, port: call.slatePort(), language: 'en' });
    try {
      await slate.show({ kind: 'joining', room: 'Room 1', title: 'Planning' });
      await until('the slate', () => room.video.received.length > 0);
      const lost = new Promise<string>((resolve) => slate.onGone(resolve));
      for (const context of browser.contexts()) await context.close();
      assert.match(await lost, /closed/);
      await assert.rejects(slate.show({ kind: 'joining', room: 'Room 1', title: null }));
      const again = await openSlate({ browser, port: call.slatePort(), language: 'en' });
      const before = room.video.received.length;
      await again.show({ kind: 'reconnecting', room: 'Room 1', title: null });
      await until('another slate', () => room.video.received.length > before + 5);
      await again.close();
    } finally {
      await slate.close();
      await room.close();
      await call.close();
    }
  });
});
