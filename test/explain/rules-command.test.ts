import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../../src/command.ts';
import { rulesCommand } from '../../src/explain/rules-command.ts';

describe('usher rules test @invites', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'usher-rules-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function run(rules: string, invite: string, ...more: string[]): Promise<{ status: number; out: string }> {
    const [rulesFile, inviteFile] = [join(folder, 'rules.yaml'), join(folder, 'invite.txt')];
    await writeFile(rulesFile, rules);
    await writeFile(inviteFile, invite);
    const out: string[] = [];
    const stdout = { write: (text: string) => out.push(text) };
    const args = ['test', '--rules', rulesFile, inviteFile, ...more];
    const status = await rulesCommand(args, { stdout, stderr: stdout, signal: new AbortController().signal });
    return { status, out: out.join('') };
  }

  it('says which rule matched and why the others did not', async () => {
    const rules = `
- name: by number
  body: 'Room (?P<number>\\d+)'
  dial: '{{ match.number }}@example.com'
- name: never
  priority: 1
  subject: board
`;
    const { status, out } = await run(rules, 'Room 42\n');
    assert.equal(status, 0);
    assert.match(out, /✔ by number \(before\): matched, body holds .*; sip:42@example\.com/);
    assert.match(out, /· never \(before\): not-matched, the subject does not hold board/);
  });

  it('answers in JSON, and with 1 when a file cannot be read', async () => {
    const { status, out } = await run('[]', 'x\n', '--json', join(folder, 'missing.txt'));
    assert.equal(status, 1);
    const lines = out
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    assert.equal(lines.length, 2);
  });

  it('names the field of a rule that is wrong', async () => {
    await assert.rejects(
      run('- name: a\n  body: "("\n', 'x\n'),
      (error) => error instanceof UsageError && /RE2/.test(error.message),
    );
  });
});
