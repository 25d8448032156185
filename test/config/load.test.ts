import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig, parseConfig } from '../../src/config/load.ts';
import { configJsonSchema } from '../../src/config/schema.ts';

const minimal = 'rooms:\n  - id: oslo\n    name: Oslo\n    calendar: { type: folder, path: oslo }\n';

async function problemsOf(text: string, environment: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const error = await parseConfig(text, 'usher.yaml', environment).then(
    () => assert.fail('was accepted'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConfigError, String(error));
  return error.message.split('\n');
}

describe('the configuration @first-run @firm', () => {
  it('needs no more than a room with a calendar', async () => {
    const config = await parseConfig(minimal, 'usher.yaml', {});
    assert.equal(config.join.leadMinutes, 5);
    assert.deepEqual(config.window, { backDays: 1, aheadDays: 7 });
    assert.equal(config.web.address, '127.0.0.1');
    assert.deepEqual(config.rooms[0]?.devices, [{ type: 'panel' }, { type: 'ics-feed' }]);
  });

  it('takes Windows names of time zones', async () => {
    const config = await parseConfig(`timeZone: W. Europe Standard Time\n${minimal}`, 'usher.yaml', {});
    assert.equal(config.timeZone, 'Europe/Berlin');
  });

  it('tells all errors at once, each with line, key, what was found and what is allowed', async () => {
    const text = [
      'join: { leadMinutes: 500 }',
      'colour: blue',
      'privacy: { subject: sometimes }',
      'rooms:',
      '  - id: Oslo 1',
      '    name: Oslo',
      '    calendar: { type: folder, folder: x }',
      '  - id: bergen',
      '    calendar: { type: caldav }',
    ].join('\n');
    const problems = await problemsOf(text);
    const has = (pattern: RegExp): void =>
      assert.ok(
        problems.some((line) => pattern.test(line)),
        problems.join('\n'),
      );
    has(/^usher\.yaml:1: join\.leadMinutes: .*180.*found 500/);
    has(/^usher\.yaml:2: colour: unknown key; allowed here: .*rooms/);
    has(/^usher\.yaml:3: privacy\.subject: must be "all" or "private" or "never"; found "sometimes"/);
    has(/^usher\.yaml:5: rooms\[0\]\.id: use 1 to 63 .*found "Oslo 1"/);
    has(/^usher\.yaml:7: rooms\[0\]\.calendar\.folder: unknown key; allowed here: type, path/);
    has(/^usher\.yaml:7: rooms\[0\]\.calendar\.path: must be a string; found nothing/);
    has(/^usher\.yaml:8: rooms\[1\]\.name: must be a string; found nothing/);
    has(/^usher\.yaml:9: rooms\[1\]\.calendar\.type: must be "folder" or "feed".*; found "caldav"/);
  });

  it('names the line of broken YAML', async () => {
    const [first] = await problemsOf('rooms:\n  - id: [oslo\n');
    assert.match(first ?? '', /^usher\.yaml:\d: not valid YAML: /);
  });

  it('refuses two rooms of one id and two dialling devices in a room', async () => {
    const problems = await problemsOf(
      `${minimal}  - id: oslo\n    name: Again\n    calendar: { type: folder, path: x }\n    devices:\n      - { type: module, module: a, dials: true }\n      - { type: module, module: b, dials: true }\n`,
    );
    assert.match(problems.join('\n'), /rooms\[1\]\.id: two rooms have this id/);
    assert.match(problems.join('\n'), /rooms\[1\]\.devices\[1\]\.dials: only one device of a room dials/);
  });

  it('refuses a device that is there twice: its lists would take each other away', async () => {
    const cisco = '{ type: cisco, address: Codec.example.org, username: u, password: p }';
    const problems = await problemsOf(
      `${minimal}  - id: bergen\n    name: B\n    calendar: { type: folder, path: b }\n    devices: [${cisco}]\n` +
        `  - id: voss\n    name: V\n    calendar: { type: folder, path: v }\n    devices:\n      - { type: panel }\n` +
        `      - ${cisco.replace('Codec', 'codec')}\n      - ${cisco.replace('address', 'port: 8443, address')}\n`,
    );
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0] ?? '', /rooms\[2\]\.devices\[1\]\.type: this device is in room bergen already/);
  });

  it('wants the address where devices reach it, where it listens at every address', async () => {
    const [dialled] = await problemsOf(`${minimal}sip: {}\n`);
    assert.match(
      dialled ?? '',
      /^usher\.yaml:5: sip\.advertisedAddress: give the address where devices reach this machine/,
    );
    const [media] = await problemsOf(`${minimal}sip:\n  domain: calls.example.org\n`);
    assert.match(media ?? '', /sip\.advertisedAddress: .*sip\.rtp\.announcedAddress/);
    for (const sip of ['{ advertisedAddress: 192.0.2.7 }', '{ listen: [{ transport: udp, address: 192.0.2.7 }] }']) {
      await parseConfig(`${minimal}sip: ${sip}\n`, 'usher.yaml', {});
    }
  });

  describe('secrets', () => {
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'usher-config-'));
    });
    after(() => rm(folder, { recursive: true }));

    it('come from the environment and from files beside the configuration', async () => {
      await writeFile(join(folder, 'password'), 'from a file\n');
      await writeFile(
        join(folder, 'usher.yaml'),
        'rooms:\n  - id: oslo\n    name: Oslo\n    calendar: { type: feed, url: "https://${env:HOST}/x.ics", username: u, password: "${file:password}" }\n',
      );
      const config = await loadConfig(join(folder, 'usher.yaml'), { HOST: 'calendar.example.org' });
      const calendar = config.rooms[0]?.calendar;
      assert.ok(calendar?.type === 'feed');
      assert.equal(calendar.url, 'https://calendar.example.org/x.ics');
      assert.equal(calendar.password, 'from a file');
    });

    it('that are missing are named with their line, and never shown where they are wrong', async () => {
      const missing = await problemsOf(minimal.replace('Oslo', '${env:NO_SUCH_NAME}'));
      assert.match(missing.join('\n'), /usher\.yaml:3: rooms\.name: .*NO_SUCH_NAME is not set/);
      const wrong = await problemsOf(minimal.replace('id: oslo', 'id: ${env:SECRET}'), { SECRET: 'hunter two' });
      assert.match(wrong.join('\n'), /found a value from outside the file/);
      assert.doesNotMatch(wrong.join('\n'), /hunter/);
    });
  });

  it('is described for editors by a JSON Schema that is current', async () => {
    const written: unknown = JSON.parse(await readFile('docs/usher.schema.json', 'utf8'));
    assert.deepEqual(written, JSON.parse(JSON.stringify(configJsonSchema())), 'run `npm run schema`');
  });
});
