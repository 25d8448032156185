import assert from 'node:assert/strict';
import type { Invite } from '../../parsers/invite.ts';
import { type Content, contentOf } from '../../parsers/read/content.ts';
import { readFile, UnreadableInvite } from '../../parsers/read/file.ts';
import { parseIcs } from '../../parsers/read/ics.ts';
import { inviteFromComponent } from '../../parsers/read/ics-invite.ts';

const short = 'https://teams.microsoft.com/meet/3859201746352?p=Kq7ZtW2mXb9RfL4sVd';
const classic =
  'https://teams.microsoft.com/l/meetup-join/19%3ameeting_QmFzZTY0QmFzZTY0QmFzZTY0QmFzZTY0QmFzZTY0QmFzZTY0%40thread.v2/0?context=%7b%22Tid%22%3a%220f1e2d3c-4b5a-4968-8776-655443322110%22%2c%22Oid%22%3a%221a2b3c4d-5e6f-4071-8293-a4b5c6d7e8f9%22%7d';

function read(name: string, source: string | Uint8Array): Invite {
  const [first] = readFile(name, typeof source === 'string' ? new TextEncoder().encode(source) : source);
  assert.ok(first);
  return first;
}

const html = (source: string): Content => contentOf(read('a.html', source));
const text = (source: string): Content => contentOf(read('a.txt', source));
const urls = (content: Content) => content.newest.links.map((link) => link.url);

function event(lines: string, method = 'REQUEST'): string {
  return `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:${method}\r\nBEGIN:VEVENT\r\nUID:1@example.com\r\n${lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`;
}

describe('@invites iCalendar', () => {
  it('unfolds, also inside a character of several bytes and inside an escape', () => {
    const bytes = Buffer.from(
      event(
        'SUMMARY:Besprechung über Größe\r\nDESCRIPTION:Join: https://teams.microsoft.com/l/x%3|ameeting\\nMeeting ID: 1',
      ),
    );
    const cut = bytes.indexOf('ü') + 1;
    const folded = Buffer.concat([bytes.subarray(0, cut), Buffer.from('\r\n '), bytes.subarray(cut)]);
    const source = Buffer.from(
      folded.toString('latin1').replace('%3|a', '%3\r\n\ta').replace('\\nMeeting', '\\\r\n nMeeting'),
      'latin1',
    );
    const invite = read('a.ics', source);
    assert.equal(invite.subject, 'Besprechung über Größe');
    assert.equal(invite.text, 'Join: https://teams.microsoft.com/l/x%3ameeting\nMeeting ID: 1');
  });

  it('undoes escapes once, and commas that were escaped twice or thrice', () => {
    const invite = read(
      'a.ics',
      event(
        'LOCATION:Room 1\\, 2\\; 3\r\nX-MICROSOFT-SKYPETEAMSPROPERTIES:{"cid":"19:x@thread.v2"\\\\\\,"rid":0\\,"mid":0\\\\,"uid":null}',
      ),
    );
    assert.deepEqual(invite.locations, ['Room 1, 2; 3']);
    assert.deepEqual(JSON.parse(invite.properties.SkypeTeamsProperties ?? ''), {
      cid: '19:x@thread.v2',
      rid: 0,
      mid: 0,
      uid: null,
    });
  });

  it('puts a description whose line breaks were never escaped back together', () => {
    const invite = read(
      'a.ics',
      event(
        `DESCRIPTION:Hello\r\nJoin: ${short}\r\n\r\nMeeting ID: 385 920\r\nLocation: nowhere\r\nPIN: 12\r\nSUMMARY:Real\r\nLOCATION:Room`,
      ),
    );
    assert.equal(invite.text, `Hello\nJoin: ${short}\n\nMeeting ID: 385 920\nLocation: nowhere\nPIN: 12`);
    assert.equal(invite.subject, 'Real');
    assert.deepEqual(invite.locations, ['Room']);
  });

  it('keeps alarms apart and reads every calendar and event in order', () => {
    const alarm = 'SUMMARY:A\r\nBEGIN:VALARM\r\nDESCRIPTION:https://zoom.us/j/1\r\nSUMMARY:no\r\nEND:VALARM';
    const invites = readFile(
      'a.ics',
      new TextEncoder().encode(event(alarm) + event('SUMMARY:B', 'CANCEL').replace('1@example', '2@example')),
    );
    assert.deepEqual(
      invites.map((invite) => [invite.subject, invite.text, invite.method, invite.cancelled]),
      [
        ['A', null, 'REQUEST', false],
        ['B', null, 'CANCEL', true],
      ],
    );
  });

  it('reads what stood before the file was cut off, and says so', () => {
    const file = parseIcs(event(`DESCRIPTION:Join ${short}`).slice(0, -40));
    assert.equal(file.calendars[0]?.components[0]?.name, 'VEVENT');
    assert.match(file.problems.join(), /ends inside VEVENT/);
    const two = event('SUMMARY:A').replace('END:VEVENT', 'BEGIN:VEVENT\r\nUID:2\r\nSUMMARY:B\r\nEND:VEVENT');
    assert.deepEqual(
      readFile('a.ics', new TextEncoder().encode(two)).map((invite) => invite.subject),
      ['A', 'B'],
    );
  });

  it('reads parameters with quotes, carets and quotes that never close', () => {
    const property = (line: string) => parseIcs(event(line)).calendars[0]?.components[0]?.properties[1];
    assert.deepEqual(property('ATTENDEE;CN="Doe, J: ^\'x^\'";ROLE=A,B:mailto:x@example.com')?.params.get('CN'), [
      'Doe, J: "x"',
    ]);
    assert.deepEqual(property('ATTENDEE;CN="a";ROLE=A,"B;C":v')?.params.get('ROLE'), ['A', 'B;C']);
    assert.equal(property('ORGANIZER;CN="broken:mailto:x@example.com')?.value, 'mailto:x@example.com');
  });

  it('maps times: UTC, Windows and IANA zones, dates, durations, floating', () => {
    const times = (lines: string) => {
      const invite = read('a.ics', event(lines));
      return [invite.start, invite.end].map((at) => (at === null ? null : new Date(at).toISOString()));
    };
    const nine = '2026-02-04T09:00:00.000Z';
    assert.deepEqual(times('DTSTART:20260204T090000Z\r\nDTEND:20260204T100000Z'), [nine, '2026-02-04T10:00:00.000Z']);
    assert.deepEqual(times('DTSTART;TZID=W. Europe Standard Time:20260204T100000\r\nDURATION:PT30M'), [
      nine,
      '2026-02-04T09:30:00.000Z',
    ]);
    assert.deepEqual(times('DTSTART;TZID="/freeassociation.sourceforge.net/Europe/Berlin":20260204T100000'), [
      nine,
      nine,
    ]);
    assert.deepEqual(times('DTSTART;TZID=(UTC+01:00) Amsterdam:20260204T100000'), [nine, nine]);
    assert.deepEqual(times('DTSTART;VALUE=DATE:20260204'), ['2026-02-04T00:00:00.000Z', '2026-02-05T00:00:00.000Z']);
    const [component] =
      parseIcs(event('DTSTART:20260204T100000\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260203T100000')).calendars[0]
        ?.components ?? [];
    assert.ok(component);
    const floating = inviteFromComponent(component, null, { zone: 'Europe/Berlin' });
    assert.equal(new Date(floating.start ?? 0).toISOString(), nine);
    assert.equal(floating.occurrence, '20260203T090000Z');
  });

  it('maps every property that can carry a way in', () => {
    const invite = read(
      'a.ics',
      event(
        [
          `X-MICROSOFT-SKYPETEAMSMEETINGURL:${classic}`,
          'X-MICROSOFT-SCHEDULINGSERVICEUPDATEURL:https://api.scheduler.teams.microsoft.com/teams/a/b/c/0',
          'X-MICROSOFT-ONLINEMEETINGCONFLINK:conf:sip:x',
          'X-MICROSOFT-ONLINEMEETINGEXTERNALLINK:',
          'X-MICROSOFT-ONLINEMEETINGINFORMATION:{"OnlineMeetingProvider":3}',
          'X-MICROSOFT-LOCATIONS:[{"DisplayName":"Room 7"\\,"LocationUri":"room7@example.com"}]',
          'X-GOOGLE-CONFERENCE:https://meet.google.com/abc-defg-hij',
          'CONFERENCE;VALUE=URI;FEATURE=AUDIO:tel:+1-555-0100',
          'CONFERENCE;VALUE=URI;FEATURE=VIDEO:https://example.com/v?a=1',
          'CONTACT:sip:4711@vc.example.org',
          'URL:https://example.com/u',
          'X-ALT-DESC;FMTTYPE=text/html:<p>a\\, b</p>',
          'CLASS:PRIVATE',
          'X-MICROSOFT-CDO-BUSYSTATUS:OOF',
          'ORGANIZER;CN=O:MAILTO:O@Example.com',
        ].join('\r\n'),
      ),
    );
    assert.deepEqual(invite.properties, {
      SkypeTeamsMeetingUrl: classic,
      SchedulingServiceUpdateUrl: 'https://api.scheduler.teams.microsoft.com/teams/a/b/c/0',
      OnlineMeetingConfLink: 'conf:sip:x',
      OnlineMeetingInformation: '{"OnlineMeetingProvider":3}',
      GoogleConference: 'https://meet.google.com/abc-defg-hij',
      Contact: 'sip:4711@vc.example.org',
      Url: 'https://example.com/u',
    });
    assert.deepEqual(invite.locations, ['Room 7', 'room7@example.com']);
    const other = read('a.ics', event('LOCATION;ALTREP="https://example.com/room":Room 7'));
    assert.deepEqual(other.locations, ['Room 7', 'https://example.com/room']);
    assert.deepEqual(invite.conferences, ['tel:+1-555-0100', 'https://example.com/v?a=1']);
    assert.equal(invite.html, '<p>a, b</p>');
    assert.equal(invite.sensitivity, 'private');
    assert.equal(invite.showAs, 'oof');
    assert.deepEqual(invite.organizer, { name: 'O', email: 'o@example.com' });
  });

  it('reads transfer-encoded descriptions, and html that stands in ALTREP', () => {
    const quoted = read(
      'a.ics',
      event(
        'DESCRIPTION;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Join=0D=0Ahttps://x.example/=\r\na?b=3Dc%20d=C3=A9\r\nSUMMARY:S',
      ),
    );
    assert.equal(quoted.text, 'Join\r\nhttps://x.example/a?b=c%20dé');
    assert.equal(quoted.subject, 'S');
    assert.equal(
      read('a.ics', event(`DESCRIPTION;ENCODING=BASE64;VALUE=BINARY:${Buffer.from('Join é').toString('base64')}`)).text,
      'Join é',
    );
    assert.equal(read('a.ics', event('DESCRIPTION;ALTREP="data:text/html,%3Cp%3Ea%3C%2Fp%3E":a')).html, '<p>a</p>');
  });

  it('reads UTF-16, a byte-order mark, and a damaged charset', () => {
    const source = event('SUMMARY:Größe 会議');
    const little = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(source, 'utf16le')]);
    const big = Buffer.from(little).swap16();
    for (const bytes of [little, big, Buffer.from(source, 'utf16le'), Buffer.from(`\ufeff${source}`)]) {
      assert.equal(read('a.ics', bytes).subject, 'Größe 会議');
    }
    assert.equal(read('a.ics', Buffer.from(event('SUMMARY:Größe'), 'latin1')).subject, 'Größe');
  });
});

describe('@invites bodies', () => {
  it('turns html into lines: blocks, rows, spans, entities, odd blanks', () => {
    const content = html(
      '<html><head><title>no</title><style>p{}</style></head><body><p>Meeting&nbsp;ID:<span> </span><span>385&#160;920 174</span></p>' +
        '<table><tr><td>Passcode:</td><td>aB3\u200bxY9</td></tr></table>x<br>y<div><div>z</div></div><ul><li>1<li>2</ul><pre>a\n  b</pre></body>',
    );
    assert.equal(content.newest.text, 'Meeting ID: 385 920 174\nPasscode:\taB3xY9\nx\ny\nz\n1\n2\na\nb');
  });

  it('reads hrefs however they are quoted, folded or wrapped', () => {
    const safe = `https://nam12.safelinks.protection.outlook.com/?url=${encodeURIComponent(short)}&amp;data=05`;
    for (const anchor of [
      `<a href='${short}'>Join</a>`,
      `<a href=${short}>Join</a>`,
      `<A HREF="${short.slice(0, 30)}\r\n      ${short.slice(30)}">Join</A>`,
      `<a href="${safe}">Join</a>`,
      `<a href="https://protect-eu.mimecast.com/s/x?domain=teams.microsoft.com" originalsrc="${short}">Join</a>`,
      `<a title="Original URL: ${short}. Click or tap if you trust this link." href="https://url.us.m.mimecastprotect.com/s/x">Join</a>`,
      `<a href=3D"${short.replace('=', '=3D').replace('/meet', '/me=\n=65t')}">Join</a>=\n`,
    ]) {
      const [link] = html(`<body>${anchor}</body>`).newest.links;
      assert.equal(link?.url, short, anchor);
      assert.equal(link?.text, 'Join');
    }
  });

  it('prefers the href over what the anchor shows, and takes the text where hrefs were stripped', () => {
    assert.deepEqual(urls(html(`<a href="https://meet.example.net/x">${short}</a>`)), ['https://meet.example.net/x']);
    assert.deepEqual(urls(html(`<a>${short}</a>`)), [short]);
    assert.deepEqual(urls(html(`<p>Join <${short}></p>`)), [short]);
  });

  it('ignores what nobody sees', () => {
    const hidden = [
      'style="display:none"',
      'style="mso-hide:all"',
      'hidden',
      'style="font-size:0px"',
      "style='color:red; visibility : hidden'",
    ];
    for (const how of hidden) {
      const content = html(
        `<div ${how}><p>Meeting ID: 1</span></p><a href="https://zoom.us/j/1">x</a></div><p>seen <a href="${short}">Join</a>`,
      );
      assert.equal(content.newest.text, 'seen Join', how);
      assert.deepEqual(urls(content), [short]);
    }
    assert.equal(html('<script>var a="https://zoom.us/j/1"</script><!-- https://zoom.us/j/2 --><p>x').newest.text, 'x');
  });

  it('gives offsets that point at the link in the text', () => {
    const { text: shown, links } = html(
      `<p>One</p><p>Two <a href="${short}">Join  the\n meeting</a> three ${classic} four</p>`,
    ).newest;
    assert.deepEqual(
      links.map((link) => [shown.slice(link.at, link.end), link.source]),
      [
        ['Join the meeting', 'body link'],
        [classic, 'body text'],
      ],
    );
  });

  it('repairs text: escaped line breaks, quoted-printable, links cut at the line length', () => {
    assert.equal(
      text(`Join: ${short}\\nMeeting ID: 1\\n\\nPasscode: 2`).newest.text,
      `Join: ${short}\nMeeting ID: 1\n\nPasscode: 2`,
    );
    assert.deepEqual(urls(text(`Join: ${short.replace('=', '=3D').replace('meet/', 'meet=\n/')}\nMeeting ID: 1`)), [
      short,
    ]);
    assert.deepEqual(
      urls(text(`Join: ${classic.slice(0, 70)}\n${classic.slice(70, 140)}\n${classic.slice(140)}\nMeeting ID: 1`)),
      [classic],
    );
    assert.deepEqual(urls(text(`> Join: ${classic.slice(0, 64)}\n> ${classic.slice(64)}\n> Meeting`)), []);
    assert.deepEqual(
      text(`> Join: ${classic.slice(0, 64)}\n> ${classic.slice(64)}\n> Meeting`).quoted.links.map((link) => link.url),
      [classic],
    );
    assert.deepEqual(urls(text(`<br>Join <a href="${short}">now</a><br>\nMeeting ID: 1`)), [short]);
  });

  it('uses the text where html is blank, lost its links, or holds fewer', () => {
    const both = (page: string | null, plain: string | null) =>
      contentOf({ ...read('a.txt', 'x'), html: page, text: plain });
    assert.deepEqual(urls(both('<p> </p>', short)), [short]);
    assert.deepEqual(urls(both('<p>Join the meeting now</p>', `Join<${short}>`)), [short]);
    assert.deepEqual(urls(both(`<a href="${short}">Join</a>`, `Join<${short}> System reference<${classic}>`)), [
      short,
      short,
      classic,
    ]);
    assert.equal(both(`<a href="${short}">Join</a>`, `Join<${short}>`).newest.text, 'Join');
    assert.match(both(`<a href="${short}">Join</a>`, '813878896@t.plcm.vc').newest.text, /813878896@t\.plcm\.vc/);
  });

  it('tells a body that Exchange emptied from one that says something', () => {
    const lines =
      '\nWhen: Wednesday, 4 February 2026 10:00-11:00.\nWhere: Microsoft Teams Meeting\n\n*~*~*~*~*~*~*~*~*~*\n________\n';
    assert.equal(text(lines).bodyIsEmpty, true);
    assert.equal(html('<html><body>&nbsp;<div>\r\n</div></body></html>').bodyIsEmpty, true);
    assert.equal(contentOf({ ...read('a.txt', 'x'), text: null }).bodyIsEmpty, true);
    assert.equal(text(`${lines}Agenda`).bodyIsEmpty, false);
  });
});

describe('@invites the newest message and its history', () => {
  const newest = (content: Content) => content.newest.text;

  it('cuts at an original appointment or message, in any language', () => {
    for (const line of [
      '-----Original Appointment-----',
      '-----Ursprünglicher Termin-----',
      '----- 元の予定 -----',
      '---------- Forwarded message ---------',
    ]) {
      const content = text(`New ${short}\n\n${line}\nFrom: x\nold https://zoom.us/j/1`);
      assert.equal(newest(content), `New ${short}`, line);
      assert.deepEqual(
        content.quoted.links.map((link) => link.url),
        ['https://zoom.us/j/1'],
      );
    }
  });

  it('cuts at a header block by its shape', () => {
    for (const block of [
      'From: Doe, J\nSent: Monday, February 2, 2026 10:00 AM\nTo: x\nSubject: y',
      'Von: A B <a@example.com>\nGesendet: Montag, 2. Februar 2026 10:00\nAn: x\nBetreff: y',
      '差出人: x <a@example.com>\n送信日時: 2026年2月2日 10:00\n宛先: y\n件名: z',
      'De : A [mailto:a@example.com]\nEnvoyé : lundi 2 février 2026 10:00\nÀ : x\nObjet : y',
      '*From:* a@example.com\n*Date:* 2 Feb 2026, 10:00\n*To:* x',
      'From: Doe, J\n\nSent: Monday, February 2, 2026 10:00 AM\n\nTo: x\n\nSubject: y',
    ]) {
      assert.equal(newest(text(`New\n\n${block}\n\nold`)), 'New', block);
    }
  });

  it('does not take a join block or an agenda for one', () => {
    for (const block of [
      'Join: https://x.example/y\nMeeting ID: 385 920 174 635 2\nPasscode: aB3xY9',
      'Tenant key: 813878896@t.plcm.vc\nVideo ID: 114 301 628 4\nMore info: https://example.com/2026',
      'Topic: x\nTime: 4 Feb 2026 10:00\nPlace: y\nHost: z',
      '---------- Join by phone ----------\nPIN: 123\nhttps://x.example/y',
    ]) {
      assert.equal(newest(text(`New\n${block}`)), `New\n${block}`);
    }
  });

  it('takes quote marks off and keeps what is written around them', () => {
    const content = text('Top\n> Meeting ID: 385 920\n174 635 2\n> > Passcode: x\n\nBottom');
    assert.equal(newest(content), 'Top\nBottom');
    assert.equal(content.quoted.text, 'Meeting ID: 385 920 174 635 2\nPasscode: x');
  });

  it('cuts html at what mail programs put around history, and goes on after a quotation', () => {
    assert.equal(newest(html('<p>New</p><div id="x_divRplyFwdMsg"><b>From:</b> x</div><p>old</p>')), 'New');
    assert.equal(newest(html('<p>New</p><div id="appendonsend"></div><hr><p>old</p>')), 'New');
    assert.equal(
      newest(
        html(
          '<p>New</p><div class="gmail_quote"><p>On x wrote:</p><blockquote class="gmail_quote">old</blockquote></div><p>Join',
        ),
      ),
      'New\nJoin',
    );
    assert.equal(newest(html('<blockquote type="cite"><p>old</p></blockquote><p>New')), 'New');
    assert.equal(
      newest(
        html(
          '<p>New</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> A &lt;a@example.com&gt; <br><b>Sent:</b> Monday, February 2, 2026 10:00 AM<br><b>To:</b> x<br><b>Subject:</b> y</p></div><p>old',
        ),
      ),
      'New',
    );
  });

  it('keeps each older message apart', () => {
    const header = (day: number) => `From: a@example.com\nSent: 2026-02-0${day} 10:00\nTo: x\nSubject: y`;
    const content = text(`New\n\n${header(2)}\n\nsecond\n\n${header(1)}\n\nfirst`);
    assert.deepEqual(
      content.history.map((section) => section.text.split('\n').at(-1)),
      ['second', 'first'],
    );
  });
});

describe('@invites files', () => {
  const calendar = event(`SUMMARY:Review\r\nDESCRIPTION:Meeting ID: 1\r\nX-MICROSOFT-SKYPETEAMSMEETINGURL:${classic}`);
  const encoded = (source: string | Buffer) => Buffer.from(source).toString('base64').replace(/.{76}/g, '$&\r\n');
  const mail = (part: string) =>
    [
      `From: =?utf-8?B?${encoded('Jörg')}?= <J@Example.com>`,
      'Subject: =?utf-8?Q?Caf=C3=A9_=E4=BC=9A?=',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed;\r\n boundary="=_a"',
      '',
      '--=_a',
      'Content-Type: multipart/alternative; boundary="=_a_b"',
      '',
      '--=_a_b',
      'Content-Type: text/html; charset="utf-8"',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      `<a href=3D"${short.replace('=', '=3D').replace('/meet', '/me=\r\net')}">Join =C3=A9</a>`,
      '--=_a_b',
      part,
      '--=_a_b--',
      '--=_a--',
    ].join('\r\n');

  it('reads the calendar and html parts of one mail as one invite', () => {
    const part = (charset: string, bytes: Buffer) =>
      `Content-Type: text/calendar; method=REQUEST${charset}\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded(bytes)}`;
    const wide = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(calendar, 'utf16le')]);
    for (const one of [
      part('; charset=utf-8', Buffer.from(calendar)),
      part('', wide),
      part('; charset="utf-16"', wide),
    ]) {
      const invites = readFile('a.eml', new TextEncoder().encode(mail(one)));
      assert.equal(invites.length, 1);
      assert.equal(invites[0]?.source, 'eml');
      assert.equal(invites[0]?.subject, 'Review');
      assert.equal(invites[0]?.properties.SkypeTeamsMeetingUrl, classic);
      assert.match(invites[0]?.html ?? '', /Join é/);
    }
  });

  it('reads a mail without a calendar, and one whose boundary was lost', () => {
    const plain = read('a.eml', mail('Content-Type: image/png\r\n\r\nx'));
    assert.equal(plain.subject, 'Café 会');
    assert.deepEqual(plain.organizer, { name: 'Jörg', email: 'j@example.com' });
    assert.deepEqual(urls(contentOf(plain)), [short]);
    const broken = read(
      'a.eml',
      mail('').replace('boundary="=_a"', 'x=y').replaceAll('--=_a_b', '--c').replace('boundary="=_a_b"', ''),
    );
    assert.deepEqual(urls(contentOf(broken)), [short]);
  });

  it('reads a Graph event with its named properties', () => {
    const invite = read(
      'a.json',
      JSON.stringify({
        '@odata.context': 'x',
        iCalUId: 'u',
        type: 'occurrence',
        originalStart: '2026-02-04T09:00:00Z',
        subject: 'S',
        isCancelled: true,
        body: { contentType: 'html', content: `<a href="${short}">Join</a>` },
        start: { dateTime: '2026-02-04T10:00:00.0000000', timeZone: 'W. Europe Standard Time' },
        end: { dateTime: '2026-02-04T11:00:00.0000000', timeZone: 'Europe/Berlin' },
        location: { displayName: 'Microsoft Teams Meeting' },
        locations: [
          { displayName: 'Microsoft Teams Meeting' },
          { displayName: 'Room 7', locationUri: 'r7@example.com' },
        ],
        onlineMeeting: { joinUrl: classic, conferenceId: '123' },
        onlineMeetingProvider: 'teamsForBusiness',
        onlineMeetingUrl: null,
        singleValueExtendedProperties: [
          { id: 'String {00020329-0000-0000-c000-000000000046} Name SkypeTeamsMeetingUrl', value: classic },
        ],
        organizer: { emailAddress: { name: 'O', address: 'O@Example.com' } },
        responseStatus: { response: 'tentativelyAccepted' },
        sensitivity: 'private',
        showAs: 'oof',
      }),
    );
    assert.deepEqual(invite.properties, {
      SkypeTeamsMeetingUrl: classic,
      JoinUrl: classic,
      OnlineMeetingProvider: 'teamsForBusiness',
    });
    assert.deepEqual(
      [
        invite.uid,
        invite.occurrence,
        invite.cancelled,
        invite.start,
        invite.end,
        invite.response,
        invite.sensitivity,
        invite.showAs,
      ],
      ['u', '20260204T090000Z', true, Date.UTC(2026, 1, 4, 9), Date.UTC(2026, 1, 4, 10), 'tentative', 'private', 'oof'],
    );
    assert.deepEqual(invite.locations, ['Microsoft Teams Meeting', 'Room 7', 'r7@example.com']);
    assert.deepEqual(invite.organizer, { name: 'O', email: 'o@example.com' });
  });

  it('reads a Graph onlineMeeting and its join information', () => {
    const page = encodeURIComponent('<p>Tenant key: 1@t.plcm.vc</p>').replaceAll('%20', '+');
    const invite = read(
      'a.json',
      JSON.stringify({
        joinWebUrl: classic,
        joinInformation: { contentType: 'html', content: `data:text/html,${page}` },
        joinMeetingIdSettings: { joinMeetingId: '3859201746352', passcode: 'aB3xY9', isPasscodeRequired: true },
        videoTeleconferenceId: '0179206841',
        cloudVideoInteropInfo: {
          tenantKey: '1@t.plcm.vc',
          videoTeleconferenceId: '0179206841',
          moreInfoWebUrl: 'https://dialin.plcm.vc/teams/?key=1',
        },
        startDateTime: '2026-02-04T09:00:00Z',
      }),
    );
    assert.equal(invite.source, 'graph-online-meeting');
    assert.equal(contentOf(invite).newest.text, 'Tenant key: 1@t.plcm.vc');
    assert.deepEqual(invite.properties, {
      JoinUrl: classic,
      JoinMeetingId: '3859201746352',
      JoinPasscode: 'aB3xY9',
      CviTenantKey: '1@t.plcm.vc',
      CviConferenceId: '0179206841',
      CviMoreInfoUrl: 'https://dialin.plcm.vc/teams/?key=1',
    });
  });

  it('reads an EWS item bare or in an envelope, and refuses a DTD', () => {
    const item = `<t:CalendarItem xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><t:Subject>A &amp; B</t:Subject>
      <t:Body BodyType="HTML">&lt;a href="${short}&amp;amp;x=1"&gt;Join&lt;/a&gt;</t:Body><t:Start>2026-02-04T09:00:00Z</t:Start><t:IsCancelled>true</t:IsCancelled>
      <t:Organizer><t:Mailbox><t:Name>O</t:Name><t:EmailAddress>/o=x/cn=y</t:EmailAddress></t:Mailbox></t:Organizer><t:MyResponseType>Accept</t:MyResponseType>
      <t:ExtendedProperty><t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="SkypeTeamsMeetingUrl" PropertyType="String"/><t:Value>${classic}</t:Value></t:ExtendedProperty>
      <t:JoinOnlineMeetingUrl>${short}</t:JoinOnlineMeetingUrl></t:CalendarItem>`;
    for (const source of [
      item,
      `<?xml version="1.0" encoding="utf-8"?>\n<s:Envelope xmlns:s="s"><s:Body><m:Items xmlns:m="m">${item}</m:Items></s:Body></s:Envelope>`,
    ]) {
      const invite = read('a.xml', source);
      assert.equal(invite.subject, 'A & B');
      assert.equal(invite.cancelled, true);
      assert.equal(invite.response, 'accepted');
      assert.deepEqual(invite.organizer, { name: 'O', email: null });
      assert.deepEqual(invite.properties, { SkypeTeamsMeetingUrl: classic, JoinUrl: short });
      assert.deepEqual(urls(contentOf(invite)), [`${short}&x=1`]);
    }
    assert.throws(() => read('a.xml', `<!DOCTYPE a [<!ENTITY e "x">]>${item}`), /DTD/);
  });

  it('goes by the content where the extension lies', () => {
    assert.equal(read('a.txt', calendar).source, 'ics');
    assert.equal(read('a.ics', mail('x')).source, 'eml');
    assert.equal(read('a.txt', '<!DOCTYPE html><p>x').source, 'html');
    assert.equal(read('a.txt', '{"subject":"x","body":{"content":"y"}}').source, 'graph-event');
    assert.equal(read('a.url.txt', `${short}\n`).source, 'url');
    assert.equal(read('a.txt', 'Subject: x\n\nText').source, 'text');
  });

  it('says what it found where it cannot read', () => {
    const message = (name: string, source: string) => {
      try {
        read(name, source);
      } catch (error) {
        assert.ok(error instanceof UnreadableInvite);
        return error.message;
      }
      return 'was read';
    };
    assert.match(message('a.ics', ''), /empty file; \.ics, \.eml/);
    assert.match(message('a.ics', 'hello'), /named \.ics that begins with "hello"/);
    assert.match(message('a.ics', 'BEGIN:VCALENDAR\nBEGIN:VTODO\nEND:VTODO\nEND:VCALENDAR'), /VTODO but no VEVENT/);
    assert.match(message('a.json', '{"a":'), /begins with|broken/);
    assert.match(message('a.json', '{"a":1}'), /neither a Graph event nor an onlineMeeting/);
    assert.match(message('a.xml', '<a><b/></a>'), /XML \(a\) without a CalendarItem/);
    assert.match(message('a.txt', '%PDF-1.7'), /a PDF/);
  });
});
