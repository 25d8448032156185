import assert from 'node:assert/strict';
import { hasText, withoutPlainText, withoutText } from '../../connectors/calendars/graph/own-text.ts';

const ours = 'Dial this & join: sip:abc@usher.example.org';

describe('our own words in a body that others rewrite @calendars', () => {
  const table: [name: string, html: string, rest: string][] = [
    ['as written', `<p>Dial this &amp; join: sip:abc@usher.example.org</p><p>Agenda</p>`, '<p>Agenda</p>'],
    [
      'other spaces',
      `<p>Dial&nbsp;this &amp;\r\n join:  sip:abc@usher.example.org </p>\n<p>Agenda</p>`,
      '\n<p>Agenda</p>',
    ],
    [
      'in elements of its own, one in the other',
      `<body><div class="x"><span><font>Dial this &#38; join: <a href="sip:abc">sip:abc@usher.example.org</a></font></span></div>Agenda</body>`,
      '<body>Agenda</body>',
    ],
    [
      'in an element that holds a picture beside it',
      `<div><img src="cid:1"><p>Dial this &amp; join: sip:abc@usher.example.org</p></div>`,
      '<div><img src="cid:1"></div>',
    ],
    [
      'in one element with other words',
      `<div>Dial this &amp; join: sip:abc@usher.example.org<br>Agenda</div>`,
      '<div><br>Agenda</div>',
    ],
    [
      'across elements with other words',
      `<div>Hello <b>Dial this</b> &amp; join: <i>sip:abc@usher</i>.example.org, Agenda</div>`,
      '<div>Hello <b></b><i></i>, Agenda</div>',
    ],
    ['without any element', `Dial this & join: sip:abc@usher.example.org\nAgenda`, '\nAgenda'],
    [
      'alone in a body',
      `<html><body>Dial this & join: sip:abc@usher.example.org</body></html>`,
      '<html><body></body></html>',
    ],
    ['unclosed', `<p>Dial this & join: sip:abc@usher.example.org<p>Agenda`, '<p>Agenda'],
  ];
  for (const [name, html, rest] of table) {
    it(`are found and taken out: ${name}`, () => {
      assert.ok(hasText(html, ours));
      const left = withoutText(html, ours);
      assert.ok(!hasText(left, ours));
      assert.equal(left.replace(/(?<=<\/b>) +/, ''), rest);
    });
  }

  it('are not found where there are others', () => {
    const html = '<p>Dial this & join: sip:abd@usher.example.org</p>';
    assert.ok(!hasText(html, ours));
    assert.equal(withoutText(html, ours), html);
  });

  it('are taken out of a preview, also of one that is cut off', () => {
    assert.equal(withoutPlainText(`${ours}  Agenda`, ours), 'Agenda');
    assert.equal(withoutPlainText(ours.slice(0, 20), ours), '');
    assert.equal(withoutPlainText('Agenda', ours), 'Agenda');
    assert.equal(withoutPlainText('', ours), '');
  });

  it('are looked for in time that grows with the size, whatever the body is', () => {
    const seconds = (html: string): number => {
      const from = process.cpuUsage();
      withoutText(html, ours);
      const { user, system } = process.cpuUsage(from);
      return (user + system) / 1e6;
    };
    const bodies = ['<div>'.repeat(200_000), '<p>Dial'.repeat(150_000), '&nbsp'.repeat(200_000), '<'.repeat(1_000_000)];
    for (const body of [...bodies, 'x'.repeat(10_000_000)]) assert.ok(seconds(body) < 10, body.slice(0, 10));
  });
});
