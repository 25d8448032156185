import assert from 'node:assert/strict';
import { findAddresses, findLinks } from '../../parsers/links/find.ts';
import { hostIs } from '../../parsers/links/host.ts';
import { unwrap } from '../../parsers/links/unwrap.ts';
import { wraps } from './wrap.ts';

const tid = '0f1e2d3c-4b5a-4968-8776-655443322110';
const oid = '1a2b3c4d-5e6f-4071-8293-a4b5c6d7e8f9';
const classic = `https://teams.microsoft.com/l/meetup-join/19%3ameeting_${'QmFzZTY0'.repeat(6)}%40thread.v2/0?context=%7b%22Tid%22%3a%22${tid}%22%2c%22Oid%22%3a%22${oid}%22%7d`;
const short = 'https://teams.microsoft.com/meet/3859201746352?p=Kq7ZtW2mXb9RfL4sVd';

const urls = (text: string) => findLinks(text, 'body text').map((link) => link.url);

describe('@invites links without their wrappers', () => {
  for (const { wrapper, how, wrap } of wraps) {
    it(`opens ${how}`, () => {
      for (const url of [classic, short]) {
        assert.deepEqual(unwrap(wrap(url)), {
          url,
          wrappers: [wrapper],
          opaque: null,
          opaqueDomain: null,
          refused: null,
        });
      }
    });
  }

  it('opens what gateways leave unencoded or encode in part', () => {
    const google = 'https://www.google.com/url?q=';
    assert.equal(unwrap(`${google}${short}&sa=D`).url, short);
    assert.equal(
      unwrap(`${google}${classic.replace('?context=', '?context%3D').replaceAll('%', '%25').replace('%253D', '%3D')}`)
        .url,
      classic,
    );
    assert.equal(
      unwrap(`https://imsva91-ctp.trendmicro.com/wis/clicktime/v1/query?url=${classic}&umid=1`).url,
      classic,
    );
    const dynamics = 'https://x.mkt.dynamics.com/orgs/1/eventmanagement/checkin/stream?a=1&redirectUri=';
    assert.equal(unwrap(dynamics + short).url, short);
  });

  it('opens the runs of characters that Proofpoint v3 shortens', () => {
    const v3 = wraps.find(({ how }) => how === 'Proofpoint v3');
    const raw = `https://teams.microsoft.com/l/meetup-join/19%3ax/0?context={"Tid":"${tid}","Oid":"${oid}"}%%%%%é`;
    assert.match(v3?.wrap(raw) ?? '', /\*\*[A-Z]/);
    assert.equal(unwrap(v3?.wrap(raw) ?? '').url, new URL(raw).href);
  });

  it('opens `&amp;` in a wrapper that was copied out of html', () => {
    const wrapped = `https://nam12.safelinks.protection.outlook.com/?data=05&amp;url=${encodeURIComponent(short)}&amp;reserved=0`;
    assert.deepEqual(urls(`Join: ${wrapped}`), [short]);
  });

  it('names an opaque wrapper and the domain it gives away', () => {
    for (const host of ['protect-eu.mimecast.com', 'url.us.m.mimecastprotect.com']) {
      const found = unwrap(`https://${host}/s/abcDEF?domain=teams.microsoft.com`);
      assert.equal(found.opaque, 'mimecast');
      assert.equal(found.opaqueDomain, 'teams.microsoft.com');
      assert.deepEqual(found.wrappers, []);
    }
    assert.equal(unwrap('https://secure-web.cisco.com/1abc').opaque, 'cisco');
    assert.equal(
      unwrap('https://protect.checkpoint.com/v2/r01/___myyux://yjfrx.rnhwtxtky.htr___.abc').opaque,
      'check point',
    );
  });

  it('reads every form of the Teams deep link', () => {
    for (const deep of [
      'msteams://teams.microsoft.com/',
      'msteams:teams.microsoft.com/',
      'msteams:/',
      'msteams:///',
      'ms-teams:/',
    ]) {
      assert.equal(
        unwrap(`${deep}l/meetup-join/19%3ax/0`).url,
        'https://teams.microsoft.com/l/meetup-join/19%3ax/0',
        deep,
      );
    }
    assert.equal(
      unwrap('msteams://teams.live.com/meet/9312345678901').url,
      'https://teams.live.com/meet/9312345678901',
    );
  });

  it('gives up on endless nesting, bad escapes and what is no link', () => {
    const google = wraps.find((wrap) => wrap.wrapper === 'google');
    let nested = short;
    for (let i = 0; i < 12; i++) nested = google?.wrap(nested) ?? '';
    assert.equal(unwrap(nested).refused, 'redirector');
    assert.equal(unwrap('https://nam12.safelinks.protection.outlook.com/?url=%xx%').refused, 'bad-escape');
    assert.equal(unwrap('https://urldefense.com/v3/__***__;!!').refused, 'bad-escape');
    for (const odd of ['', 'x', 'https://', 'javascript:alert(1)', '%', 'data:text/html,x', 'http://[', '\u0000']) {
      assert.equal(unwrap(odd).refused, 'bad-escape', JSON.stringify(odd));
    }
  });

  it('refuses links that only look like a meeting service', () => {
    const refused = (url: string) => unwrap(url).refused;
    assert.equal(refused('https://teams.microsoft.com@meet.example.net/l/meetup-join/x'), 'userinfo');
    assert.equal(refused('https://teams.microsoft.com:x@meet.example.net/'), 'userinfo');
    assert.equal(refused('https://teams.microsoft.com.example.net/l/meetup-join/x'), 'look-alike');
    assert.equal(refused('https://teams-microsoft.com/meet/1'), 'look-alike');
    assert.equal(refused('https://teams.rnicrosoft.com/meet/1'), 'look-alike');
    assert.equal(refused('https://zoom.us.example.net/j/1'), 'look-alike');
    assert.equal(refused('https://teams.microsоft.com/meet/1'), 'homograph');
    assert.equal(refused('https://tеams.microsoft.com/meet/1'), 'homograph');
    assert.equal(refused(`https://go.example.net/?to=${encodeURIComponent(short)}`), 'redirector');
    for (const own of [
      short,
      classic,
      'https://us02web.zoom.us/j/85512345678?pwd=a',
      'https://meet.example.com/user/ABCD1234',
    ]) {
      assert.equal(refused(own), null, own);
    }
  });

  it('compares hosts by whole labels', () => {
    assert.equal(hostIs('gov.teams.microsoft.us', 'teams.microsoft.us'), true);
    assert.equal(hostIs('Teams.Microsoft.com.', 'teams.microsoft.com'), true);
    assert.equal(hostIs('xteams.microsoft.com', 'teams.microsoft.com'), false);
    assert.equal(hostIs('notzoom.us', 'zoom.us'), false);
  });
});

describe('@invites links found in text', () => {
  it('ends a link where the sentence goes on', () => {
    for (const [text, url] of [
      [`(see ${short}).`, short],
      [`<${short}>`, short],
      [`"${short}"`, short],
      [`${short}\\nMeeting ID: 1`, short],
      [`${short}, or`, short],
      [`${short}パスコード: x`, short],
      [`[${short}]`, short],
      [`Join:${short}`, short],
      [`${classic}Meeting ID: 123`, classic],
      [`${short}Meeting ID: 123`, short],
      [`*${short}*`, short],
    ] as const) {
      assert.deepEqual(urls(text), [url], text);
    }
  });

  it('keeps a raw JSON context whole', () => {
    const raw = `https://teams.microsoft.com/l/meetup-join/19:meeting_x@thread.v2/0?context={"Tid":"${tid}","Oid":"${oid}"}`;
    const [found] = findLinks(`Join ${raw} now`, 'body text');
    assert.equal(found?.raw, raw);
    assert.equal(new URL(found?.url ?? '').searchParams.get('context'), `{"Tid":"${tid}","Oid":"${oid}"}`);
  });

  it('tells two links that were glued together apart', () => {
    assert.deepEqual(urls(`${classic}https://aka.ms/JoinTeamsMeeting`), [classic, 'https://aka.ms/JoinTeamsMeeting']);
  });

  it('keeps the words before a link in angle brackets, and a link that was folded inside them', () => {
    const [found] = findLinks(
      `Need help?<https://aka.ms/x> | System reference<${classic.slice(0, 60)}\n ${classic.slice(60)}>`,
      'body text',
    ).slice(1);
    assert.equal(found?.text, 'System reference');
    assert.equal(found?.url, classic);
  });

  it('finds links without a scheme, and SIP and H.323 addresses', () => {
    assert.deepEqual(urls('Meet: meet.google.com/abc-defg-hij'), ['https://meet.google.com/abc-defg-hij']);
    assert.deepEqual(urls('dial sip:4711@vc.example.org or h323:4711@vc.example.org.'), [
      'sip:4711@vc.example.org',
      'h323:4711@vc.example.org',
    ]);
    assert.deepEqual(urls('gossip:about mail@example.org and a/b or 1.2/3'), []);
  });

  it('finds e-mail-shaped tokens with the scheme before them', () => {
    assert.deepEqual(
      findAddresses(
        'Tenant key:813878896@t.plcm.vcVideo ID <mailto:teams@video.example.fi> sip:4711@VC.example.org. x@y',
      ).map(({ user, domain, scheme }) => [scheme, user, domain]),
      [
        [null, '813878896', 't.plcm.vc'],
        ['mailto', 'teams', 'video.example.fi'],
        ['sip', '4711', 'vc.example.org'],
      ],
    );
  });
});
