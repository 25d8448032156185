import assert from 'node:assert/strict';
import type { JoinEntry, RoomView } from '../../connectors/devices/device.ts';
import { dayAt } from '../../connectors/devices/panel/day.ts';
import { freshPage, panelMarkup } from '../../connectors/devices/panel/markup.ts';
import { PanelDevice } from '../../connectors/devices/panel/panel.ts';
import { type PanelState, panelState, type RoomCall } from '../../connectors/devices/panel/state.ts';
import { panelLanguages, wordsFor } from '../../connectors/devices/panel/words.ts';
import { dialer, entry, hour, minute } from '../web/house.ts';

const now = Date.UTC(2026, 2, 5, 10, 0);
const idle: RoomCall = { state: 'idle', entryId: null, notice: null };

function view(entries: readonly JoinEntry[], part: Partial<RoomView> = {}): RoomView {
  return { roomId: 'r', roomName: 'Atrium', timeZone: 'UTC', language: 'en-GB', entries, revision: 1, ...part };
}

function state(entries: readonly JoinEntry[], part: Partial<RoomView> = {}, canDial = true): PanelState {
  return panelState(view(entries, part), { canDial, call: idle }, now);
}

function markup(entries: readonly JoinEntry[], at = now, part: Partial<RoomView> = {}, canDial = true): string {
  return panelMarkup(state(entries, part, canDial), freshPage, at).markup;
}

describe('what a panel says @first-run', () => {
  it('shows the running meeting large, and of two the one that began last', () => {
    const day = { start: now - 10 * hour, end: now + 14 * hour, title: 'Trade fair' };
    const entries = [entry(day), entry({ start: now - minute, title: 'Stand-up' })];
    assert.equal(dayAt(state(entries), now).hero?.title, 'Stand-up');
    assert.equal(dayAt(state(entries), now).status, 'busy');
  });

  it('shows the next meeting large from the moment its button appears, and the room as free before', () => {
    const next = entry({ start: now + hour });
    assert.equal(dayAt(state([next]), now).status, 'free');
    assert.equal(dayAt(state([next]), now).freeUntil, next.start);
    assert.equal(dayAt(state([next]), next.buttonFrom - 1).hero, null);
    assert.equal(dayAt(state([next]), next.buttonFrom).hero?.id, next.id);
  });

  it('has the button from lead time until its end, exclusive', () => {
    const one = entry({ start: now + hour, buttonUntil: now + 2 * hour });
    const shows = (at: number): boolean => markup([one], at).includes(`id="join-${one.id}"`);
    assert.deepEqual([one.buttonFrom - 1, one.buttonFrom, one.buttonUntil - 1, one.buttonUntil].map(shows), [
      false,
      true,
      true,
      false,
    ]);
  });

  it('gives a back-to-back meeting its own button while the other still runs', () => {
    const running = entry({ start: now - 28 * minute });
    const next = entry({ start: now + 2 * minute });
    const html = markup([running, next]);
    assert.ok(html.includes(`id="join-${running.id}"`) && html.includes(`id="join-${next.id}"`));
  });

  it('says why there is no button', () => {
    const html = markup([entry({ start: now - minute, dial: null, note: 'No video address in this invite.' })]);
    assert.ok(html.includes('No video address in this invite.') && !html.includes('<button'));
  });

  it('shows the address, and no button, where the room has nothing that dials', () => {
    const one = entry({ start: now, dial: { address: 'sip:token@usher.example.net', protocol: 'sip' } });
    const html = markup([one], now, {}, false).replaceAll('<wbr>', '');
    assert.ok(html.includes('token@usher.example.net') && !html.includes('<button') && !html.includes('sip:'));
  });

  it('does not tell the page an address that the room dials by itself, nor an organiser’s mail address', () => {
    const text = JSON.stringify(state([entry({ start: now })]));
    assert.ok(!/sip:|@/.test(text), text);
  });

  it('speaks the room’s language and its time zone', () => {
    const entries = [entry({ start: now + hour })];
    assert.match(markup(entries, now, { language: 'de-CH', timeZone: 'Europe/Zurich' }), /Frei.*bis 12:00/);
    assert.match(markup(entries, now, { language: 'ja', timeZone: 'Asia/Tokyo' }), /空室.*20:00まで/);
    assert.match(markup(entries, now, { language: 'en', timeZone: 'America/New_York' }), /until 6:00\sAM/);
    assert.match(markup(entries, now, { language: 'xx', timeZone: 'Mars/Base' }), /until 11:00\sAM UTC/);
    for (const language of panelLanguages)
      assert.equal(Object.keys(wordsFor(language)).length, Object.keys(wordsFor('en')).length);
  });

  it('names days: today, tomorrow, and further ones by date, also across a change to summer time', () => {
    const eve = Date.UTC(2026, 2, 28, 22, 30);
    const entries = [0.5, 12, 36].map((hours) => entry({ start: eve + hours * hour }));
    const html = panelMarkup(
      panelState(view(entries, { timeZone: 'Europe/Berlin' }), { canDial: true, call: idle }, eve),
      freshPage,
      eve,
    ).markup;
    assert.deepEqual(
      [...html.matchAll(/<h3 class="day">([^<]*)/g)].map((found) => found[1]),
      ['Tomorrow', 'Monday 30 March'],
    );
  });

  it('says on which days a meeting begins and ends that runs past midnight', () => {
    const html = markup([entry({ start: now - 20 * hour, end: now + 4 * hour })]);
    assert.match(html, /Wed 14:00<.*Thu 14:00</);
    assert.ok(!/Wed|Thu/.test(markup([entry({ start: now - hour, end: now + 14 * hour })]).split('<main')[1] ?? ''));
  });

  it('escapes whatever a title, a name or a note holds', () => {
    const evil = '<img src=x onerror=alert(1)>"\'&</script><script>alert(2)</script>\u2028';
    const panel = new PanelDevice({ id: 'p', dialer });
    const one = entry({
      start: now,
      title: evil,
      note: evil,
      organizer: { name: evil, email: null },
      id: `usher-${evil}`,
    });
    const moment = {
      now,
      call: { ...idle, notice: evil },
      build: 'b',
      script: '/s.js',
      style: '/s.css',
      theme: null,
      outcome: null,
    };
    const { body } = panel.page(view([one], { roomName: evil, language: evil }), moment);
    assert.ok(!body.includes('<img') && !body.includes('<script>alert'));
    assert.equal(body.match(/<script/g)?.length, 2);
    const block = /<script type="application\/json" id="state">(.*?)<\/script>/s.exec(body)?.[1] ?? '';
    assert.equal(JSON.parse(block).state.entries[0].title, evil);
  });

  it('stays small when a calendar is full', () => {
    const entries = Array.from({ length: 10_000 }, (_, i) =>
      entry({ start: now + i * minute, title: 'x'.repeat(200) }),
    );
    assert.ok(markup(entries).length < 100_000);
  });
});
